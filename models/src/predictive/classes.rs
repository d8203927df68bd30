//! Class predictions: probabilities averaged over draws of the weights, and their uncertainty in its two parts.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// For each row, the mean of the class probabilities of each draw.
///
/// The entropy of that mean is `H = E[H(p)] + I`: what the draws are unsure of each by itself (aleatoric), and the mutual information of
/// class and weights (epistemic): how far the draws disagree (Depeweg and others 2018, eq. 3). In nats.
#[derive(Clone, Debug, Default)]
pub struct ClassMixture {
    draws: usize,
    /// `[rows, classes]`, summed over draws.
    probabilities: Array2<f64>,
    /// `[rows]`, summed over draws.
    entropies: Array1<f64>,
}

/// `−Σ p ln p`.
fn entropy(p: ArrayView1<'_, f64>) -> f64 {
    p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum()
}

impl ClassMixture {
    /// No draws yet.
    pub fn new(rows: usize, classes: usize) -> Self {
        Self {
            draws: 0,
            probabilities: Array2::zeros((rows, classes)),
            entropies: Array1::zeros(rows),
        }
    }

    /// Adds a draw's probabilities, `[rows, classes]`.
    ///
    /// # Panics
    /// If the shape is another.
    #[track_caller]
    pub fn add(&mut self, probabilities: ArrayView2<'_, f64>) {
        assert!(
            probabilities.dim() == self.probabilities.dim(),
            "ClassMixture: probabilities of shape {:?} for one of {:?}",
            probabilities.dim(),
            self.probabilities.dim()
        );
        self.draws += 1;
        self.probabilities += &probabilities;
        for (sum, p) in self.entropies.iter_mut().zip(probabilities.outer_iter()) {
            *sum += entropy(p);
        }
    }

    /// The predictive probabilities, `[rows, classes]`.
    pub fn probabilities(&self) -> Array2<f64> {
        &self.probabilities / self.draws.max(1) as f64
    }

    /// The entropy of each row's prediction, in nats.
    pub fn entropy(&self) -> Array1<f64> {
        self.probabilities().outer_iter().map(entropy).collect()
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
        let rows = self.probabilities.outer_iter().zip(labels);
        rows.map(|(p, &label)| (p[label] / self.draws.max(1) as f64).ln()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn draws_that_disagree_are_epistemic_and_draws_that_doubt_aleatoric() {
        let mut mixture = ClassMixture::new(3, 2);
        // Row 0: each sure, of different classes. Row 1: both in doubt. Row 2: both sure of one.
        mixture.add(arr2(&[[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]]).view());
        mixture.add(arr2(&[[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]).view());
        let ln2 = 2.0_f64.ln();
        assert_eq!(mixture.probabilities(), arr2(&[[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]));
        assert_eq!(mixture.entropy(), arr1(&[ln2, ln2, 0.0]));
        assert_eq!(mixture.aleatoric_entropy(), arr1(&[0.0, ln2, 0.0]));
        assert_eq!(mixture.epistemic_entropy(), arr1(&[ln2, 0.0, 0.0]));
        assert_eq!(mixture.log_prob(arr1(&[0, 1, 0]).view()), arr1(&[-ln2, -ln2, 0.0]));
    }
}
