//! Whether targets are what a likelihood can be of: asked once, before training, and answered with row and column.

use super::{Likelihood, step};
use ndarray::ArrayView2;

/// Targets that a likelihood gives no probability.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// None at all.
    #[error("there are no targets to learn from")]
    Empty,
    /// NaN or infinite.
    #[error("row {row}, column {column} of the targets is {value}; it must be a finite number")]
    NotFinite {
        /// Where.
        row: usize,
        /// Where.
        column: usize,
        /// What is there.
        value: f64,
    },
    /// Not between 0 and 1.
    #[error(
        "row {row}, column {column} of the targets is {value}; a Bernoulli target is between 0 and 1"
    )]
    NotAProbability {
        /// Where.
        row: usize,
        /// Where.
        column: usize,
        /// What is there.
        value: f64,
    },
    /// Not one of the levels.
    #[error(
        "row {row}, column {column} of the targets is {value}; numbers of {levels} levels are 0, 1/{0}, …, 1",
        levels - 1
    )]
    NotALevel {
        /// Where.
        row: usize,
        /// Where.
        column: usize,
        /// What is there.
        value: f64,
        /// How many levels there are.
        levels: usize,
    },
    /// Not a label of one of the classes.
    #[error(
        "row {row} of the targets is {value}; class labels are whole numbers from 0 to {}",
        classes.saturating_sub(1)
    )]
    NotALabel {
        /// Where.
        row: usize,
        /// What is there.
        value: f64,
        /// How many classes the network tells apart.
        classes: usize,
    },
    /// Labels in several columns.
    #[error("class labels come in one column, not in {0}")]
    LabelColumns(usize),
    /// Not a count.
    #[error(
        "row {row}, column {column} of the targets is {value}; a Poisson target is a whole number from 0"
    )]
    NotACount {
        /// Where.
        row: usize,
        /// Where.
        column: usize,
        /// What is there.
        value: f64,
    },
    /// A noise that would be learned to be 0, with a likelihood without bound.
    #[error(
        "column {column} of the targets is {value} in every row: the noise around it would be learned to be 0, with a likelihood \
         without bound; leave the column out, or give the noise's scale"
    )]
    Constant {
        /// Which.
        column: usize,
        /// What is in every row.
        value: f64,
    },
}

impl TargetError {
    /// The same of a row that has so many others before it.
    #[must_use]
    pub fn behind(mut self, rows: usize) -> Self {
        match &mut self {
            Self::NotFinite { row, .. }
            | Self::NotAProbability { row, .. }
            | Self::NotALevel { row, .. }
            | Self::NotALabel { row, .. }
            | Self::NotACount { row, .. } => *row += rows,
            Self::Empty | Self::LabelColumns(_) | Self::Constant { .. } => {}
        }
        self
    }
}

impl<P> Likelihood<P> {
    /// Whether targets `[n, k]` are in this likelihood's range, for a network of so many outputs.
    ///
    /// One class alone is allowed (a Bayesian network's prior keeps its logit finite; under maximum likelihood it grows with the steps),
    /// and so are constant counts; a constant number is not where the scale of its noise is learned or predicted.
    ///
    /// # Errors
    /// The first target that is out of range, with its place.
    pub fn admit(&self, targets: ArrayView2<'_, f64>, outputs: usize) -> Result<(), TargetError> {
        if targets.is_empty() {
            return Err(TargetError::Empty);
        }
        if matches!(self, Self::Categorical) && targets.ncols() != 1 {
            return Err(TargetError::LabelColumns(targets.ncols()));
        }
        for ((row, column), &value) in targets.indexed_iter() {
            if !value.is_finite() {
                return Err(TargetError::NotFinite { row, column, value });
            }
            let whole = value >= 0.0 && value.fract() == 0.0;
            match self {
                Self::Bernoulli | Self::ContinuousBernoulli if !(0.0..=1.0).contains(&value) => {
                    return Err(TargetError::NotAProbability { row, column, value });
                }
                Self::Levels { levels } if step(value, *levels).is_none() => {
                    return Err(TargetError::NotALevel { row, column, value, levels: *levels });
                }
                Self::Categorical if !whole || value >= outputs as f64 => {
                    return Err(TargetError::NotALabel { row, value, classes: outputs });
                }
                Self::Poisson if !whole => {
                    return Err(TargetError::NotACount { row, column, value });
                }
                _ => {}
            }
        }
        if matches!(self, Self::Gaussian { .. } | Self::PredictedGaussian | Self::StudentT { .. }) {
            for (column, values) in targets.columns().into_iter().enumerate() {
                let value = values[0];
                if values.iter().all(|&other| other == value) {
                    return Err(TargetError::Constant { column, value });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Array;
    use ndarray::{Array2, array};

    type L = Likelihood<Array<f64>>;

    #[test]
    fn every_likelihood_knows_its_range() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let column = |values: [f64; 3]| Array2::from_shape_vec((3, 1), values.to_vec()).unwrap();
        let numbers = || {
            [L::gaussian(0.0), L::known_gaussian(1.0), L::PredictedGaussian, L::student_t(3.0, 0.0)]
        };
        let all = || {
            let others =
                [L::Bernoulli, L::ContinuousBernoulli, L::levels(2), L::Categorical, L::Poisson];
            numbers().into_iter().chain(others)
        };
        for likelihood in all() {
            assert_eq!(likelihood.admit(column([0.0, 1.0, 0.0]).view(), 3), Ok(()));
            let none = Array2::zeros((0, 1));
            assert_eq!(likelihood.admit(none.view(), 3), Err(TargetError::Empty));
            for bad in [nan, inf, -inf] {
                let found = likelihood.admit(column([0.0, 1.0, bad]).view(), 3).unwrap_err();
                assert!(
                    matches!(found, TargetError::NotFinite { row: 2, column: 0, .. }),
                    "{found}"
                );
            }
        }
        for likelihood in numbers() {
            assert_eq!(likelihood.admit(column([-1e9, 0.5, 1e9]).view(), 1), Ok(()));
            let constant = likelihood.admit(column([2.0; 3]).view(), 1);
            if matches!(likelihood, L::KnownGaussian { .. }) {
                assert_eq!(constant, Ok(()), "a known noise stays what it is");
            } else {
                assert_eq!(constant, Err(TargetError::Constant { column: 0, value: 2.0 }));
            }
        }
        for value in [-0.1, 1.1] {
            let error = TargetError::NotAProbability { row: 1, column: 0, value };
            for likelihood in [L::Bernoulli, L::ContinuousBernoulli] {
                assert_eq!(
                    likelihood.admit(column([0.0, value, 1.0]).view(), 1),
                    Err(error.clone())
                );
            }
        }
        assert_eq!(L::levels(5).admit(column([0.25, 0.5 + 1e-7, 1.0]).view(), 5), Ok(()));
        for value in [-0.25, 0.3, 1.25] {
            let error = TargetError::NotALevel { row: 1, column: 0, value, levels: 5 };
            assert_eq!(L::levels(5).admit(column([0.0, value, 1.0]).view(), 5), Err(error));
        }
        for value in [-1.0, 0.5, 3.0, 1e300] {
            let error = TargetError::NotALabel { row: 0, value, classes: 3 };
            assert_eq!(L::Categorical.admit(column([value, 0.0, 1.0]).view(), 3), Err(error));
        }
        let two = array![[0.0, 1.0]];
        assert_eq!(L::Categorical.admit(two.view(), 3), Err(TargetError::LabelColumns(2)));
        for value in [-1.0, 0.5] {
            let error = TargetError::NotACount { row: 2, column: 0, value };
            assert_eq!(L::Poisson.admit(column([0.0, 7.0, value]).view(), 1), Err(error));
        }
        // One class alone, or one count, is a defined result.
        for likelihood in [L::Bernoulli, L::Categorical, L::Poisson] {
            assert_eq!(likelihood.admit(column([1.0; 3]).view(), 3), Ok(()));
        }
    }

    #[test]
    fn scales_that_cannot_be_are_refused() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(std::panic::catch_unwind(|| L::known_gaussian(scale)).is_err(), "{scale}");
            assert!(std::panic::catch_unwind(|| L::student_t(scale, 0.0)).is_err(), "{scale}");
        }
    }
}
