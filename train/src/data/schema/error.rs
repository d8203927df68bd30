//! What can be wrong between a table and the schema it is to follow.

use crate::data::error::DataError;
use crate::data::read::list;

/// A table that does not follow a schema, or a schema that cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A column that is asked for and not there.
    #[error("no column is called \"{name}\": there are {}", list(known))]
    NoColumn {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },

    /// A column that is asked for twice, or both as a feature and as a target.
    #[error("column \"{name}\" is asked for twice: name it once, as a feature or as a target")]
    Twice {
        /// Its name.
        name: String,
    },

    /// A category that is neither a feature nor a target.
    #[error(
        "column \"{name}\" is to be categorical, but is neither a feature nor a target: name it there too, or not at all"
    )]
    Unused {
        /// Its name.
        name: String,
    },

    /// Every column is a target.
    #[error("no column is left as a feature: name fewer targets")]
    NoFeatures,

    /// A table without names that has another number of columns than the schema was made of.
    #[error(
        "expected {expected} columns ({features} without the targets), found {found}: a file without names is matched by the \
         order of its columns, so give as many, or one with a header"
    )]
    Width {
        /// Columns of the table the schema was made of.
        expected: usize,
        /// Those of them that are no targets.
        features: usize,
        /// Columns found.
        found: usize,
    },

    /// Text in a column that holds numbers.
    #[error(
        "column \"{name}\" holds text (\"{found}\" in row {row}, counted from 0) where numbers are expected: {}",
        advice(found)
    )]
    Text {
        /// The column.
        name: String,
        /// Row of the table, from 0.
        row: u64,
        /// What stands there.
        found: String,
    },

    /// A category that the schema does not have.
    #[error(
        "row {row}, counted from 0, column \"{name}\": \"{found}\" is none of the known levels {}: \
         correct it, or train again with rows that have it",
        list(levels)
    )]
    Level {
        /// The column.
        name: String,
        /// Row of the table, from 0.
        row: u64,
        /// What stands there.
        found: String,
        /// The levels there are.
        levels: Vec<String>,
    },

    /// A number that is too far from those that the schema was made of to be computed with in single precision.
    #[error(
        "row {row}, counted from 0, column \"{name}\": {found:?} is, scaled, larger than any number in single precision: correct it"
    )]
    Large {
        /// The column.
        name: String,
        /// Row of the table, from 0.
        row: u64,
        /// What stands there.
        found: f64,
    },

    /// A column whose numbers are too far apart.
    #[error(
        "column \"{name}\" runs from {min:?} to {max:?}, too far apart to be scaled: correct it, or leave it out"
    )]
    Spread {
        /// The column.
        name: String,
        /// Its smallest number.
        min: f64,
        /// Its largest number.
        max: f64,
    },

    /// More levels than a categorical column can sensibly have.
    #[error(
        "column \"{name}\" has {levels} different values, and a categorical one may have at most {limit}: \
         leave it out, or treat it as numbers"
    )]
    Levels {
        /// The column.
        name: String,
        /// Its levels.
        levels: usize,
        /// The most allowed.
        limit: usize,
    },

    /// A class whose values hardly repeat.
    #[error(
        "column \"{name}\" has {levels} different values in {rows} rows, the first of them \"{first}\", and is to be a class: \
         a class needs several rows of each{}",
        if has_comma(first) { format!("; {POINT}") } else { String::new() }
    )]
    Unrepeated {
        /// The column.
        name: String,
        /// Its values.
        levels: usize,
        /// Rows of the table.
        rows: usize,
        /// The first value.
        first: String,
    },

    /// A class that is the same in all rows.
    #[error("column \"{name}\" is \"{level}\" in every row: there is nothing to tell apart")]
    OneClass {
        /// The column.
        name: String,
        /// What stands there.
        level: String,
    },

    /// A class among other targets.
    #[error("\"{name}\" is a class and there are {targets} targets: a class is the only target")]
    ClassAmongTargets {
        /// The class.
        name: String,
        /// Targets asked for.
        targets: usize,
    },

    /// A stored schema that contradicts itself.
    #[error(
        "the schema is broken: {what}: bring back the file that the training wrote, or train anew"
    )]
    Broken {
        /// What is wrong.
        what: String,
    },

    /// A stored schema that cannot be read.
    #[error(
        "the schema cannot be read ({0}): bring back the file that the training wrote, or train anew"
    )]
    Json(#[from] serde_json::Error),

    /// What the numbers themselves have wrong.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// How numbers are to be written.
const POINT: &str =
    "if these are numbers, write their decimals with a point and nothing between thousands";

/// What helps against text.
fn advice(found: &str) -> &'static str {
    if has_comma(found) { POINT } else { "make it categorical, or leave it out" }
}

/// Whether it is a number but for commas.
fn has_comma(text: &str) -> bool {
    text.contains(',') && text.replace(',', "").trim().parse::<f64>().is_ok()
}
