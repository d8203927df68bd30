//! The folder format of the published regression splits (Hernández-Lobato and Adams 2015; Gal and Ghahramani 2016).
//!
//! ```text
//! NAME/data.txt              a row of numbers for each sample, separated by white space
//! NAME/index_features.txt    the columns that are features, counted from 0
//! NAME/index_target.txt      the column that is the target
//! NAME/index_train_K.txt     the training rows of split K, counted from 0
//! NAME/index_test_K.txt      its test rows
//! ```
//!
//! Splits are numbered from 0 without a gap; other files are left alone.

use ndarray::{Array1, Array2};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A regression set with its fixed splits.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitSet {
    /// The folder's name.
    pub name: String,
    /// `[n, d]`.
    pub features: Array2<f64>,
    /// `[n]`.
    pub targets: Array1<f64>,
    /// Training and test rows of each split.
    pub splits: Vec<Rows>,
}

/// The rows of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// To learn from.
    pub train: Vec<usize>,
    /// To score on.
    pub test: Vec<usize>,
}

/// A folder that is not of this format.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder.
    #[error("{path}: cannot be read ({source})")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not a number.
    #[error("{path}: line {line}, column {column}: \"{text}\" is not {wanted}")]
    Number {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is there.
        text: String,
        /// What must be.
        wanted: &'static str,
    },
    /// Rows of different lengths.
    #[error("{path}: line {line} has {found} numbers, the lines before {expected}")]
    Ragged {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// How many.
        found: usize,
        /// How many before.
        expected: usize,
    },
    /// A file without content.
    #[error("{path}: there is nothing in it")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A row or column that is not there.
    #[error("{path}: line {line}: {what} {index} of only {count} (counted from 0)")]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Row or column.
        what: &'static str,
        /// Which.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// Several targets.
    #[error("{path}: {count} columns; the protocol has one target")]
    Targets {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// The target among the features.
    #[error("{path}: column {column} is the target, and a feature too")]
    Leak {
        /// The file.
        path: PathBuf,
        /// Which.
        column: usize,
    },
    /// A row to learn from and to score on.
    #[error("{path}: line {line}: row {row} is a training row of the same split, or listed twice")]
    Overlap {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Which.
        row: usize,
    },
    /// No splits.
    #[error("{path}: there is no index_train_0.txt; splits are numbered from 0")]
    NoSplits {
        /// The folder.
        path: PathBuf,
    },
    /// No sets.
    #[error("{path}: neither it nor a folder in it has a data.txt{}", named(name.as_deref()))]
    NoSets {
        /// The folder.
        path: PathBuf,
        /// The set asked for.
        name: Option<String>,
    },
}

fn named(name: Option<&str>) -> String {
    name.map_or(String::new(), |name| format!(" and is called \"{name}\""))
}

/// The folders of sets at a path: itself, or those in it, by name; only the one of the name given.
///
/// # Errors
/// If the path cannot be read, or there are none.
pub fn sets(path: &Path, name: Option<&str>) -> Result<Vec<PathBuf>, FolderError> {
    let unread = |source| FolderError::Read { path: path.to_owned(), source };
    let mut folders = vec![path.to_owned()];
    for entry in fs::read_dir(path).map_err(unread)? {
        folders.push(entry.map_err(unread)?.path());
    }
    folders.retain(|folder| folder.join("data.txt").is_file());
    folders.retain(|folder| name.is_none_or(|name| called(folder) == name));
    folders.sort();
    if folders.is_empty() {
        let name = name.map(str::to_owned);
        return Err(FolderError::NoSets { path: path.to_owned(), name });
    }
    Ok(folders)
}

fn called(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
}

/// Reads a set, with at most so many splits.
///
/// # Errors
/// A file that is missing or not what it must be, with line and column.
pub fn read_set(folder: &Path, most: usize) -> Result<SplitSet, FolderError> {
    let table = numbers(&folder.join("data.txt"))?;
    let indices = |name: &str, what, count| {
        let path = folder.join(name);
        let found = whole(&path)?;
        match found.iter().find(|(_, index)| *index >= count) {
            None => Ok((path, found)),
            Some(&(line, index)) => Err(FolderError::OutOfRange { path, line, what, index, count }),
        }
    };
    let columns = |name| indices(name, "column", table.ncols());
    let (path, target) = columns("index_target.txt")?;
    let &[(_, target)] = &target[..] else {
        return Err(FolderError::Targets { path, count: target.len() });
    };
    let (path, features) = columns("index_features.txt")?;
    if features.iter().any(|(_, feature)| *feature == target) {
        return Err(FolderError::Leak { path, column: target });
    }
    let mut splits = Vec::new();
    while splits.len() < most && folder.join(format!("index_train_{}.txt", splits.len())).exists() {
        let part =
            |part| indices(&format!("index_{part}_{}.txt", splits.len()), "row", table.nrows());
        let mut seen = vec![false; table.nrows()];
        let mut unique = |(path, rows): (PathBuf, Vec<(usize, usize)>)| {
            let mut list = Vec::with_capacity(rows.len());
            for (line, row) in rows {
                if std::mem::replace(&mut seen[row], true) {
                    return Err(FolderError::Overlap { path, line, row });
                }
                list.push(row);
            }
            Ok(list)
        };
        let train = unique(part("train")?)?;
        let test = unique(part("test")?)?;
        splits.push(Rows { train, test });
    }
    if splits.is_empty() {
        return Err(FolderError::NoSplits { path: folder.to_owned() });
    }
    let features: Vec<usize> = features.into_iter().map(|(_, feature)| feature).collect();
    Ok(SplitSet {
        name: called(folder),
        features: table.select(ndarray::Axis(1), &features),
        targets: table.column(target).to_owned(),
        splits,
    })
}

fn text(path: &Path) -> Result<String, FolderError> {
    let bytes =
        fs::read(path).map_err(|source| FolderError::Read { path: path.to_owned(), source })?;
    // What is no text is no number either, and said so with its place.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Each word with its line and column, counted from 1.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split_whitespace().map(move |word| {
        let start = word.as_ptr() as usize - line.as_ptr() as usize;
        (line[..start].chars().count() + 1, word)
    })
}

/// A table of finite numbers.
fn numbers(path: &Path) -> Result<Array2<f64>, FolderError> {
    let text = text(path)?;
    let (mut values, mut width, mut rows) = (Vec::new(), None, 0);
    for (line, content) in (1..).zip(text.lines()) {
        let before = values.len();
        for (column, word) in words(content) {
            let number = word.parse::<f64>().ok().filter(|x| x.is_finite());
            values.push(number.ok_or_else(|| FolderError::Number {
                path: path.to_owned(),
                line,
                column,
                text: word.to_owned(),
                wanted: "a finite number",
            })?);
        }
        let found = values.len() - before;
        if found == 0 {
            continue;
        }
        rows += 1;
        let expected = *width.get_or_insert(found);
        if found != expected {
            return Err(FolderError::Ragged { path: path.to_owned(), line, found, expected });
        }
    }
    let width = width.ok_or_else(|| FolderError::Empty { path: path.to_owned() })?;
    Ok(Array2::from_shape_vec((rows, width), values).expect("rows of one length"))
}

/// Whole numbers, each with its line; also where they are written like `5.05e+02`.
fn whole(path: &Path) -> Result<Vec<(usize, usize)>, FolderError> {
    let text = text(path)?;
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        for (column, word) in words(content) {
            let number = word.parse::<f64>().ok();
            let index = number.filter(|x| *x >= 0.0 && x.fract() == 0.0 && *x < 1e15);
            let index = index.ok_or_else(|| FolderError::Number {
                path: path.to_owned(),
                line,
                column,
                text: word.to_owned(),
                wanted: "a whole number from 0",
            })?;
            found.push((line, index as usize));
        }
    }
    if found.is_empty() {
        return Err(FolderError::Empty { path: path.to_owned() });
    }
    Ok(found)
}
