//! Options that several kinds share, as words and lists.

use super::super::error::CliError;
use clap::ValueEnum;
use evidence::{Activation, Array, Likelihood};
use serde::{Deserialize, Serialize};

/// [`Activation`], as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ActivationOption {
    Identity,
    #[default]
    Relu,
    LeakyRelu,
    Elu,
    Gelu,
    Silu,
    Tanh,
    Sigmoid,
    Softplus,
}

impl From<ActivationOption> for Activation {
    fn from(option: ActivationOption) -> Self {
        match option {
            ActivationOption::Identity => Self::Identity,
            ActivationOption::Relu => Self::Relu,
            ActivationOption::LeakyRelu => Self::LeakyRelu,
            ActivationOption::Elu => Self::Elu,
            ActivationOption::Gelu => Self::Gelu,
            ActivationOption::Silu => Self::Silu,
            ActivationOption::Tanh => Self::Tanh,
            ActivationOption::Sigmoid => Self::Sigmoid,
            ActivationOption::Softplus => Self::Softplus,
        }
    }
}

/// How a decoder's output is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LikelihoodOption {
    /// Real numbers, with a noise that is learned
    #[default]
    Gaussian,
    /// Numbers between 0 and 1, such as pixels
    Bernoulli,
}

impl LikelihoodOption {
    /// With its parameters at their start.
    pub(super) fn build(self) -> Likelihood<Array<f32>> {
        match self {
            Self::Gaussian => Likelihood::gaussian(0.0),
            Self::Bernoulli => Likelihood::Bernoulli,
        }
    }
}

/// The parameters of dense layers of the sizes given.
pub(super) fn parameters(sizes: &[usize]) -> u128 {
    let layer = |pair: &[usize]| (pair[0] as u128 + 1).saturating_mul(pair[1] as u128);
    sizes.windows(2).map(layer).fold(0, u128::saturating_add)
}

/// Layers of the sizes given, between a first and a last one.
pub(super) fn sizes(first: usize, hidden: &[usize], last: usize) -> Vec<usize> {
    [first].into_iter().chain(hidden.iter().copied()).chain([last]).collect()
}

/// Refuses layers without units.
pub(super) fn check_sizes(sizes: &[usize]) -> Result<(), CliError> {
    if sizes.contains(&0) {
        return Err(CliError::Usage(format!(
            "layers of {sizes:?} units: each needs at least one (--hidden, --latents)"
        )));
    }
    Ok(())
}

/// Refuses a number that is not positive.
pub(super) fn positive(flag: &str, value: f64) -> Result<(), CliError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(CliError::Usage(format!("{flag} is {value}: choose a positive number")))
}
