//! `evidence resume RUN`: goes on from the last checkpoint. The end is that of an unbroken run, to the last bit.

use super::config::Config;
use super::error::CliError;
use super::kind::Kind;
use super::trained::{columns, kind_of, schema};
use super::{Common, train};
use clap::Args;
use evidence::train::data::TargetUse;
use evidence::train::run::{CONFIG, Run, RunError, STATE};
use std::fs;
use std::path::PathBuf;

/// Flags of `evidence resume`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evidence resume white\n  evidence resume white --from white/checkpoints/step-000001240.safetensors"
)]
pub(super) struct ResumeArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The table, if it has moved since
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Another checkpoint than the last
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<PathBuf>,
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
        config.data.file.clone_from(data);
    }
    let schema = schema(run)?;
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
    let frame = train::table(&config.data.file, &config.data)?;
    if !schema.is_of(&frame) {
        return Err(CliError::Data(format!(
            "{}: this is not the table that the run began with, so it cannot end as it would have; bring that table back, or \
             train anew",
            config.data.file.display()
        )));
    }
    let at = |source| CliError::Schema { path: config.data.file.clone(), source };
    let data = schema.apply(&frame, TargetUse::Required).map_err(at)?.data;
    let split = schema.split().split(data.rows())?;
    let from = arguments.from.as_deref();
    let ended = train::go::<K>(run, &config, &schema, &data, &split, from, common);
    if let Err(CliError::Run(RunError::Damaged { path, .. })) = &ended
        && let Some(older) = run.older_checkpoints().last().filter(|older| *older != path)
    {
        eprintln!("evidence: an older checkpoint is there: --from {}", older.display());
    }
    ended
}
