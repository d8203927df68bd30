//! `evidence density RUN --data FILE`: the log-density of each row, or of its target.

use super::Common;
use super::answer::{RowsArguments, rows};
use super::error::CliError;
use evidence::train::data::TargetUse;

pub(super) fn run(arguments: &RowsArguments, common: &Common) -> Result<(), CliError> {
    rows(arguments, &[], TargetUse::Required, common, |model, rows, ask| model.density(rows, ask))
}
