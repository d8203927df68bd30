//! `evidence` alone: the lecture.

use super::LectureArguments;
use evidence::lecture::{LectureOptions, run as run_lecture};
use std::process::ExitCode;

pub(super) fn run(arguments: &LectureArguments) -> ExitCode {
    let options = LectureOptions {
        folder: arguments.out.clone(),
        threads: arguments.threads,
        seed: arguments.seed,
        hurry: arguments.hurry.into(),
    };
    match run_lecture(&options) {
        Ok(summary) => {
            if arguments.json {
                println!("{}", summary.to_json());
            } else {
                println!("{summary}");
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
