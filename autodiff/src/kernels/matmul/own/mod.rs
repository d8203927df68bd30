//! Our own kernel, for AVX-512: `C ← f(α·A·B + β·C)` on one tile, by one thread.
//!
//! ```text
//! for each block of k                 (at most K_BLOCK)
//!   for each panel of B               (block × up to 3 registers of columns: stays in L1)
//!     for each strip of A             (up to 8 rows × block: streams from L2)
//!       8 × 3 registers of C accumulate over the block; then α, β, and after the last block f
//! ```
//!
//! **Operands are read in place.** A strip of `A` needs one number a row and step, so its strides hardly matter, and
//! a row-major `B` is loaded as it lies. Libraries copy both first, into the order of reading. Measured here, from
//! 20 to 2048 rows, copying `A` cost 5 to 25 % and copying `B` gained nothing (but see [`Tile::copies_b`]): a training
//! step's matrices fit in L2, and a batch of 128 rows does not earn the copies back.
//!
//! Rows and columns are dealt out evenly (20 rows are 7 + 7 + 6, not 8 + 8 + 4), since few accumulators cannot hide
//! the latency of an FMA.

mod dot;
mod kernel;
mod pack;
mod scratch;
mod vector;

use scratch::Scratch;
pub use vector::Vector;

use super::epilogue::Epilogue;
use super::tile::Tile;
use crate::kernels::simd::{Isa, isa};
use kernel::{Block, COLS, ROWS};

/// Steps of `k` per block. A panel then has 72 KiB at most: most of it comes from L2 and not from L1, but `C` is
/// visited less often. 128 was slower by a tenth; 256, 384 and 512 hardly differ.
const K_BLOCK: usize = 384;

/// Whether this machine has what the kernel needs.
pub fn available() -> bool {
    isa() == Isa::Avx512
}

/// `C ← f(α·A·B + β·C)` on one tile with `m, n, k ≥ 1`.
///
/// # Safety
/// [`available`]; the tile's pointers and strides lie within live slices, and nothing else touches its part of `C`.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]
pub unsafe fn product<T: Vector, E: Epilogue<T>>(t: &Tile<T>, epilogue: &E) {
    // SAFETY: the caller vouches for the tile.
    if unsafe { dot::product(t) } {
        finish(t, epilogue);
    } else if t.n == 1 && t.m > 1 && t.row_stride_c == 1 {
        // SAFETY: the same elements; a column without gaps is a row, and one register holds many of its elements.
        unsafe { blocked(&t.transposed(), &()) };
        finish(t, epilogue);
    } else {
        // SAFETY: the caller vouches for the tile.
        unsafe { blocked(t, epilogue) };
    }
}

/// The loops of the module's head.
///
/// # Safety
/// As [`product`].
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]
unsafe fn blocked<T: Vector, E: Epilogue<T>>(t: &Tile<T>, epilogue: &E) {
    let vectors = t.n.div_ceil(T::LANES);
    let panels = vectors.div_ceil(COLS);
    let strips = t.m.div_ceil(ROWS);
    let blocks = t.k.div_ceil(K_BLOCK);
    let packs = t.copies_b();
    let room = if packs { t.k.div_ceil(blocks) * COLS * T::LANES } else { 0 };
    let mut packed = Scratch::new(room);
    for block in 0..blocks {
        let p = t.k * block / blocks;
        let k = t.k * (block + 1) / blocks - p;
        let beta = if block == 0 { t.beta } else { T::one() };
        for panel in 0..panels {
            let first = vectors * panel / panels;
            let cols = vectors * (panel + 1) / panels - first;
            let j = first * T::LANES;
            let width = (cols * T::LANES).min(t.n - j);
            let mut b = t.b.wrapping_add(p * t.row_stride_b + j * t.col_stride_b);
            let mut row_stride_b = t.row_stride_b;
            if packs {
                // SAFETY: room for the longest block of COLS registers; the rows and columns are the tile's.
                unsafe { pack::panel(t, b, k, width, cols, packed.as_mut_ptr()) };
                (b, row_stride_b) = (packed.as_mut_ptr(), cols * T::LANES);
            }
            for strip in 0..strips {
                let i = t.m * strip / strips;
                let rows = t.m * (strip + 1) / strips - i;
                let x = Block {
                    k,
                    width,
                    a: t.a.wrapping_add(i * t.row_stride_a + p * t.col_stride_a),
                    row_stride_a: t.row_stride_a,
                    col_stride_a: t.col_stride_a,
                    b,
                    row_stride_b,
                    alpha: t.alpha,
                    beta,
                    c: t.c.wrapping_add(i * t.row_stride_c + j),
                    row_stride_c: t.row_stride_c,
                };
                // SAFETY: the block's rows, columns and steps lie within the tile or the packed copy.
                unsafe { kernel::run(rows, cols, &x) };
                if block + 1 == blocks {
                    for r in 0..rows {
                        // SAFETY: row i + r of the tile has at least `width` elements from column j on.
                        let out = unsafe {
                            std::slice::from_raw_parts_mut(x.c.add(r * t.row_stride_c), width)
                        };
                        epilogue.apply(t.first_row + i + r, t.first_col + j, out);
                    }
                }
            }
        }
    }
}

/// The epilogue over a tile that was computed in one go.
#[inline(always)]
fn finish<T: Vector, E: Epilogue<T>>(t: &Tile<T>, epilogue: &E) {
    for i in 0..t.m {
        // SAFETY: i < m, and this thread alone has the tile.
        epilogue.apply(t.first_row + i, t.first_col, unsafe { t.row_mut(i) });
    }
}
