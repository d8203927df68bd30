//! `evidence reproduce`: published tables, computed again.

mod uci;
mod vae;

use super::error::CliError;
use super::{Common, line, say};
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
    /// Binarised MNIST by a VAE or IWAE: the network of Burda, Grosse and Salakhutdinov (2016)
    Vae(vae::VaeArguments),
}

pub(super) fn run(arguments: &ReproduceArguments, common: &Common) -> Result<(), CliError> {
    match &arguments.table {
        Table::Uci(arguments) => uci::run(arguments, common),
        Table::Vae(arguments) => vae::run(arguments, common),
    }
}
