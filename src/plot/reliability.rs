//! Reliability: of the predictions made with about one confidence, how many were right?
//!
//! A circle for each bin of predictions, at their mean confidence `c` and the share of them that were right (Guo and others 2017,
//! section 2). On the diagonal the classifier is calibrated, above it too cautious, below it too sure. Of `n` predictions a
//! calibrated one's share scatters with standard deviation `√(c(1 − c)/n)`; the bar is two of these to either side.

use ndarray::ArrayView1;
use plotters::{
    prelude::{Circle, PathElement},
    style::Color,
};

use super::{
    axes::Labels,
    canvas::{Figure, units},
    error::{Check, PlotError},
    legend::Mark,
    square::{shares, square},
    style::{BLUE, FAINT, UNIT, VERMILION},
};

/// Draws the share that was right (`accuracy`, `[k]`) by `confidence` (`[k]`), both in [0, 1], of k bins that hold `counts`
/// predictions each.
///
/// # Errors
///
/// [`PlotError`] if there are no bins, if lengths differ, if a share is not in [0, 1], or a count is below 1.
pub fn reliability_curve(
    labels: &Labels<'_>,
    confidence: ArrayView1<'_, f64>,
    accuracy: ArrayView1<'_, f64>,
    counts: ArrayView1<'_, f64>,
) -> Result<Figure, PlotError> {
    let check = Check(labels.title);
    check.some("bins", confidence.len())?;
    check.length("accuracies", accuracy.len(), confidence.len())?;
    check.length("counts", counts.len(), confidence.len())?;
    shares(check, [("confidences", confidence), ("accuracies", accuracy)])?;
    check.within("counts", counts, |n| n >= 1.0, "a bin without predictions has no share")?;
    let entries = [
        (Mark::Square(BLUE), "observed"),
        (Mark::Line(FAINT), "calibrated"),
        (Mark::Line(VERMILION), "\u{b1} 2 standard deviations of it"),
    ];
    square(
        labels,
        entries,
        |_, _| Ok(()),
        |area, plane| {
            for ((&c, &share), &n) in confidence.iter().zip(accuracy).zip(counts) {
                let two = 2.0 * (c * (1.0 - c) / n).sqrt();
                let ends = [c - two, c + two].map(|y| plane.at(c, y.clamp(0.0, 1.0)));
                let bar = VERMILION.stroke_width(3 * UNIT as u32);
                area.draw(&PathElement::new(ends.to_vec(), bar))?;
                area.draw(&Circle::new(plane.at(c, share), units(4.0), BLUE.filled()))?;
            }
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::plot::testing::{assert_says, assert_well_formed, circles};

    const LABELS: Labels<'_> = Labels { title: "Reliability", x: "confidence", y: "share right" };

    /// The heights of the bars, top to bottom, in the order drawn.
    fn bars(figure: &Figure) -> Vec<i32> {
        let colour = "#D55E00";
        let bars = figure
            .svg()
            .split("<polyline")
            .skip(1)
            .filter(|line| line.split_once('>').is_some_and(|(tag, _)| tag.contains(colour)));
        let heights = bars.map(|line| {
            let points = line.split_once("points=\"").unwrap().1.split('"').next().unwrap();
            let y: Vec<i32> = points
                .split_whitespace()
                .map(|p| p.split_once(',').unwrap().1.parse().unwrap())
                .collect();
            (y[0] - y[1]).abs()
        });
        // The first is the legend's.
        heights.skip(1).collect()
    }

    #[test]
    fn a_circle_and_a_bar_for_each_bin_and_more_predictions_make_it_shorter() {
        let confidence = array![0.3, 0.5, 0.5, 1.0];
        let figure = reliability_curve(
            &LABELS,
            confidence.view(),
            array![0.3, 0.9, 0.1, 1.0].view(),
            array![10.0, 100.0, 400.0, 5.0].view(),
        )
        .unwrap();
        assert_well_formed(figure.svg());
        assert_says(figure.svg(), &["Reliability", LABELS.x, LABELS.y, "observed", "calibrated"]);
        assert_eq!(circles(figure.svg()).len(), 4);
        let bars = bars(&figure);
        assert_eq!(bars.len(), 4);
        assert!((bars[1] - 2 * bars[2]).abs() <= 3, "{bars:?}");
        assert_eq!(bars[3], 0, "a certain prediction that is calibrated does not scatter");
    }

    #[test]
    fn bad_data_is_refused() {
        let (good, counts) = (array![0.5, 0.9], array![3.0, 4.0]);
        let drawn = |c: &Array1<f64>, a: &Array1<f64>, n: &Array1<f64>| {
            reliability_curve(&LABELS, c.view(), a.view(), n.view())
        };
        assert!(drawn(&good, &good, &counts).is_ok());
        for bad in [array![50.0, 90.0], array![0.5, f64::NAN], array![0.5]] {
            assert!(drawn(&bad, &good, &counts).is_err() && drawn(&good, &bad, &counts).is_err());
        }
        assert!(matches!(
            drawn(&good, &good, &array![0.0, 4.0]),
            Err(PlotError::OutOfRange { .. })
        ));
        let none = array![];
        assert!(matches!(drawn(&none, &none, &none), Err(PlotError::Empty { .. })));
    }
}
