//! From a closure that draws to text, and from text to a file that is whole or not there.

use std::path::Path;

use plotters::{
    coord::Shift,
    prelude::{DrawingArea, IntoDrawingArea, Rectangle, SVGBackend, WHITE},
    style::{
        Color, FontStyle, FontTransform, IntoTextStyle, RGBColor,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    error::PlotError,
    format::Format,
    style::{INK, TITLE, UNIT, WIDTH},
};

/// The whole canvas. Places on it are in pixels × [`UNIT`].
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A finished picture: the text of an SVG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    svg: String,
}

impl Figure {
    /// The SVG, one XML element and nothing else.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The PNG: two pixels for each of the picture's, each way, with a font of its own.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`], which no picture of this module should give.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        super::png::png(&self.svg)
    }

    /// Writes the picture [as its name says](Format::of), making its folder if there is none. A file of that
    /// name is replaced whole or, on an error, left as it was: the bytes go to a neighbour first, which then
    /// takes the name.
    ///
    /// # Errors
    ///
    /// [`PlotError::Write`], with the path and what the system said; [`PlotError::Format`] for a name that
    /// ends in anything but `.svg` or `.png`.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PlotError> {
        let path = path.as_ref();
        let written = match Format::of(path)? {
            Format::Svg => crate::files::replace(path, self.svg.as_bytes()),
            Format::Png => crate::files::replace(path, &self.png()?),
        };
        written.map_err(|source| PlotError::Write { path: path.into(), source })
    }
}

/// Draws on white, `width` × `height` pixels, under `title`.
pub(super) fn figure(
    title: &str,
    (width, height): (f64, f64),
    draw: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<Figure, PlotError> {
    let (w, h) = (units(width), units(height));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (w as u32, h as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        // The line shrinks rather than leave the picture.
        let size = TITLE.min((width - 24.0) / text_width(title, 1.0).max(1.0));
        Text { size, bold: true, ..Text::default() }.draw(&area, title, width / 2.0, 18.0)?;
        draw(&area)?;
        area.present()?;
    }
    // Shown at its size in pixels. Quotes in text are escaped, so what is cut can only be attributes, and
    // those say what SVG takes for granted: a third of the bytes of a picture made of rectangles.
    let svg = svg
        .replacen(
            &format!("width=\"{w}\" height=\"{h}\""),
            &format!("width=\"{width}\" height=\"{height}\""),
            1,
        )
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "");
    Ok(Figure { svg })
}

/// Pixels to the canvas's whole numbers.
pub(super) fn units(pixels: f64) -> i32 {
    (pixels * UNIT).round() as i32
}

/// About how wide a text is, in pixels, on the wide side: no font is at hand to ask.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    0.58 * size * text.chars().count() as f64
}

/// A box on the canvas, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Frame {
    pub fn right(self) -> f64 {
        self.left + self.width
    }

    pub fn bottom(self) -> f64 {
        self.top + self.height
    }

    pub fn outline(self, area: &Area<'_>, colour: RGBColor) -> Result<(), PlotError> {
        let corners =
            [(units(self.left), units(self.top)), (units(self.right()), units(self.bottom()))];
        // One pixel wide: the backend gives rectangles no stroke width, so the outline is a path.
        let [(l, t), (r, b)] = corners;
        let path = vec![(l, t), (r, t), (r, b), (l, b), (l, t)];
        Ok(area
            .draw(&plotters::prelude::PathElement::new(path, colour.stroke_width(UNIT as u32)))?)
    }

    /// Rows of levels (0 to `levels - 1`), the first at the top, as rectangles in the colours of
    /// `colour(level / (levels - 1))`; neighbours of one level in a row become one rectangle.
    ///
    /// Each reaches a whole pixel under the next to its right and below, which are drawn later: without that
    /// a viewer that smooths edges shows the paper between them as hairlines.
    pub fn raster(
        self,
        area: &Area<'_>,
        (rows, columns): (usize, usize),
        levels: usize,
        level: impl Fn(usize, usize) -> usize,
        colour: impl Fn(f64) -> RGBColor,
    ) -> Result<(), PlotError> {
        let x = |j: usize| units(self.left + self.width * j as f64 / columns as f64);
        let y = |i: usize| units(self.top + self.height * i as f64 / rows as f64);
        let under = units(1.0);
        for i in 0..rows {
            let bottom = (y(i + 1) + under).min(y(rows));
            let mut from = 0;
            while from < columns {
                let here = level(i, from);
                let to = (from + 1..columns).find(|&j| level(i, j) != here).unwrap_or(columns);
                let right = (x(to) + under).min(x(columns));
                let style = colour(here as f64 / (levels - 1) as f64).filled();
                area.draw(&Rectangle::new([(x(from), y(i)), (right, bottom)], style))?;
                from = to;
            }
        }
        Ok(())
    }
}

/// A line of text and how it is anchored.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub size: f64,
    pub bold: bool,
    pub colour: RGBColor,
    pub across: HPos,
    pub turned: bool,
}

impl Default for Text {
    fn default() -> Self {
        Self { size: TITLE, bold: false, colour: INK, across: HPos::Center, turned: false }
    }
}

impl Text {
    /// Draws with the anchor at (`x`, `y`) pixels, at half the height of the letters.
    pub fn draw(self, area: &Area<'_>, text: &str, x: f64, y: f64) -> Result<(), PlotError> {
        // The backend divides sizes by 1.24, its idea of a font's height.
        let size = 1.24 * self.size * UNIT;
        let weight = if self.bold { FontStyle::Bold } else { FontStyle::Normal };
        let mut style = ("sans-serif", size, weight, &self.colour)
            .into_text_style(area)
            .pos(Pos::new(self.across, VPos::Center));
        if self.turned {
            style = style.transform(FontTransform::Rotate270);
        }
        // XML has no way to write control characters.
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Ok(area.draw_text(&clean, &style, (units(x), units(y)))?)
    }
}

/// The frame of a plot that takes the whole width, below `top`, of the given height.
pub(super) fn wide(top: f64, height: f64) -> Frame {
    Frame { left: 72.0, top, width: WIDTH - 72.0 - 24.0, height }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed};

    fn blank(title: &str) -> Figure {
        figure(title, (300.0, 100.0), |_| Ok(())).unwrap()
    }

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("evidence-plot-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_saved_picture_is_its_text_and_replaces_an_older_one() {
        let root = folder("save");
        let path = root.join("new/picture.svg");
        for title in ["first", "second"] {
            blank(title).save(&path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), blank(title).svg());
        }
        let files: Vec<_> = fs::read_dir(root.join("new")).unwrap().collect();
        assert_eq!(files.len(), 1, "something else was left: {files:?}");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn the_end_of_a_name_says_what_is_written() {
        let root = folder("format");
        let figure = blank("words");
        figure.save(root.join("a.png")).unwrap();
        assert_eq!(fs::read(root.join("a.png")).unwrap(), figure.png().unwrap());
        let error = figure.save(root.join("a.jpg")).unwrap_err();
        assert!(matches!(&error, PlotError::Format { found } if found == "jpg"), "{error}");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_picture_that_cannot_be_written_is_an_error_with_its_path() {
        let root = folder("refused");
        fs::create_dir_all(&root).unwrap();
        let file = root.join("file");
        fs::write(&file, "kept").unwrap();
        // Below a file there is no folder, a folder is not replaced by a file, and `..` names none.
        for path in [file.join("picture.svg"), root.clone(), root.join("..")] {
            let error = blank("t").save(&path).unwrap_err();
            assert!(matches!(&error, PlotError::Write { path: p, .. } if *p == path));
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
        assert!(!root.with_extension("part").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn any_title_is_well_formed_and_long_ones_shrink() {
        for (title, shown) in [
            ("a < b & \"c\"", "a &lt; b &amp; &quot;c&quot;"),
            ("bell\u{7} and\nline", "bell  and line"),
            ("", ""),
            (" opacity=\"1\"", " opacity=&quot;1&quot;"),
        ] {
            let figure = blank(title);
            assert_well_formed(figure.svg());
            if !title.is_empty() {
                assert_says(figure.svg(), &[shown]);
            }
        }
        let size = |title: &str| -> f64 {
            let figure = blank(title);
            let after = figure.svg().split_once("font-size=\"").unwrap().1;
            after.split('"').next().unwrap().parse().unwrap()
        };
        let long = "word ".repeat(30);
        assert!(size(&long) < size("word"));
        assert!(text_width(&long, size(&long) / UNIT) <= 300.0);
    }

    #[test]
    fn a_picture_is_shown_at_its_size_in_pixels() {
        let start = "<svg width=\"300\" height=\"100\" viewBox=\"0 0 3000 1000\"";
        assert!(blank("t").svg().starts_with(start));
    }
}
