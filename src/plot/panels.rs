//! Planes side by side: a flow's density, its samples, and data pushed back to the base.

use std::ops::Range;

use ndarray::ArrayView2;
use plotters::{prelude::Circle, style::Color};

use super::{
    axes::{Axis, Labels, Plane, Scale},
    canvas::{Area, Figure, Frame, Text, figure, text_width, units},
    error::{Check, PlotError},
    heat_map::{HeatMap, equal_aspect, note_outside},
    scatter::{check_points, equal_units},
    style::{BLUE, LABEL, WIDTH},
};

/// One of the planes, under its own title.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// The title stands over the panel; the picture has one over all.
    pub labels: Labels<'a>,
    /// What is drawn.
    pub content: Content<'a>,
}

/// What a panel shows.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// Values on a grid, with a colour bar.
    Map(HeatMap<'a>),
    /// Points.
    Points {
        /// `[n, 2]`.
        points: ArrayView2<'a, f64>,
        /// The ranges of x and y, to match a neighbour's; points outside are left out and counted below.
        /// `None`: around all points, with the same length per unit on both axes.
        within: Option<(Range<f64>, Range<f64>)>,
    },
}

/// Draws one to three panels side by side.
///
/// # Errors
///
/// [`PlotError`] if there are none or more than three, for what [`heat_map`](super::heat_map) refuses, and
/// for points that are none, not `[n, 2]`, not finite, or in an empty range.
pub fn panels(title: &str, panels: &[Panel<'_>]) -> Result<Figure, PlotError> {
    let check = Check(title);
    check.some("panels", panels.len())?;
    check.at_most("panels", panels.len(), 3)?;
    for panel in panels {
        panel.check(Check(panel.labels.title))?;
    }

    let slot = (WIDTH - 12.0) / panels.len() as f64;
    let side = slot - Plane::LEFT - 10.0;
    let planes: Vec<Plane> = panels
        .iter()
        .enumerate()
        .map(|(i, panel)| {
            let left = i as f64 * slot + Plane::LEFT;
            panel.plane(Frame { left, top: 62.0, width: side, height: side.min(440.0) })
        })
        .collect();
    let bottom = |(panel, plane): (&Panel<'_>, &Plane)| {
        let below = match panel.content {
            Content::Map(_) => HeatMap::BELOW,
            Content::Points { .. } => 20.0,
        };
        plane.frame.bottom() + Plane::BELOW + below
    };
    let height = panels.iter().zip(&planes).map(bottom).fold(0.0, f64::max);
    figure(title, (WIDTH, height), |area| {
        for (panel, plane) in panels.iter().zip(&planes) {
            let Frame { left, width, top, .. } = plane.frame;
            let name = panel.labels.title;
            let size = LABEL.min((width + 24.0) / text_width(name, 1.0).max(1.0));
            let style = Text { size, ..Text::default() };
            style.draw(area, name, left + width / 2.0, top - 14.0)?;
            panel.draw(area, plane)?;
        }
        Ok(())
    })
}

impl Panel<'_> {
    fn check(&self, check: Check<'_>) -> Result<(), PlotError> {
        match &self.content {
            Content::Map(map) => map.check(check),
            Content::Points { points, within } => {
                check_points(check, "points", *points)?;
                check.some("points", points.nrows())?;
                if let Some((x, y)) = within {
                    check.range("horizontal axis", x.start, x.end)?;
                    check.range("vertical axis", y.start, y.end)?;
                }
                Ok(())
            }
        }
    }

    fn plane(&self, room: Frame) -> Plane {
        let (x, y) = match &self.content {
            Content::Map(map) => (map.grid.x.clone(), map.grid.y.clone()),
            Content::Points { within: Some((x, y)), .. } => (x.clone(), y.clone()),
            Content::Points { points, within: None } => return equal_units(room, *points),
        };
        let frame = equal_aspect(&x, &y, room);
        Plane {
            frame,
            x: Axis::across(x.start, x.end, frame),
            y: Axis::up(Scale::Linear, y.start, y.end, frame),
        }
    }

    fn draw(&self, area: &Area<'_>, plane: &Plane) -> Result<(), PlotError> {
        let points = match &self.content {
            Content::Map(map) => return map.draw(area, plane.frame, &self.labels),
            Content::Points { points, .. } => points,
        };
        plane.grid(area)?;
        let opacity = (300.0 / points.nrows() as f64).clamp(0.2, 0.8);
        let inside = points.outer_iter().filter(|p| plane.holds(p[0], p[1]));
        let mut drawn = 0;
        for point in inside {
            let style = BLUE.mix(opacity).filled();
            area.draw(&Circle::new(plane.at(point[0], point[1]), units(1.8), style))?;
            drawn += 1;
        }
        plane.axes(area, &self.labels)?;
        let below = plane.frame.bottom() + Plane::BELOW + 6.0;
        note_outside(area, plane.frame, below, points.nrows() - drawn)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::plot::{
        Grid,
        testing::{assert_says, assert_well_formed, circles},
    };

    fn labels(title: &str) -> Labels<'_> {
        Labels { title, x: "x₁", y: "x₂" }
    }

    #[test]
    fn every_panel_is_there_with_its_points() {
        let grid = Grid::square(-2.0..2.0, 12);
        let values = grid.centres().map_axis(ndarray::Axis(1), |p| -p.dot(&p));
        let map =
            HeatMap { grid: &grid, values: values.view(), unit: "nats", span: None, points: None };
        let samples = Array2::from_shape_fn((25, 2), |(i, j)| ((5 * i + j) as f64).cos());
        let far = array![[0.0, 0.0], [9.0, 0.0], [0.0, -9.0]];
        let within = Some((-2.0..2.0, -2.0..2.0));
        let three = [
            Panel { labels: labels("density"), content: Content::Map(map) },
            Panel {
                labels: labels("samples"),
                content: Content::Points { points: samples.view(), within: None },
            },
            Panel {
                labels: labels("base"),
                content: Content::Points { points: far.view(), within },
            },
        ];
        for count in 1..=3 {
            let figure = panels("A flow", &three[..count]).unwrap();
            assert_well_formed(figure.svg());
            let said = ["A flow", "density", "samples", "base"];
            assert_says(figure.svg(), &said[..=count]);
            assert_eq!(circles(figure.svg()).len(), [0, 25, 26][count - 1]);
            assert_eq!(figure, panels("A flow", &three[..count]).unwrap());
        }
        assert_says(panels("A flow", &three).unwrap().svg(), &["2 points lie outside", "nats"]);
        let four = [&three[..], &three[..1]].concat();
        assert!(matches!(panels("A flow", &four), Err(PlotError::TooMany { .. })));
        assert!(matches!(panels("A flow", &[]), Err(PlotError::Empty { .. })));
    }

    #[test]
    fn bad_data_is_refused_under_the_panels_name() {
        let nan = array![[0.0, f64::NAN]];
        let points = Content::Points { points: nan.view(), within: None };
        let error =
            panels("All", &[Panel { labels: labels("base"), content: points }]).unwrap_err();
        assert!(error.to_string().starts_with("\"base\": NaN at [0, 1] of the points"), "{error}");
        let none = Array2::zeros((0, 2));
        let points = Content::Points { points: none.view(), within: None };
        let empty = panels("All", &[Panel { labels: labels("base"), content: points }]);
        assert!(matches!(empty, Err(PlotError::Empty { .. })));
    }
}
