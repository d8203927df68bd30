//! Options that several kinds share, as words and lists.

use super::super::error::CliError;
use super::{Conditional, Improbable};
use clap::ValueEnum;
use evidence::train::data::Dataset;
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

/// Units of each hidden layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Hidden(pub Vec<usize>);

impl std::ops::Deref for Hidden {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        let Self(units) = self;
        units
    }
}

impl std::str::FromStr for Hidden {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let units = text.split(',').map(|units| units.trim().parse());
        units.collect::<Result<_, _>>().map(Self).map_err(|_| {
            "give whole numbers by commas, such as 50,50, or none for no hidden layer".to_owned()
        })
    }
}

/// How a decoder's output is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LikelihoodOption {
    /// Real numbers, with a noise that is learned
    #[default]
    Gaussian,
    /// Real numbers, with a noise of known scale (--noise-scale)
    Known,
    /// Real numbers, with a noise predicted for each of them
    Predicted,
    /// Numbers between 0 and 1, such as pixels, as shares of black and white ones
    Bernoulli,
    /// Numbers between 0 and 1 with a density: grey pixels
    ContinuousBernoulli,
    /// Numbers of so many levels from 0 to 1, each with a probability of its own (--levels)
    Levels,
}

/// A decoder's likelihood and the numbers it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub option: LikelihoodOption,
    pub noise_scale: f64,
    pub levels: usize,
}

impl Reading {
    /// With its parameters at their start; of unsound numbers as of sound ones, which [`check`](Self::check) refuses.
    pub(super) fn build(self) -> Likelihood<Array<f32>> {
        match self.option {
            LikelihoodOption::Gaussian => Likelihood::gaussian(0.0),
            LikelihoodOption::Known => {
                let sound = self.noise_scale > 0.0 && self.noise_scale.is_finite();
                Likelihood::known_gaussian(if sound { self.noise_scale } else { 1.0 })
            }
            LikelihoodOption::Predicted => Likelihood::PredictedGaussian,
            LikelihoodOption::Bernoulli => Likelihood::Bernoulli,
            LikelihoodOption::ContinuousBernoulli => Likelihood::ContinuousBernoulli,
            LikelihoodOption::Levels => Likelihood::levels(self.levels.max(2)),
        }
    }

    /// Whether the columns lie between 0 and 1.
    pub(super) fn is_bounded(self) -> bool {
        match self.option {
            LikelihoodOption::Bernoulli
            | LikelihoodOption::ContinuousBernoulli
            | LikelihoodOption::Levels => true,
            LikelihoodOption::Gaussian | LikelihoodOption::Known | LikelihoodOption::Predicted => {
                false
            }
        }
    }

    /// The numbers that it needs.
    pub(super) fn conditional(self) -> [Conditional; 2] {
        use LikelihoodOption::{Known, Levels};
        [
            Conditional {
                flag: "noise-scale",
                holds: self.option == Known,
                of: "--likelihood known",
            },
            Conditional { flag: "levels", holds: self.option == Levels, of: "--likelihood levels" },
        ]
    }

    /// Refuses numbers that make no likelihood.
    pub(super) fn check(self) -> Result<(), CliError> {
        positive("--noise-scale", self.noise_scale)?;
        if self.levels < 2 {
            return Err(CliError::Usage("--levels: there are at least 2".to_owned()));
        }
        Ok(())
    }

    /// Refuses data that have no probability.
    pub(super) fn admit(self, data: &Dataset) -> Result<(), Improbable> {
        let likelihood = self.build();
        // A number of levels that cannot be is refused when the model is built.
        if !self.is_bounded() || self.levels < 2 {
            return Ok(());
        }
        let name =
            self.option.to_possible_value().map_or(String::new(), |v| v.get_name().to_owned());
        likelihood.admit(data.features().view(), data.features().ncols()).map_err(|error| {
            Improbable {
                error,
                of: format!("--likelihood {name}: the scaled data are what the decoder aims at, and "),
                advice: ". Give --scaling unit as well, or raw if the table holds such numbers; what unit makes of the numbers \
                         between 0 and 1 is decided by the rows to train on, and others may lie beyond",
            }
        })
    }

    /// The parameters of a decoder's last layer beyond those of a layer as wide as the data.
    pub(super) fn more_parameters(self, sizes: &[usize]) -> u128 {
        let (Some(&width), Some(&hidden)) = (sizes.first(), sizes.get(1)) else { return 0 };
        let times = match self.option {
            LikelihoodOption::Predicted => 2,
            LikelihoodOption::Levels => self.levels as u128,
            _ => 1,
        };
        (hidden as u128 + 1).saturating_mul(width as u128).saturating_mul(times.saturating_sub(1))
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
