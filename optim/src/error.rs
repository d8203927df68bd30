//! What can be wrong with values that come from outside: hyperparameters and saved state.

use evidence_autodiff::Real;
use std::fmt;

/// An optimiser's complaint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OptimError {
    /// A hyperparameter outside its range.
    #[error("{name} is {value}: choose it {range}")]
    Hyperparameter {
        /// Which one.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// Saved state that does not fit the optimiser and the model.
    #[error("this state was saved by another optimiser or for another model: {0}")]
    State(Mismatch),
    /// A saved step count that is none.
    #[error(
        "`steps` is not two whole numbers below 2^24, low and high: the state is damaged, or not an optimiser's"
    )]
    Steps,
}

/// How saved state differs from what was expected, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Expected and not there.
    pub missing: Vec<String>,
    /// There and not expected, or there twice.
    pub surplus: Vec<String>,
    /// There with another shape: name, shape found, shape expected.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Mismatch {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty() && self.misshapen.is_empty()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (what, names) in [("missing", &self.missing), ("surplus", &self.surplus)] {
            if !names.is_empty() {
                parts.push(format!("{what}: {}", names.join(", ")));
            }
        }
        for (name, found, expected) in &self.misshapen {
            parts.push(format!("{name} has shape {found:?} instead of {expected:?}"));
        }
        f.write_str(&parts.join("; "))
    }
}

/// `value` if it lies in the range described.
pub(crate) fn require(
    name: &'static str,
    value: f64,
    range: &'static str,
    inside: bool,
) -> Result<f64, OptimError> {
    if inside { Ok(value) } else { Err(OptimError::Hyperparameter { name, value, range }) }
}

/// A learning rate, which must survive rounding to `T`.
pub(crate) fn learning_rate<T: Real>(value: f64) -> Result<f64, OptimError> {
    let rounded = T::from_f64(value).to_f64();
    let inside = rounded > 0.0 && rounded.is_finite();
    require("the learning rate", value, "positive and finite in the model's number type", inside)
}

/// A decay rate of a running mean, or a momentum.
pub(crate) fn decay_rate(name: &'static str, value: f64) -> Result<f64, OptimError> {
    require(name, value, "in [0, 1)", (0.0..1.0).contains(&value))
}

/// The number that keeps a denominator from zero. Denormals are flushed in training, so it must be a normal `f32`.
pub(crate) fn epsilon(value: f64) -> Result<f64, OptimError> {
    let inside = value >= f32::MIN_POSITIVE as f64 && value.is_finite();
    require("epsilon", value, "finite and at least 1.18e-38", inside)
}
