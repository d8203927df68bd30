//! What can be wrong with a file of data: what, where in it, and what to do.
//!
//! Lines and columns of text are counted from 1, as editors do; bytes from 0.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A file that cannot be read as a table.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

impl ReadError {
    pub(super) fn at(path: &Path) -> impl Fn(Fault) -> Self + use<> {
        let path = path.to_owned();
        move |fault| Self { path: path.clone(), fault }
    }
}

/// The place of a cell in a text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub column: usize,
    /// The column's name.
    pub name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {} (\"{}\")", self.line, self.column, self.name)
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The system's own complaint.
    #[error("{0}: check the path and its permissions")]
    Io(#[from] io::Error),

    /// No bytes, or blank lines alone.
    #[error("the file is empty: give one with rows")]
    Empty,

    /// A header, an array of no rows, or rows that were all dropped.
    #[error(
        "there are no rows of data ({dropped} dropped for missing cells): give a file with at least one"
    )]
    NoRows {
        /// Rows left out for a missing cell.
        dropped: usize,
    },

    /// Neither text nor one of the formats that are known.
    #[error("{found}: give CSV or TSV text in UTF-8, .npy, .npz or IDX, plain or in gzip")]
    Format {
        /// What the file seems to be.
        found: &'static str,
    },

    /// A cell without a value.
    #[error(
        "{place}: the value is missing (\"{found}\"): fill it in, or have rows with missing cells dropped"
    )]
    Missing {
        /// Where.
        place: Place,
        /// What stands there.
        found: String,
    },

    /// A cell that is no finite number, where the column holds numbers.
    #[error(
        "{place}: expected a finite number, found \"{found}\": correct it, or declare the column as text{}",
        if *comma { " (decimals are written with a point)" } else { "" }
    )]
    NotANumber {
        /// Where.
        place: Place,
        /// What stands there.
        found: String,
        /// Whether it would be a number with a decimal point in place of its comma.
        comma: bool,
    },

    /// A row of another length than the first.
    #[error(
        "line {line}: expected {expected} cells, as in the first row, found {found}: \
         correct it, or name the delimiter (taken to be {delimiter})"
    )]
    Ragged {
        /// Line, from 1.
        line: u64,
        /// Cells in the first row.
        expected: usize,
        /// Cells here.
        found: usize,
        /// What separates cells.
        delimiter: String,
    },

    /// A quoted cell that never ends.
    #[error(
        "line {line}, byte {offset}: a quoted cell begins here and never ends: close it with \""
    )]
    OpenQuote {
        /// Line, from 1.
        line: u64,
        /// Byte, from 0.
        offset: u64,
    },

    /// A quotation mark inside a cell, or text behind a quoted cell.
    #[error(
        "line {line}, byte {offset}: a quotation mark where none may be: put the whole cell in \" and double those \
         inside it"
    )]
    StrayQuote {
        /// Line, from 1.
        line: u64,
        /// Byte, from 0.
        offset: u64,
    },

    /// A row longer than any table has.
    #[error(
        "line {line}, byte {offset}: a row of more than {limit} bytes: look for a quotation mark that is never closed"
    )]
    LongRow {
        /// Line where it begins, from 1.
        line: u64,
        /// Byte where it begins, from 0.
        offset: u64,
        /// The longest that is read.
        limit: usize,
    },

    /// Text that is no UTF-8.
    #[error("line {line}, byte {offset}: the text is not UTF-8: save the file in that encoding")]
    Utf8 {
        /// Line, from 1.
        line: u64,
        /// The first byte that does not belong, from 0.
        offset: u64,
    },

    /// A name that two columns share.
    #[error("two columns are called \"{name}\": give each a name of its own")]
    RepeatedName {
        /// The name.
        name: String,
    },

    /// An option that names a column that is not there.
    #[error("no column is called \"{name}\": there are {}", list(known))]
    NoColumn {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },

    /// A binary file whose bytes are not what its format asks for.
    #[error(
        "{part}, byte {offset}: expected {expected}, found {found}: write the file again, or check the copy"
    )]
    Binary {
        /// The array, field or part.
        part: String,
        /// Byte of the (uncompressed) part, from 0.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },

    /// An array element that is not finite.
    #[error(
        "{part}: {value} in row {row}, column {column}, counted from 0: drop the row, or put a number there"
    )]
    NotFinite {
        /// The array.
        part: String,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// What stands there.
        value: f64,
    },

    /// An array with an element type, order or number of axes that makes no table.
    #[error("{part}: {found}: {advice}")]
    Unsupported {
        /// The array.
        part: String,
        /// What it is.
        found: String,
        /// What to do.
        advice: &'static str,
    },

    /// A compressed file whose compression is broken.
    #[error(
        "the compressed data cannot be unpacked ({source}): write the file again, or check the copy"
    )]
    Unpack {
        /// What the unpacker says.
        source: io::Error,
    },
}

/// Names in quotation marks, the first twenty of them.
pub(in crate::data) fn list(names: &[String]) -> String {
    let mut text: Vec<String> = names.iter().take(20).map(|n| format!("\"{n}\"")).collect();
    if names.len() > 20 {
        text.push(format!("and {} more", names.len() - 20));
    }
    text.join(", ")
}

/// The beginning of what was found, as text.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() || bytes.len() > 200 {
        short.push('…');
    }
    short.escape_debug().to_string()
}
