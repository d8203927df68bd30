//! Our own kernel, for AVX-512: `C ← f(α·A·B + β·C)` on one tile, by one thread.
//!
//! ```text
//! for each block of k                 (at most K_BLOCK)
//!   for each block of rows            (at most M_BLOCK: its part of A stays in L2)
//!     for each panel of B             (block × up to 3 registers of columns: stays in L1)
//!       for each strip of A           (up to 8 rows × block: streams from L2)
//!         8 × 3 registers of C accumulate over the block; then α, β, and after the last block f
//! ```
//!
//! **Operands are read in place where they can be.** A strip of `A` needs one number a row and step, so its strides hardly
//! matter, and a row-major `B` is loaded as it lies. Libraries copy both first, into the order of reading: copying
//! `A` cost 5 to 25 % at the sizes of training steps, which fit in L2. What does not read well is copied: a `B` whose
//! registers straddle cache lines (5 to 15 % slower in place) or whose rows lie whole pages apart
//! ([`Tile::copies_b`]), an `A` whose rows fall on the same lines of L2 ([`Tile::copies_a`]).
//!
//! Rows and columns are dealt out evenly (20 rows are 7 + 7 + 6, not 8 + 8 + 4), since few accumulators cannot hide
//! the latency of an FMA.

mod dot;
mod kernel;
mod narrow;
mod pack;
mod scratch;
mod vector;

use scratch::Scratch;
pub use vector::Vector;

use super::epilogue::Epilogue;
use super::tile::Tile;
use crate::kernels::simd::{Isa, isa};
use kernel::{Block, COLS, ROWS};

/// Columns up to which the general kernel, whose registers hold sixteen, wastes most of its work.
const FEW: usize = 4;

/// Steps of `k` per block. A panel then has 72 KiB at most: most of it comes from L2 and not from L1, but `C` is
/// visited less often. 128 was slower by a tenth; 256, 384 and 512 hardly differ.
const K_BLOCK: usize = 384;

/// Rows per block: with `K_BLOCK` steps, 768 KiB of `A`, which every panel of `B` reads again from L2.
const M_BLOCK: usize = 512;

/// Steps of `k` from which on a block's lines of `C` are asked for before it is computed. With fewer there is no time in which they
/// could come. A step with 3 MB of logits became 5 % faster, those of the large dense networks 2 %.
const FETCH_STEPS: usize = 64;

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
    if unsafe { dot::product(t) || narrow::product(t) } {
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
    let blocks = t.k.div_ceil(K_BLOCK);
    let row_blocks = t.m.div_ceil(M_BLOCK);
    let longest = t.k.div_ceil(blocks);
    let row_stride_copy = longest.next_multiple_of(T::LANES) + T::LANES;
    let room_b = if t.copies_b() { longest * COLS * T::LANES } else { 0 };
    let room_a = if t.copies_a() { t.m.div_ceil(row_blocks) * row_stride_copy } else { 0 };
    let mut scratch = Scratch::new(room_b + room_a);
    let copy_b: *mut T = scratch.as_mut_ptr();
    let copy_a = copy_b.wrapping_add(room_b);
    for block in 0..blocks {
        let p = t.k * block / blocks;
        let k = t.k * (block + 1) / blocks - p;
        let step = Step {
            k,
            b: t.b.wrapping_add(p * t.row_stride_b),
            beta: if block == 0 { t.beta } else { T::one() },
            last: block + 1 == blocks,
            copy_b: if room_b > 0 { copy_b } else { std::ptr::null_mut() },
        };
        for row_block in 0..row_blocks {
            let top = t.m * row_block / row_blocks;
            let m = t.m * (row_block + 1) / row_blocks - top;
            let a = t.a.wrapping_add(top * t.row_stride_a + p * t.col_stride_a);
            let mut rows = Rows { top, m, a, row_stride_a: t.row_stride_a };
            if room_a > 0 {
                // SAFETY: m rows of k neighbours each are the tile's; the copy has room for as many, longer ones.
                unsafe {
                    for i in 0..m {
                        let to = copy_a.add(i * row_stride_copy);
                        std::ptr::copy_nonoverlapping(a.add(i * t.row_stride_a), to, k);
                    }
                }
                (rows.a, rows.row_stride_a) = (copy_a, row_stride_copy);
            }
            // SAFETY: the caller vouches for the tile; these are its rows and steps, and the copies have room.
            unsafe { row_block_of(t, &step, &rows, epilogue) };
        }
    }
}

/// A block of `k`.
struct Step<T> {
    k: usize,
    /// Its first row of `B`.
    b: *const T,
    beta: T,
    /// Whether the epilogue follows.
    last: bool,
    /// Room for a panel of `B`, or null where it is read in place.
    copy_b: *mut T,
}

/// A block of rows, over a block of `k`.
struct Rows<T> {
    top: usize,
    m: usize,
    /// Its first element of `A`, or of the copy.
    a: *const T,
    row_stride_a: usize,
}

/// All columns of a block of rows.
///
/// # Safety
/// As [`product`]; `step` and `rows` lie within the tile.
#[inline(always)]
unsafe fn row_block_of<T: Vector, E: Epilogue<T>>(
    t: &Tile<T>,
    step: &Step<T>,
    rows: &Rows<T>,
    epilogue: &E,
) {
    let k = step.k;
    let vectors = t.n.div_ceil(T::LANES);
    let panels = vectors.div_ceil(COLS);
    let strips = rows.m.div_ceil(ROWS);
    for panel in 0..panels {
        let first = vectors * panel / panels;
        let cols = vectors * (panel + 1) / panels - first;
        let j = first * T::LANES;
        let width = (cols * T::LANES).min(t.n - j);
        let mut b = step.b.wrapping_add(j * t.col_stride_b);
        let mut row_stride_b = t.row_stride_b;
        if !step.copy_b.is_null() {
            // SAFETY: room for the longest block of COLS registers; the rows and columns are the tile's.
            unsafe { pack::panel(t, b, k, width, cols, step.copy_b) };
            (b, row_stride_b) = (step.copy_b, cols * T::LANES);
        }
        for strip in 0..strips {
            let i = rows.m * strip / strips;
            let height = rows.m * (strip + 1) / strips - i;
            let x = Block {
                k,
                width,
                a: rows.a.wrapping_add(i * rows.row_stride_a),
                row_stride_a: rows.row_stride_a,
                col_stride_a: t.col_stride_a,
                b,
                row_stride_b,
                alpha: t.alpha,
                beta: step.beta,
                c: t.c.wrapping_add((rows.top + i) * t.row_stride_c + j),
                row_stride_c: t.row_stride_c,
            };
            if k >= FETCH_STEPS {
                kernel::fetch(height, cols, &x);
            }
            // SAFETY: the block's rows, columns and steps lie within the tile or its copies.
            unsafe { kernel::run(height, cols, &x) };
            if step.last {
                for r in 0..height {
                    // SAFETY: this row of the tile has at least `width` elements from column j on.
                    let out = unsafe {
                        std::slice::from_raw_parts_mut(x.c.add(r * t.row_stride_c), width)
                    };
                    epilogue.apply(t.first_row + rows.top + i + r, t.first_col + j, out);
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
