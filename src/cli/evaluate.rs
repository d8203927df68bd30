//! `evidence evaluate RUN --data FILE`: scores of a trained model on rows with targets, a portion of the file at a time.

use super::answer::{DrawsArgument, TableArguments, Unanswered, blocks, side_by_side};
use super::error::CliError;
use super::kind::Ask;
use super::scores::{Averages, Score};
use super::trained::Part;
use super::{Common, line, say, trained};
use clap::Args;
use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::Latents;
use evidence::train::data::{Dataset, TargetUse};
use serde_json::json;
use std::path::PathBuf;

/// Flags of `evidence evaluate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --part every row of the table counts, those trained on too if they are in it.\n\nExamples:\n  \
                  evidence evaluate white --data winequality-white.csv --part test\n  evidence evaluate white --data new.csv"
)]
pub(super) struct EvaluateArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    draws: DrawsArgument,
    /// Of the table that was trained on, the rows kept apart: to test on (what `evidence train` prints), or to choose the best epoch by
    #[arg(long, value_name = "PART")]
    part: Option<Part>,
    /// What each latent of a vae carries as well: its divergence, and whether it is active
    #[arg(long)]
    latents: bool,
}

pub(super) fn run(arguments: &EvaluateArguments, common: &Common) -> Result<(), CliError> {
    let trained = trained::open(&arguments.run)?;
    let schema = trained.schema();
    let plain = arguments.draws.of(&*trained, &Ask::plain(schema, trained.seed()))?;
    let (mut averages, mut latents) = (Averages::default(), None::<Latents>);
    let block = |rows: &Dataset, first| {
        let ask = Ask { first, ..plain.clone() };
        let latents = if arguments.latents { trained.latents(rows) } else { None };
        Ok((trained.scores(rows, &ask)?, latents))
    };
    let mut take = |(scores, found): (Vec<_>, _)| {
        averages.add(&scores);
        match (&mut latents, found) {
            (Some(latents), Some(found)) => latents.add(&found),
            (latents, found) => *latents = found,
        }
    };
    let rows = with_threads(common.threads.into(), || {
        if let Some(part) = arguments.part {
            let rows = trained.part(&arguments.table, part)?;
            for answer in side_by_side(&rows, 0, block) {
                take(answer?);
            }
            return Ok(rows.rows());
        }
        let mut unanswered = Unanswered::default();
        let take = |answer: (Vec<Score>, Option<Latents>), numbers: &[u64]| {
            for (i, &row) in numbers.iter().enumerate() {
                unanswered.look(row, answer.0.iter().map(|score| score.values[i]));
            }
            take(answer);
            Ok(())
        };
        let rows = blocks(&*trained, &arguments.table, TargetUse::Required, block, take)?;
        unanswered.tell(&arguments.table.file);
        Ok::<_, CliError>(rows)
    })?;
    if arguments.latents && latents.is_none() {
        let kind = trained.kind();
        return Err(CliError::Usage(format!(
            "a model of kind \"{kind}\" has no latents to tell of"
        )));
    }
    if common.json {
        let scores = averages.to_json();
        let mut answer = json!({"run": arguments.run.display().to_string(), "kind": trained.kind(), "rows": rows, "scores": scores, "standard_errors": averages.errors_to_json()});
        if let Some(latents) = latents {
            answer["latents"] = json!({
                "kl": latents.divergence().to_vec(),
                "variance_of_mean": latents.activity().to_vec(),
                "active": latents.active(),
            });
        }
        line(&answer)?;
        return Ok(());
    }
    averages.print(match arguments.part {
        None => "rows",
        Some(Part::Validation) => "validation rows",
        Some(Part::Test) => "test rows",
    })?;
    if let Some(latents) = latents {
        line(&latents)?;
        if let Some(warning) = latents.warning() {
            say(warning);
        }
    }
    Ok(())
}
