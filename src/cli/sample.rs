//! `evidence sample RUN -n N`: rows of a model's own, in the data's units.

use super::answer::{AnswerArguments, write};
use super::error::CliError;
use super::kind::Ask;
use super::{Common, trained};
use clap::Args;
use evidence::Noise;
use evidence::autodiff::kernels::threads::with_threads;
use std::path::PathBuf;

/// Flags of `evidence sample`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evidence sample moons -n 1000 --out points.csv")]
pub(super) struct SampleArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// How many rows
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    n: usize,
    /// Decides the draws
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    draw_seed: u64,
    /// Expected values rather than draws
    #[arg(long)]
    mean: bool,
    #[command(flatten)]
    answer: AnswerArguments,
}

/// Rows made at a time.
const ROWS: usize = 4096;

pub(super) fn run(arguments: &SampleArguments, common: &Common) -> Result<(), CliError> {
    if arguments.n == 0 {
        return Err(CliError::Usage("-n 0: ask for at least one row".to_owned()));
    }
    let trained = trained::open(&arguments.run)?;
    let plain = Ask::plain(trained.schema(), trained.seed());
    let noise = Noise::new(arguments.draw_seed);
    with_threads(common.threads.into(), || {
        write(arguments.answer.out.as_deref(), common, |writer| {
            for first in (0..arguments.n).step_by(ROWS) {
                let n = ROWS.min(arguments.n - first);
                let ask = Ask { noise, first: first as u64, mean: arguments.mean, ..plain.clone() };
                writer.table(&trained.sample(n, &ask)?)?;
            }
            Ok(())
        })
    })
}
