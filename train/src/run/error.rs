//! What can be wrong with a run's files.

use crate::data::{DataError, StreamError};
use crate::fit::RestoreError;
use evidence_optim::Mismatch;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A run's complaint: the file, what is wrong there, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file or folder that cannot be written. Files are replaced whole or not at all.
    #[error(
        "{path}: cannot be written ({source}); what was there before is as it was: make room or give the right to \
         write there, and go on from the last checkpoint"
    )]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that cannot be read.
    #[error("{path}: cannot be read ({source}); is it a run's folder?")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file whose content is not what it should be.
    #[error("{path}: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what to do.
        what: String,
    },
    /// Tensors of another model.
    #[error("{path}: these tensors are of another model than config.toml says: {mismatch}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Names and shapes.
        mismatch: Mismatch,
    },
    /// Layers of another network than the one that is to start from them.
    #[error(
        "{path}: these are not the linear layers of the network, outputs first, as PyTorch saves them: {mismatch}; a run's own \
         model.safetensors is no such file"
    )]
    Layers {
        /// The file.
        path: PathBuf,
        /// Names and shapes.
        mismatch: Mismatch,
    },
    /// A folder that holds a run already.
    #[error(
        "{path}: holds a run already; choose another folder, or go on with it by `evidence resume`"
    )]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder that is no part of a run, where a new run's would be.
    #[error(
        "{path}: is there already and of no run; choose another folder, or move it away: a new run would replace it"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A run that another process trains.
    #[error("{path}: another process trains this run now; wait for its end, or stop it")]
    Busy {
        /// The file that it holds.
        path: PathBuf,
    },
    /// The snapshot does not fit the training.
    #[error("{path}: {source}")]
    Restore {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: RestoreError,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Rows that could not be read while training. The run is saved behind the step before.
    #[error(transparent)]
    Stream(#[from] Arc<StreamError>),
}

impl RunError {
    /// For a file that cannot be written.
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Write { path, source }
    }

    /// For what is no file of its own in a run's folder.
    pub(crate) fn irregular(path: impl Into<PathBuf>) -> Self {
        let what = "is a link or no regular file, which no run has: take a copy of the run with files of its own";
        Self::Damaged { path: path.into(), what: what.to_owned() }
    }

    /// For a file that cannot be read.
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Read { path, source }
    }
}
