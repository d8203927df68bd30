//! Predictive intervals against what was observed.
//!
//! A row's interval `[lower, upper]` holds a share `level` of its predictive distribution, so over many rows
//! about that share of the targets should lie in theirs: the coverage, which the legend states.
//!
//! Predictions are across and observations up (Piñeiro et al. 2008, "How to evaluate models: observed vs.
//! predicted or predicted vs. observed?"): around a prediction the observations should scatter as its
//! interval says, and a good mean follows the diagonal. Sorting by row or rank would show neither.

use ndarray::ArrayView1;
use plotters::{
    prelude::{Circle, PathElement},
    style::{Color, RGBColor},
};

use super::{
    axes::{Axis, Labels, Plane, Scale, fit},
    canvas::{Figure, figure, units, wide},
    error::{Check, PlotError},
    legend::{Legend, Mark},
    style::{BLUE, INK, UNIT, VERMILION, WIDTH},
};

const BAR: RGBColor = RGBColor(0x8F, 0xB8, 0xD8);

/// A predictive interval and an observed target per row. Each array is `[n]`, in the target's unit.
#[derive(Clone, Copy, Debug)]
pub struct Intervals<'a> {
    /// Predictive means.
    pub mean: ArrayView1<'a, f64>,
    /// Lower ends.
    pub lower: ArrayView1<'a, f64>,
    /// Upper ends.
    pub upper: ArrayView1<'a, f64>,
    /// Observed targets.
    pub actual: ArrayView1<'a, f64>,
    /// The share of the predictive distribution that an interval holds, in (0, 1).
    pub level: f64,
    /// Targets on a few levels (marks, counts) hide each other; their points are drawn up to this far above
    /// or below, in the target's unit, but none on the other side of its interval's end. The vertical axis'
    /// name says so. 0: none.
    pub jitter: f64,
}

/// Draws each row's interval as a bar at its predictive mean and its target as a point, blue inside its
/// interval and vermilion outside; the legend counts them.
///
/// # Errors
///
/// [`PlotError`] if there are no rows, if lengths differ, if a number is not finite, if an interval's lower
/// end is above its upper, or if `level` is not in (0, 1) or `jitter` is negative.
pub fn prediction_intervals(
    labels: &Labels<'_>,
    data: &Intervals<'_>,
) -> Result<Figure, PlotError> {
    check(Check(labels.title), data)?;
    let Intervals { mean, lower, upper, actual, level, jitter } = *data;
    let rows = mean.len();
    let inside: Vec<bool> = (0..rows).map(|i| (lower[i]..=upper[i]).contains(&actual[i])).collect();
    let moved = |i| beside(actual[i], [lower[i], upper[i]], actual[i] + jitter * spread(i));
    let shown: Vec<f64> = (0..rows).map(moved).collect();
    let spread_out = format!("{}, spread by up to ±{jitter}", labels.y);
    let labels = Labels { y: if jitter > 0.0 { &spread_out } else { labels.y }, ..*labels };

    let covered = inside.iter().filter(|&&inside| inside).count();
    let texts = [
        format!("{} % interval", trimmed(100.0 * level)),
        format!(
            "target inside: {covered} of {rows} ({:.1} %)",
            100.0 * covered as f64 / rows as f64
        ),
        format!("outside: {}", rows - covered),
        "mean = target".to_owned(),
    ];
    let marks = [Mark::Line(BAR), Mark::Square(BLUE), Mark::Square(VERMILION), Mark::Line(INK)];
    let entries = marks.into_iter().zip(texts.iter().map(String::as_str));
    let legend = Legend::new(entries, Plane::LEFT, WIDTH - Plane::LEFT - 24.0);

    let frame = wide(36.0 + legend.height, 440.0);
    let (left, right) = fit(Scale::Linear, mean.iter().copied());
    let heights = lower.iter().chain(upper).chain(&shown).copied();
    let (low, high) = fit(Scale::Linear, heights);
    let plane = Plane {
        frame,
        x: Axis::across(left, right, frame),
        y: Axis::up(Scale::Linear, low, high, frame),
    };
    let crowding = (150.0 / rows as f64).clamp(0.25, 1.0);
    figure(labels.title, (WIDTH, frame.bottom() + Plane::BELOW), |area| {
        legend.draw(area, 30.0)?;
        plane.grid(area)?;
        let bar = BAR.mix(crowding.max(0.4)).stroke_width((1.5 * UNIT) as u32);
        for i in 0..rows {
            let ends = vec![plane.at(mean[i], lower[i]), plane.at(mean[i], upper[i])];
            area.draw(&PathElement::new(ends, bar))?;
        }
        let (from, to) = (left.max(low), right.min(high));
        if from < to {
            let diagonal = vec![plane.at(from, from), plane.at(to, to)];
            area.draw(&PathElement::new(diagonal, INK.stroke_width((1.5 * UNIT) as u32)))?;
        }
        // Those outside are what one looks for, so they are drawn last and stronger.
        for (this, colour, opacity) in [(true, BLUE, crowding.max(0.5)), (false, VERMILION, 0.9)] {
            for i in (0..rows).filter(|&i| inside[i] == this) {
                let style = colour.mix(opacity).filled();
                area.draw(&Circle::new(plane.at(mean[i], shown[i]), units(2.8), style))?;
            }
        }
        plane.axes(area, &labels)
    })
}

fn check(check: Check<'_>, data: &Intervals<'_>) -> Result<(), PlotError> {
    let Intervals { mean, lower, upper, actual, level, jitter } = data;
    let rows = mean.len();
    check.some("rows", rows)?;
    for (what, array) in
        [("means", mean), ("lower ends", lower), ("upper ends", upper), ("targets", actual)]
    {
        check.length(what, array.len(), rows)?;
        check.finite(what, array.view())?;
    }
    let widths = upper - lower;
    check.within(
        "widths of the intervals",
        widths.view(),
        |width| width >= 0.0,
        "an upper end below its lower end; give the quantiles in their order",
    )?;
    let inner = |level: f64| level > 0.0 && level < 1.0;
    check.within(
        "level",
        ArrayView1::from(&[*level]),
        inner,
        "a share between 0 and 1, such as 0.9",
    )?;
    check.within("jitter", ArrayView1::from(&[*jitter]), |j| j >= 0.0, "a distance, zero for none")
}

/// `moved`, or the end of the interval that it would have crossed: a point in the colour of those outside must not be seen inside.
fn beside(actual: f64, [lower, upper]: [f64; 2], moved: f64) -> f64 {
    if actual < lower {
        moved.min(lower)
    } else if actual > upper {
        moved.max(upper)
    } else {
        moved.clamp(lower, upper)
    }
}

/// A spread over [−1, 1] that needs no noise: multiples of the golden ratio modulo one (Weyl's sequence).
fn spread(i: usize) -> f64 {
    2.0 * (i as f64 * 0.618_033_988_749_894_9).fract() - 1.0
}

/// A percentage without zeros that say nothing: 90, 97.5.
fn trimmed(value: f64) -> String {
    format!("{value:.1}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed, circles};

    const LABELS: Labels<'_> =
        Labels { title: "Wine", x: "predictive mean (quality)", y: "quality" };

    #[test]
    fn a_circle_per_target_and_those_outside_stand_out_whatever_the_jitter() {
        let mean = Array1::linspace(4.0, 7.0, 40);
        let (lower, upper) = (&mean - 1.0, &mean + 1.0);
        // Every eighth target lies outside.
        let actual = Array1::from_shape_fn(40, |i| mean[i] + if i % 8 == 0 { 1.5 } else { 0.9 });
        for (jitter, y) in [(0.0, "quality"), (0.3, "quality, spread by up to ±0.3")] {
            let data = Intervals {
                mean: mean.view(),
                lower: lower.view(),
                upper: upper.view(),
                actual: actual.view(),
                level: 0.9,
                jitter,
            };
            let figure = prediction_intervals(&LABELS, &data).unwrap();
            assert_well_formed(figure.svg());
            assert_says(figure.svg(), &["Wine", LABELS.x, y, "90 % interval"]);
            assert_says(figure.svg(), &["target inside: 35 of 40 (87.5 %)", "outside: 5"]);
            let fills = circles(figure.svg());
            assert_eq!(fills.len(), 40);
            assert_eq!(fills.iter().filter(|&&fill| fill == "#D55E00").count(), 5);
            assert_eq!(figure, prediction_intervals(&LABELS, &data).unwrap());
        }
    }

    #[test]
    fn no_point_crosses_an_end() {
        for (actual, moved, shown) in
            [(5.0, 5.1, 5.1), (5.9, 6.1, 6.0), (6.1, 5.9, 6.0), (6.1, 6.2, 6.2), (3.9, 4.1, 4.0)]
        {
            assert_eq!(beside(actual, [4.0, 6.0], moved), shown, "{actual}");
        }
    }

    #[test]
    fn bad_data_is_refused() {
        let (mean, lower, upper) = (array![1.0, 2.0], array![0.0, 1.0], array![2.0, 3.0]);
        let refused = |lower: &Array1<f64>, upper: &Array1<f64>, level, jitter| {
            let (mean, lower, upper) = (mean.view(), lower.view(), upper.view());
            let data = Intervals { mean, lower, upper, actual: mean, level, jitter };
            prediction_intervals(&LABELS, &data).err()
        };
        assert!(refused(&lower, &upper, 0.9, 0.0).is_none());
        assert!(matches!(refused(&upper, &lower, 0.9, 0.0), Some(PlotError::OutOfRange { .. })));
        assert!(matches!(refused(&lower, &upper, 90.0, 0.0), Some(PlotError::OutOfRange { .. })));
        assert!(matches!(refused(&lower, &upper, 0.9, -1.0), Some(PlotError::OutOfRange { .. })));
        assert!(matches!(refused(&array![0.0], &upper, 0.9, 0.0), Some(PlotError::Shape { .. })));
        let nan = array![0.0, f64::NAN];
        assert!(matches!(
            refused(&nan, &upper, 0.9, 0.0),
            Some(PlotError::NotFinite { index, .. }) if index == [1]
        ));
    }

    #[test]
    fn percentages() {
        assert_eq!([90.0, 97.5, 99.0].map(trimmed), ["90", "97.5", "99"]);
    }
}
