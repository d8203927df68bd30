//! `bayes`: the same network with distributions for weights. Predictions are mixtures over draws of them.

use super::super::error::CliError;
use super::bayes_options::BayesOptions;
use super::supervised::Predictive;
use super::{Ask, Columns, Conditional, Improbable, Kind, Score, Table, inputs};
use evidence::models::BayesianNetwork;
use evidence::train::data::Dataset;
use evidence::train::run::load_torch;
use evidence::{Array, Likelihood, Noise};
use std::path::Path;

pub(super) struct Bayes;

impl Kind for Bayes {
    const NAME: &'static str = "bayes";
    const ABOUT: &'static str =
        "A dense network with distributions for weights, by variational Bayes";
    const SUPERVISED: bool = true;
    type Options = BayesOptions;
    type Model = BayesianNetwork<Array<f32>>;
    const DRAWS: bool = true;
    const HAS_DIVERGENCE: bool = true;

    fn conditional(options: &BayesOptions) -> Vec<Conditional> {
        options.conditional()
    }

    fn step_draws(options: &BayesOptions) -> usize {
        options.step_draws
    }

    fn parameters(options: &BayesOptions, columns: Columns) -> u128 {
        options.parameters(columns)
    }

    fn build(
        options: &BayesOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        options.build(columns, noise)
    }

    fn counts(options: &BayesOptions) -> bool {
        options.counts()
    }

    fn is_choosy(options: &BayesOptions) -> bool {
        options.counts()
    }

    fn admit(options: &BayesOptions, data: &Dataset) -> Result<(), Improbable> {
        let Some(targets) = data.targets() else { return Ok(()) };
        if !options.counts() {
            return Ok(());
        }
        let likelihood = Likelihood::<Array<f32>>::Poisson;
        let bare = |error| Improbable { error, of: String::new(), advice: "" };
        likelihood.admit(targets.view(), 1).map_err(bare)
    }

    fn start(model: &mut Self::Model, weights: &Path) -> Result<(), CliError> {
        let mut net = model.mean();
        load_torch(weights, &mut net)?;
        for (layer, mean) in model.posterior.iter_mut().zip(net.layers) {
            *layer.posterior.mean_mut() = mean;
        }
        Ok(())
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

    fn report(model: &Self::Model) -> Vec<String> {
        let scales = model.scales();
        scales.iter().enumerate().map(|(i, scales)| format!("layer {i}: {scales}")).collect()
    }
}

fn predictive(model: &BayesianNetwork<Array<f32>>, rows: &Dataset, ask: &Ask<'_>) -> Predictive {
    let x = inputs(rows);
    match model.likelihood {
        Likelihood::Categorical => Predictive::Class(model.classes(x.view(), ask.draws, ask.noise)),
        _ => Predictive::number(&model.predictive(x.view(), ask.draws, ask.noise), ask),
    }
}
