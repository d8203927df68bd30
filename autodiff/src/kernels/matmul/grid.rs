//! The grid of tiles, from the shape alone, and the threads that run them.
//!
//! Fork only where it pays and where it is free: inside a rayon worker (a fork from outside the pool costs 11 µs,
//! from inside 0.04 µs, so a program enters its pool once and stays there), and from [`FORK_FLOPS`] upwards.

use super::backend::Backend;
use super::epilogue::Epilogue;
use super::scalar::MatmulScalar;
use super::tile::Tile;
use crate::kernels::simd::{Kernel, dispatch};

/// `2·m·n·k` below which the product is one tile: about 10 µs of one core.
const FORK_FLOPS: usize = 2_000_000;

/// Rows of a tile are a multiple of this where they can be.
const ROW_UNIT: usize = 8;

/// Bytes of a tile's row are a multiple of this where they can be: three AVX-512 registers.
const COL_UNIT_BYTES: usize = 192;

/// How the output is cut: `down · across` tiles, in units that are dealt out as evenly as they can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    down: usize,
    across: usize,
}

impl Grid {
    /// Tiles as square as they come, for what is packed for a tile grows with its perimeter.
    fn of<T>(m: usize, n: usize, k: usize) -> Self {
        let flops = 2usize.saturating_mul(m).saturating_mul(n).saturating_mul(k);
        if flops < FORK_FLOPS {
            return Self { down: 1, across: 1 };
        }
        let wanted = (flops / 4_000_000).clamp(2, 16);
        let rows = m.div_ceil(ROW_UNIT);
        let cols = n.div_ceil(COL_UNIT_BYTES / size_of::<T>());
        (1..=wanted)
            .map(|down| Self { down: down.min(rows), across: wanted.div_ceil(down).min(cols) })
            .min_by_key(|g| {
                let tiles = g.down * g.across;
                (wanted.saturating_sub(tiles), m.div_ceil(g.down) + n.div_ceil(g.across))
            })
            .expect("wanted is at least 2")
    }
}

/// Where part `i` of `parts` begins when `len` is cut in units of `unit`.
fn cut(len: usize, unit: usize, parts: usize, i: usize) -> usize {
    (len.div_ceil(unit) * i / parts * unit).min(len)
}

/// Computes the whole product.
pub fn run<T: MatmulScalar, E: Epilogue<T>>(whole: &Tile<T>, backend: Backend, epilogue: &E) {
    let grid = Grid::of::<T>(whole.m, whole.n, whole.k);
    let unit = COL_UNIT_BYTES / size_of::<T>();
    let tile = |index: usize| {
        let (i, j) = (index / grid.across, index % grid.across);
        let rows = |i| cut(whole.m, ROW_UNIT, grid.down, i);
        let cols = |j| cut(whole.n, unit, grid.across, j);
        // SAFETY: `cut` is strictly increasing, from 0 to m and to n: parts are not empty, in bounds, disjoint.
        let tile = unsafe { whole.part((rows(i), rows(i + 1)), (cols(j), cols(j + 1))) };
        // SAFETY: the views behind `whole` are borrowed until `run` returns, and only this call has this tile.
        unsafe { run_tile(&tile, backend, epilogue) };
    };
    let tiles = grid.down * grid.across;
    let fork =
        tiles > 1 && rayon::current_thread_index().is_some() && rayon::current_num_threads() > 1;
    if fork {
        halve(0, tiles, &tile);
    } else {
        (0..tiles).for_each(tile);
    }
}

/// Runs `from..to` in two halves, the second of which another thread may steal. No allocation, unlike an iterator.
fn halve(from: usize, to: usize, tile: &(impl Fn(usize) + Sync)) {
    if to - from == 1 {
        tile(from);
    } else {
        let mid = (from + to) / 2;
        rayon::join(|| halve(from, mid, tile), || halve(mid, to, tile));
    }
}

/// One tile from beginning to end.
///
/// # Safety
/// The tile's pointers are live and nothing else touches its part of `C`.
unsafe fn run_tile<T: MatmulScalar, E: Epilogue<T>>(
    tile: &Tile<T>,
    backend: Backend,
    epilogue: &E,
) {
    if tile.k == 0 || tile.alpha == T::zero() {
        // SAFETY: the caller vouches for the tile.
        unsafe { scale(tile) };
    } else {
        // SAFETY: the caller vouches for the tile.
        unsafe { T::product(backend, tile) };
    }
    dispatch(Finish { tile, epilogue });
}

/// `C ← β·C`
///
/// # Safety
/// The tile's pointers are live and nothing else touches its part of `C`.
unsafe fn scale<T: MatmulScalar>(tile: &Tile<T>) {
    for i in 0..tile.m {
        // SAFETY: i < m, and this thread alone has the tile.
        let row = unsafe { tile.row_mut(i) };
        if tile.beta == T::zero() {
            row.fill(T::zero());
        } else {
            row.iter_mut().for_each(|x| *x = tile.beta * *x);
        }
    }
}

/// The epilogue over all rows of a finished tile.
struct Finish<'a, T, E> {
    tile: &'a Tile<T>,
    epilogue: &'a E,
}

impl<T: MatmulScalar, E: Epilogue<T>> Kernel for Finish<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for i in 0..self.tile.m {
            // SAFETY: i < m, and `run_tile` has the tile alone.
            let row = unsafe { self.tile.row_mut(i) };
            self.epilogue.apply(self.tile.first_row + i, self.tile.first_col, row);
        }
    }
}
