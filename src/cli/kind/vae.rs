//! `vae`: an autoencoder whose codes are distributions, so that it has a density and makes rows of its own.

use super::super::error::CliError;
use super::autoencoder::AutoencoderOptions;
use super::options::{check_sizes, parameters};
use super::{Ask, Columns, Kind, Score, Table, column, in_units, inputs, numbered, rows_of};
use evidence::models::Vae;
use evidence::train::data::Dataset;
use evidence::{Array, Likelihood, Noise, Parameters, Tape};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

pub(super) struct Variational;

impl Kind for Variational {
    const NAME: &'static str = "vae";
    const ABOUT: &'static str = "A variational autoencoder";
    const SUPERVISED: bool = false;
    type Options = AutoencoderOptions;
    type Model = Vae<Array<f32>>;

    fn parameters(options: &AutoencoderOptions, columns: Columns) -> u128 {
        parameters(&options.sizes(columns)).saturating_mul(2)
    }

    fn build(
        options: &AutoencoderOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        let sizes = options.sizes(columns);
        check_sizes(&sizes)?;
        Ok(Vae::new(&sizes, options.activation.into(), options.likelihood.build(), noise))
    }

    fn admit(options: &AutoencoderOptions, data: &Dataset) -> Result<(), CliError> {
        options.admit(data)
    }

    fn scores(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score> {
        let noise = ask.noise.stream(ask.first);
        let evidence = model.evidence(inputs(rows).view(), ask.draws, noise);
        let score = |name, values: ndarray::Array1<f64>| Score {
            name,
            values: values.mapv(|log_prob| in_density_units(model, log_prob, ask)),
            root: false,
        };
        vec![score("ELBO", evidence.elbo), score("log p(x)", evidence.log_prob)]
    }

    fn density(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        let noise = ask.noise.stream(ask.first);
        let evidence = model.evidence(inputs(rows).view(), ask.draws, noise);
        let log_prob = evidence.log_prob.mapv(|log_prob| in_density_units(model, log_prob, ask));
        Ok(column("log_density", log_prob))
    }

    fn sample(model: &Self::Model, n: usize, ask: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let noise = ask.noise.stream(ask.first);
        let latents = model.decoder.inputs();
        let bound = model.bind_constant(&tape);
        let mean = bound.decode(tape.normal(&[n, latents], noise.stream(0)));
        let mut rows = rows_of(mean).to_owned();
        if !ask.mean {
            add_noise(&model.likelihood, &mut rows, noise.stream(1));
        }
        Ok(in_units(rows.view(), ask))
    }

    fn encode(model: &Self::Model, rows: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let q = model.bind_constant(&tape).encode(tape.batch(inputs(rows).view()));
        let scale = rows_of(q.log_scale).mapv(|s| f64::from(s).exp());
        let mean = rows_of(q.mean).mapv(f64::from);
        let names = [Self::code(model), numbered("scale", model.decoder.inputs())].concat();
        let values = concatenate(Axis(1), &[mean.view(), scale.view()]).expect("of one height");
        Ok(Table { names, values })
    }

    fn code(model: &Self::Model) -> Vec<String> {
        numbered("mean", model.decoder.inputs())
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
        let bound = model.bind_constant(&tape);
        let rows = bound.decode(bound.encode(tape.batch(inputs(rows).view())).mean);
        Ok(in_units(rows_of(rows), ask))
    }
}

/// A Gaussian's density is one of scaled columns; a Bernoulli's probability has no units.
fn in_density_units(model: &Vae<Array<f32>>, log_prob: f64, ask: &Ask<'_>) -> f64 {
    match model.likelihood {
        Likelihood::Gaussian { .. } => ask.schema.feature_scaling().scale_log_density(log_prob),
        _ => log_prob,
    }
}

/// What lies between the expected row and a row.
fn add_noise(likelihood: &Likelihood<Array<f32>>, rows: &mut Array2<f32>, noise: Noise) {
    let mut draws = Array2::<f32>::zeros(rows.raw_dim());
    let flat = draws.as_slice_mut().expect("contiguous");
    match likelihood.scale() {
        Some(scale) => {
            noise.fill_normal_f32(flat);
            rows.scaled_add(scale as f32, &draws);
        }
        None => {
            noise.fill_uniform_f32(flat);
            rows.zip_mut_with(&draws, |p, u| *p = f32::from(u8::from(*u < *p)));
        }
    }
}
