//! Planes side by side: a flow's density, its samples, data pushed back to the base; or one below the other too, as frames: what each
//! layer of a flow makes of points, or of a grid.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis as Along, concatenate};
use plotters::{
    prelude::{Circle, PathElement},
    style::{Color, RGBColor},
};

use super::{
    axes::{Axis, Labels, Plane, Scale},
    canvas::{Area, Figure, Frame, Text, figure, text_width, units},
    error::{Check, PlotError},
    heat_map::{HeatMap, equal_aspect, note_outside},
    scatter::{check_points, equal_units},
    style::{BLUE, LABEL, UNIT, WIDTH, class},
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
    /// Points in the colours of their classes, which come round again after ten.
    Classes {
        /// `[n, 2]`.
        points: ArrayView2<'a, f64>,
        /// `n`.
        classes: &'a [usize],
        /// As for points.
        within: Option<(Range<f64>, Range<f64>)>,
    },
    /// Lines: of each, its class and its points, `[n, 2]`, which are joined in order. A grid, or what a map makes of one.
    Lines {
        /// In the order they are drawn.
        lines: &'a [(usize, Array2<f64>)],
        /// As for points; what runs outside is left out.
        within: Option<(Range<f64>, Range<f64>)>,
    },
}

/// Panels in a row, before the next begins.
const ROW: usize = 3;

/// Draws one to twelve panels: up to three side by side, four as two rows of two, more in rows of three.
///
/// # Errors
///
/// [`PlotError`] if there are none or more than twelve, for what [`heat_map`](super::heat_map) refuses, and
/// for points or lines that are none, not `[n, 2]`, not finite, or in an empty range, or a number of classes that is not that of
/// the points.
pub fn panels(title: &str, panels: &[Panel<'_>]) -> Result<Figure, PlotError> {
    let check = Check(title);
    check.some("panels", panels.len())?;
    check.at_most("panels", panels.len(), 4 * ROW)?;
    for panel in panels {
        panel.check(Check(panel.labels.title))?;
    }

    let across = if panels.len() == 4 { 2 } else { panels.len().min(ROW) };
    let slot = (WIDTH - 12.0) / across as f64;
    let side = slot - Plane::LEFT - 10.0;
    let mut planes = Vec::with_capacity(panels.len());
    let mut end: f64 = 0.0;
    for row in panels.chunks(across) {
        let top = if planes.is_empty() { 62.0 } else { end + 40.0 };
        for (i, panel) in row.iter().enumerate() {
            let left = i as f64 * slot + Plane::LEFT;
            let plane = panel.plane(Frame { left, top, width: side, height: side.min(440.0) });
            let below = match panel.content {
                Content::Map(_) => HeatMap::BELOW,
                _ => 20.0,
            };
            end = end.max(plane.frame.bottom() + Plane::BELOW + below);
            planes.push(plane);
        }
    }
    figure(title, (WIDTH, end), |area| {
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

/// The ranges of a panel.
type Ranges = Option<(Range<f64>, Range<f64>)>;

impl Panel<'_> {
    fn check(&self, check: Check<'_>) -> Result<(), PlotError> {
        let some_points = |points: ArrayView2<'_, f64>| {
            check_points(check, "points", points)?;
            check.some("points", points.nrows())
        };
        match &self.content {
            Content::Map(map) => return map.check(check),
            Content::Points { points, .. } => some_points(*points)?,
            Content::Classes { points, classes, .. } => {
                some_points(*points)?;
                check.length("classes of points", classes.len(), points.nrows())?;
            }
            Content::Lines { lines, .. } => {
                check.some("lines", lines.len())?;
                lines.iter().try_for_each(|(_, points)| some_points(points.view()))?;
            }
        }
        if let Some((x, y)) = self.within() {
            check.range("horizontal axis", x.start, x.end)?;
            check.range("vertical axis", y.start, y.end)?;
        }
        Ok(())
    }

    fn within(&self) -> Ranges {
        match &self.content {
            Content::Map(map) => Some((map.grid.x.clone(), map.grid.y.clone())),
            Content::Points { within, .. }
            | Content::Classes { within, .. }
            | Content::Lines { within, .. } => within.clone(),
        }
    }

    /// Checked, so that points have two columns.
    fn plane(&self, room: Frame) -> Plane {
        if let Some((x, y)) = self.within() {
            let frame = equal_aspect(&x, &y, room);
            let (x, y) = (
                Axis::across(x.start, x.end, frame),
                Axis::up(Scale::Linear, y.start, y.end, frame),
            );
            return Plane { frame, x, y };
        }
        match &self.content {
            Content::Points { points, .. } | Content::Classes { points, .. } => {
                equal_units(room, *points)
            }
            Content::Lines { lines, .. } => {
                let views: Vec<_> = lines.iter().map(|(_, points)| points.view()).collect();
                let all = concatenate(Along(0), &views).expect("each has two columns");
                equal_units(room, all.view())
            }
            Content::Map(_) => unreachable!("a map has ranges"),
        }
    }

    fn draw(&self, area: &Area<'_>, plane: &Plane) -> Result<(), PlotError> {
        if let Content::Map(map) = &self.content {
            return map.draw(area, plane.frame, &self.labels);
        }
        plane.grid(area)?;
        let outside = match &self.content {
            Content::Points { points, .. } => dots(area, plane, *points, |_| BLUE)?,
            Content::Classes { points, classes, .. } => {
                dots(area, plane, *points, |i| class(classes[i]))?
            }
            Content::Lines { lines, .. } => {
                for (class_of, points) in *lines {
                    line(area, plane, points.view(), class(*class_of))?;
                }
                0
            }
            Content::Map(_) => 0,
        };
        plane.axes(area, &self.labels)?;
        let below = plane.frame.bottom() + Plane::BELOW + 6.0;
        note_outside(area, plane.frame, below, outside)
    }
}

/// Points, paler the more there are. Returns how many lie outside.
fn dots(
    area: &Area<'_>,
    plane: &Plane,
    points: ArrayView2<'_, f64>,
    colour: impl Fn(usize) -> RGBColor,
) -> Result<usize, PlotError> {
    let opacity = (300.0 / points.nrows() as f64).clamp(0.2, 0.8);
    let mut outside = 0;
    for (i, point) in points.outer_iter().enumerate() {
        if plane.holds(point[0], point[1]) {
            let style = colour(i).mix(opacity).filled();
            area.draw(&Circle::new(plane.at(point[0], point[1]), units(1.8), style))?;
        } else {
            outside += 1;
        }
    }
    Ok(outside)
}

/// The parts of a line that lie inside.
fn line(
    area: &Area<'_>,
    plane: &Plane,
    points: ArrayView2<'_, f64>,
    colour: RGBColor,
) -> Result<(), PlotError> {
    let inside = points.outer_iter().map(|p| plane.holds(p[0], p[1]).then(|| plane.at(p[0], p[1])));
    let places: Vec<Option<(i32, i32)>> = inside.collect();
    for run in places.split(Option::is_none).filter(|run| run.len() > 1) {
        let style = colour.mix(0.8).stroke_width(UNIT as u32);
        area.draw(&PathElement::new(run.iter().flatten().copied().collect::<Vec<_>>(), style))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

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
        let thirteen = vec![three[1].clone(); 13];
        assert!(matches!(panels("A flow", &thirteen), Err(PlotError::TooMany { .. })));
        assert!(matches!(panels("A flow", &[]), Err(PlotError::Empty { .. })));
    }

    /// Where the boxes of panels begin, in pixels: their outlines are the closed lines of five points.
    fn corners(svg: &str) -> Vec<(f64, f64)> {
        let lines = svg.split("points=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        let boxes = lines.filter(|points| {
            let points: Vec<&str> = points.split_whitespace().collect();
            points.len() == 5 && points[0] == points[4]
        });
        let first = boxes.map(|points| points.split_whitespace().next().unwrap());
        let pixels = |text: &str| text.parse::<f64>().unwrap() / UNIT;
        first.map(|p| p.split_once(',').map(|(x, y)| (pixels(x), pixels(y))).unwrap()).collect()
    }

    #[test]
    fn frames_stand_in_rows() {
        let points = array![[0.0, 0.0], [1.0, 1.0]];
        let content = Content::Points { points: points.view(), within: None };
        for (count, across) in [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (9, 3), (12, 3)] {
            let frames = vec![Panel { labels: labels("frame"), content: content.clone() }; count];
            let figure = panels("A flow", &frames).unwrap();
            let corners = corners(figure.svg());
            assert_eq!(corners.len(), count);
            for (i, (x, y)) in corners.iter().enumerate() {
                assert_eq!(*x, corners[i % across].0);
                assert_eq!(*y, corners[i - i % across].1);
                assert!(i < across || *y > corners[i - across].1 + 100.0);
            }
        }
    }

    #[test]
    fn classes_have_their_colours_and_lines_end_where_the_plane_does() {
        let points = array![[0.0, 0.0], [1.0, 1.0], [0.5, 5.0]];
        let within = Some((-2.0..2.0, -2.0..2.0));
        let of = |content| panels("A flow", &[Panel { labels: labels("frame"), content }]);
        let content =
            Content::Classes { points: points.view(), classes: &[3, 0, 1], within: within.clone() };
        let figure = of(content).unwrap();
        assert_well_formed(figure.svg());
        assert_eq!(circles(figure.svg()).len(), 2);
        assert_ne!(circles(figure.svg())[0], circles(figure.svg())[1]);
        assert_says(figure.svg(), &["1 point lies outside"]);
        let short =
            Content::Classes { points: points.view(), classes: &[3, 0], within: within.clone() };
        assert!(matches!(of(short), Err(PlotError::Shape { .. })));

        // In, out, and in again: two pieces.
        let bend = array![[0.0, 0.0], [0.0, 1.0], [0.0, 9.0], [1.0, 1.0], [1.0, 0.0], [1.0, -1.0]];
        let lines = [(0, bend.clone()), (1, array![[9.0, 9.0], [8.0, 8.0]])];
        let pieces = |within: Ranges| {
            let figure = of(Content::Lines { lines: &lines, within }).unwrap();
            assert_well_formed(figure.svg());
            let drawn = figure.svg().split("<polyline").skip(1);
            let blue = drawn.filter(|line| line.split_once("/>").unwrap().0.contains("#0072B2"));
            let points = |line: &str| {
                let text = line.split_once("points=\"").unwrap().1;
                text.split('"').next().unwrap().split_whitespace().count()
            };
            blue.map(points).collect::<Vec<_>>()
        };
        assert_eq!(pieces(within), [2, 3]);
        assert_eq!(pieces(None), [6]);
        assert!(matches!(
            of(Content::Lines { lines: &[], within: None }),
            Err(PlotError::Empty { .. })
        ));
        let broken = [(0, array![[0.0, f64::NAN]])];
        assert!(matches!(
            of(Content::Lines { lines: &broken, within: None }),
            Err(PlotError::NotFinite { .. })
        ));
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
