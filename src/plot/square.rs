//! The unit square of shares by shares, with the diagonal on which a model is calibrated.

use ndarray::ArrayView1;
use plotters::{prelude::PathElement, style::Color};

use super::{
    axes::{Axis, Labels, Plane, Scale},
    canvas::{Area, Figure, Frame, figure},
    error::{Check, PlotError},
    legend::{Legend, Mark},
    style::{FAINT, UNIT},
};

const WIDTH: f64 = 520.0;

/// Whether all are in [0, 1].
pub(super) fn shares(
    check: Check<'_>,
    named: [(&str, ArrayView1<'_, f64>); 2],
) -> Result<(), PlotError> {
    named.into_iter().try_for_each(|(what, shares)| {
        let share = |v: f64| (0.0..=1.0).contains(&v);
        check.within(what, shares, share, "shares are in [0, 1], not percentages")
    })
}

/// Draws what is `under` the grid and the diagonal, and what is `over` them.
pub(super) fn square<'a>(
    labels: &Labels<'_>,
    entries: impl IntoIterator<Item = (Mark, &'a str)>,
    under: impl FnOnce(&Area<'_>, &Plane) -> Result<(), PlotError>,
    over: impl FnOnce(&Area<'_>, &Plane) -> Result<(), PlotError>,
) -> Result<Figure, PlotError> {
    let legend = Legend::new(entries, Plane::LEFT, WIDTH - Plane::LEFT);
    let side = WIDTH - Plane::LEFT - 24.0;
    let frame = Frame { left: Plane::LEFT, top: 36.0 + legend.height, width: side, height: side };
    let plane = Plane {
        frame,
        x: Axis::across(0.0, 1.0, frame),
        y: Axis::up(Scale::Linear, 0.0, 1.0, frame),
    };
    figure(labels.title, (WIDTH, frame.bottom() + Plane::BELOW), |area| {
        legend.draw(area, 30.0)?;
        under(area, &plane)?;
        plane.grid(area)?;
        let diagonal = vec![plane.at(0.0, 0.0), plane.at(1.0, 1.0)];
        area.draw(&PathElement::new(diagonal, FAINT.stroke_width((1.5 * UNIT) as u32)))?;
        over(area, &plane)?;
        plane.axes(area, labels)
    })
}
