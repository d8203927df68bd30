//! The command line: one file for each subcommand.

mod check;
mod lecture;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// A Bayesian deep learning engine: without a subcommand it runs the lecture.
///
/// Trains every model of the lecture on data that comes with the program, writes plots and summary.json to a folder, and
/// ends with a table. Results do not depend on the number of threads.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  evidence                 the lecture, into evidence-out/\n  evidence --json          the same, with summary.json on standard output\n  evidence check           every gradient and log-determinant, checked\n\nExit codes: 0 success, 1 a failed check or run, 2 wrong usage."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    lecture: LectureArguments,
}

#[derive(Debug, clap::Args)]
struct LectureArguments {
    /// Folder for plots and summary.json
    #[arg(long, value_name = "FOLDER", default_value = "evidence-out")]
    out: PathBuf,

    /// Prints the results as JSON on standard output
    #[arg(long, global = true)]
    json: bool,

    /// Threads (0: one per core); the results do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, global = true)]
    threads: usize,

    /// Decides splits, initial weights and every draw
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,

    /// Divides the lengths of all runs by N, for a quick look
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    hurry: u16,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks every gradient and log-determinant against independent truth
    Check(check::CheckArguments),
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Check(check)) => check::run(&check, &arguments.lecture),
        None => lecture::run(&arguments.lecture),
    }
}
