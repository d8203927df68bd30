//! What can go wrong with images that are to be learned.

use evidence_optim::OptimError;
use evidence_train::Divergence;
use evidence_train::data::DataError;

/// A set that cannot be learned.
#[derive(Debug, thiserror::Error)]
pub enum MnistError {
    /// Images that cannot be turned.
    #[error("images of {0} by {1} pixels; they must be square, so that they can be turned")]
    Oblong(usize, usize),
    /// Not one of ten.
    #[error("{part} image {row} (counted from 0) has label {label}; labels are 0 to 9")]
    Label {
        /// "training" or "test".
        part: &'static str,
        /// From 0.
        row: usize,
        /// What is there.
        label: usize,
    },
    /// Too few images to hold some out.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A hyperparameter of the optimiser.
    #[error(transparent)]
    Optim(#[from] OptimError),
    /// The training.
    #[error("{0}")]
    Diverged(Box<Divergence>),
}
