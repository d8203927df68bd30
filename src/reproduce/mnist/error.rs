//! What can go wrong with a set of images and their labels.

use evidence_optim::OptimError;
use evidence_train::Divergence;
use evidence_train::data::{DataError, ReadError};
use std::path::PathBuf;

/// A set that cannot be read or learned.
#[derive(Debug, thiserror::Error)]
pub enum MnistError {
    /// A file that is not there.
    #[error("{folder}: there is neither {name} nor {name}.gz")]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// What it must be called.
        name: &'static str,
    },
    /// A file that is not IDX, or broken.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Rows that are no square images, or not those of the training part.
    #[error("{path}: images of {pixels} pixels; {wanted}")]
    Pixels {
        /// The file.
        path: PathBuf,
        /// Of each row.
        pixels: usize,
        /// What must be.
        wanted: String,
    },
    /// Several numbers where one label must be.
    #[error("{path}: {columns} numbers in each row; a label is one")]
    Columns {
        /// The file.
        path: PathBuf,
        /// How many.
        columns: usize,
    },
    /// Images and labels that do not belong together.
    #[error("{path}: {labels} labels for {images} images")]
    Count {
        /// The labels.
        path: PathBuf,
        /// How many.
        labels: usize,
        /// How many images.
        images: usize,
    },
    /// Not one of ten.
    #[error(
        "{path}: row {row} (counted from 0) has label {value}; labels are whole numbers from 0 to 9"
    )]
    Label {
        /// The labels.
        path: PathBuf,
        /// From 0.
        row: usize,
        /// What is there.
        value: f64,
    },
    /// A file that is not numbers, or has no rows.
    #[error("{path}: {found}; images and labels are IDX files with rows of numbers")]
    Table {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: &'static str,
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
