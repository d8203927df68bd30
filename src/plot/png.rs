//! From the text of an SVG to the pixels of a PNG: [`SCALE`]² of them for each of the picture's, text included.
//!
//! The letters are DejaVu Sans Condensed (Bitstream Vera's licence: free to embed), which comes with the program: the same picture has the
//! same bytes on every machine, whatever fonts it has. Condensed, because its letters are about as wide as those of the fonts that
//! browsers take for sans-serif, and places are computed for those.

use super::error::PlotError;
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, LazyLock};
use usvg::fontdb;

/// Pixels of the PNG to one of the picture, each way: sharp on dense screens and in print.
pub(super) const SCALE: u32 = 2;

/// Both weights, read once.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    for font in [dejavu::sans_condensed::regular(), dejavu::sans_condensed::bold()] {
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(font)));
    }
    let family = fonts.faces().find_map(|face| face.families.first().map(|name| name.0.clone()));
    fonts.set_sans_serif_family(family.expect("a font that comes along has a name"));
    Arc::new(fonts)
});

/// The file's bytes.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, PlotError> {
    let failed = |error: &dyn std::fmt::Display| PlotError::Draw(error.to_string());
    let options = usvg::Options { fontdb: FONTS.clone(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| failed(&error))?;
    let size = tree.size().to_int_size();
    let mut pixels = tiny_skia::Pixmap::new(size.width() * SCALE, size.height() * SCALE)
        .ok_or_else(|| failed(&format_args!("no room for {size:?} pixels")))?;
    let scale = tiny_skia::Transform::from_scale(SCALE as f32, SCALE as f32);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::{Curve, Labels, Scale, curves};
    use ndarray::array;

    /// Width, height, and the darkness of each pixel, 0 to 255.
    fn read(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "a PNG's signature");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let pixels = tiny_skia::Pixmap::decode_png(bytes).unwrap();
        assert_eq!((number(16), number(20)), (pixels.width() as usize, pixels.height() as usize));
        let dark = |p: &tiny_skia::PremultipliedColorU8| {
            assert_eq!(p.alpha(), 255, "on paper");
            255 - p.red().min(p.green()).min(p.blue())
        };
        (number(16), number(20), pixels.pixels().iter().map(dark).collect())
    }

    fn picture(title: &str) -> String {
        let labels = Labels { title, x: "epoch", y: "loss" };
        let (x, y) = (array![1.0, 2.0, 3.0], array![2.3, 1.1, 0.9]);
        let series = [Curve { name: "training", x: x.view(), y: y.view() }];
        curves(&labels, &series, Scale::Linear).unwrap().svg().to_owned()
    }

    /// How much ink is in a box of the picture's own pixels.
    fn ink(
        (width, _, dark): &(usize, usize, Vec<u8>),
        across: std::ops::Range<usize>,
        down: std::ops::Range<usize>,
    ) -> usize {
        let scale = SCALE as usize;
        let rows = down.start * scale..down.end * scale;
        rows.flat_map(|y| (across.start * scale..across.end * scale).map(move |x| (y, x)))
            .filter(|(y, x)| dark[y * width + x] > 100)
            .count()
    }

    #[test]
    fn a_png_has_the_size_the_drawing_and_the_words_of_its_picture() {
        let svg = picture("Training");
        let number = |name: &str| -> usize {
            let after = svg.split_once(name).unwrap().1;
            after.split('"').next().unwrap().parse().unwrap()
        };
        let (width, height) = (number("width=\""), number("height=\""));
        let read_in = read(&png(&svg).unwrap());
        assert_eq!((read_in.0, read_in.1), (2 * width, 2 * height));
        assert!(ink(&read_in, 0..width, 0..height) > 1000, "not blank");
        // The title: letters of 17 pixels around the height of 18, in the middle.
        let title = ink(&read_in, width / 2 - 60..width / 2 + 60, 8..28);
        assert!(title > 300, "{title} dark pixels where the title is");
        assert_eq!(ink(&read_in, 0..width / 2 - 120, 0..8), 0, "and none where it is not");
        let other = read(&png(&picture("")).unwrap());
        assert_eq!(ink(&other, width / 2 - 60..width / 2 + 60, 8..28), 0, "no title, no ink");
        // The loss axis's name is turned, at the left edge.
        assert!(ink(&read_in, 0..30, 60..height - 60) > 50, "the name of the y axis");
    }

    #[test]
    fn the_same_picture_has_the_same_bytes() {
        let svg = picture("Losses: σ₁² ≤ −½ µ");
        assert_eq!(png(&svg).unwrap(), png(&svg).unwrap());
    }

    /// Letters that pictures use are in the font: none is drawn as the empty box that stands for a missing one.
    #[test]
    fn every_letter_that_pictures_use_has_a_shape_of_its_own() {
        let missing = read(&png(&picture("\u{10ffff}")).unwrap()).2;
        for letter in "Az09−β₁₂²½σµΣ≤→‖·×".chars() {
            let drawn = read(&png(&picture(&letter.to_string())).unwrap()).2;
            assert_ne!(drawn, missing, "{letter}");
        }
    }

    #[test]
    fn a_title_as_long_as_the_picture_is_wide_is_not_cut() {
        for title in ["word ".repeat(40), "W".repeat(60), "illicit ".repeat(20)] {
            let read_in = read(&png(&picture(title.trim())).unwrap());
            let width = read_in.0 / SCALE as usize;
            assert!(ink(&read_in, 0..width, 8..28) > 300, "{title}");
            if !title.starts_with('W') {
                let edges = ink(&read_in, 0..4, 8..28) + ink(&read_in, width - 4..width, 8..28);
                assert_eq!(edges, 0, "{title}");
            }
        }
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        for text in
            ["", "<svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"0\" height=\"0\"/>"]
        {
            assert!(matches!(png(text), Err(PlotError::Draw(_))), "{text:?}");
        }
    }
}
