//! `evidence` alone: the lecture.

use super::{LectureArguments, line, say, unwritten};
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
                say(format_args!("plots and summary.json are in {}", options.folder.display()));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(error);
            ExitCode::FAILURE
        }
    }
}
