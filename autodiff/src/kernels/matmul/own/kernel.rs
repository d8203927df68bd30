//! The innermost loop: up to 8 rows × 3 registers of `C` held in registers over one block of `k`.
//!
//! 24 accumulators hide the latency of an FMA (4 cycles, two a cycle: at least 8 are needed); a step makes 24 FMAs
//! from 11 loads, so the two load ports never hold them up.

use super::vector::Vector;
use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};

/// Most rows of a block.
pub const ROWS: usize = 8;
/// Most registers in a block's row.
pub const COLS: usize = 3;

/// `C ← α·A·B + β·C` on `rows × width` elements over `k` steps.
pub struct Block<T> {
    pub k: usize,
    /// Columns: more than `cols − 1` registers, at most `cols`.
    pub width: usize,
    pub a: *const T,
    pub row_stride_a: usize,
    pub col_stride_a: usize,
    /// Rows of contiguous elements.
    pub b: *const T,
    pub row_stride_b: usize,
    pub alpha: T,
    /// With 0, `C` is not read.
    pub beta: T,
    pub c: *mut T,
    pub row_stride_c: usize,
}

/// Asks for a block's lines of `C`, so that they come while the sums are made and not while these are stored.
#[inline(always)]
pub fn fetch<T: Vector>(rows: usize, cols: usize, x: &Block<T>) {
    for i in 0..rows {
        for j in 0..cols {
            let line = x.c.wrapping_add(i * x.row_stride_c + j * T::LANES);
            // SAFETY: a hint, which cannot fault, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(line.cast()) };
        }
    }
}

/// Runs a block of `rows × cols` registers.
///
/// # Safety
/// AVX-512; every element the block names lies in live memory, that of `C` in nobody else's hands.
#[inline(always)]
pub unsafe fn run<T: Vector>(rows: usize, cols: usize, x: &Block<T>) {
    macro_rules! table {
        ($($r:literal)*) => {
            match (rows, cols) {
                // SAFETY: the caller vouches for the block.
                $(($r, 1) => unsafe { block::<T, $r, 1>(x) },
                // SAFETY: the same.
                ($r, 2) => unsafe { block::<T, $r, 2>(x) },
                // SAFETY: the same.
                ($r, 3) => unsafe { block::<T, $r, 3>(x) },)*
                _ => unreachable!("a block of {rows} × {cols} registers"),
            }
        };
    }
    table!(1 2 3 4 5 6 7 8);
}

/// # Safety
/// As [`run`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]
unsafe fn block<T: Vector, const R: usize, const C: usize>(x: &Block<T>) {
    let mask = T::mask(x.width - (C - 1) * T::LANES);
    let (row_stride_a, col_stride_a, row_stride_b) =
        (x.row_stride_a, x.col_stride_a, x.row_stride_b);
    let (mut a, mut b) = (x.a, x.b);
    // SAFETY: the caller vouches for every element: R rows and k steps of A, k rows of `width` elements of B, R rows
    // of `width` elements of C. The last register of a row is masked to what is left of `width`. The two pointers
    // step beyond the last row only by wrapping arithmetic.
    unsafe {
        let mut sum = [[T::zeros(); C]; R];
        for _ in 0..x.k {
            let mut row = [T::zeros(); C];
            for (j, register) in row.iter_mut().enumerate() {
                let from = b.add(j * T::LANES);
                *register = if j + 1 < C { T::load(from) } else { T::load_masked(mask, from) };
            }
            for (i, sum) in sum.iter_mut().enumerate() {
                let factor = T::splat(*a.add(i * row_stride_a));
                for (sum, &b) in sum.iter_mut().zip(&row) {
                    *sum = T::fma(factor, b, *sum);
                }
            }
            a = a.wrapping_add(col_stride_a);
            b = b.wrapping_add(row_stride_b);
        }
        let (alpha, beta) = (T::splat(x.alpha), T::splat(x.beta));
        for (i, sum) in sum.iter().enumerate() {
            for (j, &sum) in sum.iter().enumerate() {
                let mask = if j + 1 < C { u16::MAX } else { mask };
                let c = x.c.add(i * x.row_stride_c + j * T::LANES);
                let mut out = T::times(alpha, sum);
                if x.beta != T::zero() {
                    out = T::fma(beta, T::load_masked(mask, c), out);
                }
                T::store_masked(c, mask, out);
            }
        }
    }
}
