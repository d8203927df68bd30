//! The command line: one file for each subcommand.

mod check;
mod lecture;

use clap::{Parser, Subcommand};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// More threads than any machine this is for has cores; a slip of the finger must not start a million.
const MOST_THREADS: i64 = 1024;

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
    #[arg(long, value_name = "N", default_value_t = 0, global = true, value_parser = clap::value_parser!(u16).range(..=MOST_THREADS))]
    threads: u16,

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

/// Writes a line to standard output. A reader that has gone (`evidence check | head`) has what it wanted: no error.
///
/// # Errors
/// If the line cannot be written for any other reason.
fn line(text: &dyn Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Says on standard error that standard output cannot be written.
fn unwritten(error: &io::Error) -> ExitCode {
    eprintln!("evidence: standard output: cannot be written ({error})");
    ExitCode::FAILURE
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Check(check)) => check::run(&check, &arguments.lecture),
        None => lecture::run(&arguments.lecture),
    }
}
