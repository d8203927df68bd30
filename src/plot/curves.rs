//! Curves: one or more named series over a common axis, such as losses over epochs.

use ndarray::ArrayView1;
use plotters::{
    prelude::{Circle, PathElement},
    style::Color,
};

use super::{
    axes::{Axis, Labels, Plane, Scale, Scales, fit},
    canvas::{Figure, figure, units, wide},
    error::{Check, PlotError},
    legend::{Legend, Mark},
    style::{UNIT, WIDTH, class},
};

/// One series: its points `(x[i], y[i])` are joined in the order given.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// In the legend.
    pub name: &'a str,
    /// `[n]`, for example the epochs.
    pub x: ArrayView1<'a, f64>,
    /// `[n]`, for example the losses, in nats per datum.
    pub y: ArrayView1<'a, f64>,
}

/// A series of so many points or fewer has a dot at each: its line alone would not say where something was measured.
const DOTTED: usize = 16;

/// Draws the series in one plot, each in its colour, with a legend, and dots at the points of short ones. `scales` is the [`Scale`] of
/// the vertical axis, or [`Scales`] for both.
///
/// # Errors
///
/// [`PlotError`] if there is no series or one without points, if `x` and `y` differ in length, if a number is
/// not finite, or not above zero on a log axis.
pub fn curves(
    labels: &Labels<'_>,
    series: &[Curve<'_>],
    scales: impl Into<Scales>,
) -> Result<Figure, PlotError> {
    let scales = scales.into();
    let check = Check(labels.title);
    check.some("series", series.len())?;
    for Curve { name, x, y } in series {
        check.some(&format!("points in \"{name}\""), y.len())?;
        check.length(&format!("x of \"{name}\""), x.len(), y.len())?;
        for (what, values, scale) in [("x", x, scales.x), ("y", y, scales.y)] {
            check.within(
                &format!("{what} of \"{name}\""),
                values.view(),
                |v| scale == Scale::Linear || v > 0.0,
                "a log axis has only numbers above zero; use a linear one",
            )?;
        }
    }

    let marks = series.iter().enumerate().map(|(i, s)| (Mark::Line(class(i)), s.name));
    let legend = Legend::new(marks, Plane::LEFT, WIDTH - Plane::LEFT - 24.0);
    let frame = wide(36.0 + legend.height, 360.0);
    let (left, right) = fit(scales.x, series.iter().flat_map(|s| s.x.iter().copied()));
    let (low, high) = fit(scales.y, series.iter().flat_map(|s| s.y.iter().copied()));
    let plane = Plane {
        frame,
        x: Axis::across_by(scales.x, left, right, frame),
        y: Axis::up(scales.y, low, high, frame),
    };
    figure(labels.title, (WIDTH, frame.bottom() + Plane::BELOW), |area| {
        legend.draw(area, 30.0)?;
        plane.grid(area)?;
        for (i, Curve { x, y, .. }) in series.iter().enumerate() {
            let places: Vec<_> = x.iter().zip(y).map(|(&x, &y)| plane.at(x, y)).collect();
            if places.len() <= DOTTED {
                for &place in &places {
                    area.draw(&Circle::new(place, units(3.5), class(i).filled()))?;
                }
            }
            if places.len() > 1 {
                area.draw(&PathElement::new(places, class(i).stroke_width(2 * UNIT as u32)))?;
            }
        }
        plane.axes(area, labels)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed};

    const LABELS: Labels<'_> =
        Labels { title: "Loss <&> \"epoch\"", x: "epoch", y: "loss (nats per datum)" };

    #[test]
    fn a_line_has_a_point_per_epoch_on_either_scale() {
        let epochs = Array1::linspace(1.0, 37.0, 37);
        let losses = epochs.mapv(|e| 3.0 / e);
        let two = array![2.0];
        for scale in [Scale::Linear, Scale::Log] {
            let series = [
                Curve { name: "training", x: epochs.view(), y: losses.view() },
                Curve { name: "one", x: two.view(), y: two.view() },
            ];
            let figure = curves(&LABELS, &series, scale).unwrap();
            assert_well_formed(figure.svg());
            assert_says(figure.svg(), &["Loss &lt;&amp;&gt; &quot;epoch&quot;", "epoch", LABELS.y]);
            assert_says(figure.svg(), &["training", "one"]);
            let longest = figure
                .svg()
                .split("points=\"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().split_whitespace().count())
                .max();
            assert_eq!(longest, Some(37));
            assert_eq!(figure.svg().matches("<circle").count(), 1);
            assert_eq!(figure, curves(&LABELS, &series, scale).unwrap());
        }
    }

    #[test]
    fn a_log_axis_makes_a_line_of_an_exponential() {
        let x = array![0.0, 1.0, 2.0];
        let y = array![1.0, 10.0, 100.0];
        let series = [Curve { name: "e", x: x.view(), y: y.view() }];
        let slopes = |scale| {
            let figure = curves(&LABELS, &series, scale).unwrap();
            let path = figure
                .svg()
                .split("points=\"")
                .map(|rest| rest.split('"').next().unwrap().split_whitespace().collect::<Vec<_>>())
                .find(|points| points.len() == 3)
                .unwrap();
            let height = |i: usize| path[i].split_once(',').unwrap().1.parse::<i32>().unwrap();
            (height(1) - height(0), height(2) - height(1))
        };
        let (first, second) = slopes(Scale::Log);
        assert!((first - second).abs() <= 1, "{first} {second}");
        let (first, second) = slopes(Scale::Linear);
        assert!((10 * first - second).abs() <= 10, "{first} {second}");
    }

    #[test]
    fn two_log_axes_make_a_line_of_a_power_with_a_dot_at_each_of_its_points() {
        let x = array![1.0, 10.0, 100.0];
        let y = x.mapv(|x| 7.0 / x);
        let series = [Curve { name: "1/n", x: x.view(), y: y.view() }];
        let figure = curves(&LABELS, &series, Scales { x: Scale::Log, y: Scale::Log }).unwrap();
        assert_says(figure.svg(), &["1", "10", "100"]);
        let dots = figure.svg().split("<circle").skip(1);
        let place = |dot: &str, key: &str| -> i32 {
            let after = dot.split_once(key).unwrap().1;
            after.split('"').next().unwrap().parse().unwrap()
        };
        let dots: Vec<[i32; 2]> =
            dots.map(|dot| ["cx=\"", "cy=\""].map(|key| place(dot, key))).collect();
        let [a, b, c] = dots[..] else { panic!("{} dots", dots.len()) };
        for axis in 0..2 {
            assert!((b[axis] - a[axis] - (c[axis] - b[axis])).abs() <= 2, "{a:?} {b:?} {c:?}");
        }
    }

    #[test]
    fn bad_data_is_refused_with_its_place() {
        let (x, good) = (array![1.0, 2.0], array![1.0, 2.0]);
        let try_y = |y: &Array1<f64>, scale| {
            curves(&LABELS, &[Curve { name: "s", x: x.view(), y: y.view() }], scale)
        };
        assert!(try_y(&good, Scale::Log).is_ok());
        assert!(matches!(
            try_y(&array![1.0, f64::NAN], Scale::Linear),
            Err(PlotError::NotFinite { index, .. }) if index == [1]
        ));
        assert!(matches!(
            try_y(&array![1.0, 0.0], Scale::Log),
            Err(PlotError::OutOfRange { index, .. }) if index == [1]
        ));
        assert!(matches!(try_y(&array![], Scale::Linear), Err(PlotError::Empty { .. })));
        assert!(matches!(try_y(&array![1.0], Scale::Linear), Err(PlotError::Shape { .. })));
        assert!(matches!(curves(&LABELS, &[], Scale::Linear), Err(PlotError::Empty { .. })));
        let across = Scales { x: Scale::Log, y: Scale::Linear };
        let zero = array![1.0, 0.0];
        let series = [Curve { name: "s", x: zero.view(), y: good.view() }];
        let refused = curves(&LABELS, &series, across);
        assert!(
            matches!(&refused, Err(PlotError::OutOfRange { what, .. }) if what.starts_with('x'))
        );
    }
}
