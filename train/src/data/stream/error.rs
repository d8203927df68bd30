//! What can be wrong with a table that is read again and again.

use crate::data::{ReadError, SchemaError};
use std::path::PathBuf;

/// A table that cannot be streamed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its columns are not what they should be.
    #[error("{}: {source}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: SchemaError,
    },
    /// It is no file: a pipe can be read only once.
    #[error(
        "{}: this is no regular file and can be read only once, but every epoch reads the table again: save it as a file, or \
         read it whole", path.display()
    )]
    NoFile {
        /// What was given.
        path: PathBuf,
    },
    /// A part of the rows that is empty.
    #[error(
        "{}: none of its {rows} rows is for {purpose}: give more rows, or that part a larger share", path.display()
    )]
    NoRows {
        /// The file.
        path: PathBuf,
        /// Rows of it.
        rows: usize,
        /// What they are needed for.
        purpose: &'static str,
    },
    /// A window without rows.
    #[error("a window of 0 rows: rows are shuffled within it, so give it some thousands")]
    NoWindow,
    /// It is another table than it was, or was written to meanwhile.
    #[error(
        "{}: this is not the table that the run began with, or it was written to meanwhile, so the run cannot end as it would \
         have; bring that table back and resume, or train anew", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Errors are told apart by what they say.
impl PartialEq for StreamError {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
