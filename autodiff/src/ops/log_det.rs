//! y = ln det A of a symmetric positive definite A `[n, n]`, by Cholesky's factor: `2 Σ ln Lᵢᵢ` with `A = L Lᵀ`;
//! dA = dy · A⁻¹.
//!
//! Only the lower triangle is read; the gradient is that of the symmetric matrix, so it has both triangles. For small
//! matrices, such as those of a low-rank covariance: nothing is forked.
//! Source of the backward rule: Giles, *Collected matrix derivative results*, 2008, section 2.2.4.

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct LogDet {
    n: usize,
}

/// The lower factor L of `A = L Lᵀ`, row after row. NaN where A is not positive definite.
fn factor<T: Real>(a: &[T], n: usize) -> Vec<T> {
    let mut l = vec![T::zero(); n * n];
    for i in 0..n {
        for j in 0..=i {
            let mut rest = a[i * n + j];
            for k in 0..j {
                rest -= l[i * n + k] * l[j * n + k];
            }
            l[i * n + j] = if i == j { rest.sqrt() } else { rest / l[j * n + j] };
        }
    }
    l
}

/// A⁻¹ from the factor: `A⁻¹ = L⁻ᵀ L⁻¹`.
fn inverse<T: Real>(l: &[T], n: usize, out: &mut [T]) {
    let mut inverse = vec![T::zero(); n * n];
    for column in 0..n {
        for i in column..n {
            let mut rest = if i == column { T::one() } else { T::zero() };
            for k in column..i {
                rest -= l[i * n + k] * inverse[k * n + column];
            }
            inverse[i * n + column] = rest / l[i * n + i];
        }
    }
    for i in 0..n {
        for j in 0..n {
            let mut sum = T::zero();
            for k in i.max(j)..n {
                sum += inverse[k * n + i] * inverse[k * n + j];
            }
            out[i * n + j] = sum;
        }
    }
}

impl<T: Real> Op<T> for LogDet {
    fn name(&self) -> &'static str {
        "log_det"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let n = self.n;
        let mut d = dx.tensor(&[n, n]);
        inverse(&factor(saved.input(0), n), n, d.data_mut());
        let dy = dy.data()[0];
        d.data_mut().iter_mut().for_each(|d| *d = dy * *d);
        dx.add(0, d);
    }
}

impl<T: Real> Var<'_, T> {
    /// ln det of this symmetric positive definite matrix, a scalar. −∞ where it is singular and NaN where it is not positive
    /// definite, or by rounding the other of the two.
    ///
    /// # Panics
    /// If this is no square matrix.
    ///
    /// ```
    /// use evidence_autodiff::Tape;
    ///
    /// let tape = Tape::<f64>::new();
    /// let a = tape.variable(ndarray::array![[4.0, 2.0], [2.0, 3.0]]);
    /// assert!((a.log_det().item() - 8.0_f64.ln()).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn log_det(self) -> Self {
        let &[n, columns] = self.shape() else {
            panic!("log_det: {self} is no matrix")
        };
        assert!(n == columns, "log_det: {self} is not square");
        let l = factor(self.data(), n);
        let mut sum = T::zero();
        (0..n).for_each(|i| sum += l[i * n + i].ln());
        let mut y = self.tape().tensor(&[]);
        y.data_mut()[0] = sum + sum;
        self.tape().record(LogDet { n }, &[self], y)
    }
}

/// A symmetric matrix by construction, so that differences see what the gradient means.
pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient(
        "log_det",
        [Input::any(&[3, 4])],
        crate::function!(|v| {
            let eye = v.tape().constant(ndarray::Array2::from_diag_elem(3, T::one()));
            (v.matmul(v.t()) + eye).log_det()
        }),
    )]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{numbers, panics};
    use crate::tape::Tape;
    use ndarray::{Array2, Ix2};

    /// By elimination, which knows nothing of the factor.
    fn eliminated(mut a: Array2<f64>) -> f64 {
        let n = a.nrows();
        let mut sum = 0.0;
        for k in 0..n {
            sum += a[[k, k]].ln();
            for i in k + 1..n {
                let share = a[[i, k]] / a[[k, k]];
                for j in k..n {
                    a[[i, j]] -= share * a[[k, j]];
                }
            }
        }
        sum
    }

    #[test]
    fn is_the_sum_of_the_pivots_logarithms() {
        let tape = Tape::<f64>::new();
        for n in [0, 1, 2, 7] {
            let v = numbers(&[n, n + 2]).into_dimensionality::<Ix2>().unwrap();
            let a = v.dot(&v.t()) + Array2::<f64>::eye(n);
            let y = tape.constant(&a).log_det().item();
            assert!((y - eliminated(a)).abs() <= 1e-13 * n.max(1) as f64, "{n}: {y}");
        }
        let indefinite = tape.constant(ndarray::array![[1.0, 2.0], [2.0, 1.0]]);
        assert!(indefinite.log_det().item().is_nan());
        panics("log_det: [2, 3] is not square", || tape.filled(&[2, 3], 1.0).log_det());
    }
}
