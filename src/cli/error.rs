//! How a subcommand ends: its exit code, and what it says on standard error.

use super::{say, unwritten};
use evidence::optim::OptimError;
use evidence::reproduce::mnist::MnistError;
use evidence::reproduce::{FolderError, ReproduceError};
use evidence::train::Divergence;
use evidence::train::data::{DataError, ImagesError, ReadError, SchemaError, StreamError};
use evidence::train::run::RunError;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the codes mean, for `--help`.
pub(super) const CODES: &str = "Exit codes: 0 success, 1 a failed check or a file that cannot be written, 2 wrong usage, \
3 bad data or a damaged file, 4 the training diverged, 130 interrupted and saved.";

/// Why a subcommand did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Flags or a configuration that cannot be.
    #[error("{0}")]
    Usage(String),
    /// Standard output.
    #[error("standard output: cannot be written ({0})")]
    Output(#[from] io::Error),
    /// A file asked for with `--out`.
    #[error("{path}: cannot be written ({source}); choose another file with --out")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A table.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A table that is streamed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A table that does not fit.
    #[error("{path}: {source}")]
    Schema {
        /// The table or the schema.
        path: PathBuf,
        /// What does not fit.
        source: SchemaError,
    },
    /// Numbers that cannot be.
    #[error("{0}")]
    Data(String),
    /// A run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The training.
    #[error("{divergence}; the best parameters before are in {folder}")]
    Diverged {
        /// Where.
        divergence: Box<Divergence>,
        /// The run.
        folder: PathBuf,
    },
    /// A published table.
    #[error(transparent)]
    Reproduce(#[from] ReproduceError),
    /// What was to be learned from images.
    #[error(transparent)]
    Mnist(#[from] MnistError),
    /// Ctrl-C.
    #[error("interrupted and saved behind step {step}; go on with `evidence resume {folder}`")]
    Interrupted {
        /// The last one.
        step: usize,
        /// The run.
        folder: PathBuf,
    },
}

impl From<OptimError> for CliError {
    fn from(error: OptimError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<FolderError> for CliError {
    fn from(error: FolderError) -> Self {
        Self::Reproduce(error.into())
    }
}

impl From<ImagesError> for CliError {
    fn from(error: ImagesError) -> Self {
        Self::Data(error.to_string())
    }
}

impl From<DataError> for CliError {
    fn from(error: DataError) -> Self {
        Self::Data(error.to_string())
    }
}

impl CliError {
    /// The exit code.
    fn code(&self) -> u8 {
        match self {
            Self::Output(_) | Self::Write { .. } | Self::Run(RunError::Write { .. }) => 1,
            Self::Usage(_)
            | Self::Run(RunError::Exists { .. } | RunError::Busy { .. })
            | Self::Reproduce(ReproduceError::Optim(_)) => 2,
            Self::Read(_)
            | Self::Stream(_)
            | Self::Schema { .. }
            | Self::Data(_)
            | Self::Run(_) => 3,
            Self::Reproduce(ReproduceError::Diverged { .. } | ReproduceError::Training(_))
            | Self::Mnist(MnistError::Diverged(_)) => 4,
            Self::Reproduce(_) | Self::Mnist(_) => 3,
            Self::Diverged { .. } => 4,
            Self::Interrupted { .. } => 130,
        }
    }
}

/// Says what went wrong, if anything did.
pub(super) fn end(result: Result<(), CliError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has gone had what it wanted.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(CliError::Output(error)) => unwritten(&error),
        Err(error) => {
            say(&error);
            ExitCode::from(error.code())
        }
    }
}
