//! Axes: numbers to places, round ticks, and the plane that two of them span.
//!
//! A value `v` on an axis from `a` to `b` stands at the share `(v − a)/(b − a)` of its length, on a log axis
//! at `(ln v − ln a)/(ln b − ln a)`. Ticks are multiples of 1, 2 or 5 × 10ᵏ; on a log axis, powers of ten, or
//! those times 1, 2, 5 where that would leave fewer than three.

use plotters::{
    prelude::PathElement,
    style::{Color, text_anchor::HPos},
};

use super::{
    canvas::{Area, Frame, Text, text_width, units},
    error::PlotError,
    style::{FAINT, GRID, INK, LABEL, TICK, UNIT},
};

/// What a picture says about itself: a title, and the axes' names with their units.
#[derive(Clone, Copy, Debug, Default)]
pub struct Labels<'a> {
    /// Over the picture; also its name in errors.
    pub title: &'a str,
    /// Under the horizontal axis.
    pub x: &'a str,
    /// Along the vertical axis.
    pub y: &'a str,
}

/// Whether equal lengths on an axis are equal differences or equal ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Differences.
    #[default]
    Linear,
    /// Ratios; every value must be above zero.
    Log,
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.ln(),
        }
    }
}

/// The scales of both axes; of a [`Scale`] alone, which is the vertical axis's, with differences across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scales {
    /// Of the horizontal axis.
    pub x: Scale,
    /// Of the vertical axis.
    pub y: Scale,
}

impl From<Scale> for Scales {
    fn from(y: Scale) -> Self {
        Self { x: Scale::Linear, y }
    }
}

/// A range of values and its ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub from: f64,
    pub to: f64,
    scale: Scale,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Exactly from `from` to `to`, with about one tick in `spacing` of `length` pixels.
    pub fn new(scale: Scale, from: f64, to: f64, length: f64, spacing: f64) -> Self {
        let most = (length / spacing).clamp(2.0, 10.0);
        let ticks = match scale {
            Scale::Linear => linear_ticks(from, to, most),
            Scale::Log => log_ticks(from, to, most),
        };
        Self { from, to, scale, ticks }
    }

    pub fn across(from: f64, to: f64, frame: Frame) -> Self {
        Self::across_by(Scale::Linear, from, to, frame)
    }

    pub fn across_by(scale: Scale, from: f64, to: f64, frame: Frame) -> Self {
        // The closest ticks whose numbers keep clear of each other.
        let clear = |axis: &Self| {
            let widest = axis.ticks().map(|(_, label)| text_width(label, TICK)).fold(0.0, f64::max);
            let shares: Vec<f64> = axis.ticks().map(|(share, _)| share).collect();
            shares.windows(2).all(|pair| widest + 14.0 < frame.width * (pair[1] - pair[0]))
        };
        let with = |spacing| Self::new(scale, from, to, frame.width, spacing);
        [40.0, 55.0, 75.0].into_iter().map(with).find(clear).unwrap_or_else(|| with(100.0))
    }

    pub fn up(scale: Scale, from: f64, to: f64, frame: Frame) -> Self {
        Self::new(scale, from, to, frame.height, 32.0)
    }

    pub fn share(&self, value: f64) -> f64 {
        let place = |v| self.scale.place(v);
        (place(value) - place(self.from)) / (place(self.to) - place(self.from))
    }

    pub fn ticks(&self) -> impl Iterator<Item = (f64, &str)> {
        self.ticks.iter().map(|(value, label)| (self.share(*value), label.as_str()))
    }
}

/// The least and greatest of `values` (finite, at least one) with a margin of 4 % of their distance on either
/// side.
pub(super) fn fit(scale: Scale, values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = extent(values.map(|v| scale.place(v)));
    let margin = 0.04 * (high - low);
    match scale {
        Scale::Linear => (low - margin, high + margin),
        Scale::Log => ((low - margin).exp(), (high + margin).exp()),
    }
}

/// Shorter differences underflow in the powers of ten that ticks are made of.
pub(super) const SHORTEST: f64 = 1e-100;

/// The least and greatest of `values`, set apart where they are equal: an axis needs a length.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let size = low.abs().max(high.abs());
    if high - low > (1e-9 * size).max(SHORTEST) {
        return (low, high);
    }
    let apart = if size > SHORTEST { 0.1 * size } else { 1.0 };
    (low - apart, high + apart)
}

fn linear_ticks(from: f64, to: f64, most: f64) -> Vec<(f64, String)> {
    let rough = (to - from) / most;
    let power = rough.log10().floor();
    let base = 10f64.powf(power);
    let (factor, power) = [(1.0, power), (2.0, power), (5.0, power), (10.0, power + 1.0)]
        .into_iter()
        .find(|(factor, _)| factor * base >= rough)
        .unwrap_or((10.0, power + 1.0));
    let step = factor * base;
    // A tick at an end is not lost to rounding.
    let first = (from / step - 1e-6).ceil();
    let count = ((to / step + 1e-6).floor() - first).clamp(-1.0, 50.0) as i32;
    (0..=count)
        .map(|i| (first + f64::from(i)) * step)
        .map(|value| (value, label(value, power, from.abs().max(to.abs()))))
        .collect()
}

fn log_ticks(from: f64, to: f64, most: f64) -> Vec<(f64, String)> {
    let (low, high) = ((from.log10() - 1e-9).floor() as i32, (to.log10() + 1e-9).ceil() as i32);
    let within = |mantissas: &[f64], every: i32| -> Vec<(f64, String)> {
        (low..=high)
            .filter(|power| power.rem_euclid(every) == 0)
            .flat_map(|power| mantissas.iter().map(move |m| (m * 10f64.powi(power), power)))
            .filter(|(value, _)| (from * (1.0 - 1e-9)..=to * (1.0 + 1e-9)).contains(value))
            .map(|(value, power)| (value, label(value, f64::from(power), value)))
            .collect()
    };
    let every = (f64::from(high - low) / most).ceil().max(1.0) as i32;
    let decades = within(&[1.0], every);
    let finer = within(&[1.0, 2.0, 5.0], 1);
    match (decades.len(), finer.len()) {
        (3.., _) => decades,
        (_, 3..) => finer,
        _ => linear_ticks(from, to, most),
    }
}

/// A tick as text, exact to 10^`power`, in the notation that fits an axis reaching to `largest`.
pub(super) fn label(value: f64, power: f64, largest: f64) -> String {
    let text = if value == 0.0 || value.abs() < 0.5 * 10f64.powf(power) {
        "0".into()
    } else if (1e-3..1e6).contains(&largest) && power > -7.0 {
        format!("{value:.*}", (-power).max(0.0) as usize)
    } else {
        let digits = (value.abs().log10() + 1e-9).floor() - power;
        format!("{value:.*e}", digits.clamp(0.0, 15.0) as usize)
    };
    text.replace('-', "\u{2212}")
}

/// A box on the canvas in which a point is a pair of values.
pub(super) struct Plane {
    pub frame: Frame,
    pub x: Axis,
    pub y: Axis,
}

impl Plane {
    /// Where a point stands, in the canvas's units.
    pub fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let frame = self.frame;
        (
            units(frame.left + frame.width * self.x.share(x)),
            units(frame.bottom() - frame.height * self.y.share(y)),
        )
    }

    pub fn holds(&self, x: f64, y: f64) -> bool {
        (self.x.from..=self.x.to).contains(&x) && (self.y.from..=self.y.to).contains(&y)
    }

    /// Pale lines at the ticks: drawn before the data, and not at all under a heat map.
    pub fn grid(&self, area: &Area<'_>) -> Result<(), PlotError> {
        let style = GRID.stroke_width(UNIT as u32);
        let (x, y) = (&self.x, &self.y);
        for (value, _) in &x.ticks {
            area.draw(&PathElement::new(
                vec![self.at(*value, y.from), self.at(*value, y.to)],
                style,
            ))?;
        }
        for (value, _) in &y.ticks {
            area.draw(&PathElement::new(
                vec![self.at(x.from, *value), self.at(x.to, *value)],
                style,
            ))?;
        }
        Ok(())
    }

    /// The box, its ticks' numbers and the names of its axes: drawn after the data.
    pub fn axes(&self, area: &Area<'_>, labels: &Labels<'_>) -> Result<(), PlotError> {
        let frame = self.frame;
        frame.outline(area, FAINT)?;
        let tick = Text { size: TICK, colour: FAINT, ..Text::default() };
        let style = FAINT.stroke_width(UNIT as u32);
        for (share, label) in self.x.ticks() {
            let (x, y) = (frame.left + share * frame.width, frame.bottom());
            let mark = vec![(units(x), units(y)), (units(x), units(y + 4.0))];
            area.draw(&PathElement::new(mark, style))?;
            tick.draw(area, label, x, y + 13.0)?;
        }
        for (share, label) in self.y.ticks() {
            let (x, y) = (frame.left, frame.bottom() - share * frame.height);
            let mark = vec![(units(x - 4.0), units(y)), (units(x), units(y))];
            area.draw(&PathElement::new(mark, style))?;
            Text { across: HPos::Right, ..tick }.draw(area, label, x - 7.0, y)?;
        }
        let name = Text { size: LABEL, colour: INK, ..Text::default() };
        name.draw(area, labels.x, frame.left + frame.width / 2.0, frame.bottom() + 35.0)?;
        let middle = frame.top + frame.height / 2.0;
        Text { turned: true, ..name }.draw(area, labels.y, frame.left - Self::LEFT + 12.0, middle)
    }

    /// What stands left of the box, in pixels: the axis' name and its ticks.
    pub const LEFT: f64 = 66.0;
    /// What stands under it.
    pub const BELOW: f64 = 52.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale, from: f64, to: f64) -> Vec<String> {
        Axis::new(scale, from, to, 400.0, 50.0).ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_few_and_told_apart_on_every_scale_of_numbers() {
        let ranges = [
            (0.0, 1.0),
            (-3.0, 3.0),
            (0.1, 0.7),
            (0.0, 150.0),
            (1.0, 1.001),
            (1e6, 1e6 + 1.0),
            (-1e-9, 2e-9),
            (0.0, 1e99),
            (-250.0, -3.0),
        ];
        for (from, to) in ranges {
            let axis = Axis::new(Scale::Linear, from, to, 400.0, 50.0);
            assert!((3..=10).contains(&axis.ticks.len()), "{from} to {to}: {:?}", axis.ticks);
            for pair in axis.ticks.windows(2) {
                assert!(
                    pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1,
                    "{from} to {to}: {pair:?}"
                );
            }
            for (value, text) in &axis.ticks {
                let share = axis.share(*value);
                assert!((-1e-5..=1.0 + 1e-5).contains(&share), "{value} outside {from} to {to}");
                let read: f64 = text.replace('\u{2212}', "-").parse().unwrap();
                assert!((read - value).abs() < 1e-6 * (to - from), "{text} for {value}");
            }
        }
    }

    #[test]
    fn known_ticks() {
        assert_eq!(texts(Scale::Linear, 0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(Scale::Log, 0.01, 10.0), ["0.01", "0.1", "1", "10"]);
        assert_eq!(texts(Scale::Log, 0.9, 6.0), ["1", "2", "5"]);
        assert_eq!(texts(Scale::Linear, -2.0, 2.0).first().unwrap(), "\u{2212}2.0");
    }

    #[test]
    fn ends_map_to_ends_and_the_middle_to_the_middle() {
        for (scale, middle) in [(Scale::Linear, 50.5), (Scale::Log, 10.0)] {
            let axis = Axis::new(scale, 1.0, 100.0, 400.0, 50.0);
            for (value, share) in [(1.0, 0.0), (middle, 0.5), (100.0, 1.0)] {
                assert!((axis.share(value) - share).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_single_value_still_has_a_range_around_it() {
        for value in [0.0, 1.0, -7.0, 1e90, 1e-90, 1e-310] {
            let (low, high) = fit(Scale::Linear, [value, value].into_iter());
            assert!(low < value && value < high);
            let ticks = texts(Scale::Linear, low, high);
            assert!(ticks.len() > 1 && ticks.iter().all(|text| !text.contains("NaN")), "{ticks:?}");
        }
    }
}
