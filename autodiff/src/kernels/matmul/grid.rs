//! The grid of tiles, from the shape alone, and the threads that run them.
//!
//! Fork only where it pays and where it is free: inside a rayon worker (a fork from outside the pool costs 11 µs,
//! from inside 0.04 µs, so a program enters its pool once and stays there), and from [`FORK_FLOPS`] upwards.
//!
//! Where `C` is small and `k` is long (the weight gradient of a convolution), cutting `C` would make every tile read
//! nearly all of `A` and `B`. Then `k` is cut instead: each part fills a partial `C`, and the partial ones are added
//! in order. One cost decides between the two.

use super::backend::Backend;
use super::epilogue::Epilogue;
use super::own;
use super::scalar::MatmulScalar;
use super::tile::Tile;
use crate::kernels::simd::{Kernel, dispatch};
use crate::kernels::threads::is_parallel;

/// `2·m·n·k` below which the product is one tile: about 10 µs of one core.
const FORK_FLOPS: usize = 2_000_000;

/// A tile's work, `2·m·n·k`, as long as there are few tiles: enough for several threads, not many for two.
const TILE_FLOPS: usize = 8_000_000;

/// Fewer tiles than this are no obstacle on common machines; above it a tile has up to [`LARGE_TILE_FLOPS`].
const TILES: usize = 16;

/// A tile's work at most (1 GFLOP: some 500 × 500 × 2,000), so that machines with many cores have work for all. With a quarter
/// of it, a tile's share of A and B was read too often: 2,048³ was slower by a tenth.
const LARGE_TILE_FLOPS: usize = 1_000_000_000;

/// Rows of a tile are a multiple of this where they can be.
const ROW_UNIT: usize = 8;

/// Bytes of a tile's row are a multiple of this where they can be: three AVX-512 registers.
const COL_UNIT_BYTES: usize = 192;

/// Steps of `k` that a part has at least.
const DEPTH_UNIT: usize = 512;

/// How the product is cut: `down · across` tiles of `C`, each in `deep` parts of `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    down: usize,
    across: usize,
    deep: usize,
}

impl Grid {
    /// As many tiles as the work deserves, and among such grids the one that moves least.
    fn of<T: Copy>(t: &Tile<T>) -> Self {
        let (m, n, k) = (t.m, t.n, t.k);
        let flops = 2usize.saturating_mul(m).saturating_mul(n).saturating_mul(k);
        if flops < FORK_FLOPS {
            return Self { down: 1, across: 1, deep: 1 };
        }
        let wanted = (flops / TILE_FLOPS)
            .clamp(2, TILES)
            .next_power_of_two()
            .max((flops / LARGE_TILE_FLOPS).min(16 * TILES));
        let most_rows = m.div_ceil(ROW_UNIT);
        let most_cols = n.div_ceil(col_unit::<T>());
        // A row of tiles reads all of B, a column all of A. B counts three times if it is transposed meanwhile; a
        // partial C is allocated, written, read again: eight times.
        // Strides decide, never addresses: those differ from run to run, and the grid decides the bits.
        let price_b = if t.transposes_b() { 3 } else { 1 };
        let moved = |g: &Self| {
            let partial = if g.deep > 1 { 8 * g.deep * m * n } else { 0 };
            (g.across * m + price_b * g.down * n).saturating_mul(k).saturating_add(partial)
        };
        std::iter::successors(Some(1), |deep| Some(2 * deep))
            .take_while(|&deep| deep == 1 || (deep <= wanted && deep * DEPTH_UNIT <= k))
            .flat_map(|deep| {
                let flat = wanted.div_ceil(deep);
                (1..=flat.min(most_rows)).map(move |down| Self {
                    down,
                    across: flat.div_ceil(down).min(most_cols),
                    deep,
                })
            })
            .min_by_key(|g| (wanted.saturating_sub(g.tiles() * g.deep), moved(g)))
            .expect("one row of tiles is always possible")
    }

    fn tiles(&self) -> usize {
        self.down * self.across
    }
}

/// Columns of a tile are a multiple of this where they can be.
const fn col_unit<T>() -> usize {
    COL_UNIT_BYTES / size_of::<T>()
}

/// Where part `i` of `parts` begins when `len` is cut in units of `unit`, as evenly as can be.
fn cut(len: usize, unit: usize, parts: usize, i: usize) -> usize {
    (len.div_ceil(unit) * i / parts * unit).min(len)
}

/// Computes the whole product.
pub fn run<T: MatmulScalar, E: Epilogue<T>>(whole: &Tile<T>, backend: Backend, epilogue: &E) {
    let grid = Grid::of(whole);
    let part = |tile: &Tile<T>, index: usize| {
        let (i, j) = (index / grid.across, index % grid.across);
        let rows = |i| cut(tile.m, ROW_UNIT, grid.down, i);
        let cols = |j| cut(tile.n, col_unit::<T>(), grid.across, j);
        // SAFETY: `cut` is strictly increasing, from 0 to m and to n: parts are not empty, in bounds, disjoint.
        unsafe { tile.part((rows(i), rows(i + 1)), (cols(j), cols(j + 1))) }
    };
    if grid.deep == 1 {
        // SAFETY: the views behind `whole` are borrowed until `run` returns, and each part is computed once.
        let tile = |index| unsafe { run_tile(&part(whole, index), backend, epilogue) };
        fork(grid.tiles(), &tile);
        return;
    }
    let area = whole.m * whole.n;
    let mut partial = vec![T::zero(); area * grid.deep];
    let partials = Partials(partial.as_mut_ptr());
    let tile = |index| {
        let depth = index / grid.tiles();
        let (p, p_end) = (cut(whole.k, 1, grid.deep, depth), cut(whole.k, 1, grid.deep, depth + 1));
        // SAFETY: p < k; partial C number `depth` is that part of the vector, which outlives the fork.
        let slice = unsafe { whole.slice(p, p_end, partials.get().add(area * depth)) };
        // SAFETY: as above, each part of each partial C is computed once.
        unsafe { run_tile(&part(&slice, index % grid.tiles()), backend, &()) };
    };
    fork(grid.tiles() * grid.deep, &tile);
    dispatch(Combine { whole, partial: &partial, epilogue });
}

/// The partial products' memory, for several threads.
struct Partials<T>(*mut T);

// SAFETY: threads write disjoint parts through the pointer.
unsafe impl<T: Send> Sync for Partials<T> {}

impl<T> Partials<T> {
    fn get(&self) -> *mut T {
        self.0
    }
}

/// Runs tiles `0..tiles`, on several threads where that is free.
fn fork(tiles: usize, tile: &(impl Fn(usize) + Sync)) {
    if tiles > 1 && is_parallel() {
        halve(0, tiles, tile);
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
    } else if backend == Backend::Own && own::available() {
        // SAFETY: the caller vouches for the tile, and `available` for the machine.
        return unsafe { own::product(tile, epilogue) };
    } else {
        // SAFETY: the caller vouches for the tile.
        unsafe { T::library_product(backend, tile) };
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

/// `C ← f(β·C + Σ_d partial[d])`, added in order of `d`.
struct Combine<'a, T, E> {
    whole: &'a Tile<T>,
    partial: &'a [T],
    epilogue: &'a E,
}

impl<T: MatmulScalar, E: Epilogue<T>> Kernel for Combine<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tile { m, n, beta, .. } = *self.whole;
        for i in 0..m {
            // SAFETY: i < m; the fork is over, and the view of C is borrowed until `run` returns.
            let row = unsafe { self.whole.row_mut(i) };
            for (d, partial) in self.partial.chunks_exact(m * n).enumerate() {
                let partial = &partial[i * n..][..n];
                match d {
                    0 if beta == T::zero() => row.copy_from_slice(partial),
                    0 => row.iter_mut().zip(partial).for_each(|(x, &p)| *x = beta * *x + p),
                    _ => row.iter_mut().zip(partial).for_each(|(x, &p)| *x = *x + p),
                }
            }
            self.epilogue.apply(i, 0, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::matmul::{MatMut, MatRef};

    fn grid(m: usize, n: usize, k: usize) -> Grid {
        let (a, b, mut c) = (vec![0f32; m * k], vec![0f32; k * n], vec![0f32; m * n]);
        let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
        Grid::of(&Tile::whole(1.0, a, b, 0.0, &mut MatMut::new(&mut c, m, n)))
    }

    #[test]
    fn tiles_cover_every_row_and_column_once() {
        for (m, n, k) in [(1, 1, 2_000_000), (9, 49, 5000), (401, 129, 300), (3, 4000, 200)] {
            let g = grid(m, n, k);
            for (len, unit, parts) in
                [(m, ROW_UNIT, g.down), (n, col_unit::<f32>(), g.across), (k, 1, g.deep)]
            {
                assert_eq!((cut(len, unit, parts, 0), cut(len, unit, parts, parts)), (0, len));
                for i in 0..parts {
                    assert!(cut(len, unit, parts, i) < cut(len, unit, parts, i + 1));
                }
            }
        }
    }

    #[test]
    fn small_products_are_one_tile_and_large_ones_many() {
        assert_eq!(grid(128, 64, 11), Grid { down: 1, across: 1, deep: 1 });
        assert_eq!(grid(512, 512, 512).tiles(), 16);
        assert!(grid(64, 64, 100_000).deep > 1, "a long k is cut");
        assert_eq!(grid(128, 400, 784).deep, 1, "and a layer's is not");
    }
}
