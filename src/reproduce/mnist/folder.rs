//! The four IDX files of MNIST, and of the sets that are made like it: ten classes of square images.
//!
//! ```text
//! train-images-idx3-ubyte    train-labels-idx1-ubyte      to learn from
//! t10k-images-idx3-ubyte     t10k-labels-idx1-ubyte       to score on
//! ```
//!
//! Each may be in gzip, with `.gz` behind its name.

use super::MnistError;
use evidence_train::data::{Column, Frame, ReadOptions, read};
use ndarray::{Array1, Array2};
use std::path::{Path, PathBuf};

/// Labels are 0 to 9.
pub const CLASSES: usize = 10;

/// Images with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// `[n, side²]`, row after row of each, 0 for paper.
    pub pixels: Array2<f64>,
    /// `[n]`, each below [`CLASSES`].
    pub labels: Array1<usize>,
}

/// A set of images in its two parts.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// Pixels along an edge.
    pub side: usize,
    /// To learn from.
    pub train: Images,
    /// To score on.
    pub test: Images,
}

/// Reads a folder.
///
/// # Errors
/// A file that is missing or not what it must be.
pub fn read_images(folder: &Path) -> Result<ImageSet, MnistError> {
    let (path, train) = part(folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")?;
    let pixels = train.pixels.ncols();
    let side = (pixels as f64).sqrt().round() as usize;
    if side * side != pixels {
        let wanted = "they must be square".to_owned();
        return Err(MnistError::Pixels { path, pixels, wanted });
    }
    let (path, test) = part(folder, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")?;
    if test.pixels.ncols() != pixels {
        let wanted = format!("those to learn from have {pixels}");
        return Err(MnistError::Pixels { path, pixels: test.pixels.ncols(), wanted });
    }
    Ok(ImageSet { side, train, test })
}

fn part(
    folder: &Path,
    images: &'static str,
    labels: &'static str,
) -> Result<(PathBuf, Images), MnistError> {
    let (images_path, pixels) = table(folder, images)?;
    let (path, table) = table(folder, labels)?;
    if table.ncols() != 1 {
        return Err(MnistError::Columns { path, columns: table.ncols() });
    }
    if table.nrows() != pixels.nrows() {
        return Err(MnistError::Count { path, labels: table.nrows(), images: pixels.nrows() });
    }
    let mut classes = Array1::zeros(table.nrows());
    for (row, (class, &value)) in classes.iter_mut().zip(&table).enumerate() {
        if value.fract() != 0.0 || !(0.0..CLASSES as f64).contains(&value) {
            return Err(MnistError::Label { path, row, value });
        }
        *class = value as usize;
    }
    Ok((images_path, Images { pixels, labels: classes }))
}

fn table(folder: &Path, name: &'static str) -> Result<(PathBuf, Array2<f64>), MnistError> {
    let mut paths = ["", ".gz"].map(|end| folder.join(format!("{name}{end}"))).into_iter();
    let path = paths
        .find(|path| path.is_file())
        .ok_or_else(|| MnistError::Missing { folder: folder.to_owned(), name })?;
    let frame = read(&path, &ReadOptions::default())?;
    match numbers(&frame) {
        Ok(numbers) => Ok((path, numbers)),
        Err(found) => Err(MnistError::Table { path, found }),
    }
}

fn numbers(frame: &Frame) -> Result<Array2<f64>, &'static str> {
    let mut table = Array2::zeros((frame.rows(), frame.columns().len()));
    if table.is_empty() {
        return Err("nothing in it");
    }
    for (mut to, column) in table.columns_mut().into_iter().zip(frame.columns()) {
        let Column::Numbers(numbers) = column else { return Err("text") };
        to.iter_mut().zip(numbers).for_each(|(to, number)| *to = *number);
    }
    Ok(table)
}
