//! `evidence completions SHELL`: a script that completes subcommands and flags.

use super::Arguments;
use super::error::CliError;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use std::io;

/// Flags of `evidence completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evidence completions bash > ~/.local/share/bash-completion/completions/evidence"
)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArguments) -> Result<(), CliError> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Arguments::command(), "evidence", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(())
}
