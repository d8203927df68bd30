//! `evidence evaluate RUN --data FILE`: scores of a trained model on rows with targets, a portion of the file at a time.

use super::answer::{DrawsArgument, TableArguments, Unanswered, blocks};
use super::error::CliError;
use super::kind::{Ask, Score};
use super::{Common, line, say, trained};
use clap::Args;
use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::Latents;
use evidence::train::data::{Dataset, TargetUse};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Flags of `evidence evaluate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every row of the table counts, those trained on too if they are in it: what `evidence train` prints is of the rows kept \
                        for testing.\n\nExample:\n  evidence evaluate white --data winequality-white.csv"
)]
pub(super) struct EvaluateArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    draws: DrawsArgument,
    /// What each latent of a vae carries as well: its divergence, and whether it is active
    #[arg(long)]
    latents: bool,
}

/// Scores of rows, added up.
#[derive(Debug, Default)]
pub(super) struct Averages {
    rows: usize,
    sums: Vec<(&'static str, f64, bool)>,
}

impl Averages {
    /// Adds the scores of some rows.
    pub(super) fn add(&mut self, scores: &[Score]) {
        self.rows += scores.first().map_or(0, |score| score.values.len());
        self.sums.resize(scores.len(), ("", 0.0, false));
        for (sum, score) in self.sums.iter_mut().zip(scores) {
            *sum = (score.name, sum.1 + score.values.sum(), score.root);
        }
    }

    /// Each score's name and value.
    fn values(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.sums.iter().map(|&(name, sum, root)| {
            let mean = sum / self.rows as f64;
            (name, if root { mean.sqrt() } else { mean })
        })
    }

    /// As an object.
    pub(super) fn to_json(&self) -> Value {
        Value::Object(
            self.values().map(|(name, value)| (name.into(), json!(value))).collect::<Map<_, _>>(),
        )
    }
}

/// A line for each score.
pub(super) fn print_scores(averages: &Averages, rows: usize) -> Result<(), CliError> {
    for (name, value) in averages.values() {
        line(&format_args!("{name:<22} {value:>10.4}   mean over {rows} rows"))?;
    }
    Ok(())
}

pub(super) fn run(arguments: &EvaluateArguments, common: &Common) -> Result<(), CliError> {
    let trained = trained::open(&arguments.run)?;
    let schema = trained.schema();
    let plain = Ask::plain(schema, trained.seed());
    let (mut averages, mut latents) = (Averages::default(), None::<Latents>);
    let mut unanswered = Unanswered::default();
    let rows = with_threads(common.threads.into(), || {
        let block = |rows: &Dataset, first| {
            let ask = Ask { draws: arguments.draws.number(), first, ..plain.clone() };
            let latents = if arguments.latents { trained.latents(rows) } else { None };
            Ok((trained.scores(rows, &ask)?, latents))
        };
        blocks(
            &*trained,
            &arguments.table,
            TargetUse::Required,
            block,
            |(scores, found), numbers| {
                averages.add(&scores);
                for (i, &row) in numbers.iter().enumerate() {
                    unanswered.look(row, scores.iter().map(|score| score.values[i]));
                }
                match (&mut latents, found) {
                    (Some(latents), Some(found)) => latents.add(&found),
                    (latents, found) => *latents = found,
                }
                Ok(())
            },
        )
    })?;
    unanswered.tell(&arguments.table.file);
    if arguments.latents && latents.is_none() {
        let kind = trained.kind();
        return Err(CliError::Usage(format!(
            "a model of kind \"{kind}\" has no latents to tell of"
        )));
    }
    if common.json {
        let scores = averages.to_json();
        let mut answer = json!({"run": arguments.run.display().to_string(), "kind": trained.kind(), "rows": rows, "scores": scores});
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
    print_scores(&averages, rows)?;
    if let Some(latents) = latents {
        line(&latents)?;
        if let Some(warning) = latents.warning() {
            say(warning);
        }
    }
    Ok(())
}
