//! The command line: one file for each subcommand.

mod answer;
mod check;
mod completions;
mod config;
mod decode;
mod density;
mod encode;
mod error;
mod estimators;
mod evaluate;
#[cfg(test)]
mod fuzz;
mod inspect;
mod jacobian;
mod kind;
mod lecture;
mod optimizer;
mod predict;
mod reconstruct;
mod reproduce;
mod resume;
mod rows;
mod sample;
mod scores;
mod separator;
mod train;
mod trained;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use error::{CODES, CliError};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
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
    after_help = format!("Examples:\n  evidence                 the lecture, into evidence-out/\n  evidence --json          the same, with summary.json on standard output\n  evidence check           every gradient and log-determinant, checked\n  evidence train bayes --data winequality-white.csv --target quality --out white\n  evidence predict white --data new.csv --out predicted.csv\n\n{CODES}")
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
    /// Trains a model on a table
    Train(train::TrainArguments),
    /// Goes on with a training that was stopped
    Resume(resume::ResumeArguments),
    /// Scores a trained model on rows with targets
    Evaluate(evaluate::EvaluateArguments),
    /// Predicts the target of each row
    Predict(predict::PredictArguments),
    /// Gives the log-density of each row
    Density(density::DensityArguments),
    /// Makes rows of a model's own
    Sample(sample::SampleArguments),
    /// Gives the code of each row
    Encode(answer::RowsArguments),
    /// Gives the row of each code
    Decode(answer::RowsArguments),
    /// Sends each row through its code
    Reconstruct(answer::RowsArguments),
    /// Measures bias, variance and cost of gradient estimators
    Estimators(estimators::EstimatorsArguments),
    /// Computes a published table again
    Reproduce(reproduce::ReproduceArguments),
    /// Measures a flow at each row: round trip, log-determinants, condition numbers
    Jacobian(jacobian::JacobianArguments),
    /// Shows a trained model's parameters, or the tape of a step
    Inspect(inspect::InspectArguments),
    /// Prints completions for a shell
    Completions(completions::CompletionsArguments),
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
    say(format_args!("standard output: cannot be written ({error})"));
    ExitCode::FAILURE
}

/// Says something on standard error. If nobody reads there, nothing else is lost.
fn say(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "evidence: {text}");
}

/// A path from the root, which a configuration can hold: whoever resumes may stand elsewhere.
fn whole_path(flag: &str, path: &Path) -> Result<PathBuf, CliError> {
    let usage =
        |what: &dyn Display| CliError::Usage(format!("--{flag} {}: {what}", path.display()));
    let whole = std::path::absolute(path).map_err(|error| usage(&error))?;
    match whole.to_str() {
        Some(_) => Ok(whole),
        None => {
            Err(usage(&"the path is no UTF-8 text and cannot be written into a run: rename it"))
        }
    }
}

/// Where a limit on the size of files ends a write, the write is to fail, not the program.
fn outlive_limits() {
    #[cfg(unix)]
    // Without the handler the program ends there: nothing else is lost.
    let _ = signal_hook::flag::register(
        signal_hook::consts::signal::SIGXFSZ,
        std::sync::Arc::default(),
    );
}

/// Flags of every subcommand.
#[derive(Clone, Copy, Debug)]
struct Common {
    /// Results as JSON.
    json: bool,
    threads: u16,
}

/// A flag of the lecture alone that was given before any subcommand.
fn of_the_lecture(matches: &ArgMatches) -> Option<&'static str> {
    let given = |flag: &&str| matches.value_source(flag) == Some(ValueSource::CommandLine);
    ["out", "seed", "hurry"].into_iter().find(given)
}

/// Takes a negative number behind a flag for its value, to be refused as that and not as an unknown flag.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let names: Vec<_> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| {
        let valued = arg.get_action().takes_values();
        if valued { arg.allow_negative_numbers(true) } else { arg }
    });
    names.into_iter().fold(command, |all, name| all.mut_subcommand(name, with_negative_numbers))
}

/// Runs the command line.
pub fn run() -> ExitCode {
    outlive_limits();
    let matches = with_negative_numbers(Arguments::command()).get_matches();
    if let (Some((name, _)), Some(flag)) = (matches.subcommand(), of_the_lecture(&matches)) {
        return error::end(Err(CliError::Usage(format!(
            "--{flag} before `{name}` is of the lecture, which this is not: leave it out, or give it behind `{name}` if that has it"
        ))));
    }
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let lecture = &arguments.lecture;
    let common = &Common { json: lecture.json, threads: lecture.threads };
    if common.threads > 0 {
        // Tables are read outside of the pool that computes. There is no global pool yet, so that this cannot fail but for want of threads,
        // which the pool that computes will tell.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(common.threads.into()).build_global();
    }
    error::end(match &arguments.command {
        None => return lecture::run(lecture),
        Some(Command::Check(check)) => return check::run(check, lecture),
        Some(Command::Train(arguments)) => train::run(arguments, common),
        Some(Command::Resume(arguments)) => resume::run(arguments, common),
        Some(Command::Evaluate(arguments)) => evaluate::run(arguments, common),
        Some(Command::Predict(arguments)) => predict::run(arguments, common),
        Some(Command::Density(arguments)) => density::run(arguments, common),
        Some(Command::Sample(arguments)) => sample::run(arguments, common),
        Some(Command::Encode(arguments)) => encode::run(arguments, common),
        Some(Command::Decode(arguments)) => decode::run(arguments, common),
        Some(Command::Reconstruct(arguments)) => reconstruct::run(arguments, common),
        Some(Command::Estimators(arguments)) => estimators::run(arguments, common),
        Some(Command::Reproduce(arguments)) => reproduce::run(arguments, common),
        Some(Command::Jacobian(arguments)) => jacobian::run(arguments, common),
        Some(Command::Inspect(arguments)) => inspect::run(arguments, common),
        Some(Command::Completions(arguments)) => completions::run(arguments),
    })
}
