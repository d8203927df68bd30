//! What a picture is saved as, by the end of its file's name.

use super::error::PlotError;
use std::{path::Path, str::FromStr};

/// A file format.
///
/// ```
/// use evidence::plot::Format;
///
/// let format: Format = "png".parse()?;
/// assert_eq!(format.file("losses"), "losses.png");
/// # Ok::<(), evidence::plot::PlotError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines and letters, sharp at any size.
    #[default]
    Svg,
    /// Pixels, two for each of the picture's, each way.
    Png,
}

impl Format {
    /// That of a path that ends in `.svg` or `.png`, in capitals or not; of one without an ending, SVG.
    ///
    /// # Errors
    /// [`PlotError::Format`] for any other.
    pub fn of(path: impl AsRef<Path>) -> Result<Self, PlotError> {
        path.as_ref().extension().map_or(Ok(Self::Svg), |end| end.to_string_lossy().parse())
    }

    /// A file's name in this format.
    #[must_use]
    pub fn file(self, name: &str) -> String {
        match self {
            Self::Svg => format!("{name}.svg"),
            Self::Png => format!("{name}.png"),
        }
    }
}

impl FromStr for Format {
    type Err = PlotError;

    fn from_str(word: &str) -> Result<Self, PlotError> {
        match word.to_ascii_lowercase().as_str() {
            "svg" => Ok(Self::Svg),
            "png" => Ok(Self::Png),
            _ => Err(PlotError::Format { found: word.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_its_file_is() {
        for (path, format) in [
            ("a/b.svg", Some(Format::Svg)),
            ("b.PNG", Some(Format::Png)),
            ("a.svg/b", Some(Format::Svg)),
            ("a.svg.png", Some(Format::Png)),
            ("b.jpg", None),
            ("b.svg.gz", None),
        ] {
            match (Format::of(path), format) {
                (Ok(found), Some(format)) => assert_eq!(found, format, "{path}"),
                (Err(error), None) => assert!(error.to_string().contains("svg or png"), "{error}"),
                (found, format) => panic!("{path}: {found:?}, not {format:?}"),
            }
        }
    }
}
