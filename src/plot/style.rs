//! How the pictures look: colours that survive colour blindness, sizes that survive 800 px.

use plotters::style::RGBColor;

/// The backend places things on whole numbers, so a picture is drawn on a canvas this many times larger than
/// its pixels and shown at its size: curves are smooth to a tenth of a pixel.
pub const UNIT: f64 = 10.0;

/// The width of every picture that does not need less, in pixels.
pub const WIDTH: f64 = 800.0;

pub const TITLE: f64 = 17.0;
pub const LABEL: f64 = 14.0;
pub const TICK: f64 = 12.0;

pub const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub const FAINT: RGBColor = RGBColor(0x55, 0x55, 0x55);
pub const GRID: RGBColor = RGBColor(0xE4, 0xE4, 0xE4);
pub const BLUE: RGBColor = CLASSES[0];
pub const VERMILION: RGBColor = CLASSES[1];

/// Ten classes: the palette of Okabe and Ito (2008, "Color Universal Design"), which most kinds of colour
/// blindness can tell apart, without its yellow, which is too pale on white, and with three of Paul Tol's
/// (wine, olive, grey). Ten colours are more than anyone tells apart surely, so pictures name their classes
/// as well.
const CLASSES: [RGBColor; 10] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0x88, 0x22, 0x55),
    RGBColor(0x99, 0x99, 0x33),
    RGBColor(0xAA, 0xAA, 0xAA),
];

/// The colour of a class or series; after ten they come round again.
pub fn class(index: usize) -> RGBColor {
    CLASSES[index % CLASSES.len()]
}

/// Nine stations of viridis (van der Walt and Smith 2015, CC0): even steps look even, also without colour.
const VIRIDIS: [RGBColor; 9] = [
    RGBColor(0x44, 0x01, 0x54),
    RGBColor(0x47, 0x2D, 0x7B),
    RGBColor(0x3B, 0x52, 0x8B),
    RGBColor(0x2C, 0x72, 0x8E),
    RGBColor(0x21, 0x91, 0x8C),
    RGBColor(0x28, 0xAE, 0x80),
    RGBColor(0x5E, 0xC9, 0x62),
    RGBColor(0xAD, 0xDC, 0x30),
    RGBColor(0xFD, 0xE7, 0x25),
];

/// Dark purple at 0, yellow at 1, linear between nine stations; beyond the ends, the ends.
pub fn viridis(t: f64) -> RGBColor {
    let last = VIRIDIS.len() - 1;
    let place = t.clamp(0.0, 1.0) * last as f64;
    let below = (place as usize).min(last - 1);
    let (a, b, share) = (VIRIDIS[below], VIRIDIS[below + 1], place - below as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Paper at 0, ink at 1.
pub fn ink(t: f64) -> RGBColor {
    let level = (255.0 * (1.0 - t.clamp(0.0, 1.0))).round() as u8;
    RGBColor(level, level, level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_passes_through_its_stations_and_grows_lighter() {
        for (i, station) in VIRIDIS.iter().enumerate() {
            assert_eq!(viridis(i as f64 / 8.0), *station);
        }
        let luminance = |c: RGBColor| {
            0.2126 * f64::from(c.0) + 0.7152 * f64::from(c.1) + 0.0722 * f64::from(c.2)
        };
        for i in 0..100 {
            let (a, b) = (viridis(f64::from(i) / 100.0), viridis(f64::from(i + 1) / 100.0));
            assert!(luminance(a) <= luminance(b), "darker at step {i}");
        }
        assert_eq!((viridis(-3.0), viridis(7.0)), (VIRIDIS[0], VIRIDIS[8]));
    }

    #[test]
    fn classes_are_distinct() {
        for i in 0..10 {
            for j in 0..i {
                assert_ne!(class(i), class(j));
            }
        }
    }
}
