//! What can be wrong with a picture: which one, what, where, and what to do. Indices count from 0.

use std::{io, path::PathBuf};

use ndarray::{ArrayView, Dimension, IntoDimension};
use plotters::drawing::DrawingAreaErrorKind;

use super::axes::SHORTEST;

/// Larger numbers are refused: the differences and squares that an axis needs would overflow.
const LARGEST: f64 = 1e100;

/// An error in a picture's data, or in writing it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The file could not be written; an older one of the same name is as it was.
    #[error("cannot write {}: {source}: choose a folder that exists or can be made, with room and \
             leave to write", path.display())]
    Write {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A format that pictures are not saved in.
    #[error("\"{found}\" is no format of pictures: choose svg or png")]
    Format {
        /// What was asked for: the end of a file's name.
        found: String,
    },

    /// Nothing to draw.
    #[error("\"{picture}\": no {what}: give at least one")]
    Empty {
        /// The picture's title.
        picture: String,
        /// What there should be at least one of.
        what: String,
    },

    /// NaN, an infinity, or a number too large to place on an axis.
    #[error(
        "\"{picture}\": {value} at {index:?} of the {what}: a picture needs finite numbers (below 1e100); \
         find where it comes from, or leave it out"
    )]
    NotFinite {
        /// The picture's title.
        picture: String,
        /// Which data.
        what: String,
        /// Where in the array.
        index: Vec<usize>,
        /// What stands there.
        value: f64,
    },

    /// A finite number that makes no sense where it stands.
    #[error("\"{picture}\": {value} at {index:?} of the {what}: {expected}")]
    OutOfRange {
        /// The picture's title.
        picture: String,
        /// Which data.
        what: String,
        /// Where in the array.
        index: Vec<usize>,
        /// What stands there.
        value: f64,
        /// What should, and how to get there.
        expected: &'static str,
    },

    /// Two lengths or shapes that do not belong together.
    #[error("\"{picture}\": {found} {what}, where {expected} were expected")]
    Shape {
        /// The picture's title.
        picture: String,
        /// Which data.
        what: String,
        /// The length or width it has.
        found: usize,
        /// The length or width it should have.
        expected: usize,
    },

    /// A range that is empty, runs backwards, or has no finite ends.
    #[error(
        "\"{picture}\": the range {from} to {to} of the {what}: give two finite ends, the lower first"
    )]
    Range {
        /// The picture's title.
        picture: String,
        /// Of which axis.
        what: String,
        /// Its lower end.
        from: f64,
        /// Its upper end.
        to: f64,
    },

    /// More than a picture of 800 px can show.
    #[error("\"{picture}\": {found} {what} do not fit into one picture: draw at most {most}")]
    TooMany {
        /// The picture's title.
        picture: String,
        /// Which data.
        what: String,
        /// How many there are.
        found: usize,
        /// How many fit.
        most: usize,
    },

    /// The drawing library refused, which good data should never make it do.
    #[error("drawing failed: {0}: this is a bug in `plot`; please report it with the data")]
    Draw(String),
}

impl From<DrawingAreaErrorKind<io::Error>> for PlotError {
    fn from(error: DrawingAreaErrorKind<io::Error>) -> Self {
        Self::Draw(error.to_string())
    }
}

/// The checks that every picture makes, under the picture's title.
#[derive(Clone, Copy)]
pub(super) struct Check<'a>(pub &'a str);

impl Check<'_> {
    pub fn some(self, what: &str, length: usize) -> Result<(), PlotError> {
        if length > 0 {
            return Ok(());
        }
        Err(PlotError::Empty { picture: self.0.into(), what: what.into() })
    }

    pub fn length(self, what: &str, found: usize, expected: usize) -> Result<(), PlotError> {
        if found == expected {
            return Ok(());
        }
        Err(PlotError::Shape { picture: self.0.into(), what: what.into(), found, expected })
    }

    pub fn at_most(self, what: &str, found: usize, most: usize) -> Result<(), PlotError> {
        if found <= most {
            return Ok(());
        }
        Err(PlotError::TooMany { picture: self.0.into(), what: what.into(), found, most })
    }

    pub fn finite<D: Dimension>(
        self,
        what: &str,
        data: ArrayView<'_, f64, D>,
    ) -> Result<(), PlotError> {
        let Some((index, value)) = first(data, |v| v.abs() < LARGEST) else { return Ok(()) };
        Err(PlotError::NotFinite { picture: self.0.into(), what: what.into(), index, value })
    }

    /// Finite, and `allowed` holds for every element; `expected` says what is allowed and what to do.
    pub fn within<D: Dimension>(
        self,
        what: &str,
        data: ArrayView<'_, f64, D>,
        allowed: impl Fn(f64) -> bool,
        expected: &'static str,
    ) -> Result<(), PlotError> {
        self.finite(what, data.view())?;
        let Some((index, value)) = first(data, allowed) else { return Ok(()) };
        Err(PlotError::OutOfRange {
            picture: self.0.into(),
            what: what.into(),
            index,
            value,
            expected,
        })
    }

    pub fn range(self, what: &str, from: f64, to: f64) -> Result<(), PlotError> {
        // A range narrower than this cannot be told from a point in f64.
        let resolved = to - from > (1e-12 * from.abs().max(to.abs())).max(SHORTEST);
        if resolved && from.abs() < LARGEST && to.abs() < LARGEST {
            return Ok(());
        }
        Err(PlotError::Range { picture: self.0.into(), what: what.into(), from, to })
    }
}

/// The first element, in row-major order, of which `good` does not hold.
fn first<D: Dimension>(
    data: ArrayView<'_, f64, D>,
    good: impl Fn(f64) -> bool,
) -> Option<(Vec<usize>, f64)> {
    let (index, value) = data.indexed_iter().find(|&(_, &value)| !good(value))?;
    Some((index.into_dimension().slice().to_vec(), *value))
}
