//! A product with two to four columns of which `A` is read down its columns (the weight gradient of a layer with few outputs): its
//! transpose has rows of many columns, and lanes for all of them.
//!
//! ```text
//! Cᵀ = α·Bᵀ·Aᵀ + β·Cᵀ,   Aᵀ: rows of contiguous elements
//! ```

use super::vector::Vector;
use super::{FEW, blocked};
use crate::kernels::matmul::tile::Tile;

/// Rows of `C` at a time, whose transpose is on the stack.
const ROWS: usize = 192;

/// Computes the tile if it is of this kind, and says whether it was. One column is a row already where it has no gaps.
///
/// # Safety
/// AVX-512; the tile's pointers and strides lie within live slices, and nothing else touches its part of `C`.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]
pub unsafe fn product<T: Vector>(t: &Tile<T>) -> bool {
    if t.n < 2 || t.n > FEW || t.row_stride_a != 1 || t.m < T::LANES {
        return false;
    }
    let mut room = [T::zero(); FEW * ROWS];
    for top in (0..t.m).step_by(ROWS) {
        let rows = ROWS.min(t.m - top);
        let turned = Tile {
            m: t.n,
            n: rows,
            a: t.b,
            row_stride_a: t.col_stride_b,
            col_stride_a: t.row_stride_b,
            b: t.a.wrapping_add(top),
            row_stride_b: t.col_stride_a,
            col_stride_b: 1,
            beta: T::zero(),
            c: room.as_mut_ptr(),
            row_stride_c: rows,
            ..*t
        };
        // SAFETY: these rows of A and all of B are the tile's, and there is room for n ≤ FEW rows of `rows` ≤ ROWS.
        unsafe { blocked(&turned, &()) };
        for i in 0..rows {
            // SAFETY: row top + i < m, and the caller alone has the tile.
            let row = unsafe { t.row_mut(top + i) };
            for (j, out) in row.iter_mut().enumerate() {
                let product = room[j * rows + i];
                // With β = 0, C is not read.
                *out = if t.beta == T::zero() { product } else { t.beta * *out + product };
            }
        }
    }
    true
}
