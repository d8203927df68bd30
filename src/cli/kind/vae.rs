//! `vae`: an autoencoder whose codes are distributions, so that it has a density and makes rows of its own.

use super::super::error::CliError;
use super::vae_options::VaeOptions;
use super::{
    Ask, Columns, Conditional, Improbable, Kind, Score, Table, column, in_units, inputs, numbered,
    rows_of,
};
use evidence::models::{Latents, Vae};
use evidence::train::data::Dataset;
use evidence::{Array, Noise, Parameters, Tape};
use ndarray::{ArrayView2, Axis, concatenate};

pub(super) struct Variational;

impl Kind for Variational {
    const NAME: &'static str = "vae";
    const ABOUT: &'static str = "A variational autoencoder";
    const SUPERVISED: bool = false;
    type Options = VaeOptions;
    type Model = Vae<Array<f32>>;
    const DRAWS: bool = true;
    const HAS_DIVERGENCE: bool = true;

    fn conditional(options: &VaeOptions) -> Vec<Conditional> {
        options.conditional()
    }

    fn step_draws(options: &VaeOptions) -> usize {
        options.step_draws
    }

    fn parameters(options: &VaeOptions, columns: Columns) -> u128 {
        options.parameters(columns)
    }

    fn build(
        options: &VaeOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        options.build(columns, noise)
    }

    fn is_choosy(options: &VaeOptions) -> bool {
        options.reading().is_bounded()
    }

    fn admit(options: &VaeOptions, data: &Dataset) -> Result<(), Improbable> {
        options.reading().admit(data)
    }

    fn scores(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score> {
        let noise = ask.noise.stream(ask.first);
        let evidence = model.evidence(inputs(rows).view(), ask.draws, noise);
        let score = |name, values: ndarray::Array1<f64>| {
            Score::mean(name, values.mapv(|log_prob| in_density_units(model, log_prob, ask)))
        };
        let worth = Score::mean("effective samples", evidence.effective_samples);
        vec![score("ELBO", evidence.elbo), score("log p(x)", evidence.log_prob), worth]
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
        let bound = model.bind_constant(&tape);
        let rows = if ask.mean {
            bound.decode(bound.sample_prior(n, noise.stream(0)))
        } else {
            bound.sample(n, noise)
        };
        Ok(in_units(rows_of(rows), ask))
    }

    fn latents(model: &Self::Model, rows: &Dataset) -> Option<Latents> {
        Some(model.latents(inputs(rows).view()))
    }

    fn encode(model: &Self::Model, rows: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let q = model.bind_constant(&tape).encode(tape.batch(inputs(rows).view())).marginals();
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
        let rows = bound.decode(bound.encode(tape.batch(inputs(rows).view())).mean());
        Ok(in_units(rows_of(rows), ask))
    }
}

/// A density is one of scaled columns; a probability has no units.
fn in_density_units(model: &Vae<Array<f32>>, log_prob: f64, ask: &Ask<'_>) -> f64 {
    if model.likelihood.is_density() {
        ask.schema.feature_scaling().scale_log_density(log_prob)
    } else {
        log_prob
    }
}
