//! Curves: one or more named series over a common axis, such as losses over epochs.

use ndarray::ArrayView1;
use plotters::{
    prelude::{Circle, PathElement},
    style::Color,
};

use super::{
    axes::{Axis, Labels, Plane, Scale, fit},
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

/// Draws the series in one plot, each in its colour, with a legend. `scale` is that of the vertical axis.
/// A series of one point is a dot.
///
/// # Errors
///
/// [`PlotError`] if there is no series or one without points, if `x` and `y` differ in length, if a number is
/// not finite, or not above zero on a log axis.
pub fn curves(
    labels: &Labels<'_>,
    series: &[Curve<'_>],
    scale: Scale,
) -> Result<Figure, PlotError> {
    let check = Check(labels.title);
    check.some("series", series.len())?;
    for Curve { name, x, y } in series {
        check.some(&format!("points in \"{name}\""), y.len())?;
        check.length(&format!("x of \"{name}\""), x.len(), y.len())?;
        check.finite(&format!("x of \"{name}\""), x.view())?;
        check.within(
            &format!("y of \"{name}\""),
            y.view(),
            |v| scale == Scale::Linear || v > 0.0,
            "a log axis has only numbers above zero; use a linear one",
        )?;
    }

    let marks = series.iter().enumerate().map(|(i, s)| (Mark::Line(class(i)), s.name));
    let legend = Legend::new(marks, Plane::LEFT, WIDTH - Plane::LEFT - 24.0);
    let frame = wide(36.0 + legend.height, 360.0);
    let (left, right) = fit(Scale::Linear, series.iter().flat_map(|s| s.x.iter().copied()));
    let (low, high) = fit(scale, series.iter().flat_map(|s| s.y.iter().copied()));
    let plane =
        Plane { frame, x: Axis::across(left, right, frame), y: Axis::up(scale, low, high, frame) };
    figure(labels.title, (WIDTH, frame.bottom() + Plane::BELOW), |area| {
        legend.draw(area, 30.0)?;
        plane.grid(area)?;
        for (i, Curve { x, y, .. }) in series.iter().enumerate() {
            let places: Vec<_> = x.iter().zip(y).map(|(&x, &y)| plane.at(x, y)).collect();
            if let [only] = places[..] {
                area.draw(&Circle::new(only, units(4.0), class(i).filled()))?;
            } else {
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
    }
}
