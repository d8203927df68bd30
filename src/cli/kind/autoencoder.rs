//! `autoencoder`: rows through a narrow code and back.

use super::super::error::CliError;
use super::options::{ActivationOption, Hidden, LikelihoodOption, Reading, parameters, sizes};
use super::{
    Ask, Columns, Conditional, Improbable, Kind, Score, Table, in_units, inputs, narrower,
    numbered, numbers_of, rows_of,
};
use clap::Args;
use evidence::models::{Autoencoder, Corruption};
use evidence::train::data::Dataset;
use evidence::{Array, Noise, Parameters, Tape};
use ndarray::{ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub(super) struct Autoencoding;

/// Its shape.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(super) struct AutoencoderOptions {
    /// Units of each hidden layer of the encoder, by commas, or none; the decoder mirrors them [default: 128]
    #[arg(long, value_name = "UNITS", allow_hyphen_values = true)]
    pub hidden: Hidden,
    /// Columns of the code [default: 2]
    #[arg(long, value_name = "N")]
    pub latents: usize,
    /// Behind each hidden layer [default: relu]
    #[arg(long, value_name = "NAME")]
    pub activation: ActivationOption,
    /// How the decoder's output is read [default: gaussian]
    #[arg(long, value_name = "NAME")]
    pub likelihood: LikelihoodOption,
    /// The noise's scale where it is known, in the scaled columns' unit [default: 1]
    #[arg(long, value_name = "SCALE")]
    pub noise_scale: f64,
    /// Levels of a number, of levels [default: 256]
    #[arg(long, value_name = "N")]
    pub levels: usize,
    /// The scale of noise that rows are corrupted by before they are encoded: a denoising autoencoder [default: 0]
    #[arg(long, value_name = "SCALE")]
    pub denoise: f64,
    /// The share of columns that are set to 0 before rows are encoded [default: 0]
    #[arg(long, value_name = "SHARE")]
    pub mask: f64,
    /// Give the decoder the encoder's weights, transposed; its biases are its own
    #[arg(long)]
    pub tied: bool,
}

impl Default for AutoencoderOptions {
    fn default() -> Self {
        Self {
            hidden: Hidden(vec![128]),
            latents: 2,
            activation: ActivationOption::default(),
            likelihood: LikelihoodOption::default(),
            noise_scale: 1.0,
            levels: 256,
            denoise: 0.0,
            mask: 0.0,
            tied: false,
        }
    }
}

impl AutoencoderOptions {
    /// From data to code.
    fn sizes(&self, columns: Columns) -> Vec<usize> {
        sizes(columns.inputs, &self.hidden, self.latents)
    }

    fn reading(&self) -> Reading {
        let Self { likelihood: option, noise_scale, levels, .. } = *self;
        Reading { option, noise_scale, levels }
    }
}

impl Kind for Autoencoding {
    const NAME: &'static str = "autoencoder";
    const ABOUT: &'static str = "An autoencoder: rows through a narrow code and back";
    const SUPERVISED: bool = false;
    type Options = AutoencoderOptions;
    type Model = Autoencoder<Array<f32>>;

    fn conditional(options: &AutoencoderOptions) -> Vec<Conditional> {
        options.reading().conditional().into()
    }

    fn parameters(options: &AutoencoderOptions, columns: Columns) -> u128 {
        let sizes = options.sizes(columns);
        let last = options.reading().more_parameters(&sizes);
        if options.tied {
            let biases = |total: u128, &size: &usize| total.saturating_add(size as u128);
            let biases = sizes.iter().rev().skip(1).fold(0, biases);
            return parameters(&sizes).saturating_add(biases);
        }
        parameters(&sizes).saturating_mul(2).saturating_add(last)
    }

    fn build(
        options: &AutoencoderOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        let sizes = options.sizes(columns);
        Self::Model::admits(&sizes).map_err(|error| narrower(&error))?;
        options.reading().check()?;
        let usage = |text: String| CliError::Usage(text);
        let corruption = match (options.denoise, options.mask) {
            (0.0, 0.0) => Corruption::None,
            (scale, 0.0) => Corruption::Gaussian { scale },
            (0.0, share) => Corruption::Masking { share },
            _ => return Err(usage("--denoise or --mask: choose one".to_owned())),
        };
        let likelihood = options.reading().build();
        let mut model = Autoencoder::new(&sizes, options.activation.into(), likelihood, noise);
        if options.tied {
            let tied = model.with_tied_weights();
            model = tied.map_err(|error| usage(format!("{error} (--tied, --likelihood)")))?;
        }
        model
            .with_corruption(corruption)
            .map_err(|error| usage(format!("{error} (--denoise, --mask)")))
    }

    fn is_choosy(options: &AutoencoderOptions) -> bool {
        options.reading().is_bounded()
    }

    fn admit(options: &AutoencoderOptions, data: &Dataset) -> Result<(), Improbable> {
        options.reading().admit(data)
    }

    fn scores(model: &Self::Model, rows: &Dataset, _: &Ask<'_>) -> Vec<Score> {
        let tape = Tape::new();
        let bound = model.bind_constant(&tape);
        let x = tape.batch(inputs(rows).view());
        let decoded = bound.outputs(bound.encode(x));
        let log_likelihood = numbers_of(bound.likelihood.log_prob(decoded, x));
        let error = rows_of(bound.likelihood.mean(decoded)).mapv(f64::from) - rows.features();
        vec![
            Score::mean("squared error, scaled", (&error * &error).sum_axis(Axis(1))),
            Score::mean("log-likelihood, scaled", log_likelihood),
        ]
    }

    fn encode(model: &Self::Model, rows: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let code = model.bind_constant(&tape).encode(tape.batch(inputs(rows).view()));
        Ok(Table { names: Self::code(model), values: rows_of(code).mapv(f64::from) })
    }

    fn code(model: &Self::Model) -> Vec<String> {
        numbered("code", model.encoder.outputs())
    }

    fn decode(
        model: &Self::Model,
        codes: ArrayView2<'_, f32>,
        ask: &Ask<'_>,
    ) -> Result<Table, CliError> {
        let tape = Tape::new();
        let rows = model.bind_constant(&tape).decode(tape.batch(codes));
        Ok(in_units(rows_of(rows), ask))
    }

    fn reconstruct(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let rows = model.bind_constant(&tape).reconstruct(tape.batch(inputs(rows).view()));
        Ok(in_units(rows_of(rows), ask))
    }
}
