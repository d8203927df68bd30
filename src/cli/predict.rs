//! `evidence predict RUN --data FILE`: what a trained model says of the target of each row, in the target's units.
//!
//! A number is a distribution: its mean, the standard deviation of the mean among draws of the weights (epistemic), that of the
//! noise (aleatoric), and quantiles of both together. A class has a probability for each level.

use super::Common;
use super::answer::{RowsArguments, rows};
use super::error::CliError;
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
    /// Quantiles of the predictive distribution, by commas
    #[arg(long, value_name = "P", value_delimiter = ',', default_value = "0.05,0.5,0.95")]
    quantiles: Vec<f64>,
}

pub(super) fn run(arguments: &PredictArguments, common: &Common) -> Result<(), CliError> {
    // Farther out, masses are less than what rounding makes of 1.
    let tail = 1e-12;
    if let Some(p) = arguments.quantiles.iter().find(|&&p| !(p >= tail && p <= 1.0 - tail)) {
        return Err(CliError::Usage(format!(
            "--quantiles {p}: a quantile lies between 0 and 1, and not within {tail:e} of them"
        )));
    }
    let quantiles = &arguments.quantiles;
    rows(&arguments.rows, quantiles, TargetUse::Ignored, common, |model, rows, ask| {
        model.predict(rows, ask)
    })
}
