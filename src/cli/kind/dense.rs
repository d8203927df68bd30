//! `dense`: a network by maximum likelihood. A number is predicted with the noise that was learned, a class by probabilities.

use super::super::error::CliError;
use super::options::{ActivationOption, Hidden, check_sizes, parameters, sizes};
use super::supervised::Predictive;
use super::{Ask, Columns, Kind, Score, Table, inputs, rows_of};
use clap::Args;
use evidence::models::{ClassMixture, DenseNetwork};
use evidence::train::data::Dataset;
use evidence::train::run::load_torch;
use evidence::{Array, Likelihood, Noise, Parameters, Tape};
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(super) struct Dense;

/// Its shape.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(super) struct DenseOptions {
    /// Units of each hidden layer, by commas, or none [default: 50]
    #[arg(long, value_name = "UNITS", allow_hyphen_values = true)]
    hidden: Hidden,
    /// Behind each hidden layer [default: relu]
    #[arg(long, value_name = "NAME")]
    activation: ActivationOption,
}

impl Default for DenseOptions {
    fn default() -> Self {
        Self { hidden: Hidden(vec![50]), activation: ActivationOption::default() }
    }
}

impl DenseOptions {
    fn sizes(&self, columns: Columns) -> Vec<usize> {
        sizes(columns.inputs, &self.hidden, columns.classes.unwrap_or(1))
    }
}

impl Kind for Dense {
    const NAME: &'static str = "dense";
    const ABOUT: &'static str = "A dense network, by maximum likelihood";
    const SUPERVISED: bool = true;
    type Options = DenseOptions;
    type Model = DenseNetwork<Array<f32>>;

    fn parameters(options: &DenseOptions, columns: Columns) -> u128 {
        parameters(&options.sizes(columns))
    }

    fn build(
        options: &DenseOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        let sizes = options.sizes(columns);
        check_sizes(&sizes)?;
        let activation = options.activation.into();
        Ok(match columns.classes {
            None => DenseNetwork::regression(&sizes, activation, noise),
            Some(_) => DenseNetwork::multi_class(&sizes, activation, noise),
        })
    }

    fn start(model: &mut Self::Model, weights: &Path) -> Result<(), CliError> {
        Ok(load_torch(weights, &mut model.net)?)
    }

    fn scores(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score> {
        predictive(model, rows, ask).scores(rows, ask)
    }

    fn predict(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        Ok(predictive(model, rows, ask).table(ask))
    }

    fn density(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        Ok(predictive(model, rows, ask).density(rows, ask))
    }
}

fn predictive(model: &DenseNetwork<Array<f32>>, rows: &Dataset, ask: &Ask<'_>) -> Predictive {
    let x = inputs(rows);
    match model.likelihood {
        Likelihood::Categorical => {
            let tape = Tape::new();
            let bound = model.bind_constant(&tape);
            let output = bound.net.forward(tape.batch(x.view()));
            let log_p = bound.likelihood.class_log_probabilities(output);
            let log_p = rows_of(log_p).mapv(f64::from);
            let mut classes = ClassMixture::new(log_p.nrows(), log_p.ncols());
            classes.add(log_p.view());
            Predictive::Class(classes)
        }
        _ => Predictive::number(&model.predictive(x.view()), ask),
    }
}
