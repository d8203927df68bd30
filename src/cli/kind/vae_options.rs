//! The options of `vae`: its shape, its likelihood, and what it is fitted by.

use super::super::error::CliError;
use super::Columns;
use super::options::{ActivationOption, LikelihoodOption, Reading, parameters, sizes};
use clap::{Args, ValueEnum};
use evidence::models::{Elbo, Kl, Objective, WeightGradient};
use serde::{Deserialize, Serialize};

/// Its shape, and what it is fitted by.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(super) struct VaeOptions {
    /// Units of each hidden layer of the encoder, by commas; the decoder mirrors them [default: 128]
    #[arg(long, value_name = "UNITS", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Latents [default: 2]
    #[arg(long, value_name = "N")]
    latents: usize,
    /// Behind each hidden layer [default: relu]
    #[arg(long, value_name = "NAME")]
    pub(super) activation: ActivationOption,
    /// How the decoder's output is read [default: gaussian]
    #[arg(long, value_name = "NAME")]
    likelihood: LikelihoodOption,
    /// The noise's scale where it is known, in the scaled columns' unit [default: 1]
    #[arg(long, value_name = "SCALE")]
    noise_scale: f64,
    /// Levels of a number, of levels [default: 256]
    #[arg(long, value_name = "N")]
    levels: usize,
    /// How the divergence of the latents is computed [default: closed]
    #[arg(long, value_name = "HOW")]
    kl: KlOption,
    /// What a nat of divergence costs: 1 is the evidence lower bound [default: 1]
    #[arg(long, value_name = "WEIGHT")]
    beta: f64,
    /// Nats of each latent that cost nothing, against its collapse [default: 0]
    #[arg(long, value_name = "NATS")]
    free_bits: f64,
    /// Draws of the importance weighted bound; 0 is the evidence lower bound [default: 0]
    #[arg(long, value_name = "K")]
    step_draws: usize,
    /// How the encoder learns from an importance weighted bound [default: doubly]
    #[arg(long, value_name = "HOW")]
    gradient: GradientOption,
}

/// A divergence, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KlOption {
    /// By its formula
    #[default]
    Closed,
    /// At the draw that is decoded
    Sampled,
}

/// A gradient, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum GradientOption {
    /// As the bound is written
    Pathwise,
    /// Reparametrised twice: the same in expectation, with less noise
    #[default]
    Doubly,
}

impl Default for VaeOptions {
    fn default() -> Self {
        let Elbo { beta, free_bits, .. } = Elbo::default();
        Self {
            hidden: vec![128],
            latents: 2,
            activation: ActivationOption::default(),
            likelihood: LikelihoodOption::default(),
            noise_scale: 1.0,
            levels: 256,
            kl: KlOption::default(),
            beta,
            free_bits,
            step_draws: 0,
            gradient: GradientOption::default(),
        }
    }
}

impl VaeOptions {
    /// From data to latents.
    pub(super) fn sizes(&self, columns: Columns) -> Vec<usize> {
        sizes(columns.inputs, &self.hidden, self.latents)
    }

    pub(super) fn reading(&self) -> Reading {
        let Self { likelihood: option, noise_scale, levels, .. } = *self;
        Reading { option, noise_scale, levels }
    }

    pub(super) fn parameters(&self, columns: Columns) -> u128 {
        let sizes = self.sizes(columns);
        let last = self.reading().more_parameters(&sizes);
        parameters(&sizes).saturating_mul(2).saturating_add(last)
    }

    pub(super) fn objective(&self) -> Result<Objective, CliError> {
        let Self { kl, beta, free_bits, step_draws: draws, gradient, .. } = *self;
        let elbo = Elbo {
            kl: match kl {
                KlOption::Closed => Kl::Closed,
                KlOption::Sampled => Kl::Sampled,
            },
            beta,
            free_bits,
        };
        let objective = if draws == 0 {
            Objective::Elbo(elbo)
        } else if elbo != Elbo::default() {
            return Err(CliError::Usage(
                "--beta, --free-bits and --kl are of the evidence lower bound: leave them out, or --step-draws".to_owned(),
            ));
        } else {
            let gradient = match gradient {
                GradientOption::Pathwise => WeightGradient::Pathwise,
                GradientOption::Doubly => WeightGradient::DoublyReparametrised,
            };
            Objective::ImportanceWeighted { draws, gradient }
        };
        objective
            .check()
            .map_err(|error| CliError::Usage(format!("{error} (--beta, --free-bits)")))?;
        Ok(objective)
    }
}
