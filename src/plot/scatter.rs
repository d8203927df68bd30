//! Points of the plane coloured by class, such as latent means coloured by digit.
//!
//! Both axes have the same length per unit: in a latent plane distances mean something, and a circle is a
//! circle. Ten colours are too many to tell apart surely, so each class's name also stands at its median
//! point.

use ndarray::{ArrayView1, ArrayView2};
use plotters::{
    prelude::{Circle, Rectangle},
    style::{Color, WHITE},
};

use super::{
    axes::{Axis, Labels, Plane, Scale, fit},
    canvas::{Area, Figure, Frame, Text, figure, text_width, units, wide},
    error::{Check, PlotError},
    legend::{Legend, Mark},
    style::{LABEL, WIDTH, class},
};

/// Draws `points` (`[n, 2]`) in the colours of their `classes` (`n` indices into `names`), with a legend and
/// the names at the classes' medians. Colours come round again after ten.
///
/// # Errors
///
/// [`PlotError`] if there are no points, if they are not `[n, 2]` and finite, if the number of classes is not
/// `n` or one of them has no name.
pub fn scatter(
    labels: &Labels<'_>,
    points: ArrayView2<'_, f64>,
    classes: &[usize],
    names: &[&str],
) -> Result<Figure, PlotError> {
    let check = Check(labels.title);
    check_points(check, "points", points)?;
    check.some("points", points.nrows())?;
    check.length("classes of points", classes.len(), points.nrows())?;
    let used = classes.iter().max().map_or(0, |last| last + 1);
    check.at_most("classes for the names given", used, names.len())?;

    let marks = names.iter().enumerate().map(|(i, name)| (Mark::Square(class(i)), *name));
    let legend = Legend::new(marks, Plane::LEFT, WIDTH - Plane::LEFT - 24.0);
    let frame = wide(36.0 + legend.height, 500.0);
    let plane = equal_units(frame, points);
    // Many points must show where they lie thickest, few must be seen at all.
    let opacity = (400.0 / points.nrows() as f64).clamp(0.55, 0.85);
    figure(labels.title, (WIDTH, frame.bottom() + Plane::BELOW), |area| {
        legend.draw(area, 30.0)?;
        plane.grid(area)?;
        for (point, &label) in points.outer_iter().zip(classes) {
            let style = class(label).mix(opacity).filled();
            area.draw(&Circle::new(plane.at(point[0], point[1]), units(3.0), style))?;
        }
        for (label, name) in names.iter().enumerate() {
            let coordinate = |axis| {
                let all = points.column(axis).into_iter().zip(classes);
                median(all.filter(|&(_, &c)| c == label).map(|(v, _)| *v).collect())
            };
            if let (Some(x), Some(y)) = (coordinate(0), coordinate(1)) {
                let frame = plane.frame;
                let x = frame.left + frame.width * plane.x.share(x);
                let y = frame.bottom() - frame.height * plane.y.share(y);
                tag(area, name, x, y)?;
            }
        }
        plane.axes(area, labels)
    })
}

/// A plane around all `points`, with the same length per unit on both axes, filling `frame`.
pub(super) fn equal_units(frame: Frame, points: ArrayView2<'_, f64>) -> Plane {
    let spans = [0, 1].map(|axis| fit(Scale::Linear, points.column(axis).iter().copied()));
    let [across, up] = spans.map(|(from, to)| to - from);
    let per_pixel = (across / frame.width).max(up / frame.height);
    let [(left, right), (low, high)] = [(spans[0], frame.width), (spans[1], frame.height)].map(
        |((from, to), length): ((f64, f64), f64)| {
            let (middle, half) = ((from + to) / 2.0, per_pixel * length / 2.0);
            (middle - half, middle + half)
        },
    );
    let (x, y) = (Axis::across(left, right, frame), Axis::up(Scale::Linear, low, high, frame));
    Plane { frame, x, y }
}

/// Points must be `[n, 2]` and finite.
pub(super) fn check_points(
    check: Check<'_>,
    what: &str,
    points: ArrayView2<'_, f64>,
) -> Result<(), PlotError> {
    check.length(&format!("columns of the {what}"), points.ncols(), 2)?;
    check.finite(what, points)
}

/// A name on a pale ground, readable over points.
fn tag(area: &Area<'_>, name: &str, x: f64, y: f64) -> Result<(), PlotError> {
    let (half, high) = (text_width(name, LABEL) / 2.0 + 3.0, 9.0);
    let corners = [(units(x - half), units(y - high)), (units(x + half), units(y + high))];
    area.draw(&Rectangle::new(corners, WHITE.mix(0.75).filled()))?;
    Text { size: LABEL, bold: true, ..Text::default() }.draw(area, name, x, y)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let values = ArrayView1::from(&values);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[last.div_ceil(2)]) / 2.0)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed, circles};

    const LABELS: Labels<'_> = Labels { title: "Latent plane", x: "z₁", y: "z₂" };
    const NAMES: [&str; 3] = ["zero", "one", "two"];

    #[test]
    fn a_circle_per_point_in_the_colour_of_its_class() {
        let points = Array2::from_shape_fn((30, 2), |(i, j)| ((3 * i + j) as f64).sin());
        let classes: Vec<usize> = (0..30).map(|i| i % 3).collect();
        let figure = scatter(&LABELS, points.view(), &classes, &NAMES).unwrap();
        assert_well_formed(figure.svg());
        assert_says(figure.svg(), &["Latent plane", "z₁", "z₂", "zero", "one", "two"]);
        let fills = circles(figure.svg());
        assert_eq!(fills.len(), 30);
        for i in 0..30 {
            assert_eq!(fills[i], fills[i % 3]);
            assert!((1..3).all(|d| fills[i] != fills[(i + d) % 3]));
        }
        assert_eq!(figure, scatter(&LABELS, points.view(), &classes, &NAMES).unwrap());
    }

    #[test]
    fn a_unit_is_as_long_up_as_across() {
        let points = array![[0.0, 0.0], [10.0, 0.0], [0.0, 1.0]];
        let plane = equal_units(wide(0.0, 300.0), points.view());
        let (origin, across, up) = (plane.at(0.0, 0.0), plane.at(1.0, 0.0), plane.at(0.0, 1.0));
        assert!((across.0 - origin.0 - (origin.1 - up.1)).abs() <= 1);
        assert!(points.outer_iter().all(|p| plane.holds(p[0], p[1])));
    }

    #[test]
    fn bad_data_is_refused() {
        let points = array![[0.0, 1.0], [1.0, 0.0]];
        let refused = |points: &Array2<f64>, classes: &[usize]| {
            scatter(&LABELS, points.view(), classes, &NAMES).unwrap_err()
        };
        let nan = array![[0.0, 1.0], [1.0, f64::NAN]];
        assert!(matches!(
            refused(&nan, &[0, 1]),
            PlotError::NotFinite { index, .. } if index == [1, 1]
        ));
        assert!(matches!(refused(&points, &[0]), PlotError::Shape { .. }));
        assert!(matches!(refused(&points, &[0, 3]), PlotError::TooMany { .. }));
        assert!(matches!(refused(&Array2::zeros((0, 2)), &[]), PlotError::Empty { .. }));
        assert!(matches!(refused(&Array2::zeros((2, 3)), &[0, 1]), PlotError::Shape { .. }));
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }
}
