//! A fixed reordering of columns, `xⱼ = z_{π(j)}`; it keeps volumes, so its log-determinant is 0.

use super::check_width;
use crate::{Bijection, LogDet};
use evidence_autodiff::{Noise, Real, Var};
use std::sync::Arc;

/// A permutation of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permutation {
    columns: Arc<[usize]>,
    inverse: Arc<[usize]>,
}

/// What is no permutation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{columns:?} is no permutation: {problem} (give each of 0 to {} once)", columns.len().saturating_sub(1))]
pub struct PermutationError {
    columns: Vec<usize>,
    problem: String,
}

impl Permutation {
    /// The permutation that puts column `columns[j]` at place j, from base to data.
    ///
    /// # Errors
    /// If a column is missing or named twice.
    pub fn new(columns: Vec<usize>) -> Result<Self, PermutationError> {
        let mut inverse = vec![usize::MAX; columns.len()];
        for (place, &column) in columns.iter().enumerate() {
            let problem = match inverse.get(column) {
                None => format!("there is no column {column}"),
                Some(&usize::MAX) => {
                    inverse[column] = place;
                    continue;
                }
                Some(first) => format!("column {column} stands at both {first} and {place}"),
            };
            return Err(PermutationError { columns, problem });
        }
        Ok(Self { columns: columns.into(), inverse: inverse.into() })
    }

    /// The columns in reverse order.
    pub fn reversed(width: usize) -> Self {
        let columns: Arc<[usize]> = (0..width).rev().collect();
        Self { inverse: columns.clone(), columns }
    }

    /// The first ⌊d/2⌋ columns and the others change places.
    pub fn swapped(width: usize) -> Self {
        let first = width / 2;
        Self {
            columns: (first..width).chain(0..first).collect(),
            inverse: (width - first..width).chain(0..width - first).collect(),
        }
    }

    /// A random order, every order equally likely.
    pub fn random(width: usize, noise: Noise) -> Self {
        let columns = noise.permutation(width);
        let mut inverse = vec![0; width];
        for (place, &column) in columns.iter().enumerate() {
            inverse[column] = place;
        }
        Self { columns: columns.into(), inverse: inverse.into() }
    }

    /// Which column is put at each place, from base to data.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }
}

leafless!(Permutation);

impl<'t, T: Real> Bijection<'t, T> for Permutation {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Permutation", self.columns.len(), z);
        (z.gather_columns(self.columns.clone()), LogDet::zero(z))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Permutation", self.columns.len(), x);
        (x.gather_columns(self.inverse.clone()), LogDet::zero(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_permutation_is_refused() {
        for (columns, problem) in [(vec![0, 0], "both 0 and 1"), (vec![2, 0], "no column 2")] {
            let error = Permutation::new(columns).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        assert!(Permutation::new(vec![]).is_ok());
        assert_eq!(Permutation::new(vec![2, 1, 0]).unwrap(), Permutation::reversed(3));
        for width in [0, 1, 2, 5, 8] {
            let random = Permutation::random(width, Noise::new(3));
            for made in [Permutation::swapped(width), Permutation::reversed(width), random] {
                assert_eq!(Permutation::new(made.columns().to_vec()).unwrap(), made, "{width}");
            }
        }
        assert_eq!(Permutation::swapped(5).columns(), [2, 3, 4, 0, 1]);
        assert_ne!(Permutation::random(8, Noise::new(1)), Permutation::random(8, Noise::new(2)));
    }
}
