//! Legends: entries in a row above the plot, going on below where the row ends.

use plotters::{
    prelude::{PathElement, Rectangle},
    style::{Color, RGBColor, text_anchor::HPos},
};

use super::{
    canvas::{Area, Text, text_width, units},
    error::PlotError,
    style::{TICK, UNIT},
};

const ROW: f64 = 20.0;

/// How an entry looks in the plot. Points are shown as squares, so that a picture has a circle per datum.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Line(RGBColor),
    Square(RGBColor),
}

/// Marks and what they mean, laid out from `left` in rows of at most `width` pixels.
pub(super) struct Legend<'a> {
    entries: Vec<(f64, f64, Mark, &'a str)>,
    /// What it takes up, in pixels.
    pub height: f64,
}

impl<'a> Legend<'a> {
    pub fn new(entries: impl IntoIterator<Item = (Mark, &'a str)>, left: f64, width: f64) -> Self {
        let (mut x, mut y) = (left, 0.0);
        let mut placed = Vec::new();
        for (mark, text) in entries {
            let wide = 24.0 + text_width(text, TICK) + 10.0;
            if x > left && x + wide > left + width {
                (x, y) = (left, y + ROW);
            }
            placed.push((x, y, mark, text));
            x += wide;
        }
        let height = if placed.is_empty() { 0.0 } else { y + ROW };
        Self { entries: placed, height }
    }

    pub fn draw(&self, area: &Area<'_>, top: f64) -> Result<(), PlotError> {
        for &(x, y, mark, text) in &self.entries {
            let middle = top + y + ROW / 2.0;
            match mark {
                Mark::Line(colour) => {
                    let ends = vec![(units(x), units(middle)), (units(x + 18.0), units(middle))];
                    area.draw(&PathElement::new(ends, colour.stroke_width(2 * UNIT as u32)))?;
                }
                Mark::Square(colour) => {
                    let corners = [
                        (units(x + 8.0), units(middle - 5.0)),
                        (units(x + 18.0), units(middle + 5.0)),
                    ];
                    area.draw(&Rectangle::new(corners, colour.filled()))?;
                }
            }
            let text_style = Text { size: TICK, across: HPos::Left, ..Text::default() };
            text_style.draw(area, text, x + 24.0, middle)?;
        }
        Ok(())
    }
}
