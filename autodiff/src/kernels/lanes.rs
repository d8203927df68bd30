//! Folds of lanes (a sum of terms, a maximum), in a fixed order, and the layout that hands one number to each lane.
//!
//! A lane is what a reduction combines: see [`Lanes`]. Where lanes lie side by side (`inner > 1`) a block of columns is
//! folded at once, row after row; where they are contiguous, sixteen running results are folded within each. One lane
//! that is everything is cut into chunks. The order follows from the shape: the same bits on any number of threads.

use super::nary::Layout;
use super::reduce::for_columns_mut;
use super::simd::{Kernel, dispatch};
use super::threads::{CHUNK, FORK_MIN_ELEMENTS, is_parallel, map_reduce};
use crate::scalar::Real;
use crate::shape::Lanes;
use rayon::prelude::*;

/// Running results side by side within a lane.
const WIDTH: usize = 16;
/// Elements of a lane before its running results are joined.
const BLOCK: usize = 2048;
/// Columns folded at once: several lines of each row, so that reading ahead works, and results that stay in cache.
const COLUMNS: usize = 1024;

/// How the elements of a lane become one number. Mark the methods `#[inline(always)]`.
///
/// `join` must be associative up to rounding, with `start` as its neutral element.
pub trait Fold<T>: Copy + Sync {
    /// The result of nothing.
    fn start(self) -> T;
    /// The result with one element more: x and y are elements of the two arrays, p belongs to the lane.
    fn step(self, result: T, x: T, y: T, p: T) -> T;
    /// The result of two parts.
    fn join(self, left: T, right: T) -> T;
}

/// What a sum adds up. Mark the method `#[inline(always)]`.
pub trait Term<T>: Copy + Sync {
    /// The term of one element: x and y are elements of the two arrays, p belongs to the lane.
    fn at(self, x: T, y: T, p: T) -> T;
}

/// Σ of terms.
#[derive(Clone, Copy, Debug)]
pub struct SumOf<F>(pub F);

impl<T: Real, F: Term<T>> Fold<T> for SumOf<F> {
    #[inline(always)]
    fn start(self) -> T {
        T::zero()
    }
    #[inline(always)]
    fn step(self, result: T, x: T, y: T, p: T) -> T {
        result + self.0.at(x, y, p)
    }
    #[inline(always)]
    fn join(self, left: T, right: T) -> T {
        left + right
    }
}

/// The maximum of x; NaN where there is one, −∞ of nothing.
#[derive(Clone, Copy, Debug)]
pub struct Max;

impl<T: Real> Fold<T> for Max {
    #[inline(always)]
    fn start(self) -> T {
        T::from_f64(f64::NEG_INFINITY)
    }
    #[inline(always)]
    fn step(self, result: T, x: T, _: T, _: T) -> T {
        if x > result || is_nan(x) { x } else { result }
    }
    #[inline(always)]
    fn join(self, left: T, right: T) -> T {
        if right > left || is_nan(right) { right } else { left }
    }
}

/// Whether a number is not one.
#[inline(always)]
pub fn is_nan<T: Real>(x: T) -> bool {
    let itself = x;
    x != itself
}

/// What a fold reads.
#[derive(Clone, Copy, Debug)]
pub struct Operands<'a, T> {
    /// The elements.
    pub x: &'a [T],
    /// A second number for each element, repeated from its beginning where x is longer (by whole steps of the
    /// outermost of the three axes of [`Lanes`]). A fold that needs none is given x.
    pub y: &'a [T],
    /// A number for each lane, or nothing for zeros.
    pub p: &'a [T],
}

impl<'a, T> Operands<'a, T> {
    /// Elements alone.
    pub fn of(x: &'a [T]) -> Self {
        Self { x, y: x, p: &[] }
    }
}

/// `out ← the fold of each lane`, one number for each (outer, inner).
pub fn fold_lanes<T: Real, F: Fold<T>>(
    fold: F,
    read: Operands<'_, T>,
    lanes: Lanes,
    out: &mut [T],
) {
    let Lanes { outer, len, inner } = lanes;
    let Operands { x, y, p } = read;
    if out.is_empty() {
        return;
    }
    if len == 0 {
        out.fill(fold.start());
    } else if inner == 1 && outer == 1 {
        let p = p.first().copied().unwrap_or_default();
        out[0] = map_reduce(
            len,
            |range| dispatch(Whole { fold, x: &x[range.clone()], y: &y[range], p }),
            |left, right| fold.join(left, right),
        );
    } else if inner == 1 {
        for_columns_mut(out, len, |first, out| dispatch(Rows { fold, read, len, first, out }));
    } else {
        let slab = len * inner;
        for o in 0..outer {
            let read = Operands {
                x: &x[o * slab..(o + 1) * slab],
                y: &y[o * slab % y.len()..][..slab],
                p: if p.is_empty() { p } else { &p[o * inner..(o + 1) * inner] },
            };
            let out = &mut out[o * inner..(o + 1) * inner];
            for_columns_mut(out, len, |first, out| {
                dispatch(Columns { fold, read, inner, first, out })
            });
        }
    }
}

struct Whole<'a, T, F> {
    fold: F,
    x: &'a [T],
    y: &'a [T],
    p: T,
}

impl<T: Real, F: Fold<T>> Kernel for Whole<'_, T, F> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        fold_lane(self.fold, self.x, self.y, self.p)
    }
}

/// Contiguous lanes, from number `first` on.
struct Rows<'a, T, F> {
    fold: F,
    read: Operands<'a, T>,
    len: usize,
    first: usize,
    out: &'a mut [T],
}

impl<T: Real, F: Fold<T>> Kernel for Rows<'_, T, F> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { fold, read: Operands { x, y, p }, len, first, out } = self;
        for (lane, out) in (first..).zip(out) {
            let start = lane * len;
            let p = p.get(lane).copied().unwrap_or_default();
            *out = fold_lane(fold, &x[start..start + len], &y[start % y.len()..][..len], p);
        }
    }
}

#[inline(always)]
fn fold_lane<T: Real, F: Fold<T>>(fold: F, x: &[T], y: &[T], p: T) -> T {
    let mut total = fold.start();
    for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
        let mut results = [fold.start(); WIDTH];
        let whole = x.len() / WIDTH * WIDTH;
        for (x, y) in x[..whole].chunks_exact(WIDTH).zip(y[..whole].chunks_exact(WIDTH)) {
            for i in 0..WIDTH {
                results[i] = fold.step(results[i], x[i], y[i], p);
            }
        }
        // The rest is padded, so that it takes one vector step too: most lanes of a classifier are shorter than one.
        let rest = x.len() - whole;
        if rest > 0 {
            let (mut last_x, mut last_y) = ([T::zero(); WIDTH], [T::zero(); WIDTH]);
            last_x[..rest].copy_from_slice(&x[whole..]);
            last_y[..rest].copy_from_slice(&y[whole..]);
            for i in 0..WIDTH {
                let next = fold.step(results[i], last_x[i], last_y[i], p);
                results[i] = if i < rest { next } else { results[i] };
            }
        }
        let mut width = WIDTH / 2;
        while width > 0 {
            for i in 0..width {
                results[i] = fold.join(results[i], results[i + width]);
            }
            width /= 2;
        }
        total = fold.join(total, results[0]);
    }
    total
}

/// Lanes side by side: a range of the columns of a slab.
struct Columns<'a, T, F> {
    fold: F,
    read: Operands<'a, T>,
    inner: usize,
    first: usize,
    out: &'a mut [T],
}

impl<T: Real, F: Fold<T>> Kernel for Columns<'_, T, F> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { fold, read, inner, first, out } = self;
        for (block, out) in out.chunks_mut(COLUMNS).enumerate() {
            let columns = first + block * COLUMNS..first + block * COLUMNS + out.len();
            let mut p = [T::zero(); COLUMNS];
            let p = &mut p[..out.len()];
            if !read.p.is_empty() {
                p.copy_from_slice(&read.p[columns.clone()]);
            }
            out.fill(fold.start());
            for (x, y) in read.x.chunks_exact(inner).zip(read.y.chunks_exact(inner)) {
                let (x, y) = (&x[columns.clone()], &y[columns.clone()]);
                for i in 0..out.len() {
                    out[i] = fold.step(out[i], x[i], y[i], p[i]);
                }
            }
        }
    }
}

/// The layout of a pass over lanes whose first `E` arguments have a number for each element, and the others one for
/// each lane.
pub fn layout<const E: usize, const N: usize>(lanes: Lanes) -> Layout<N> {
    let elements = [lanes.outer, lanes.len, lanes.inner];
    let heads = [lanes.outer, 1, lanes.inner];
    let mut shapes = [&heads[..]; N];
    shapes[..E].fill(&elements);
    Layout::new(&elements, shapes)
}

/// Calls `work(number of the first slab, slabs)` on ranges of whole slabs of `len` elements.
pub fn for_slabs_mut<T: Send>(out: &mut [T], len: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    if out.len() < FORK_MIN_ELEMENTS || !is_parallel() {
        return work(0, out);
    }
    let group = CHUNK.div_ceil(len);
    out.par_chunks_mut(group * len).enumerate().for_each(|(g, out)| work(g * group, out));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::threads::with_threads;

    #[derive(Clone, Copy)]
    struct Mixed;
    impl Term<f64> for Mixed {
        fn at(self, x: f64, y: f64, p: f64) -> f64 {
            x * y + p
        }
    }

    const TABLE: [(usize, usize, usize); 15] = [
        (1, 5, 1),
        (3, 7, 1),
        (4, 16, 1),
        (2, 17, 1),
        (3, 5000, 1),
        (1, 70_000, 1),
        (1, 9, 70),
        (2, 3, 4),
        (2, 33, 129),
        (4, 0, 3),
        (0, 3, 2),
        (0, 3, 1),
        (1, 3, 0),
        (2, 3, 0),
        (2, 0, 0),
    ];

    fn numbers(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * 7919) % 1000) as f64 - 500.0).collect()
    }

    #[test]
    fn folds_agree_with_a_plain_loop_on_any_number_of_threads() {
        for (outer, len, inner) in TABLE {
            let lanes = Lanes { outer, len, inner };
            let x = numbers(outer * len * inner);
            let p = numbers(lanes.count());
            // The second array is whole, or one slab that repeats.
            for slabs in [outer, outer.min(1)] {
                let y: Vec<f64> = numbers(slabs * len * inner).iter().map(|y| -y).collect();
                for threads in [1, 2, 3] {
                    let (mut sums, mut tops) =
                        (vec![f64::NAN; lanes.count()], vec![0.0; lanes.count()]);
                    with_threads(threads, || {
                        let read = Operands { x: &x, y: &y, p: &p };
                        fold_lanes(SumOf(Mixed), read, lanes, &mut sums);
                        fold_lanes(Max, Operands::of(&x), lanes, &mut tops);
                    });
                    for lane in 0..lanes.count() {
                        let (o, i) = (lane / inner, lane % inner);
                        let at = |l: usize| (o * len + l) * inner + i;
                        // Whole numbers: exact in any order.
                        let sum: f64 =
                            (0..len).map(|l| x[at(l)] * y[at(l) % y.len()] + p[lane]).sum();
                        let top = (0..len).map(|l| x[at(l)]).fold(f64::NEG_INFINITY, f64::max);
                        assert_eq!((sums[lane], tops[lane]), (sum, top), "{lanes:?}, lane {lane}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_nan_anywhere_is_the_maximum() {
        for (lanes, n) in [
            (Lanes { outer: 2, len: 40, inner: 1 }, 80),
            (Lanes { outer: 1, len: 40, inner: 2 }, 80),
        ] {
            for at in 0..n {
                let mut x = numbers(n);
                x[at] = f64::NAN;
                let mut out = [0.0; 2];
                fold_lanes(Max, Operands::of(&x), lanes, &mut out);
                let lane = if lanes.inner == 1 { at / 40 } else { at % 2 };
                assert!(out[lane].is_nan() && !out[1 - lane].is_nan(), "{lanes:?}, {at}");
            }
        }
    }

    #[test]
    fn slabs_tile_the_output() {
        for (count, len) in [(0, 3), (5, 3), (70_000, 1), (30_000, 7), (3, 40_000)] {
            let mut out = vec![0; count * len];
            with_threads(2, || {
                for_slabs_mut(&mut out, len, |first, slabs| {
                    assert_eq!(slabs.len() % len, 0);
                    slabs.iter_mut().enumerate().for_each(|(i, out)| *out = first * len + i);
                });
            });
            assert!(out.iter().enumerate().all(|(i, &out)| i == out));
        }
    }
}
