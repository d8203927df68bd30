//! `evidence resume RUN`: goes on from the last checkpoint. The end is that of an unbroken run, to the last bit.

use super::config::Config;
use super::error::CliError;
use super::kind::Kind;
use super::rows::Rows;
use super::trained::{columns, kind_of, schema};
use super::{Common, say, train, whole_path};
use clap::Args;
use evidence::train::run::{CONFIG, Run, RunError, STATE};
use std::fs;
use std::path::PathBuf;

/// Flags of `evidence resume`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evidence resume white\n  evidence resume white --epochs 300\n  evidence resume white --from white/checkpoints/step-000001240.safetensors"
)]
pub(super) struct ResumeArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The table, if it has moved since; where it is now is written into the run
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Another checkpoint than the last
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<PathBuf>,
    /// Passes over the training rows, those already made included, in place of the number planned
    ///
    /// It is written into the run. With a constant learning rate the end is that of a run which had planned so many from the start; a
    /// cosine is stretched over all of them, so that the learning rate rises again where it had come down. A run that was out of
    /// patience stays as it is.
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
}

pub(super) fn run(arguments: &ResumeArguments, common: &Common) -> Result<(), CliError> {
    let (run, text, kind) = kind_of(&arguments.run)?;
    kind.resume(run, &text, arguments, common)
}

/// A run of a kind, gone on with.
pub(super) fn resume<K: Kind>(
    run: &Run,
    text: &str,
    arguments: &ResumeArguments,
    common: &Common,
) -> Result<(), CliError> {
    let mut config = Config::<K::Options>::parse(&run.folder().join(CONFIG), text)?;
    if let Some(data) = &arguments.data {
        config.data.file = whole_path("data", data)?;
    }
    let schema = schema::<K>(run)?;
    let state = arguments.from.clone().unwrap_or_else(|| run.folder().join(STATE));
    // A run that was killed before its first checkpoint starts anew.
    if arguments.from.is_some() || run.has_state() {
        let bytes = fs::metadata(&state)
            .map_err(|source| RunError::Read { path: state.clone(), source })?
            .len();
        let wanted = K::parameters(&config.model, columns(&schema));
        if wanted.saturating_mul(2 * size_of::<f32>() as u128) > u128::from(bytes) {
            return Err(CliError::Data(format!(
                "{}: {bytes} bytes cannot hold the {wanted} parameters that {CONFIG} asks for: it is of another run, or cut \
                 short",
                state.display()
            )));
        }
    }
    let done = run.epochs();
    if let Some(epochs) = arguments.epochs.filter(|epochs| *epochs < done)
        && arguments.from.is_none()
    {
        return Err(CliError::Usage(format!(
            "--epochs {epochs}: the run has {done} epochs behind it; ask for as many or more, or go on --from an older checkpoint"
        )));
    }
    let rows = Rows::again(&config.data, &schema)?;
    if let Some(epochs) = arguments.epochs {
        config.training.epochs = epochs;
    }
    if arguments.epochs.is_some() || arguments.data.is_some() {
        run.reconfigure(&config.to_toml())?;
    }
    let planned = config.training.epochs;
    if done >= planned && arguments.from.is_none() {
        say(format_args!("all {planned} epochs are behind it: --epochs trains on for longer"));
    }
    let ended = train::go::<K>(run, &config, &schema, &rows, arguments.from.as_deref(), common);
    if let Err(CliError::Run(RunError::Damaged { path, .. })) = &ended
        && let Some(older) = run.older_checkpoints().last().filter(|older| *older != path)
    {
        say(format_args!("an older checkpoint is there: --from {}", older.display()));
    }
    ended
}
