//! A folder of images as MNIST comes: four IDX files, plain or in gzip.
//!
//! ```text
//! train-images-idx3-ubyte[.gz]   [n, height, width], a byte a pixel
//! train-labels-idx1-ubyte[.gz]   [n], a whole number an image
//! t10k-images-idx3-ubyte[.gz]    the same for the images to test on
//! t10k-labels-idx1-ubyte[.gz]
//! ```

use super::frame::{Column, Frame};
use super::read::{Chunks, ReadError, ReadOptions};
use evidence_autodiff::Noise;
use ndarray::{Array2, Axis};
use std::path::{Path, PathBuf};

/// The largest byte.
const WHITE: f64 = 255.0;

/// Images and what they show.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// `[n, height · width]`, row after row, in [0, 1].
    pub pixels: Array2<f32>,
    /// The class of each.
    pub labels: Vec<usize>,
    /// Height and width.
    pub shape: (usize, usize),
}

/// Which of the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePart {
    /// Those to learn from.
    Training,
    /// Those to score on.
    Test,
}

impl ImagePart {
    fn prefix(self) -> &'static str {
        match self {
            Self::Training => "train",
            Self::Test => "t10k",
        }
    }
}

/// A folder that holds no such images.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// A file is not there.
    #[error("{folder}: has neither \"{name}\" nor \"{name}.gz\"")]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        name: String,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Axes of another number.
    #[error("{path}: holds {found}, not {wanted}")]
    Axes {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What must be.
        wanted: &'static str,
    },
    /// A number that is no pixel or label.
    #[error("{path}: image {row}: {value} is not {wanted}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Which, from 0.
        row: usize,
        /// What is there.
        value: f64,
        /// What must be.
        wanted: &'static str,
    },
    /// Not one label for each image.
    #[error("{path}: {labels} labels for {images} images")]
    Labels {
        /// The file of the labels.
        path: PathBuf,
        /// How many.
        labels: usize,
        /// How many.
        images: usize,
    },
    /// Images of another size than those learned from.
    #[error(
        "images of {found:?} pixels, where those of the other part have {wanted:?} (height, width)"
    )]
    Shape {
        /// Of these.
        found: (usize, usize),
        /// Of the others.
        wanted: (usize, usize),
    },
}

impl Images {
    /// Reads a part of a folder.
    ///
    /// # Errors
    /// [`ImagesError`]: which file, and what is wrong with it.
    pub fn read(folder: &Path, part: ImagePart) -> Result<Self, ImagesError> {
        let prefix = part.prefix();
        let (pixels, shape) = pixels(&find(folder, &format!("{prefix}-images-idx3-ubyte"))?)?;
        let path = find(folder, &format!("{prefix}-labels-idx1-ubyte"))?;
        let labels = labels(&path)?;
        if labels.len() != pixels.nrows() {
            let (labels, images) = (labels.len(), pixels.nrows());
            return Err(ImagesError::Labels { path, labels, images });
        }
        Ok(Self { pixels, labels, shape })
    }

    /// Reads both parts, of images of one size.
    ///
    /// # Errors
    /// [`ImagesError`]: which file, and what is wrong with it.
    pub fn read_both(folder: &Path) -> Result<(Self, Self), ImagesError> {
        let training = Self::read(folder, ImagePart::Training)?;
        let test = Self::read(folder, ImagePart::Test)?;
        if test.shape != training.shape {
            return Err(ImagesError::Shape { found: test.shape, wanted: training.shape });
        }
        Ok((training, test))
    }

    /// The images of some rows, in that order.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            pixels: self.pixels.select(Axis(0), rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
            shape: self.shape,
        }
    }

    /// How many classes there are, by the largest label.
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |most| most + 1)
    }
}

/// Black and white pixels of some rows: white with the pixel's grey for a probability, drawn afresh by every noise (Salakhutdinov and
/// Murray 2008).
///
/// # Panics
/// If there is no such row.
#[track_caller]
pub fn binarised(pixels: &Array2<f32>, rows: &[usize], noise: Noise) -> Array2<f32> {
    let mut drawn = Array2::zeros((rows.len(), pixels.ncols()));
    noise.fill_uniform_f32(drawn.as_slice_mut().expect("fresh arrays are contiguous"));
    for (mut drawn, &row) in drawn.outer_iter_mut().zip(rows) {
        drawn.zip_mut_with(&pixels.row(row), |u, p| *u = f32::from(u8::from(*u < *p)));
    }
    drawn
}

/// The file of a name, or that name in gzip.
fn find(folder: &Path, name: &str) -> Result<PathBuf, ImagesError> {
    let paths = [folder.join(name), folder.join(format!("{name}.gz"))];
    paths
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| ImagesError::Missing { folder: folder.to_owned(), name: name.to_owned() })
}

/// Pixels, and an image's height and width.
fn pixels(path: &Path) -> Result<(Array2<f32>, (usize, usize)), ImagesError> {
    let (mut flat, mut shape) = (Vec::new(), None);
    for frame in Chunks::open(path, &ReadOptions::default())? {
        let frame = frame?;
        let size = size(&frame).ok_or_else(|| ImagesError::Axes {
            path: path.to_owned(),
            found: described(&frame),
            wanted: "images: three axes",
        })?;
        shape = Some(size);
        let first = flat.len() / (size.0 * size.1);
        let columns: Vec<&Vec<f64>> = frame.columns().iter().filter_map(numbers).collect();
        for row in 0..frame.rows() {
            for column in &columns {
                let value = column[row];
                if !(0.0..=WHITE).contains(&value) || value.fract() != 0.0 {
                    let (path, row) = (path.to_owned(), first + row);
                    return Err(ImagesError::Value {
                        path,
                        row,
                        value,
                        wanted: "a pixel from 0 to 255",
                    });
                }
                flat.push((value / WHITE) as f32);
            }
        }
    }
    let nothing = || ImagesError::Axes {
        path: path.to_owned(),
        found: "no image".to_owned(),
        wanted: "images: three axes",
    };
    let (height, width) = shape.ok_or_else(nothing)?;
    let rows = flat.len() / (height * width);
    let pixels = Array2::from_shape_vec((rows, height * width), flat).map_err(|_| nothing())?;
    Ok((pixels, (height, width)))
}

fn labels(path: &Path) -> Result<Vec<usize>, ImagesError> {
    let mut labels = Vec::new();
    for frame in Chunks::open(path, &ReadOptions::default())? {
        let frame = frame?;
        let [Column::Numbers(column)] = frame.columns() else {
            return Err(ImagesError::Axes {
                path: path.to_owned(),
                found: described(&frame),
                wanted: "labels: one axis",
            });
        };
        for &value in column {
            if value < 0.0 || value.fract() != 0.0 || value > WHITE {
                let (path, row) = (path.to_owned(), labels.len());
                return Err(ImagesError::Value {
                    path,
                    row,
                    value,
                    wanted: "a label from 0 to 255",
                });
            }
            labels.push(value as usize);
        }
    }
    Ok(labels)
}

fn numbers(column: &Column) -> Option<&Vec<f64>> {
    match column {
        Column::Numbers(numbers) => Some(numbers),
        Column::Text(_) => None,
    }
}

/// Height and width, from the name of the last pixel: `pixel 27,27`.
fn size(frame: &Frame) -> Option<(usize, usize)> {
    let (row, column) = frame.names().last()?.strip_prefix("pixel ")?.split_once(',')?;
    Some((row.parse::<usize>().ok()? + 1, column.parse::<usize>().ok()? + 1))
}

fn described(frame: &Frame) -> String {
    match frame.names() {
        [name] => format!("one column, \"{name}\""),
        [first, .., last] => format!("{} columns, \"{first}\" to \"{last}\"", frame.names().len()),
        [] => "nothing".to_owned(),
    }
}
