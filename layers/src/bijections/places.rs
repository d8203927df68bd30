//! Two groups of columns, parted and put together again: those that a [`Split`] names and the others.

use super::{CouplingError, Split};
use evidence_autodiff::{Real, Var};
use std::sync::Arc;

/// Where the columns that condition and the others are.
#[derive(Clone, Debug)]
pub(super) enum Places {
    /// Side by side: the first so many, which condition or do not.
    Halves { first: usize, conditions: bool },
    /// Anywhere: conditioning ones, the others, and where each column stands when the two are joined.
    Scattered { condition: Arc<[usize]>, others: Arc<[usize]>, joined: Arc<[usize]> },
}

impl Places {
    /// Of so many columns, and the sizes of both groups, the conditioning one first.
    ///
    /// # Errors
    /// If either would be empty, or a mask has another length.
    pub(super) fn new(split: &Split, width: usize) -> Result<(Self, [usize; 2]), CouplingError> {
        let (condition, others) = split.columns(width)?;
        let sizes = [condition.len(), others.len()];
        let places = match split {
            Split::First => Self::Halves { first: condition.len(), conditions: true },
            Split::Second => Self::Halves { first: others.len(), conditions: false },
            Split::Even | Split::Odd | Split::Mask(_) => {
                let mut joined = vec![0; width];
                for (place, &column) in condition.iter().chain(&others).enumerate() {
                    joined[column] = place;
                }
                Self::Scattered {
                    condition: condition.into(),
                    others: others.into(),
                    joined: joined.into(),
                }
            }
        };
        Ok((places, sizes))
    }

    /// Conditioning columns, the others.
    pub(super) fn part<'t, T: Real>(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        match self {
            Self::Halves { first, conditions } => {
                let (left, right) = (x.slice(1, 0..*first), x.slice(1, *first..));
                if *conditions { (left, right) } else { (right, left) }
            }
            Self::Scattered { condition, others, .. } => {
                (x.gather_columns(condition.clone()), x.gather_columns(others.clone()))
            }
        }
    }

    /// What [`part`](Self::part) came from.
    pub(super) fn join<'t, T: Real>(
        &self,
        condition: Var<'t, T>,
        others: Var<'t, T>,
    ) -> Var<'t, T> {
        match self {
            Self::Halves { conditions: false, .. } => Var::concat(&[others, condition], 1),
            Self::Halves { conditions: true, .. } => Var::concat(&[condition, others], 1),
            Self::Scattered { joined, .. } => {
                Var::concat(&[condition, others], 1).gather_columns(joined.clone())
            }
        }
    }
}
