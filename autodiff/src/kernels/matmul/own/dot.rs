//! Matrix times vector, or times a few, where the matrix's rows are contiguous: one dot product a row.
//!
//! ```text
//! y[i] ← α Σ_p X[i, p] v[p] + β y[i]
//! ```
//!
//! The general kernel would use a few lanes of sixteen (`n ≤ 4`) or first transpose a matrix that is read only once
//! (`m = 1` with a transposed `B`).

use super::FEW;
use super::scratch::Scratch;
use super::vector::Vector;
use crate::kernels::matmul::tile::Tile;

/// Rows taken together: each is a chain of FMAs, and eight hide their latency.
const ROWS: usize = 8;

/// `y ← α·X·v + β·y`, `X: rows × k`.
struct MatrixVector<T> {
    rows: usize,
    k: usize,
    x: *const T,
    row_stride: usize,
    v: *const T,
    stride_v: usize,
    y: *mut T,
    stride_y: usize,
    alpha: T,
    beta: T,
}

/// Computes the tile if it is of this kind, and says whether it was.
///
/// # Safety
/// AVX-512; the tile's pointers and strides lie within live slices, and nothing else touches its part of `C`.
#[inline(always)]
pub unsafe fn product<T: Vector>(t: &Tile<T>) -> bool {
    let (k, y, alpha, beta) = (t.k, t.c, t.alpha, t.beta);
    // A dot product ends with a sum over lanes, which the products of a long row pay for.
    if t.n <= FEW && t.col_stride_a == 1 && (t.n == 1 || t.k >= t.n * T::LANES) {
        let (x, row_stride) = (t.a, t.row_stride_a);
        let (stride_v, stride_y) = (t.row_stride_b, t.row_stride_c);
        for j in 0..t.n {
            let (v, y) = (t.b.wrapping_add(j * t.col_stride_b), t.c.wrapping_add(j));
            let column =
                MatrixVector { rows: t.m, k, x, row_stride, v, stride_v, y, stride_y, alpha, beta };
            // SAFETY: the rows of A, column j of B and of C are the tile's.
            unsafe { column.run() };
        }
        return true;
    }
    let problem = if t.m == 1 && t.row_stride_b == 1 && t.n > 1 {
        let (x, v) = (t.b, t.a);
        let (row_stride, stride_v, stride_y) = (t.col_stride_b, t.col_stride_a, 1);
        MatrixVector { rows: t.n, k, x, row_stride, v, stride_v, y, stride_y, alpha, beta }
    } else {
        return false;
    };
    // SAFETY: the rows of X, the vector and the result are the tile's.
    unsafe { problem.run() };
    true
}

impl<T: Vector> MatrixVector<T> {
    /// # Safety
    /// AVX-512, and every element lies in live memory.
    #[inline(always)]
    unsafe fn run(mut self) {
        let copied = if self.stride_v == 1 { 0 } else { self.k };
        let mut scratch = Scratch::new(copied);
        if copied > 0 {
            let room: *mut T = scratch.as_mut_ptr();
            for p in 0..self.k {
                // SAFETY: p < k, and there is room for k.
                unsafe { *room.add(p) = *self.v.add(p * self.stride_v) };
            }
            self.v = room;
        }
        let mut i = 0;
        while i + ROWS <= self.rows {
            // SAFETY: rows i .. i + ROWS exist.
            unsafe { self.dots::<ROWS>(i) };
            i += ROWS;
        }
        for i in i..self.rows {
            // SAFETY: row i exists.
            unsafe { self.dots::<1>(i) };
        }
    }

    /// # Safety
    /// As [`run`](Self::run), for rows `i .. i + R`.
    #[inline(always)]
    unsafe fn dots<const R: usize>(&self, i: usize) {
        // SAFETY: the caller vouches for the rows; the last register of a row is masked to what is left of it.
        unsafe {
            let x = self.x.add(i * self.row_stride);
            let mut sum = [T::zeros(); R];
            let mut p = 0;
            while p + T::LANES <= self.k {
                let v = T::load(self.v.add(p));
                for (r, sum) in sum.iter_mut().enumerate() {
                    *sum = T::fma(T::load(x.add(r * self.row_stride + p)), v, *sum);
                }
                p += T::LANES;
            }
            if p < self.k {
                let mask = T::mask(self.k - p);
                let v = T::load_masked(mask, self.v.add(p));
                for (r, sum) in sum.iter_mut().enumerate() {
                    *sum = T::fma(T::load_masked(mask, x.add(r * self.row_stride + p)), v, *sum);
                }
            }
            for (r, &sum) in sum.iter().enumerate() {
                let y = self.y.add((i + r) * self.stride_y);
                let product = self.alpha * T::sum(sum);
                *y = if self.beta == T::zero() { product } else { self.beta * *y + product };
            }
        }
    }
}
