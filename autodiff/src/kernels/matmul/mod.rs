//! Matrix products: `C ← α·A·B + β·C`.
//!
//! ```text
//! C[i, j] ← f(α Σ_p A[i, p] B[p, j] + β C[i, j])      A: m × k,  B: k × n,  C: m × n
//! ```
//!
//! `A` and `B` have any strides (so all four transpositions cost one kernel), `C` has unit column stride, `f` is
//! an optional [`Epilogue`]. With `β = 0`, `C` is not read: a NaN there does not survive. With `α = 0` or
//! `k = 0`, neither `A` nor `B` is read and `C ← f(β·C)`, as in BLAS.
//!
//! The vector-Jacobian products of `C = A·B` are two more products, which is why strides matter: `Ā = C̄·Bᵀ` and
//! `B̄ = Aᵀ·C̄`.
//!
//! **Same bits on any number of threads.** `grid` cuts the product into tiles by shapes and strides alone, one thread
//! computes a tile from beginning to end in an order that depends on them alone, and where `k` itself was cut the
//! partial products are added in order. Which thread does it, and whether anything was forked, cannot be seen in the result. Which [`Backend`] and
//! instruction set did it can be seen, in the last bits.
//!
//! Source for the blocking: Goto and van de Geijn, *Anatomy of high-performance matrix multiplication*, 2008.

mod backend;
mod epilogue;
mod grid;
#[cfg(target_arch = "x86_64")]
mod own;
#[cfg(not(target_arch = "x86_64"))]
#[path = "own/absent.rs"]
mod own;
mod scalar;
#[cfg(test)]
mod tests;
mod tile;
mod view;

pub use backend::{Backend, backend, set_backend};
pub use epilogue::Epilogue;
pub use scalar::MatmulScalar;
pub use view::{MatMut, MatRef};

use tile::Tile;

/// `C ← α·A·B + β·C`.
///
/// # Panics
/// When the shapes do not fit: `A` is `m × k`, `B` must be `k × n` and `C` must be `m × n`.
///
/// ```
/// use evidence_autodiff::kernels::matmul::{MatMut, MatRef, matmul};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0]);
/// let mut c = [f64::NAN; 2];
/// // A·b, a 2 × 2 matrix times a column; β = 0 overwrites whatever C held.
/// matmul(1.0, MatRef::new(&a, 2, 2), MatRef::new(&b, 2, 1), 0.0, &mut MatMut::new(&mut c, 2, 1));
/// assert_eq!(c, [17.0, 39.0]);
/// // Aᵀ·b + C
/// matmul(1.0, MatRef::new(&a, 2, 2).t(), MatRef::new(&b, 2, 1), 1.0, &mut MatMut::new(&mut c, 2, 1));
/// assert_eq!(c, [17.0 + 23.0, 39.0 + 34.0]);
/// ```
#[track_caller]
pub fn matmul<T: MatmulScalar>(
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: &mut MatMut<'_, T>,
) {
    matmul_with(alpha, a, b, beta, c, &());
}

/// `C ← f(α·A·B + β·C)`, where `f` is an [`Epilogue`]: run on each finished piece of a row while it is in cache.
///
/// # Panics
/// As [`matmul`].
///
/// ```
/// use evidence_autodiff::kernels::matmul::{Epilogue, MatMut, MatRef, matmul_with};
/// /// Adds a bias row, then rectifies.
/// struct BiasRelu<'a>(&'a [f32]);
/// impl Epilogue<f32> for BiasRelu<'_> {
///     #[inline(always)]
///     fn apply(&self, _row: usize, first_col: usize, out: &mut [f32]) {
///         for (x, b) in out.iter_mut().zip(&self.0[first_col..]) {
///             *x = (*x + b).max(0.0);
///         }
///     }
/// }
/// let (x, w, bias) = ([1.0, -1.0], [1.0, 2.0, 3.0, 5.0], [0.5, 0.5]);
/// let mut y = [0.0; 2];
/// let y_view = &mut MatMut::new(&mut y, 1, 2);
/// matmul_with(1.0, MatRef::new(&x, 1, 2), MatRef::new(&w, 2, 2), 0.0, y_view, &BiasRelu(&bias));
/// assert_eq!(y, [0.0, 0.0]);
/// ```
#[track_caller]
pub fn matmul_with<T: MatmulScalar, E: Epilogue<T>>(
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: &mut MatMut<'_, T>,
    epilogue: &E,
) {
    assert!(
        a.cols() == b.rows() && a.rows() == c.rows() && b.cols() == c.cols(),
        "matmul: {} × {} times {} × {} does not give {} × {}; the inner sizes must agree, and the outer ones \
         are those of C",
        a.rows(),
        a.cols(),
        b.rows(),
        b.cols(),
        c.rows(),
        c.cols(),
    );
    let flops = [2, a.rows(), b.cols(), a.cols()].into_iter().fold(1, usize::saturating_mul);
    matmul_on(backend(flops), alpha, a, b, beta, c, epilogue);
}

/// [`matmul_with`] on a given backend, for shapes that fit.
fn matmul_on<T: MatmulScalar, E: Epilogue<T>>(
    backend: Backend,
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    beta: T,
    c: &mut MatMut<'_, T>,
    epilogue: &E,
) {
    if c.rows() > 0 && c.cols() > 0 {
        let whole = Tile::whole(alpha, a, b, beta, c);
        grid::run(&whole, backend, epilogue);
    }
}
