//! y = ½ ln det(I + S Sᵀ) for S `[r, n]`, by Gram and Schmidt's rows of `[I S] = L Q`: `Σ ln Lᵢᵢ`; dS = dy · (I + S Sᵀ)⁻¹ S = dy · Q_Iᵀ Q_S.
//!
//! What the directions of a low-rank covariance add to an entropy, S being theirs in units of the rest. Where the rest has all but
//! vanished in one weight S is large there, and the matrix I + S Sᵀ would keep the square of that: in `f32`, S of 10⁴ would leave
//! noise of a nat, and of 10⁵ no positive definite matrix. The rows are worked on themselves, which takes S as far as S can be
//! told. (Björck, *Numerical Methods for Least Squares Problems*, 1996, section 2.4: modified Gram–Schmidt.)

use crate::check::{Check, Input};
use crate::kernels::simd::{Kernel, dispatch};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct HalfLogDetGram {
    r: usize,
}

/// Rows made orthonormal in place, one after the other; gives `Σ ln Lᵢᵢ`.
struct Orthonormalise<'a, T> {
    rows: &'a mut [T],
    r: usize,
}

impl<T: Real> Kernel for Orthonormalise<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = T;

    #[inline(always)]
    fn run(self) -> T {
        let Self { rows, r } = self;
        let len = rows.len() / r.max(1);
        let mut sum = T::zero();
        for i in 0..r {
            let (done, rest) = rows.split_at_mut((i + 1) * len);
            let own = &mut done[i * len..];
            let norm = dot(own, own).sqrt();
            sum += norm.ln();
            for x in &mut *own {
                *x /= norm;
            }
            for other in rest.chunks_exact_mut(len) {
                let share = dot(own, other);
                for (x, &q) in other.iter_mut().zip(&*own) {
                    *x -= share * q;
                }
            }
        }
        sum
    }
}

/// Σ aᵢ bᵢ, by blocks: a single sum would lose digits over a hundred thousand weights.
#[inline(always)]
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    const LANES: usize = 16;
    const BLOCK: usize = 256 * LANES;
    let mut total = T::zero();
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        let mut lanes = [T::zero(); LANES];
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for k in 0..LANES {
                lanes[k] += a[k] * b[k];
            }
        }
        let mut sum = T::zero();
        for lane in lanes {
            sum += lane;
        }
        for (&a, &b) in a_rest.iter().zip(b_rest) {
            sum += a * b;
        }
        total += sum;
    }
    total
}

/// `[I S]` into `rows`, made orthonormal.
fn orthonormal<T: Real>(s: &[T], r: usize, rows: &mut [T]) -> T {
    if r == 0 {
        return T::zero();
    }
    let n = s.len() / r;
    for (i, row) in rows.chunks_exact_mut(r + n).enumerate() {
        let (unit, own) = row.split_at_mut(r);
        unit.fill(T::zero());
        unit[i] = T::one();
        own.copy_from_slice(&s[i * n..(i + 1) * n]);
    }
    dispatch(Orthonormalise { rows, r })
}

impl<T: Real> Op<T> for HalfLogDetGram {
    fn name(&self) -> &'static str {
        "half_log_det_gram"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let (r, s) = (self.r, saved.input(0));
        let n = saved.input_shape(0)[1];
        let (mut q, mut d) = (dx.tensor(&[r, r + n]), dx.tensor(&[r, n]));
        orthonormal(s, r, q.data_mut());
        let dy = dy.data()[0];
        for i in 0..r {
            let d = &mut d.data_mut()[i * n..(i + 1) * n];
            d.fill(T::zero());
            for q in q.data().chunks_exact(r + n) {
                let share = dy * q[i];
                d.iter_mut().zip(&q[r..]).for_each(|(d, &q)| *d += share * q);
            }
        }
        dx.add(0, d);
    }
}

impl<T: Real> Var<'_, T> {
    /// `½ ln det(I + S Sᵀ)` of this S `[r, n]`, a scalar: accurate also where S is too large for `S Sᵀ`.
    ///
    /// # Panics
    /// If this is no matrix.
    ///
    /// ```
    /// use evidence_autodiff::Tape;
    ///
    /// let tape = Tape::<f32>::new();
    /// let s = tape.variable(ndarray::array![[3.0, 1e6], [2.0, 1e6]]);
    /// // det(I + S Sᵀ) = 1 + Σ sᵢⱼ² + det² S.
    /// let det = 14.0 + 2e12 + 1e12;
    /// assert!((s.half_log_det_gram().item() - 0.5 * f32::ln(det)).abs() < 1e-5);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn half_log_det_gram(self) -> Self {
        let &[r, n] = self.shape() else { panic!("half_log_det_gram: {self} is no matrix") };
        let mut rows = self.tape().tensor(&[r, r + n]);
        let mut y = self.tape().tensor(&[]);
        y.data_mut()[0] = orthonormal(self.data(), r, rows.data_mut());
        self.tape().record(HalfLogDetGram { r }, &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let f = || crate::function!(|s| s.half_log_det_gram());
    vec![
        Check::gradient("half_log_det_gram", [Input::any(&[3, 40])], f()),
        Check::gradient("half_log_det_gram, more rows than columns", [Input::any(&[4, 2])], f()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;
    use ndarray::Array2;

    #[test]
    fn is_half_the_log_determinant_of_the_matrix() {
        for [r, n] in [[1, 1], [1, 5000], [3, 17], [5, 9000], [6, 2], [2, 0], [0, 3]] {
            agree(
                &crate::function!(|s| s.half_log_det_gram()),
                &crate::function!(|s| {
                    let eye = Array2::from_diag_elem(s.size(0), T::one());
                    (s.matmul(s.t()) + s.tape().constant(eye)).log_det() * 0.5
                }),
                &[numbers(&[r, n])],
            );
        }
        let tape = Tape::<f64>::new();
        panics("half_log_det_gram: [2] is no matrix", || tape.filled(&[2], 1.0).half_log_det_gram());
    }

    /// One column that outweighs all others, as of a weight whose own scale has vanished: values and gradients of double precision.
    #[test]
    fn single_precision_takes_columns_that_their_squares_would_not() {
        for (r, n) in [(3, 600), (5, 12), (6, 2)] {
            for large in [1.0, 1e3, 1e5, 1e7] {
                let mut s = numbers(&[r, n]).into_dimensionality::<ndarray::Ix2>().unwrap();
                s.column_mut(1).mapv_inplace(|x| large * x);
                let s = s.mapv(|x| x as f32);
                let (single, double) = (Tape::<f32>::new(), Tape::<f64>::new());
                let (a, b) = (single.variable(&s), double.variable(s.mapv(f64::from)));
                let (y, truth) = (a.half_log_det_gram(), b.half_log_det_gram());
                let off = (f64::from(y.item()) - truth.item()).abs();
                assert!(off <= 2e-3, "{r} × {n}, {large:e}: {} and {}", y.item(), truth.item());
                let (found, wanted) = (y.backward().take(a), truth.backward().take(b));
                assert!(found.data().iter().all(|g| g.is_finite()));
                // Entropy pushes the large column no farther than 1 over it.
                let largest = wanted.data().iter().fold(0.0, |m: f64, g| m.max(g.abs()));
                for (g, w) in found.data().iter().zip(wanted.data()) {
                    let close = (f64::from(*g) - w).abs() <= 0.02 * largest;
                    assert!(close, "{r} × {n}, {large:e}: {g} and {w}, of {largest}");
                }
            }
        }
    }
}
