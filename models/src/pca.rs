//! Principal component analysis: the best linear autoencoder, and so its yardstick.
//!
//! The covariance's eigenvectors are found by Jacobi rotations (Golub and Van Loan, section 8.5): slower than other
//! methods, short, and accurate to rounding.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// The principal components of a table.
#[derive(Clone, Debug)]
pub struct Pca {
    /// Column means, `[d]`.
    pub mean: Array1<f64>,
    /// Components as columns, `[d, d]`, by falling variance.
    pub components: Array2<f64>,
    /// The variance along each component (dividing by n), `[d]`.
    pub variances: Array1<f64>,
}

impl Pca {
    /// The components of the rows of `x`.
    ///
    /// # Panics
    /// If there are no rows.
    #[track_caller]
    pub fn fit(x: ArrayView2<'_, f64>) -> Self {
        let mean = x.mean_axis(Axis(0)).expect("Pca: a table without rows has no components");
        let centred = &x - &mean;
        let covariance = centred.t().dot(&centred) / x.nrows() as f64;
        let (variances, components) = eigen_symmetric(covariance);
        Self { mean, components, variances }
    }

    /// Each row, projected on the first `k` components and back.
    ///
    /// # Panics
    /// If the rows have another width than those fitted, or fewer than `k` columns.
    #[track_caller]
    pub fn reconstruct(&self, x: ArrayView2<'_, f64>, k: usize) -> Array2<f64> {
        let (kept, _) = self.components.view().split_at(Axis(1), k);
        (&x - &self.mean).dot(&kept).dot(&kept.t()) + &self.mean
    }
}

/// Eigenvalues, falling, and eigenvectors as columns.
fn eigen_symmetric(mut a: Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let n = a.nrows();
    let mut vectors = Array2::eye(n);
    let total: f64 = a.iter().map(|x| x * x).sum();
    // Sweeps converge quadratically; sixty are never needed.
    for _ in 0..60 {
        let off: f64 = a.indexed_iter().filter(|((i, j), _)| i != j).map(|(_, x)| x * x).sum();
        if off <= total * f64::EPSILON * f64::EPSILON {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[[p, q]] != 0.0 {
                    let (c, s) = rotation(a[[p, p]], a[[p, q]], a[[q, q]]);
                    rotate_columns(&mut a, p, q, c, s);
                    rotate_columns(&mut vectors, p, q, c, s);
                    rotate_columns(&mut a.view_mut().reversed_axes(), p, q, c, s);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]]));
    (order.iter().map(|&i| a[[i, i]]).collect(), vectors.select(Axis(1), &order))
}

/// Cosine and sine of the rotation that makes `[[app, apq], [apq, aqq]]` diagonal.
fn rotation(app: f64, apq: f64, aqq: f64) -> (f64, f64) {
    let tau = (aqq - app) / (2.0 * apq);
    let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    (c, t * c)
}

fn rotate_columns<S: ndarray::DataMut<Elem = f64>>(
    a: &mut ndarray::ArrayBase<S, ndarray::Ix2>,
    p: usize,
    q: usize,
    c: f64,
    s: f64,
) {
    for i in 0..a.nrows() {
        let (x, y) = (a[[i, p]], a[[i, q]]);
        a[[i, p]] = c * x - s * y;
        a[[i, q]] = s * x + c * y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Noise;

    #[test]
    fn components_are_orthonormal_and_diagonalise_the_covariance() {
        let (n, d) = (200, 7);
        let mut x = Array2::zeros((n, d));
        Noise::new(3).fill_normal_f64(x.as_slice_mut().unwrap());
        let mut mix = Array2::zeros((d, d));
        Noise::new(4).fill_normal_f64(mix.as_slice_mut().unwrap());
        let x = x.dot(&mix);
        let pca = Pca::fit(x.view());
        let identity = pca.components.t().dot(&pca.components);
        assert!((identity - Array2::<f64>::eye(d)).iter().all(|e| e.abs() < 1e-12));
        let scores = (&x - &pca.mean).dot(&pca.components);
        let covariance = scores.t().dot(&scores) / n as f64;
        let largest = pca.variances[0];
        assert!(
            (covariance - Array2::from_diag(&pca.variances))
                .iter()
                .all(|e| e.abs() < 1e-12 * largest)
        );
        assert!(pca.variances.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
        // What k components leave out is the variance of the others.
        for k in 0..=d {
            let error = (&x - &pca.reconstruct(x.view(), k)).mapv(|e| e * e).sum() / n as f64;
            let left: f64 = pca.variances.iter().skip(k).sum();
            assert!((error - left).abs() < 1e-10 * largest, "{k}: {error} {left}");
        }
    }
}
