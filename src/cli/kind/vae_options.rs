//! The options of `vae`: its shape, its likelihood, and what it is fitted by.

use super::super::error::CliError;
use super::options::{ActivationOption, Hidden, LikelihoodOption, Reading, parameters, sizes};
use super::{Columns, Conditional, narrower};
use clap::{Args, ValueEnum};
use evidence::models::{Elbo, Flow, Kl, LatentPrior, Objective, Vae, WeightGradient};
use evidence::{Array, Noise};
use serde::{Deserialize, Serialize};

/// Its shape, and what it is fitted by.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(super) struct VaeOptions {
    /// Units of each hidden layer of the encoder, by commas, or none; the decoder mirrors them [default: 128]
    #[arg(long, value_name = "UNITS", allow_hyphen_values = true)]
    hidden: Hidden,
    /// Latents [default: 2]
    #[arg(long, value_name = "N")]
    latents: usize,
    /// Behind each hidden layer [default: relu]
    #[arg(long, value_name = "NAME")]
    activation: ActivationOption,
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
    pub(super) step_draws: usize,
    /// How the encoder learns from an importance weighted bound [default: doubly]
    #[arg(long, value_name = "HOW")]
    gradient: GradientOption,
    /// What the latents are believed to be before any data [default: normal]
    #[arg(long, value_name = "NAME")]
    prior: PriorOption,
    /// Posteriors in the mixture of vamp, or layers of a flow for a prior [default: 0: 50 posteriors, or 2 layers]
    #[arg(long, value_name = "N")]
    prior_parts: usize,
    /// What the posterior says of two latents together [default: diagonal]
    #[arg(long, value_name = "NAME")]
    posterior: PosteriorOption,
    /// Inverse autoregressive layers that the posterior is bent by [default: 0]
    #[arg(long, value_name = "N")]
    posterior_layers: usize,
}

/// A prior, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PriorOption {
    /// The standard normal
    #[default]
    Normal,
    /// A mixture of the posteriors of rows that are learned (VampPrior)
    Vamp,
    /// A masked autoregressive flow
    Flow,
}

/// A posterior's covariance, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PosteriorOption {
    /// Nothing: given a row, they are independent
    #[default]
    Diagonal,
    /// A full covariance for each row
    Full,
}

/// Hidden units of a flow's layers.
const FLOW_HIDDEN: usize = 64;
/// More layers than any flow over latents needs.
const MOST_LAYERS: usize = 64;

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
            hidden: Hidden(vec![128]),
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
            prior: PriorOption::default(),
            prior_parts: 0,
            posterior: PosteriorOption::default(),
            posterior_layers: 0,
        }
    }
}

impl VaeOptions {
    /// From data to latents.
    fn sizes(&self, columns: Columns) -> Vec<usize> {
        sizes(columns.inputs, &self.hidden, self.latents)
    }

    pub(super) fn reading(&self) -> Reading {
        let Self { likelihood: option, noise_scale, levels, .. } = *self;
        Reading { option, noise_scale, levels }
    }

    /// Flags that are for some of the others.
    pub(super) fn conditional(&self) -> Vec<Conditional> {
        let own = [
            Conditional {
                flag: "gradient",
                holds: self.step_draws > 0,
                of: "an importance weighted bound (--step-draws)",
            },
            Conditional {
                flag: "prior-parts",
                holds: self.prior != PriorOption::Normal,
                of: "--prior vamp and --prior flow",
            },
        ];
        self.reading().conditional().into_iter().chain(own).collect()
    }

    pub(super) fn parameters(&self, columns: Columns) -> u128 {
        let sizes = self.sizes(columns);
        let last = self.reading().more_parameters(&sizes);
        let rows = match self.prior {
            PriorOption::Vamp => (self.parts() as u128).saturating_mul(columns.inputs as u128),
            PriorOption::Normal | PriorOption::Flow => 0,
        };
        let triangle = match (self.posterior, sizes.as_slice()) {
            (PosteriorOption::Full, &[.., hidden, latents]) => {
                let l = latents as u128;
                (l.saturating_mul(l) / 2).saturating_mul(hidden as u128 + 1)
            }
            _ => 0,
        };
        let more = last.saturating_add(rows).saturating_add(triangle);
        parameters(&sizes).saturating_mul(2).saturating_add(more)
    }

    /// Of the prior.
    fn parts(&self) -> usize {
        match (self.prior_parts, self.prior) {
            (0, PriorOption::Vamp) => 50,
            (0, PriorOption::Normal | PriorOption::Flow) => 2,
            (parts, _) => parts,
        }
    }

    /// The model before its first step.
    pub(super) fn build(
        &self,
        columns: Columns,
        noise: Noise,
    ) -> Result<Vae<Array<f32>>, CliError> {
        let usage = |error: String| CliError::Usage(error);
        let (sizes, reading) = (self.sizes(columns), self.reading());
        Vae::<Array<f32>>::admits(&sizes).map_err(|error| narrower(&error))?;
        reading.check()?;
        if self.posterior_layers > MOST_LAYERS
            || (self.prior == PriorOption::Flow && self.parts() > MOST_LAYERS)
        {
            return Err(usage(format!(
                "--posterior-layers and --prior-parts: {MOST_LAYERS} layers of a flow at most"
            )));
        }
        let mut vae = Vae::new(&sizes, self.activation.into(), reading.build(), noise);
        if self.posterior == PosteriorOption::Full {
            vae = vae.with_full_covariance();
        }
        let (width, latents) = (columns.inputs, self.latents);
        let (noise, hidden) = (noise.stream(u64::MAX), [FLOW_HIDDEN]);
        if self.posterior_layers > 0 {
            vae = vae
                .with_inverse_autoregressive(self.posterior_layers, &hidden, noise.stream(0))
                .map_err(|error| usage(error.to_string()))?;
        }
        let vae = match self.prior {
            PriorOption::Normal => vae,
            PriorOption::Vamp => {
                // Around the middle of what the columns are scaled to.
                let (centre, spread) = if reading.is_bounded() { (0.5, 0.25) } else { (0.0, 1.0) };
                vae.with_prior(LatentPrior::vamp(
                    self.parts(),
                    width,
                    centre,
                    spread,
                    noise.stream(1),
                ))
            }
            PriorOption::Flow => {
                let flow = Flow::maf(latents, self.parts(), &hidden, noise.stream(1));
                vae.with_prior(LatentPrior::Flow(flow.map_err(|error| usage(error.to_string()))?))
            }
        };
        let flags = "--beta, --free-bits, --gradient, --prior, --posterior, --posterior-layers";
        vae.with_objective(self.objective()?).map_err(|error| usage(format!("{error} ({flags})")))
    }

    fn objective(&self) -> Result<Objective, CliError> {
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
        Ok(objective)
    }
}
