//! Rows of elements, each replaced, and a term of each summed along its row: one visit where a map and a fold are two.
//!
//! An array that outgrows the second-level cache comes from memory at every visit, and what its map and its sum have in
//! common (an exponential, say) is computed once. The order of a row's sum follows from its length: the same bits on
//! any number of threads.

use super::simd::{Kernel, dispatch};
use super::threads::{CHUNK, FORK_MIN_ELEMENTS, is_parallel};
use crate::scalar::Real;
use rayon::prelude::*;

/// Running sums side by side within a row.
const WIDTH: usize = 16;
/// Elements of a row before its running sums are joined.
const BLOCK: usize = 2048;

/// What a visit does. Mark the method `#[inline(always)]`.
pub trait Visit<T>: Copy + Sync {
    /// The element's new value, and its term: x is the element, y its companion, c belongs to the column.
    fn at(self, x: T, y: T, c: T) -> (T, T);
}

/// `x ← values`, `sums ← Σ terms` along each row. There are as many columns as elements of `c`; `y` holds a companion for
/// each element, or for those of the first rows, and is then repeated.
pub fn map_sum_rows<T: Real, V: Visit<T>>(visit: V, x: &mut [T], y: &[T], c: &[T], sums: &mut [T]) {
    if c.is_empty() {
        return sums.fill(T::zero());
    }
    let work = |first, x: &mut [T], sums: &mut [T]| dispatch(Rows { visit, first, x, y, c, sums });
    if x.len() < FORK_MIN_ELEMENTS || !is_parallel() {
        return work(0, x, sums);
    }
    let group = CHUNK.div_ceil(c.len());
    let groups = x.par_chunks_mut(group * c.len()).zip(sums.par_chunks_mut(group));
    groups.enumerate().for_each(|(g, (x, sums))| work(g * group, x, sums));
}

/// Rows from number `first` on.
struct Rows<'a, T, V> {
    visit: V,
    first: usize,
    x: &'a mut [T],
    y: &'a [T],
    c: &'a [T],
    sums: &'a mut [T],
}

impl<T: Real, V: Visit<T>> Kernel for Rows<'_, T, V> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { visit, first, x, y, c, sums } = self;
        let len = c.len();
        for ((row, x), sum) in (first..).zip(x.chunks_exact_mut(len)).zip(sums) {
            let y = &y[row * len % y.len()..][..len];
            *sum = T::zero();
            for ((x, y), c) in x.chunks_mut(BLOCK).zip(y.chunks(BLOCK)).zip(c.chunks(BLOCK)) {
                *sum += block(visit, x, y, c);
            }
        }
    }
}

#[inline(always)]
fn block<T: Real, V: Visit<T>>(visit: V, x: &mut [T], y: &[T], c: &[T]) -> T {
    let mut sums = [T::zero(); WIDTH];
    let whole = x.len() / WIDTH * WIDTH;
    let (x, rest) = x.split_at_mut(whole);
    let (y, rest_y) = y.split_at(whole);
    let (c, rest_c) = c.split_at(whole);
    for ((x, y), c) in
        x.chunks_exact_mut(WIDTH).zip(y.chunks_exact(WIDTH)).zip(c.chunks_exact(WIDTH))
    {
        for i in 0..WIDTH {
            let (value, term) = visit.at(x[i], y[i], c[i]);
            x[i] = value;
            sums[i] += term;
        }
    }
    // The rest is padded, so that it takes one vector step too.
    if !rest.is_empty() {
        let padded = |part: &[T]| {
            let mut padded = [T::zero(); WIDTH];
            padded[..part.len()].copy_from_slice(part);
            padded
        };
        let (mut x, y, c) = (padded(rest), padded(rest_y), padded(rest_c));
        for i in 0..WIDTH {
            let (value, term) = visit.at(x[i], y[i], c[i]);
            x[i] = value;
            sums[i] = if i < rest.len() { sums[i] + term } else { sums[i] };
        }
        rest.copy_from_slice(&x[..rest.len()]);
    }
    let mut width = WIDTH / 2;
    while width > 0 {
        for i in 0..width {
            let right = sums[i + width];
            sums[i] += right;
        }
        width /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::threads::with_threads;

    #[derive(Clone, Copy)]
    struct Mixed;
    impl Visit<f64> for Mixed {
        fn at(self, x: f64, y: f64, c: f64) -> (f64, f64) {
            (x - y, x * y + c)
        }
    }

    #[test]
    fn agrees_with_a_plain_loop_on_any_number_of_threads() {
        let numbers =
            |n: usize| (0..n).map(|i| ((i * 7919) % 1000) as f64 - 500.0).collect::<Vec<_>>();
        for (rows, len) in
            [(3, 7), (1, 16), (2, 17), (3, 5000), (30_000, 3), (40, 1000), (0, 3), (3, 0)]
        {
            for companions in [rows, rows.min(1)] {
                let (x, y, c) = (numbers(rows * len), numbers(companions * len), numbers(len));
                for threads in [1, 2, 3] {
                    let (mut values, mut sums) = (x.clone(), vec![f64::NAN; rows]);
                    with_threads(threads, || map_sum_rows(Mixed, &mut values, &y, &c, &mut sums));
                    for (row, &got) in sums.iter().enumerate() {
                        let mut sum = 0.0;
                        for (column, &c) in c.iter().enumerate() {
                            let at = row * len + column;
                            let (value, term) = Mixed.at(x[at], y[at % y.len()], c);
                            assert_eq!(values[at], value, "{rows} × {len}");
                            sum += term;
                        }
                        // Whole numbers: exact in any order.
                        assert_eq!(got, sum, "{rows} × {len}, {threads} threads");
                    }
                }
            }
        }
    }
}
