//! Scores of predictions.

use ndarray::{ArrayBase, ArrayView1, ArrayView2, Data, Dimension, Zip};

/// √ mean (prediction − target)².
///
/// # Panics
/// If the shapes differ or there is nothing to score.
#[track_caller]
pub fn rmse<D: Dimension>(
    predictions: &ArrayBase<impl Data<Elem = f64>, D>,
    targets: &ArrayBase<impl Data<Elem = f64>, D>,
) -> f64 {
    mean_squared_error(predictions, targets).sqrt()
}

/// mean (prediction − target)².
///
/// # Panics
/// If the shapes differ or there is nothing to score.
#[track_caller]
pub fn mean_squared_error<D: Dimension>(
    predictions: &ArrayBase<impl Data<Elem = f64>, D>,
    targets: &ArrayBase<impl Data<Elem = f64>, D>,
) -> f64 {
    assert!(
        predictions.shape() == targets.shape(),
        "mean_squared_error: predictions of shape {:?} for targets of shape {:?}",
        predictions.shape(),
        targets.shape()
    );
    assert!(!targets.is_empty(), "mean_squared_error: there is nothing to score");
    let mut sum = 0.0;
    Zip::from(predictions).and(targets).for_each(|p, t| sum += (p - t) * (p - t));
    sum / targets.len() as f64
}

/// The share of rows whose most probable class is the label.
///
/// # Panics
/// If there is not one label for each row, or nothing to score.
#[track_caller]
pub fn accuracy(probabilities: ArrayView2<'_, f64>, labels: ArrayView1<'_, usize>) -> f64 {
    assert!(
        probabilities.nrows() == labels.len() && !labels.is_empty(),
        "accuracy: {} rows of probabilities for {} labels",
        probabilities.nrows(),
        labels.len()
    );
    let right = probabilities.outer_iter().zip(labels).filter(|(row, label)| {
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        // A NaN is above all others, and right about nothing.
        best.is_some_and(|(class, p)| class == **label && !p.is_nan())
    });
    right.count() as f64 / labels.len() as f64
}

/// Predictions of about one confidence, and how often they were right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reliability {
    /// The share of all rows.
    pub share: f64,
    /// The mean probability of the most probable class.
    pub confidence: f64,
    /// The share of these rows where it was the label.
    pub accuracy: f64,
}

/// The reliability curve: rows by the probability of their most probable class, in bins of equal width; empty ones are left out.
///
/// # Panics
/// If there is not one label for each row, nothing to score, or no bins.
#[track_caller]
pub fn reliability(
    probabilities: ArrayView2<'_, f64>,
    labels: ArrayView1<'_, usize>,
    bins: usize,
) -> Vec<Reliability> {
    assert!(
        probabilities.nrows() == labels.len() && !labels.is_empty() && bins > 0,
        "reliability: {} rows of probabilities for {} labels, in {bins} bins",
        probabilities.nrows(),
        labels.len()
    );
    let mut sums = vec![(0.0, 0.0, 0.0); bins];
    for (row, label) in probabilities.outer_iter().zip(labels) {
        let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let (class, &confidence) = best.expect("a row has classes");
        let bin = ((confidence * bins as f64) as usize).min(bins - 1);
        sums[bin].0 += 1.0;
        sums[bin].1 += confidence;
        sums[bin].2 += f64::from(u8::from(class == *label));
    }
    let n = labels.len() as f64;
    let filled = sums.into_iter().filter(|(count, ..)| *count > 0.0);
    filled
        .map(|(count, confidence, right)| Reliability {
            share: count / n,
            confidence: confidence / count,
            accuracy: right / count,
        })
        .collect()
}

/// The expected calibration error `Σ share · |accuracy − confidence|` over the bins of [`reliability`] (Guo and others 2017, eq. 3).
///
/// # Panics
/// As [`reliability`] does.
#[track_caller]
pub fn expected_calibration_error(
    probabilities: ArrayView2<'_, f64>,
    labels: ArrayView1<'_, usize>,
    bins: usize,
) -> f64 {
    let curve = reliability(probabilities, labels, bins).into_iter();
    curve.map(|bin| bin.share * (bin.accuracy - bin.confidence).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn calibration_is_the_gap_between_what_is_said_and_what_is() {
        // Ten rows at 0.75, of which nine are right; two at 0.55, of which one is.
        let row = |i: usize| if i < 10 { [0.75, 0.25] } else { [0.45, 0.55] };
        let p = ndarray::Array2::from_shape_fn((12, 2), |(i, j)| row(i)[j]);
        let labels = ndarray::Array1::from_shape_fn(12, |i| usize::from(i == 0 || i == 11));
        let curve = reliability(p.view(), labels.view(), 10);
        assert_eq!(curve.len(), 2);
        let [low, high] = [curve[0], curve[1]];
        assert!((low.share - 2.0 / 12.0).abs() < 1e-15 && (low.accuracy - 0.5).abs() < 1e-15);
        assert!((high.confidence - 0.75).abs() < 1e-15 && (high.accuracy - 0.9).abs() < 1e-15);
        let error = expected_calibration_error(p.view(), labels.view(), 10);
        assert!((error - (2.0 * 0.05 + 10.0 * 0.15) / 12.0).abs() < 1e-15, "{error}");
        // A certain and right prediction is in the last bin.
        assert_eq!(
            expected_calibration_error(arr2(&[[0.0, 1.0]]).view(), arr1(&[1]).view(), 5),
            0.0
        );
    }

    #[test]
    fn scores_of_small_cases_by_hand() {
        assert_eq!(mean_squared_error(&arr1(&[1.0, 2.0]), &arr1(&[0.0, 4.0])), 2.5);
        assert_eq!(rmse(&arr1(&[3.0]), &arr1(&[-1.0])), 4.0);
        let p = arr2(&[[0.1, 0.9], [0.8, 0.2], [0.6, 0.4]]);
        assert_eq!(accuracy(p.view(), arr1(&[1, 0, 1]).view()), 2.0 / 3.0);
    }
}
