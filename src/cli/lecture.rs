//! `evidence` alone: the lecture.

use super::{LectureArguments, line, unwritten};
use evidence::lecture::{LectureOptions, run as run_lecture};
use std::process::ExitCode;

pub(super) fn run(arguments: &LectureArguments) -> ExitCode {
    let options = LectureOptions {
        folder: arguments.out.clone(),
        threads: arguments.threads.into(),
        seed: arguments.seed,
        hurry: arguments.hurry.into(),
    };
    match run_lecture(&options) {
        Ok(summary) => {
            let written = if arguments.json { line(&summary.to_json()) } else { line(&summary) };
            if let Err(error) = written {
                return unwritten(&error);
            }
            if !arguments.json {
                eprintln!("plots and summary.json are in {}", options.folder.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("evidence: {error}");
            ExitCode::FAILURE
        }
    }
}
