//! X = A⁻¹ B for a triangular A `[n, n]` and B `[n, m]`, by substitution; dB = A⁻ᵀ dX, dA = −dB Xᵀ within the triangle.
//!
//! The entries outside the triangle, and those of a unit diagonal, are never read and get the gradient 0.
//! Source of the backward rule: Giles, *Collected matrix derivative results*, 2008, section 2.2.3.

use crate::check::{Check, Input};
use crate::kernels::matmul::{MatMut, MatRef};
use crate::kernels::triangular::{Triangle, solve};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct TriangularSolve {
    triangle: Triangle,
    n: usize,
    m: usize,
}

impl<T: Real> Op<T> for TriangularSolve {
    fn name(&self) -> &'static str {
        "triangular_solve"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Self { triangle, n, m } = *self;
        let mut db = dy;
        solve(MatRef::new(saved.input(0), n, n).t(), triangle.t(), db.data_mut());
        if dx.needs(0) {
            let mut da = dx.tensor(&[n, n]);
            let x = MatRef::new(saved.output(), n, m);
            let out = &mut MatMut::new(da.data_mut(), n, n);
            T::matmul(-T::one(), MatRef::new(db.data(), n, m), x.t(), T::zero(), out);
            for (at, da) in da.data_mut().iter_mut().enumerate() {
                if !triangle.contains(at / n, at % n) {
                    *da = T::zero();
                }
            }
            dx.add(0, da);
        }
        dx.add(1, db);
    }
}

impl<T: Real> Var<'_, T> {
    /// A⁻¹ B for this triangular matrix A `[n, n]` and B `[n, m]`. Only the given triangle of A is read.
    ///
    /// A zero on the diagonal gives infinities and NaN.
    ///
    /// # Panics
    /// If the shapes do not fit.
    ///
    /// ```
    /// use evidence_autodiff::{Tape, Triangle};
    /// use ndarray::array;
    ///
    /// let tape = Tape::<f64>::new();
    /// let a = tape.variable(array![[2.0, 99.0], [1.0, 4.0]]);
    /// let b = tape.variable(array![[2.0], [9.0]]);
    /// assert_eq!(a.triangular_solve(b, Triangle::Lower).data(), [1.0, 2.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn triangular_solve(self, b: Self, triangle: Triangle) -> Self {
        let (n, m) = match (self.shape(), b.shape()) {
            (&[n, k], &[l, m]) if n == k && k == l => (n, m),
            _ => panic!("triangular_solve: shapes {self} and {b} do not fit; they must be [n, n] and [n, m]"),
        };
        let mut x = self.tape().tensor(&[n, m]);
        x.data_mut().copy_from_slice(b.data());
        solve(MatRef::new(self.data(), n, n), triangle, x.data_mut());
        self.tape().record(TriangularSolve { triangle, n, m }, &[self, b], x)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let inputs = || [Input::away_from_zero(&[3, 3]), Input::any(&[3, 2])];
    vec![
        Check::gradient(
            "triangular_solve, lower",
            [Input::positive(&[3, 3]), Input::any(&[3, 2])],
            crate::function!(|a, b| a.triangular_solve(b, Triangle::Lower)),
        ),
        Check::gradient(
            "triangular_solve, upper",
            [Input::positive(&[3, 3]), Input::any(&[3, 2])],
            crate::function!(|a, b| a.triangular_solve(b, Triangle::Upper)),
        ),
        Check::gradient(
            "triangular_solve, unit lower",
            inputs(),
            crate::function!(|a, b| a.triangular_solve(b, Triangle::UnitLower)),
        ),
        Check::gradient(
            "triangular_solve, unit upper",
            inputs(),
            crate::function!(|a, b| a.triangular_solve(b, Triangle::UnitUpper)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Triangle;
    use crate::ops::composition::{numbers, panics};
    use crate::tape::Tape;
    use ndarray::{Array2, Ix2};

    #[test]
    fn the_product_with_the_triangle_gives_b_back() {
        let tape = Tape::<f64>::new();
        for triangle in [Triangle::Lower, Triangle::UnitLower, Triangle::Upper, Triangle::UnitUpper] {
            for (n, m) in [(1, 1), (4, 3), (43, 70), (0, 3), (3, 0)] {
                let mut a = 0.2 * numbers(&[n, n]);
                (0..n).for_each(|i| a[[i, i]] = 1.5 + 0.1 * i as f64);
                let b = tape.constant(numbers(&[n, m]));
                let x = tape.constant(&a).triangular_solve(b, triangle);
                let inside = Array2::from_shape_fn((n, n), |(i, j)| match (triangle, i == j) {
                    (Triangle::UnitLower | Triangle::UnitUpper, true) => 1.0,
                    (Triangle::Lower | Triangle::UnitLower, _) if i >= j => a[[i, j]],
                    (Triangle::Upper | Triangle::UnitUpper, _) if i <= j => a[[i, j]],
                    _ => 0.0,
                });
                let back = inside.dot(&x.value().into_dimensionality::<Ix2>().unwrap());
                let apart = back.into_dyn() - b.value();
                assert!(apart.iter().all(|e| e.abs() <= 1e-12), "{triangle:?}, {n} × {m}: {apart}");
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 1.0);
        for (a, b) in [(&[2, 3][..], &[2, 1][..]), (&[2, 2], &[3, 1]), (&[2, 2], &[2])] {
            let expected = format!("triangular_solve: shapes {a:?} and {b:?} do not fit");
            panics(&expected, || of(a).triangular_solve(of(b), Triangle::Lower));
        }
    }
}
