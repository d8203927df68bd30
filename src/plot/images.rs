//! Small grey-scale images side by side: originals above their reconstructions, or samples.
//!
//! 0 is paper (white) and 1 is ink (black), as digits are written. Images are drawn as rectangles, neighbours
//! of one grey (of 64) as one.

use ndarray::ArrayView2;
use plotters::style::text_anchor::HPos;

use super::{
    canvas::{Figure, Frame, Text, figure, text_width},
    error::{Check, PlotError},
    style::{FAINT, LABEL, TICK, UNIT, WIDTH, ink},
};

const LEVELS: usize = 64;
const GAP: f64 = 4.0;

/// A row of images under one name.
#[derive(Clone, Copy, Debug)]
pub struct ImageRow<'a> {
    /// Left of the row, for example "original".
    pub label: &'a str,
    /// `[n, height · width]`, each row of it an image from its top left, in [0, 1].
    pub images: ArrayView2<'a, f64>,
}

/// Draws the rows under each other, images of the same index in one column. `shape` is an image's (height,
/// width), `captions` stand under the columns (none, or one a column).
///
/// # Errors
///
/// [`PlotError`] if there is nothing to draw, if an image has not `height · width` pixels, all in [0, 1], if
/// there are captions for some columns only, or if the columns do not fit into 800 px.
pub fn images(
    title: &str,
    shape: (usize, usize),
    rows: &[ImageRow<'_>],
    captions: &[&str],
) -> Result<Figure, PlotError> {
    let check = Check(title);
    let (height, width) = shape;
    check.some("rows of images", rows.len())?;
    check.some("pixels in an image", height.saturating_mul(width))?;
    for ImageRow { label, images } in rows {
        let what = format!("images of \"{label}\"");
        check.some(&what, images.nrows())?;
        check.length(&format!("pixels in the {what}"), images.ncols(), height * width)?;
        let grey = |v: f64| (0.0..=1.0).contains(&v);
        check.within(&what, images.view(), grey, "greys are in [0, 1]; scale or clamp them")?;
    }
    let columns = rows.iter().map(|row| row.images.nrows()).max().unwrap_or(0);
    if !captions.is_empty() {
        check.length("captions for the columns", captions.len(), columns)?;
    }

    let widest = rows.iter().map(|row| text_width(row.label, LABEL)).fold(0.0, f64::max);
    let left = (widest + 24.0).min(WIDTH / 3.0);
    // No image needs to be wider than 80 px, and a row of one not the whole picture.
    let slot = ((WIDTH - left - 16.0) / columns as f64 - GAP).min(80.0);
    let most = (WIDTH - left - 16.0) / (GAP + width as f64 / UNIT);
    check.at_most("images in a row", columns, most as usize)?;
    let pixel = slot / width as f64;
    // Whole pixels are the sharpest; tenths are the finest there are.
    let pixel = if pixel >= 1.0 { pixel.floor() } else { (pixel * UNIT).floor() / UNIT };
    let (w, h) = (pixel * width as f64, pixel * height as f64);

    let top = 38.0;
    let cell = |i: usize, j: usize| Frame {
        left: left + j as f64 * (w + GAP),
        top: top + i as f64 * (h + GAP + 2.0),
        width: w,
        height: h,
    };
    let right = cell(0, columns).left + 12.0;
    let size = (right.max(text_width(title, 14.0)).min(WIDTH), {
        let under = if captions.is_empty() { 8.0 } else { 28.0 };
        cell(rows.len() - 1, 0).bottom() + under
    });
    figure(title, size, |area| {
        for (i, ImageRow { label, images }) in rows.iter().enumerate() {
            let fitting = LABEL.min((left - 16.0) / text_width(label, 1.0).max(1.0));
            Text { size: fitting, across: HPos::Right, ..Text::default() }.draw(
                area,
                label,
                left - 10.0,
                cell(i, 0).top + h / 2.0,
            )?;
            for (j, image) in images.outer_iter().enumerate() {
                let grey = |row: usize, column: usize| {
                    (image[row * width + column] * (LEVELS - 1) as f64).round() as usize
                };
                cell(i, j).raster(area, shape, LEVELS, grey, ink)?;
                cell(i, j).outline(area, FAINT)?;
            }
        }
        for (j, caption) in captions.iter().enumerate() {
            let last = cell(rows.len() - 1, j);
            let size = TICK.min((w + GAP) / text_width(caption, 1.0).max(1.0) * 1.1);
            let style = Text { size, colour: FAINT, ..Text::default() };
            style.draw(area, caption, last.left + w / 2.0, last.bottom() + 14.0)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed};

    fn rectangles(svg: &str) -> usize {
        svg.matches("<rect").count()
    }

    #[test]
    fn a_rectangle_per_run_of_one_grey() {
        // A chequered image has no runs, a blank one a run per row of pixels.
        let chequered = Array2::from_shape_fn((3, 20), |(_, p)| ((p / 4 + p % 4) % 2) as f64);
        let blank = Array2::from_elem((2, 20), 1.0);
        let draw = || {
            let rows = [
                ImageRow { label: "original", images: chequered.view() },
                ImageRow { label: "VAE", images: blank.view() },
            ];
            images("Digits", (5, 4), &rows, &["a", "b", "c"])
        };
        let figure = draw().unwrap();
        assert_well_formed(figure.svg());
        assert_says(figure.svg(), &["Digits", "original", "VAE", "a", "b", "c"]);
        let paper = 1;
        assert_eq!(rectangles(figure.svg()), paper + 3 * 20 + 2 * 5);
        assert!(
            figure.svg().contains("fill=\"#000000\"") && figure.svg().contains("fill=\"#FFFFFF\"")
        );
        assert_eq!(figure, draw().unwrap());
    }

    #[test]
    fn a_page_of_digits_is_small() {
        let greys = Array2::from_shape_fn((20, 64), |(i, p)| ((7 * i + 5 * p) % 17) as f64 / 16.0);
        let row = ImageRow { label: "digits", images: greys.view() };
        let figure = images("Digits", (8, 8), &[row, row, row], &[]).unwrap();
        assert_eq!(rectangles(figure.svg()), 1 + 60 * 64);
        assert!(figure.svg().len() < 500_000, "{} bytes", figure.svg().len());
    }

    #[test]
    fn bad_data_is_refused() {
        let good = Array2::from_elem((2, 4), 0.5);
        let with = |value: f64| {
            let mut images = good.clone();
            images[[1, 2]] = value;
            images
        };
        let refused = |data: &Array2<f64>, shape, captions: &[&str]| {
            images("t", shape, &[ImageRow { label: "row", images: data.view() }], captions).err()
        };
        assert!(refused(&good, (2, 2), &[]).is_none());
        assert!(matches!(
            refused(&with(f64::NAN), (2, 2), &[]),
            Some(PlotError::NotFinite { index, .. }) if index == [1, 2]
        ));
        assert!(matches!(
            refused(&with(1.5), (2, 2), &[]),
            Some(PlotError::OutOfRange { index, .. }) if index == [1, 2]
        ));
        assert!(matches!(refused(&good, (2, 3), &[]), Some(PlotError::Shape { .. })));
        assert!(matches!(refused(&good, (0, 2), &[]), Some(PlotError::Empty { .. })));
        assert!(matches!(refused(&good, (2, 2), &["one"]), Some(PlotError::Shape { .. })));
        assert!(matches!(
            refused(&Array2::zeros((1000, 4)), (2, 2), &[]),
            Some(PlotError::TooMany { .. })
        ));
        assert!(matches!(images("t", (2, 2), &[], &[]), Err(PlotError::Empty { .. })));
    }
}
