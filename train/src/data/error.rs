//! What can be wrong with data: one error type that says what, where and what to do.
//!
//! Rows and columns are counted from 0, as in the arrays.

use std::fmt;

/// Which table of a [`Dataset`](super::Dataset) an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The inputs of a model.
    Features,
    /// What a model is to predict.
    Targets,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Features => "features",
            Self::Targets => "targets",
        })
    }
}

/// A part of a [`Split`](super::Split).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The rows that parameters and scales are fitted on.
    Train,
    /// The rows that choices (when to stop, which setting) are made on.
    Validation,
    /// The rows that results are reported on, and nothing else.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// An error in data, or in how it is to be cut up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A table without a row or without a column.
    #[error("the {table} are empty ({rows} rows, {columns} columns): give at least one of each")]
    Empty {
        /// Which table.
        table: Table,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },

    /// No rows were asked for, or given, where at least one is needed.
    #[error("no rows to {purpose}: give at least one")]
    NoRows {
        /// What they were needed for.
        purpose: &'static str,
    },

    /// An array without a column, where at least one is needed.
    #[error("no columns to {purpose}: give at least one")]
    NoColumns {
        /// What they were needed for.
        purpose: &'static str,
    },

    /// More or fewer names than columns of a table as it was read.
    #[error("{names} names for {columns} columns: give one name a column")]
    Names {
        /// Names given.
        names: usize,
        /// Columns there are.
        columns: usize,
    },

    /// A name that two columns share.
    #[error("two columns are called \"{name}\": give each a name of its own")]
    RepeatedName {
        /// The name.
        name: String,
    },

    /// A column that is longer or shorter than the first.
    #[error("column \"{name}\" has {found} rows and the first column {rows}: give as many of each")]
    ColumnLength {
        /// The column's name.
        name: String,
        /// Rows of the first column.
        rows: usize,
        /// Rows of this one.
        found: usize,
    },

    /// Features and targets of different length.
    #[error(
        "{features} rows of features but {targets} of targets: row i of one belongs to row i of the other, \
         so give as many of each"
    )]
    RowMismatch {
        /// Rows of features.
        features: usize,
        /// Rows of targets.
        targets: usize,
    },

    /// More or fewer names than columns.
    #[error("{names} names for {columns} columns of {table}: give one name a column")]
    NameMismatch {
        /// Which table.
        table: Table,
        /// Names given.
        names: usize,
        /// Columns of the table.
        columns: usize,
    },

    /// A NaN or an infinity in the data.
    #[error(
        "{value} in row {row}, column {column} (\"{name}\") of the {table}, counted from 0: \
         drop the row, or put a number there"
    )]
    NotFinite {
        /// Which table.
        table: Table,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The column's name.
        name: String,
        /// What stands there.
        value: f64,
    },

    /// A target that is no class label.
    #[error(
        "{value} in row {row} of target \"{name}\" is no class: classes are whole numbers from 0 upwards"
    )]
    NotAClass {
        /// Row, from 0.
        row: usize,
        /// The column's name.
        name: String,
        /// What stands there.
        value: f64,
    },

    /// Classes were asked of data that has no single target column.
    #[error("classes need exactly one target column, and there are {columns}: choose one")]
    ClassColumns {
        /// Target columns there are.
        columns: usize,
    },

    /// A row index past the end.
    #[error(
        "row {row} was asked for, but there are {rows} rows, counted from 0: check the list of rows"
    )]
    RowOutOfRange {
        /// The row asked for.
        row: usize,
        /// Rows there are.
        rows: usize,
    },

    /// A fraction that is not between 0 and 1.
    #[error("the {part} fraction is {fraction}: give a number above 0 and below 1")]
    Fraction {
        /// Which part.
        part: Part,
        /// The fraction given.
        fraction: f64,
    },

    /// Fractions that leave rows over, or ask for more than there are.
    #[error("the training, validation and test fractions add up to {sum}: make them add up to 1")]
    FractionSum {
        /// Their sum.
        sum: f64,
    },

    /// A cross-validation without two parts to take turns.
    #[error(
        "{folds} fold(s): a cross-validation needs at least 2, each tested once (5 and 10 are usual)"
    )]
    Folds {
        /// Folds asked for.
        folds: usize,
    },

    /// A part of a split without a row.
    #[error(
        "the {part} part of a split of {rows} rows is empty: give more data, or that part a larger share"
    )]
    EmptyPart {
        /// Which part.
        part: Part,
        /// Rows to be split.
        rows: usize,
    },

    /// A row that is listed twice in a split.
    #[error(
        "row {row} is in the {first} part and again in the {second} part: leave it in one of them, once"
    )]
    Overlap {
        /// The row.
        row: usize,
        /// Where it was met first.
        first: Part,
        /// Where it was met again (the same part, when the list repeats it).
        second: Part,
    },

    /// A row that no part of a split lists.
    #[error(
        "row {row} is in no part of the split: add it to one, or select the rows you want beforehand"
    )]
    Uncovered {
        /// The first such row.
        row: usize,
    },

    /// A column whose spread does not fit in an `f64`.
    #[error(
        "column {column} reaches from {min:e} to {max:e}, and its spread overflows: give it in larger units"
    )]
    Spread {
        /// Column, from 0.
        column: usize,
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },

    /// Means and scales that standardise nothing.
    #[error(
        "{means} means and {scales} scales: give one finite mean and one finite scale above 0 a column"
    )]
    Moments {
        /// Means given.
        means: usize,
        /// Scales given.
        scales: usize,
    },

    /// A batch of no rows.
    #[error(
        "the batch size is 0: give at least 1 (a size above the number of rows means all of them)"
    )]
    ZeroBatch,

    /// A noise scale that a generator or a density cannot use.
    #[error("the noise is {noise}: give a finite standard deviation, {bound}")]
    Noise {
        /// The noise given.
        noise: f64,
        /// What it must be.
        bound: &'static str,
    },
}
