//! `evidence density RUN --data FILE`: the log-density of each row, or of its target.

use super::Common;
use super::answer::{DrawsArgument, RowsArguments, rows};
use super::error::CliError;
use clap::Args;
use evidence::train::data::TargetUse;

/// Flags of `evidence density`.
#[derive(Debug, Args)]
pub(super) struct DensityArguments {
    #[command(flatten)]
    rows: RowsArguments,
    #[command(flatten)]
    draws: DrawsArgument,
}

pub(super) fn run(arguments: &DensityArguments, common: &Common) -> Result<(), CliError> {
    rows(&arguments.rows, TargetUse::Required, common, |model, rows, ask| {
        model.density(rows, &arguments.draws.of(model, ask)?)
    })
}
