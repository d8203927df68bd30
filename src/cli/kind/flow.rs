//! `flow`: a RealNVP, with an exact density.

use super::super::error::CliError;
use super::options::{check_sizes, parameters, sizes};
use super::{
    Ask, Columns, Kind, Score, Table, column, in_units, inputs, numbered, numbers_of, rows_of,
};
use clap::Args;
use evidence::layers::{AffineCoupling, Chain};
use evidence::models::Flow;
use evidence::train::data::Dataset;
use evidence::{Array, Bijection, Noise, Parameters, Tape};
use ndarray::{Array1, ArrayView2};
use serde::{Deserialize, Serialize};

pub(super) struct Flowing;

type RealNvp = Flow<Chain<AffineCoupling<Array<f32>>>>;

/// Its shape.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(super) struct FlowOptions {
    /// Affine couplings, one behind the other [default: 8]
    #[arg(long, value_name = "N")]
    couplings: usize,
    /// Units of each hidden layer of a coupling's network, by commas [default: 64,64]
    #[arg(long, value_name = "UNITS", value_delimiter = ',')]
    hidden: Vec<usize>,
}

impl Default for FlowOptions {
    fn default() -> Self {
        Self { couplings: 8, hidden: vec![64, 64] }
    }
}

impl Kind for Flowing {
    const NAME: &'static str = "flow";
    const ABOUT: &'static str = "A normalizing flow (RealNVP), with an exact density";
    const SUPERVISED: bool = false;
    type Options = FlowOptions;
    type Model = RealNvp;

    fn parameters(options: &FlowOptions, columns: Columns) -> u128 {
        let (first, second) = (columns.inputs / 2, columns.inputs - columns.inputs / 2);
        let one = |condition: usize, transform: usize| {
            parameters(&sizes(condition, &options.hidden, transform.saturating_mul(2)))
        };
        let pair = one(first, second).min(one(second, first));
        pair.saturating_mul(options.couplings as u128)
    }

    fn build(
        options: &FlowOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        check_sizes(&options.hidden)?;
        if options.couplings == 0 {
            return Err(CliError::Usage("--couplings is 0: a flow needs at least one".to_owned()));
        }
        Flow::real_nvp(columns.inputs, options.couplings, &options.hidden, noise)
            .map_err(|error| CliError::Data(error.to_string()))
    }

    fn scores(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score> {
        vec![Score { name: "log p(x)", values: log_density(model, rows, ask), root: false }]
    }

    fn density(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        Ok(column("log_density", log_density(model, rows, ask)))
    }

    fn sample(model: &Self::Model, n: usize, ask: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let noise = ask.noise.stream(ask.first);
        let rows = model.bind_constant(&tape).sample(&tape, (n, width(model)), noise);
        Ok(in_units(rows_of(rows), ask))
    }

    fn encode(model: &Self::Model, rows: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let bound = model.bind_constant(&tape);
        let (z, _) = bound.bijection.inverse(tape.batch(inputs(rows).view()));
        Ok(Table { names: Self::code(model), values: rows_of(z).mapv(f64::from) })
    }

    fn code(model: &Self::Model) -> Vec<String> {
        numbered("z", width(model))
    }

    fn decode(
        model: &Self::Model,
        codes: ArrayView2<'_, f32>,
        ask: &Ask<'_>,
    ) -> Result<Table, CliError> {
        let tape = Tape::new();
        let (rows, _) = model.bind_constant(&tape).bijection.forward(tape.batch(codes));
        Ok(in_units(rows_of(rows), ask))
    }
}

fn width(model: &RealNvp) -> usize {
    model.bijection.0.first().map_or(0, |coupling| coupling.width)
}

/// In the data's own units.
fn log_density(model: &RealNvp, rows: &Dataset, ask: &Ask<'_>) -> Array1<f64> {
    let tape = Tape::new();
    let log_prob = model.bind_constant(&tape).log_prob(tape.batch(inputs(rows).view()));
    let scaling = ask.schema.feature_scaling();
    numbers_of(log_prob).mapv(|log_prob| scaling.scale_log_density(log_prob))
}
