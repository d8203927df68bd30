//! What is decided before a table is looked at: which columns, how they are scaled, how rows are split.

use crate::data::split::check_fractions;
use crate::data::{DataError, Split};
use evidence_autodiff::Noise;
use serde::{Deserialize, Serialize};

/// How numbers are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Each column to mean 0 and standard deviation 1.
    #[default]
    Standardize,
    /// All columns together to between 0 and 1, by the smallest and largest value of any: for pixels.
    Unit,
    /// As they are.
    Raw,
}

/// The random split of a table: the same for the same seed, fractions and number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitOptions {
    /// Decides which rows go where.
    pub seed: u64,
    /// The share of rows to train on.
    pub train: f64,
    /// The share of rows to choose by.
    pub validation: f64,
    /// The share of rows to test on.
    pub test: f64,
}

impl Default for SplitOptions {
    /// Eight, one and one tenth, seed 0.
    fn default() -> Self {
        Self { seed: 0, train: 0.8, validation: 0.1, test: 0.1 }
    }
}

impl SplitOptions {
    /// Whether the fractions are ones.
    ///
    /// # Errors
    /// [`DataError::Fraction`], [`DataError::FractionSum`].
    pub(in crate::data) fn check(&self) -> Result<(), DataError> {
        check_fractions(self.train, self.validation, self.test)
    }

    /// The split of so many rows.
    ///
    /// # Errors
    /// As [`Split::by_fraction`].
    pub fn split(&self, rows: usize) -> Result<Split, DataError> {
        let mut rng = Noise::new(self.seed).rng();
        Split::by_fraction(rows, self.train, self.validation, self.test, &mut rng)
    }
}

/// What a table's columns are to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SchemaOptions {
    /// The columns to predict, by name (`column 3` in a file without names); none for a model of the features alone.
    pub targets: Vec<String>,
    /// The columns to predict from, in this order; none means all that are no targets.
    pub features: Vec<String>,
    /// Features that become one column for each of their levels.
    pub categorical: Vec<String>,
    /// Whether the target is a class although it is written in numbers. Text is always a class.
    pub class: bool,
    /// How features are scaled.
    pub features_scaling: Scaling,
    /// How targets are scaled; a class is not.
    pub targets_scaling: Scaling,
    /// How rows are split.
    pub split: SplitOptions,
}

/// Whether a table's target columns are read when a schema is applied to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetUse {
    /// They must be there: for an evaluation.
    Required,
    /// They are read if all of them are there.
    Optional,
    /// They are not looked at: for a prediction.
    Ignored,
}
