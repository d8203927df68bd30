//! Coverage by nominal level: are the intervals as wide as they say?
//!
//! At each nominal level `p`, the share of targets that lie in their interval of that level (Kuleshov et al.
//! 2018, "Accurate Uncertainties for Deep Learning Using Calibrated Regression"). On the diagonal the model
//! is calibrated, above it too cautious, below it too sure. Over `n` independent targets a calibrated model's
//! share scatters with standard deviation `√(p(1 − p)/n)`; the band is two of these to either side.

use ndarray::ArrayView1;
use plotters::{
    prelude::{Circle, PathElement, Polygon},
    style::Color,
};

use super::{
    axes::{Labels, Plane},
    canvas::{Area, Figure, units},
    error::{Check, PlotError},
    legend::Mark,
    square::{shares, square},
    style::{BLUE, FAINT, UNIT},
};

/// Draws `observed` coverage (`[k]`) by `nominal` level (`[k]`, in the order to be joined), both shares in
/// [0, 1], over the band in which a calibrated model's coverage of `targets` targets falls at about 19 levels
/// in 20.
///
/// # Errors
///
/// [`PlotError`] if there are no levels or no targets, if lengths differ, or if a share is not in [0, 1].
pub fn calibration_curve(
    labels: &Labels<'_>,
    nominal: ArrayView1<'_, f64>,
    observed: ArrayView1<'_, f64>,
    targets: usize,
) -> Result<Figure, PlotError> {
    let check = Check(labels.title);
    check.some("levels", nominal.len())?;
    check.some("targets", targets)?;
    check.length("observed shares", observed.len(), nominal.len())?;
    shares(check, [("nominal levels", nominal), ("observed shares", observed)])?;
    let entries = [
        (Mark::Line(BLUE), "observed"),
        (Mark::Line(FAINT), "calibrated"),
        (Mark::Square(BAND), "\u{b1} 2 standard deviations"),
    ];
    let band = |area: &Area<'_>, plane: &Plane| {
        let edge = |sign: f64| {
            (0..=100).map(move |i| {
                let p = f64::from(i) / 100.0;
                (p, (p + sign * 2.0 * (p * (1.0 - p) / targets as f64).sqrt()).clamp(0.0, 1.0))
            })
        };
        let band: Vec<_> = edge(1.0).chain(edge(-1.0).rev()).map(|(x, y)| plane.at(x, y)).collect();
        Ok(area.draw(&Polygon::new(band, BAND.filled()))?)
    };
    square(labels, entries, band, |area, plane| {
        let places: Vec<_> = nominal.iter().zip(observed).map(|(&x, &y)| plane.at(x, y)).collect();
        area.draw(&PathElement::new(places.clone(), BLUE.stroke_width(2 * UNIT as u32)))?;
        for place in places {
            area.draw(&Circle::new(place, units(4.0), BLUE.filled()))?;
        }
        Ok(())
    })
}

const BAND: plotters::style::RGBColor = plotters::style::RGBColor(0xDD, 0xDD, 0xDD);

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed, circles};

    const LABELS: Labels<'_> =
        Labels { title: "Calibration", x: "nominal level", y: "share of targets inside" };

    #[test]
    fn a_circle_per_level_and_a_calibrated_model_on_the_diagonal() {
        let levels = Array1::linspace(0.1, 0.9, 9);
        let figure = calibration_curve(&LABELS, levels.view(), levels.view(), 100).unwrap();
        assert_well_formed(figure.svg());
        assert_says(figure.svg(), &["Calibration", LABELS.x, LABELS.y, "observed", "calibrated"]);
        assert_eq!(circles(figure.svg()).len(), 9);
        assert_eq!(figure, calibration_curve(&LABELS, levels.view(), levels.view(), 100).unwrap());
        // The box is square, so places on the diagonal differ by as much up as across.
        let number = |rest: &str, key: &str| -> i32 {
            let after = rest.split_once(key).unwrap().1;
            after.split('"').next().unwrap().parse().unwrap()
        };
        let sums = figure.svg().split("<circle").skip(1);
        let sums: Vec<i32> = sums.map(|c| number(c, "cx=\"") + number(c, "cy=\"")).collect();
        assert!(sums.iter().all(|sum| (sum - sums[0]).abs() <= 1), "{sums:?}");
    }

    #[test]
    fn more_targets_narrow_the_band() {
        let levels = array![0.5];
        let of = |targets| calibration_curve(&LABELS, levels.view(), levels.view(), targets);
        let height = |targets| {
            let figure = of(targets).unwrap();
            let band = figure.svg().split_once("<polygon").unwrap().1;
            let points = band.split_once("points=\"").unwrap().1.split('"').next().unwrap();
            let points: Vec<(i32, i32)> = points
                .split_whitespace()
                .map(|p| p.split_once(',').unwrap())
                .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
                .collect();
            points[151].1 - points[50].1
        };
        let (few, many) = (height(100), height(400));
        assert!((few - 2 * many).abs() <= 3, "{few} {many}");
        assert!(matches!(of(0), Err(PlotError::Empty { .. })));
    }

    #[test]
    fn bad_data_is_refused() {
        let good = array![0.5, 0.9];
        for bad in [array![50.0, 90.0], array![0.5, f64::NAN], array![0.5]] {
            assert!(calibration_curve(&LABELS, good.view(), bad.view(), 10).is_err());
            assert!(calibration_curve(&LABELS, bad.view(), good.view(), 10).is_err());
        }
    }
}
