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
        best.is_some_and(|(class, _)| class == **label)
    });
    right.count() as f64 / labels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn scores_of_small_cases_by_hand() {
        assert_eq!(mean_squared_error(&arr1(&[1.0, 2.0]), &arr1(&[0.0, 4.0])), 2.5);
        assert_eq!(rmse(&arr1(&[3.0]), &arr1(&[-1.0])), 4.0);
        let p = arr2(&[[0.1, 0.9], [0.8, 0.2], [0.6, 0.4]]);
        assert_eq!(accuracy(p.view(), arr1(&[1, 0, 1]).view()), 2.0 / 3.0);
    }
}
