//! `evidence reproduce TABLE DIR`: a published table, computed again.

mod mnist;
mod uci;

use super::Common;
use super::error::CliError;
use clap::{Args, Subcommand};

/// Flags of `evidence reproduce`.
#[derive(Debug, Args)]
pub(super) struct ReproduceArguments {
    #[command(subcommand)]
    table: Table,
}

#[derive(Debug, Subcommand)]
enum Table {
    /// Regression on the fixed splits of Hernández-Lobato and Adams (2015)
    Uci(uci::UciArguments),
    /// Classification of MNIST by Bayes by Backprop (Blundell and others 2015)
    Mnist(mnist::MnistArguments),
}

pub(super) fn run(arguments: &ReproduceArguments, common: &Common) -> Result<(), CliError> {
    match &arguments.table {
        Table::Uci(arguments) => uci::run(arguments, common),
        Table::Mnist(arguments) => mnist::run(arguments, common),
    }
}
