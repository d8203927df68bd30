//! Class predictions: probabilities averaged over draws of the weights, and their uncertainty in its two parts.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// For each row, the mean of the class probabilities of each draw, by their logarithms: what is all but impossible keeps its
/// distance from what is quite impossible.
///
/// The entropy of that mean is `H = E[H(p)] + I`: what the draws are unsure of each by itself (aleatoric), and the mutual information of
/// class and weights (epistemic): how far the draws disagree (Depeweg and others 2018, eq. 3). In nats.
///
/// A NaN (a network's answer to a row so far out that its outputs overflow) makes NaN of its own row alone.
#[derive(Clone, Debug, Default)]
pub struct ClassMixture {
    draws: usize,
    /// `[rows, classes]`: ln of the sum over draws.
    log_sums: Array2<f64>,
    /// `[rows]`, summed over draws.
    entropies: Array1<f64>,
}

/// `−Σ p ln p`, from ln p; what has no probability adds nothing.
fn entropy(log_p: ArrayView1<'_, f64>) -> f64 {
    log_p
        .iter()
        .filter(|log_p| **log_p != f64::NEG_INFINITY)
        .map(|log_p| -log_p.exp() * log_p)
        .sum()
}

/// `ln (eᵃ + eᵇ)`.
fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a < b { (b, a) } else { (a, b) };
    // Of two nothings the difference is no number.
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

impl ClassMixture {
    /// No draws yet.
    pub fn new(rows: usize, classes: usize) -> Self {
        Self {
            draws: 0,
            log_sums: Array2::from_elem((rows, classes), f64::NEG_INFINITY),
            entropies: Array1::zeros(rows),
        }
    }

    /// Adds a draw's log-probabilities, `[rows, classes]`, in nats: of each row they are those of a distribution.
    ///
    /// # Panics
    /// If the shape is another.
    #[track_caller]
    pub fn add(&mut self, log_probabilities: ArrayView2<'_, f64>) {
        assert!(
            log_probabilities.dim() == self.log_sums.dim(),
            "ClassMixture: log-probabilities of shape {:?} for one of {:?}",
            log_probabilities.dim(),
            self.log_sums.dim()
        );
        self.draws += 1;
        self.log_sums.zip_mut_with(&log_probabilities, |sum, &log_p| *sum = log_add(*sum, log_p));
        for (sum, log_p) in self.entropies.iter_mut().zip(log_probabilities.outer_iter()) {
            *sum += entropy(log_p);
        }
    }

    /// The logarithms of the predictive probabilities, `[rows, classes]`, in nats.
    pub fn log_probabilities(&self) -> Array2<f64> {
        &self.log_sums - (self.draws.max(1) as f64).ln()
    }

    /// The predictive probabilities, `[rows, classes]`.
    pub fn probabilities(&self) -> Array2<f64> {
        self.log_probabilities().mapv(f64::exp)
    }

    /// The entropy of each row's prediction, in nats.
    pub fn entropy(&self) -> Array1<f64> {
        self.log_probabilities().outer_iter().map(entropy).collect()
    }

    /// The mean entropy of the draws: what more data would not remove.
    pub fn aleatoric_entropy(&self) -> Array1<f64> {
        &self.entropies / self.draws.max(1) as f64
    }

    /// The mutual information of class and weights: what more data would.
    pub fn epistemic_entropy(&self) -> Array1<f64> {
        self.entropy() - self.aleatoric_entropy()
    }

    /// The log-probability of each row's label, in nats.
    ///
    /// # Panics
    /// If there is not one label for each row, or one is beyond the classes.
    #[track_caller]
    pub fn log_prob(&self, labels: ArrayView1<'_, usize>) -> Array1<f64> {
        assert!(
            labels.len() == self.entropies.len(),
            "ClassMixture: {} labels for {} rows",
            labels.len(),
            self.entropies.len()
        );
        let log_probabilities = self.log_probabilities();
        let rows = log_probabilities.outer_iter().zip(labels);
        rows.map(|(log_p, &label)| log_p[label]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[track_caller]
    fn same(found: &Array1<f64>, expected: [f64; 3]) {
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-15);
        assert!(close, "{found}, not {expected:?}");
    }

    #[test]
    fn draws_that_disagree_are_epistemic_and_draws_that_doubt_aleatoric() {
        let mut mixture = ClassMixture::new(3, 2);
        // Row 0: each sure, of different classes. Row 1: both in doubt. Row 2: both sure of one.
        let draws = [[[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]], [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]];
        for draw in draws {
            mixture.add(arr2(&draw).mapv(f64::ln).view());
        }
        let ln2 = 2.0_f64.ln();
        assert_eq!(mixture.probabilities(), arr2(&[[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]));
        same(&mixture.entropy(), [ln2, ln2, 0.0]);
        same(&mixture.aleatoric_entropy(), [0.0, ln2, 0.0]);
        same(&mixture.epistemic_entropy(), [ln2, 0.0, 0.0]);
        same(&mixture.log_prob(arr1(&[0, 1, 0]).view()), [-ln2, -ln2, 0.0]);
    }

    #[test]
    fn what_is_beyond_the_smallest_number_keeps_its_logarithm_and_a_nan_its_row() {
        let mut mixture = ClassMixture::new(2, 2);
        mixture.add(arr2(&[[0.0, -5000.0], [f64::NAN, f64::NAN]]).view());
        mixture.add(arr2(&[[0.0, -5003.0], [-0.1, -2.4]]).view());
        let log_p = mixture.log_prob(arr1(&[1, 0]).view());
        let truth = -5000.0 + (-3.0_f64).exp().ln_1p() - 2.0_f64.ln();
        assert!((log_p[0] - truth).abs() < 1e-9 && log_p[1].is_nan(), "{log_p}");
        assert!(mixture.entropy()[0].abs() < 1e-9 && mixture.entropy()[1].is_nan());
        assert!(mixture.epistemic_entropy()[1].is_nan());
    }
}
