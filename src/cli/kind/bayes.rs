//! `bayes`: the same network with distributions for weights. Predictions are mixtures over draws of them.

use super::super::error::CliError;
use super::options::{ActivationOption, check_sizes, parameters, positive, sizes};
use super::supervised::Predictive;
use super::{Ask, Columns, Kind, Score, Table, inputs};
use clap::Args;
use evidence::models::BayesianNetwork;
use evidence::train::data::Dataset;
use evidence::{Array, Likelihood, Mlp, Noise};
use serde::{Deserialize, Serialize};

pub(super) struct Bayes;

/// Its shape, and what is believed of its weights at first.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(super) struct BayesOptions {
    /// Units of each hidden layer, by commas [default: 50]
    #[arg(long, value_name = "UNITS", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Behind each hidden layer [default: relu]
    #[arg(long, value_name = "NAME")]
    activation: ActivationOption,
    /// The standard deviation of the weights' prior [default: 0.5]
    #[arg(long, value_name = "SCALE")]
    prior_scale: f64,
    /// The standard deviation that the weights' posterior begins with [default: 0.05]
    #[arg(long, value_name = "SCALE")]
    posterior_scale: f64,
}

impl Default for BayesOptions {
    fn default() -> Self {
        Self {
            hidden: vec![50],
            activation: ActivationOption::default(),
            prior_scale: 0.5,
            posterior_scale: 0.05,
        }
    }
}

impl BayesOptions {
    fn sizes(&self, columns: Columns) -> Vec<usize> {
        sizes(columns.inputs, &self.hidden, columns.classes.unwrap_or(1))
    }
}

impl Kind for Bayes {
    const NAME: &'static str = "bayes";
    const ABOUT: &'static str =
        "A dense network with distributions for weights, by variational Bayes";
    const SUPERVISED: bool = true;
    type Options = BayesOptions;
    type Model = BayesianNetwork<Array<f32>>;

    fn parameters(options: &BayesOptions, columns: Columns) -> u128 {
        parameters(&options.sizes(columns)).saturating_mul(2)
    }

    fn build(
        options: &BayesOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        let sizes = options.sizes(columns);
        check_sizes(&sizes)?;
        positive("--prior-scale", options.prior_scale)?;
        positive("--posterior-scale", options.posterior_scale)?;
        let net = Mlp::new(&sizes, options.activation.into(), noise);
        let likelihood = match columns.classes {
            None => Likelihood::gaussian(0.0),
            Some(_) => Likelihood::Categorical,
        };
        Ok(BayesianNetwork::new(net, likelihood, options.prior_scale, options.posterior_scale))
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

fn predictive(model: &BayesianNetwork<Array<f32>>, rows: &Dataset, ask: &Ask<'_>) -> Predictive {
    let x = inputs(rows);
    match model.likelihood {
        Likelihood::Categorical => {
            Predictive::Class(model.probabilities(x.view(), ask.draws, ask.noise))
        }
        _ => Predictive::number(&model.predictive(x.view(), ask.draws, ask.noise), ask),
    }
}
