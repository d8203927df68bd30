//! `evidence predict RUN --data FILE`: what a trained model says of the target of each row, in the target's units.
//!
//! A number is a distribution: its mean, the standard deviation of the mean among draws of the weights (epistemic), that of the
//! noise (aleatoric), and quantiles of both together. A class has a probability for each level, whose entropy in nats is the sum of two
//! parts: that the draws differ (epistemic: the mutual information of class and weights), and that each is unsure (aleatoric).

use super::Common;
use super::answer::{DrawsArgument, RowsArguments, rows};
use super::error::CliError;
use super::kind::Ask;
use clap::Args;
use evidence::train::data::TargetUse;

/// Flags of `evidence predict`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evidence predict white --data new.csv --quantiles 0.05,0.95 --out predicted.csv"
)]
pub(super) struct PredictArguments {
    #[command(flatten)]
    rows: RowsArguments,
    #[command(flatten)]
    draws: DrawsArgument,
    /// Quantiles of the predictive distribution of a number, by commas [default: 0.05,0.5,0.95]
    #[arg(long, value_name = "P", value_delimiter = ',')]
    quantiles: Option<Vec<f64>>,
}

/// Quantiles where none are asked for.
const QUANTILES: [f64; 3] = [0.05, 0.5, 0.95];

pub(super) fn run(arguments: &PredictArguments, common: &Common) -> Result<(), CliError> {
    // Farther out, masses are less than what rounding makes of 1.
    let tail = 1e-12;
    let asked = arguments.quantiles.as_deref();
    if let Some(p) = asked.unwrap_or_default().iter().find(|&&p| !(p >= tail && p <= 1.0 - tail)) {
        return Err(CliError::Usage(format!(
            "--quantiles {p}: a quantile lies between 0 and 1, and not within {tail:e} of them"
        )));
    }
    let repeated = |(i, p): (usize, &f64)| asked.unwrap_or_default()[..i].contains(p);
    if let Some((_, p)) = asked.unwrap_or_default().iter().enumerate().find(|&at| repeated(at)) {
        return Err(CliError::Usage(format!("--quantiles: {p} is asked for twice")));
    }
    let quantiles = asked.unwrap_or(&QUANTILES);
    rows(&arguments.rows, TargetUse::Ignored, common, |model, rows, ask| {
        if asked.is_some() && ask.schema.classes().is_some() {
            return Err(CliError::Usage(
                "--quantiles are of a number, and this model predicts a class: leave them out"
                    .to_owned(),
            ));
        }
        model.predict(rows, &Ask { quantiles, ..arguments.draws.of(model, ask)? })
    })
}
