//! A density, or its logarithm, on a grid of the plane, with a colour bar and, if wished, samples over it.
//!
//! The grid has `rows × columns` cells; a value belongs to its cell's centre,
//! `x_j = a + (j + ½)(b − a)/columns` and `y_i = c + (i + ½)(d − c)/rows`, row by row from the bottom left.
//! Both axes have the same length per unit.

use std::ops::Range;

use ndarray::{Array2, ArrayView1, ArrayView2};
use plotters::{
    prelude::{Circle, PathElement},
    style::{Color, RGBColor, WHITE},
};

use super::{
    axes::{Axis, Labels, Plane, Scale, extent, label},
    canvas::{Area, Figure, Frame, Text, figure, units},
    error::{Check, PlotError},
    scatter::check_points,
    style::{FAINT, INK, TICK, UNIT, WIDTH, viridis},
};

/// Colours told apart: more would only make the file larger.
const LEVELS: usize = 100;

/// A rectangle of the plane, cut into cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// From left to right.
    pub x: Range<f64>,
    /// From bottom to top.
    pub y: Range<f64>,
    /// Cells across. About 100 look smooth; the file grows with `columns · rows`, to at most 0.7 MB at 100 ×
    /// 100.
    pub columns: usize,
    /// Cells up.
    pub rows: usize,
}

impl Grid {
    /// The same range and number of cells on both axes.
    #[must_use]
    pub fn square(range: Range<f64>, cells: usize) -> Self {
        Self { x: range.clone(), y: range, columns: cells, rows: cells }
    }

    /// The cells' centres, `[rows · columns, 2]`, as one batch for a model's `log_prob`.
    ///
    /// ```
    /// use evidence::plot::Grid;
    ///
    /// let centres = Grid::square(0.0..4.0, 2).centres();
    /// assert_eq!(centres, ndarray::array![[1.0, 1.0], [3.0, 1.0], [1.0, 3.0], [3.0, 3.0]]);
    /// ```
    #[must_use]
    pub fn centres(&self) -> Array2<f64> {
        let centre = |range: &Range<f64>, cell: usize, cells: usize| {
            range.start + (cell as f64 + 0.5) * (range.end - range.start) / cells as f64
        };
        Array2::from_shape_fn((self.rows * self.columns, 2), |(cell, axis)| match axis {
            0 => centre(&self.x, cell % self.columns, self.columns),
            _ => centre(&self.y, cell / self.columns, self.rows),
        })
    }
}

/// A value per cell of a grid.
#[derive(Clone, Copy, Debug)]
pub struct HeatMap<'a> {
    /// Where the values belong.
    pub grid: &'a Grid,
    /// `[rows · columns]`, in the order of [`Grid::centres`]. Minus infinity, a log-density where there is no
    /// mass, has the colour of the lowest.
    pub values: ArrayView1<'a, f64>,
    /// What the values are, under the colour bar: "log density (nats)".
    pub unit: &'a str,
    /// What the colours span; values beyond have the colour of the end. `None`: from the least to the
    /// greatest. A log-density falls without end, so its picture wants a floor.
    pub span: Option<(f64, f64)>,
    /// `[n, 2]`: points drawn over it, white on dark and dark on bright. Those outside the grid are left out,
    /// and counted under the picture.
    pub points: Option<ArrayView2<'a, f64>>,
}

/// Draws the map with its colour bar.
///
/// # Errors
///
/// [`PlotError`] if the grid has no cells or an empty range, if there is not one value per cell, if a value
/// is NaN, too large or plus infinity, if all are minus infinity, or if points are not `[n, 2]` and finite.
pub fn heat_map(labels: &Labels<'_>, map: &HeatMap<'_>) -> Result<Figure, PlotError> {
    map.check(Check(labels.title))?;
    let room = Frame { left: 0.0, top: 36.0, width: WIDTH - Plane::LEFT - 24.0, height: 520.0 };
    let frame = equal_aspect(&map.grid.x, &map.grid.y, room);
    let left = Plane::LEFT.max((WIDTH - frame.width) / 2.0);
    let frame = Frame { left, ..frame };
    let height = frame.bottom() + Plane::BELOW + HeatMap::BELOW;
    figure(labels.title, (WIDTH, height), |area| map.draw(area, frame, labels))
}

/// The largest frame in the corner of `room` in which a unit of `x` is as long as one of `y`.
pub(super) fn equal_aspect(x: &Range<f64>, y: &Range<f64>, room: Frame) -> Frame {
    let (across, up) = (x.end - x.start, y.end - y.start);
    let scale = (room.width / across).min(room.height / up);
    // A strip narrower than this shows nothing; it gives up equal lengths.
    Frame { width: (scale * across).max(60.0), height: (scale * up).max(60.0), ..room }
}

impl HeatMap<'_> {
    /// What stands under the axes: the colour bar and the note.
    pub(super) const BELOW: f64 = 66.0;

    pub(super) fn check(&self, check: Check<'_>) -> Result<(), PlotError> {
        let Grid { x, y, columns, rows } = self.grid;
        check.range("horizontal axis", x.start, x.end)?;
        check.range("vertical axis", y.start, y.end)?;
        check.some("cells in the grid", columns.saturating_mul(*rows))?;
        check.at_most("columns of cells", *columns, 2000)?;
        check.at_most("rows of cells", *rows, 2000)?;
        check.length("values for the cells of the grid", self.values.len(), columns * rows)?;
        let finite = self.values.mapv(|v| if v == f64::NEG_INFINITY { 0.0 } else { v });
        check.finite("values", finite.view())?;
        if let Some((from, to)) = self.span {
            check.range("colours", from, to)?;
        }
        let above = self.values.iter().filter(|v| v.is_finite()).count();
        check.some("value above minus infinity", above)?;
        self.points.map_or(Ok(()), |points| check_points(check, "points", points))
    }

    /// Draws a checked map into `frame`, its axes around it and its colour bar below.
    pub(super) fn draw(
        &self,
        area: &Area<'_>,
        frame: Frame,
        labels: &Labels<'_>,
    ) -> Result<(), PlotError> {
        let Grid { x, y, columns, rows } = self.grid;
        let finite = || self.values.iter().copied().filter(|v| v.is_finite());
        let (low, high) = self.span.unwrap_or_else(|| extent(finite()));
        let level = |row: usize, column: usize| {
            let value = self.values[(rows - 1 - row) * columns + column];
            let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
            (share * (LEVELS - 1) as f64).round() as usize
        };
        frame.raster(area, (*rows, *columns), LEVELS, level, viridis)?;

        let plane = Plane {
            frame,
            x: Axis::across(x.start, x.end, frame),
            y: Axis::up(Scale::Linear, y.start, y.end, frame),
        };
        let outside = match self.points {
            Some(points) => draw_points(area, &plane, points, |x, y| {
                let cell = |axis: &Axis, v, cells: usize| {
                    ((axis.share(v) * cells as f64) as usize).min(cells - 1)
                };
                let (row, column) = (cell(&plane.y, y, *rows), cell(&plane.x, x, *columns));
                let bright = level(rows - 1 - row, column) > LEVELS / 2;
                if bright { INK } else { WHITE }
            })?,
            None => 0,
        };
        plane.axes(area, labels)?;

        let bar = Frame {
            left: frame.left,
            top: frame.bottom() + Plane::BELOW,
            width: frame.width,
            height: 12.0,
        };
        let mut unit = self.unit.to_owned();
        if self.values.iter().any(|&v| v < low) {
            unit += &format!(", darkest: \u{2264} {}", end(low, high - low));
        }
        if self.values.iter().any(|&v| v > high) {
            unit += &format!(", brightest: \u{2265} {}", end(high, high - low));
        }
        colour_bar(area, bar, (low, high), &unit)?;
        note_outside(area, frame, bar.bottom() + 46.0, outside)
    }
}

/// An end of a colour bar as text, to a hundredth of its span.
fn end(value: f64, span: f64) -> String {
    // A span computed as a difference may be just below the power of ten that it is meant to be.
    label(value, (span.log10() + 1e-9).floor() - 2.0, value.abs())
}

/// The colours from `low` to `high`, with ticks below and the unit under them.
fn colour_bar(
    area: &Area<'_>,
    bar: Frame,
    (low, high): (f64, f64),
    unit: &str,
) -> Result<(), PlotError> {
    bar.raster(area, (1, LEVELS), LEVELS, |_, column| column, viridis)?;
    bar.outline(area, FAINT)?;
    let axis = Axis::across(low, high, bar);
    let style = FAINT.stroke_width(UNIT as u32);
    for (share, label) in axis.ticks() {
        let (x, y) = (bar.left + share * bar.width, bar.bottom());
        area.draw(&PathElement::new(
            vec![(units(x), units(y)), (units(x), units(y + 4.0))],
            style,
        ))?;
        Text { size: TICK, colour: FAINT, ..Text::default() }.draw(area, label, x, y + 13.0)?;
    }
    let middle = bar.left + bar.width / 2.0;
    Text { size: TICK, colour: INK, ..Text::default() }.draw(
        area,
        unit,
        middle,
        bar.bottom() + 31.0,
    )
}

/// Small points in the colour that `against` gives their place. Returns how many lie outside.
fn draw_points(
    area: &Area<'_>,
    plane: &Plane,
    points: ArrayView2<'_, f64>,
    against: impl Fn(f64, f64) -> RGBColor,
) -> Result<usize, PlotError> {
    let mut outside = 0;
    for point in points.outer_iter() {
        if !plane.holds(point[0], point[1]) {
            outside += 1;
            continue;
        }
        let (x, y) = (point[0], point[1]);
        area.draw(&Circle::new(plane.at(x, y), units(1.6), against(x, y).mix(0.75).filled()))?;
    }
    Ok(outside)
}

/// Says under a plot that not every point is in it.
pub(super) fn note_outside(
    area: &Area<'_>,
    frame: Frame,
    y: f64,
    outside: usize,
) -> Result<(), PlotError> {
    if outside == 0 {
        return Ok(());
    }
    let points = if outside == 1 { "point lies" } else { "points lie" };
    let note = format!("{outside} {points} outside");
    let style = Text { size: TICK, colour: FAINT, ..Text::default() };
    style.draw(area, &note, frame.left + frame.width / 2.0, y)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed, circles};

    const LABELS: Labels<'_> = Labels { title: "Two moons", x: "x₁", y: "x₂" };

    fn map<'a>(grid: &'a Grid, values: &'a Array1<f64>) -> HeatMap<'a> {
        HeatMap {
            grid,
            values: values.view(),
            unit: "log density (nats)",
            span: None,
            points: None,
        }
    }

    #[test]
    fn says_what_it_shows_and_draws_the_points_inside() {
        let grid = Grid { x: -2.0..2.0, y: -1.0..1.0, columns: 20, rows: 10 };
        let values = grid.centres().map_axis(ndarray::Axis(1), |p| -p.dot(&p));
        let points = array![[0.0, 0.0], [1.9, 0.9], [5.0, 0.0], [-2.0, -1.0]];
        let map =
            HeatMap { points: Some(points.view()), span: Some((-2.0, 0.0)), ..map(&grid, &values) };
        let figure = heat_map(&LABELS, &map).unwrap();
        assert_well_formed(figure.svg());
        assert_says(
            figure.svg(),
            &["Two moons", "x₁", "x₂", "log density (nats), darkest: \u{2264} \u{2212}2.00"],
        );
        assert_says(figure.svg(), &["1 point lies outside", "\u{2212}1.0", "0"]);
        // Ink on the bright middle, white on the dark corners.
        assert_eq!(circles(figure.svg()), ["#222222", "#FFFFFF", "#FFFFFF"]);
        assert_eq!(figure, heat_map(&LABELS, &map).unwrap());
    }

    #[test]
    fn ends_are_told_to_a_hundredth_of_the_span() {
        for span in [1.0, 3.0, 10.0, 100.0] {
            for value in [-0.4469, 0.004, 7.77, -123.456, 123.456 - span] {
                let text = end(value, span);
                let read: f64 = text.replace('\u{2212}', "-").parse().unwrap();
                assert!((read - value).abs() < 0.00501 * span, "{text}: {value} of {span}");
            }
        }
        let known = [(1.0, "\u{2212}0.45"), (3.0, "\u{2212}0.45"), (10.0, "\u{2212}0.4")];
        for (span, text) in known {
            assert_eq!(end(-0.4469, span), text);
            assert_eq!(end(-0.4469, span.next_down()), text);
        }
        assert_eq!(end(-40.6, 100.0), "\u{2212}41");
    }

    #[test]
    fn the_first_value_is_at_the_bottom_left_and_the_last_at_the_top_right() {
        let grid = Grid::square(0.0..1.0, 2);
        let values = array![0.0, 1.0, 2.0, f64::NEG_INFINITY];
        let figure = heat_map(&LABELS, &map(&grid, &values)).unwrap();
        let fills: Vec<&str> = figure
            .svg()
            .split("<rect")
            .skip(2)
            .take(4)
            .map(|rect| rect.split_once("fill=\"").unwrap().1.split('"').next().unwrap())
            .collect();
        // Drawn from the top: [2, −∞], [0, 1].
        assert_eq!(fills[0], "#FDE725");
        assert_eq!((fills[1], fills[2]), ("#440154", "#440154"));
        assert!(!["#FDE725", "#440154"].contains(&fills[3]));
    }

    #[test]
    fn a_unit_is_as_long_up_as_across() {
        let room = Frame { left: 0.0, top: 0.0, width: 700.0, height: 500.0 };
        for (x, y) in [(0.0..4.0, 0.0..1.0), (-1.0..1.0, -3.0..3.0), (0.0..1.0, 0.0..1.0)] {
            let frame = equal_aspect(&x, &y, room);
            let (across, up) = (frame.width / (x.end - x.start), frame.height / (y.end - y.start));
            assert!((across - up).abs() < 1e-9 * up);
            assert!(frame.width <= room.width && frame.height <= room.height);
        }
    }

    #[test]
    fn bad_data_is_refused() {
        let grid = Grid::square(0.0..1.0, 2);
        for bad in [f64::NAN, f64::INFINITY, 1e200] {
            let values = array![0.0, 1.0, bad, 0.0];
            assert!(matches!(
                heat_map(&LABELS, &map(&grid, &values)),
                Err(PlotError::NotFinite { index, .. }) if index == [2]
            ));
        }
        let values = Array1::zeros(4);
        let nan = array![[0.0, f64::NAN]];
        let refused = |map: HeatMap<'_>| heat_map(&LABELS, &map).unwrap_err();
        let points = Some(nan.view());
        assert!(matches!(
            refused(HeatMap { points, ..map(&grid, &values) }),
            PlotError::NotFinite { index, .. } if index == [0, 1]
        ));
        let span = Some((1.0, 1.0));
        assert!(matches!(
            refused(HeatMap { span, ..map(&grid, &values) }),
            PlotError::Range { .. }
        ));
        assert!(matches!(refused(map(&grid, &Array1::zeros(3))), PlotError::Shape { .. }));
        let none = Array1::from_elem(4, f64::NEG_INFINITY);
        assert!(matches!(refused(map(&grid, &none)), PlotError::Empty { .. }));
        let empty = Grid { columns: 0, ..grid.clone() };
        assert!(matches!(refused(map(&empty, &Array1::zeros(0))), PlotError::Empty { .. }));
        let backwards = Grid { x: 1.0..0.0, ..grid.clone() };
        assert!(matches!(refused(map(&backwards, &values)), PlotError::Range { .. }));
    }
}
