//! `evidence check`: the whole check table, a line for each row.

use super::{LectureArguments, line, say, unwritten};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::check::{Check, Outcome};
use serde::Serialize;
use std::io;
use std::process::ExitCode;

/// Flags of `evidence check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArguments {
    /// Only the rows whose name contains this
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// A row as JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    passed: bool,
    errors: Vec<Error>,
    failure: Option<&'a str>,
}

#[derive(Serialize)]
struct Error {
    against: &'static str,
    error: f64,
    bound: f64,
}

pub(super) fn run(arguments: &CheckArguments, common: &LectureArguments) -> ExitCode {
    let checked = with_threads(common.threads.into(), || check(arguments, common));
    checked.unwrap_or_else(|error| unwritten(&error))
}

fn check(arguments: &CheckArguments, common: &LectureArguments) -> io::Result<ExitCode> {
    let wanted = |check: &Check| {
        arguments.name.as_ref().is_none_or(|name| check.name().contains(name.as_str()))
    };
    let table: Vec<Check> = evidence::checks().into_iter().filter(wanted).collect();
    if table.is_empty() {
        let name = arguments.name.as_deref().unwrap_or_default();
        say(format_args!(
            "no check has \"{name}\" in its name; `evidence check` alone lists them all"
        ));
        return Ok(ExitCode::from(2));
    }
    let width = table.iter().map(|check| check.name().chars().count()).max().unwrap_or(0);
    let mut failed = 0;
    let mut rows = Vec::new();
    let mut outcomes = Vec::<Outcome>::new();
    for check in &table {
        let outcome = check.run();
        if !common.json {
            let verdict = if outcome.passed() { "ok    " } else { "FAILED" };
            line(&format_args!("{verdict} {:width$}  {outcome}", check.name()))?;
        }
        outcomes.push(outcome);
    }
    for (check, outcome) in table.iter().zip(&outcomes) {
        failed += usize::from(!outcome.passed());
        let errors = outcome.measured.iter();
        rows.push(Row {
            name: check.name(),
            passed: outcome.passed(),
            errors: errors
                .map(|m| Error { against: m.against, error: m.error, bound: m.bound })
                .collect(),
            failure: outcome.failure.as_deref(),
        });
    }
    if common.json {
        line(&serde_json::to_string_pretty(&rows).expect("rows hold only text and numbers"))?;
    } else {
        line(&format_args!("{} passed, {failed} failed", table.len() - failed))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
