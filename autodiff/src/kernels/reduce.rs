//! Sums over axes, in a fixed order: the same bits on any number of threads.
//!
//! A lane's sum is made of blocks; a block is summed by sixteen running sums, which vectorise and are more accurate
//! than one (the error grows with n/16), and blocks are added in order.

use super::simd::{Kernel, dispatch};
use super::threads::{CHUNK, FORK_MIN_ELEMENTS, is_parallel, map_reduce};
use crate::scalar::Real;
use crate::shape::{Lanes, Shape, volume};
use rayon::prelude::*;

/// Running sums side by side: one AVX-512 register of `f32`.
const WIDTH: usize = 16;
/// Elements summed before the running sums are folded.
const BLOCK: usize = 2048;

struct Sum<'a, T>(&'a [T]);

impl<T: Real> Kernel for Sum<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        sum_lane(self.0)
    }
}

/// Lanes too short for running sums, one after the other.
struct SumShort<'a, T> {
    x: &'a [T],
    len: usize,
    out: &'a mut [T],
}

impl<T: Real> Kernel for SumShort<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (out, lane) in self.out.iter_mut().zip(self.x.chunks_exact(self.len)) {
            *out = lane.iter().fold(T::zero(), |sum, &x| sum + x);
        }
    }
}

#[inline(always)]
fn sum_lane<T: Real>(x: &[T]) -> T {
    let mut total = T::zero();
    for block in x.chunks(BLOCK) {
        let mut sums = [T::zero(); WIDTH];
        let mut whole = block.chunks_exact(WIDTH);
        for part in &mut whole {
            for (sum, &x) in sums.iter_mut().zip(part) {
                *sum += x;
            }
        }
        for (sum, &x) in sums.iter_mut().zip(whole.remainder()) {
            *sum += x;
        }
        let mut width = WIDTH / 2;
        while width > 0 {
            for i in 0..width {
                let right = sums[i + width];
                sums[i] += right;
            }
            width /= 2;
        }
        total += sums[0];
    }
    total
}

/// Σ x.
pub fn sum<T: Real>(x: &[T]) -> T {
    map_reduce(x.len(), |range| dispatch(Sum(&x[range])), |left, right| left + right)
}

/// Calls `work(i, &mut out[i])` for each element, each reading `reads` numbers.
fn for_tasks_mut<T: Send>(out: &mut [T], reads: usize, work: impl Fn(usize, &mut T) + Sync) {
    if out.len() * reads < FORK_MIN_ELEMENTS || !is_parallel() {
        return out.iter_mut().enumerate().for_each(|(i, out)| work(i, out));
    }
    let group = CHUNK.div_ceil(reads);
    out.par_chunks_mut(group).enumerate().for_each(|(g, outs)| {
        outs.iter_mut().enumerate().for_each(|(i, out)| work(g * group + i, out));
    });
}

/// Calls `work(first column, columns)` on ranges of columns, each column reading `rows` numbers.
pub(super) fn for_columns_mut<T: Send>(
    out: &mut [T],
    rows: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    if out.len() * rows < FORK_MIN_ELEMENTS || !is_parallel() {
        return work(0, out);
    }
    let group = CHUNK.div_ceil(rows).next_multiple_of(4 * WIDTH);
    out.par_chunks_mut(group).enumerate().for_each(|(g, out)| work(g * group, out));
}

/// `out ← Σ over the lane of x`, one number for each (outer, inner).
pub fn sum_lanes<T: Real>(x: &[T], lanes: Lanes, out: &mut [T]) {
    let Lanes { outer, len, inner } = lanes;
    if len == 0 {
        out.fill(T::zero());
    } else if inner == 1 && outer == 1 {
        out[0] = sum(x);
    } else if inner == 1 && len == 1 {
        out.copy_from_slice(x);
    } else if inner == 1 && len < WIDTH {
        for_columns_mut(out, len, |first, out| {
            dispatch(SumShort { x: &x[first * len..], len, out })
        });
    } else if inner == 1 {
        for_tasks_mut(out, len, |o, out| *out = dispatch(Sum(&x[o * len..(o + 1) * len])));
    } else {
        for o in 0..outer {
            let slab = &x[o * len * inner..(o + 1) * len * inner];
            let out = &mut out[o * inner..(o + 1) * inner];
            let weigh = Plain;
            for_columns_mut(out, len, |first, out| {
                dispatch(SumRows { slab, weigh, inner, first, out })
            });
        }
    }
}

/// `out ← Σ w[row] · x[row]` over the rows of a matrix: there are as many rows as weights, as many columns as results.
///
/// A product of one row with a matrix; the product of matrices leaves one to one thread, and this is memory's speed.
pub fn weighted_sum_rows<T: Real>(x: &[T], weights: &[T], out: &mut [T]) {
    let inner = out.len();
    if weights.is_empty() {
        return out.fill(T::zero());
    }
    let weigh = Weights(weights);
    for_columns_mut(out, weights.len(), |first, out| {
        dispatch(SumRows { slab: x, weigh, inner, first, out })
    });
}

/// What an element adds to the sum over rows.
trait Weigh<T>: Copy + Sync {
    fn at(self, row: usize, x: T) -> T;
}

/// Itself.
#[derive(Clone, Copy)]
struct Plain;

impl<T: Real> Weigh<T> for Plain {
    #[inline(always)]
    fn at(self, _: usize, x: T) -> T {
        x
    }
}

/// Itself times the weight of its row.
#[derive(Clone, Copy)]
struct Weights<'a, T>(&'a [T]);

impl<T: Real> Weigh<T> for Weights<'_, T> {
    #[inline(always)]
    fn at(self, row: usize, x: T) -> T {
        self.0[row] * x
    }
}

/// Adds the rows of a slab, over a range of its columns.
struct SumRows<'a, T, W> {
    slab: &'a [T],
    weigh: W,
    inner: usize,
    first: usize,
    out: &'a mut [T],
}

impl<T: Real, W: Weigh<T>> Kernel for SumRows<'_, T, W> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { slab, weigh, inner, first, out } = self;
        let width = out.len();
        let mut at = 0;
        while at < width {
            let columns = Columns { slab, weigh, inner, first: first + at };
            at += match width - at {
                rest if rest >= 4 * WIDTH => columns.sum::<{ 4 * WIDTH }>(&mut out[at..]),
                rest if rest >= WIDTH => columns.sum::<WIDTH>(&mut out[at..]),
                _ => columns.sum::<1>(&mut out[at..]),
            };
        }
        debug_assert!(first + width <= inner);
    }
}

/// Columns from number `first` on.
struct Columns<'a, T, W> {
    slab: &'a [T],
    weigh: W,
    inner: usize,
    first: usize,
}

impl<T: Real, W: Weigh<T>> Columns<'_, T, W> {
    /// The sums of `N` columns, in registers for as many rows as there are: those of even and of odd rows apart, since
    /// one addition must wait for the one before. Returns `N`.
    #[inline(always)]
    fn sum<const N: usize>(&self, out: &mut [T]) -> usize {
        let (mut even, mut odd) = ([T::zero(); N], [T::zero(); N]);
        let mut pairs = self.slab.chunks_exact(2 * self.inner);
        for (pair, x) in (&mut pairs).enumerate() {
            self.add(2 * pair, &x[..self.inner], &mut even);
            self.add(2 * pair + 1, &x[self.inner..], &mut odd);
        }
        let rest = pairs.remainder();
        if rest.len() >= self.inner {
            self.add(self.slab.len() / self.inner - 1, rest, &mut even);
        }
        for ((out, even), odd) in out.iter_mut().zip(even).zip(odd) {
            *out = even + odd;
        }
        N
    }

    #[inline(always)]
    fn add<const N: usize>(&self, row: usize, x: &[T], sums: &mut [T; N]) {
        let x: &[T; N] = x[self.first..self.first + N].try_into().expect("N of them");
        for (sum, &x) in sums.iter_mut().zip(x) {
            *sum += self.weigh.at(row, x);
        }
    }
}

/// Sums an array of shape `from` to the shape `to` that broadcasts to it: the adjoint of the broadcast.
///
/// # Panics
/// If `to` does not broadcast to `from`.
pub fn sum_to<T: Real>(x: &[T], from: &[usize], out: &mut [T], to: &[usize]) {
    assert!(
        to.len() <= from.len() && crate::shape::broadcast(from, to).as_deref() == Some(from),
        "a cotangent of shape {from:?} for a value of shape {to:?}"
    );
    // Runs of axes that are all summed, or all kept, are one axis each.
    let mut groups: Vec<(usize, bool)> = Vec::with_capacity(from.len());
    for (axis, &n) in from.iter().enumerate() {
        let kept = (axis + to.len()).checked_sub(from.len()).is_some_and(|i| to[i] == n);
        match groups.last_mut() {
            _ if n == 1 => {}
            Some((m, k)) if *k == kept => *m *= n,
            _ => groups.push((n, kept)),
        }
    }
    let mut shape: Shape = groups.iter().map(|&(n, _)| n).collect();
    let mut current = None::<Vec<T>>;
    let summed: Vec<_> = (0..groups.len()).rev().filter(|&axis| !groups[axis].1).collect();
    for (done, &axis) in summed.iter().enumerate() {
        let lanes = Lanes::along(&shape, axis);
        shape[axis] = 1;
        let source = current.as_deref().unwrap_or(x);
        if done + 1 == summed.len() {
            sum_lanes(source, lanes, out);
        } else {
            let mut next = vec![T::zero(); volume(&shape)];
            sum_lanes(source, lanes, &mut next);
            current = Some(next);
        }
    }
    if summed.is_empty() {
        out.copy_from_slice(x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * 7919) % 1000) as f64 - 500.0).collect()
    }

    #[test]
    fn sums_of_integers_are_exact_at_every_length() {
        for n in (0..70).chain([2047, 2048, 2049, 65_535, 65_537, 200_000]) {
            let x = numbers(n);
            assert_eq!(sum(&x), x.iter().sum::<f64>(), "{n}");
        }
    }

    #[test]
    fn lanes_agree_with_a_plain_loop() {
        for (outer, len, inner) in [
            (1, 5, 1),
            (3, 7, 1),
            (40_000, 1, 1),
            (40_000, 2, 1),
            (3, 16, 1),
            (1, 9, 70),
            (2, 3, 4),
            (4, 0, 3),
            (0, 3, 2),
            (2, 33, 129),
        ] {
            let lanes = Lanes { outer, len, inner };
            let x = numbers(outer * len * inner);
            let mut out = vec![f64::NAN; lanes.count()];
            sum_lanes(&x, lanes, &mut out);
            for o in 0..outer {
                for i in 0..inner {
                    let plain: f64 = (0..len).map(|l| x[(o * len + l) * inner + i]).sum();
                    assert_eq!(out[o * inner + i], plain, "{lanes:?}");
                }
            }
        }
    }

    #[test]
    fn weighted_sums_agree_with_a_plain_loop() {
        for (rows, columns) in [(5, 7), (1, 70), (33, 129), (1000, 100), (0, 3), (3, 0)] {
            let (x, weights) = (numbers(rows * columns), numbers(rows));
            for threads in [1, 2, 3] {
                let mut out = vec![f64::NAN; columns];
                crate::kernels::threads::with_threads(threads, || {
                    weighted_sum_rows(&x, &weights, &mut out)
                });
                for (column, &out) in out.iter().enumerate() {
                    let plain: f64 =
                        (0..rows).map(|row| weights[row] * x[row * columns + column]).sum();
                    assert_eq!(out, plain, "{rows} × {columns}");
                }
            }
        }
    }

    #[test]
    fn sum_to_is_the_adjoint_of_broadcasting() {
        let from = [2, 3, 4, 5];
        let x = numbers(volume(&from));
        let table: [&[usize]; 8] = [
            &[],
            &[5],
            &[4, 1],
            &[3, 1, 5],
            &[2, 1, 4, 1],
            &[1, 3, 1, 5],
            &[2, 3, 4, 5],
            &[1, 1, 1, 1],
        ];
        for to in table {
            let mut out = vec![f64::NAN; volume(to)];
            sum_to(&x, &from, &mut out, to);
            // ⟨x, broadcast(w)⟩ = ⟨sum_to(x), w⟩ for any w.
            let w = numbers(volume(to));
            let wide = ndarray::ArrayView::from_shape(to, &w).unwrap();
            let wide = wide.broadcast(&from[..]).unwrap();
            let left: f64 = wide.iter().zip(&x).map(|(w, x)| w * x).sum();
            let right: f64 = out.iter().zip(&w).map(|(o, w)| o * w).sum();
            assert_eq!(left, right, "{to:?}");
        }
    }
}
