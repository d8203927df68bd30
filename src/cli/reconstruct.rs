//! `evidence reconstruct RUN --data FILE`: each row, through its code.

use super::Common;
use super::answer::{RowsArguments, rows};
use super::error::CliError;
use evidence::train::data::TargetUse;

pub(super) fn run(arguments: &RowsArguments, common: &Common) -> Result<(), CliError> {
    rows(arguments, TargetUse::Ignored, common, |model, rows, ask| model.reconstruct(rows, ask))
}
