//! Copies that change the order of axes.
//!
//! The two last axes of the output are copied in square tiles: where one of them is the last axis of the input, as in
//! a transpose, a tile is read and written within the first-level cache.

use super::lanes::for_slabs_mut;
use crate::shape::Shape;

/// Sides of a tile: one cache line of `f32` across, and the same down.
const TILE: usize = 16;

/// Sizes and strides of an array's axes in another order: how it looks from the output of a permutation.
#[derive(Clone, Debug)]
pub struct Permuted {
    /// Sizes of the output's axes.
    pub shape: Shape,
    /// For each, the distance of neighbours in the input.
    strides: Shape,
}

impl Permuted {
    /// The view of `shape` whose axis i is its axis `axes[i]`; `axes` must be a permutation.
    pub fn new(shape: &[usize], axes: &[usize]) -> Self {
        let stride = |axis: usize| shape[axis + 1..].iter().product();
        Self {
            shape: axes.iter().map(|&axis| shape[axis]).collect(),
            strides: axes.iter().map(|&axis| stride(axis)).collect(),
        }
    }
}

/// `out[i, j, …] ← x` in the order of the permuted axes.
pub fn permute<T: Copy + Send + Sync>(x: &[T], permuted: &Permuted, out: &mut [T]) {
    let Permuted { shape, strides } = permuted;
    if out.is_empty() {
        return;
    }
    let axis = |from_last: usize| {
        shape.len().checked_sub(from_last).map_or((1, 0), |axis| (shape[axis], strides[axis]))
    };
    let ((columns, across), (rows, down)) = (axis(1), axis(2));
    let outer = shape.len().saturating_sub(2);
    let offset = |matrix: usize| {
        let mut rest = matrix;
        (0..outer).rev().fold(0, |offset, axis| {
            let index = rest % shape[axis];
            rest /= shape[axis];
            offset + index * strides[axis]
        })
    };
    for_slabs_mut(out, columns, |first, out| {
        let (mut row, mut out) = (first, out);
        while !out.is_empty() {
            // The rows of one matrix that this range has.
            let start = row % rows;
            let count = (rows - start).min(out.len() / columns);
            let (matrix, rest) = std::mem::take(&mut out).split_at_mut(count * columns);
            let x = &x[offset(row / rows) + start * down..];
            for top in (0..count).step_by(TILE) {
                for left in (0..columns).step_by(TILE) {
                    for i in top..count.min(top + TILE) {
                        let end = columns.min(left + TILE);
                        let line = &mut matrix[i * columns + left..i * columns + end];
                        let x = &x[i * down + left * across..];
                        if across == 1 {
                            line.copy_from_slice(&x[..end - left]);
                        } else {
                            line.iter_mut().enumerate().for_each(|(j, out)| *out = x[j * across]);
                        }
                    }
                }
            }
            (row, out) = (row + count, rest);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::threads::with_threads;
    use ndarray::{ArrayD, IxDyn};

    #[test]
    fn every_order_agrees_with_ndarray() {
        let table: [(&[usize], &[usize]); 12] = [
            (&[], &[]),
            (&[5], &[0]),
            (&[3, 40], &[1, 0]),
            (&[300, 200], &[1, 0]),
            (&[1, 7], &[1, 0]),
            (&[0, 7], &[1, 0]),
            (&[2, 3, 4], &[0, 2, 1]),
            (&[2, 3, 4], &[2, 0, 1]),
            (&[2, 3, 4], &[1, 2, 0]),
            (&[20, 3, 50], &[2, 1, 0]),
            (&[2, 30, 40, 17], &[0, 2, 1, 3]),
            (&[3, 19, 40, 17], &[3, 1, 0, 2]),
        ];
        for (shape, axes) in table {
            let n = shape.iter().product();
            let x = ArrayD::from_shape_vec(shape, (0..n).collect::<Vec<usize>>()).unwrap();
            let expected = x.clone().permuted_axes(IxDyn(axes));
            let permuted = Permuted::new(shape, axes);
            assert_eq!(&permuted.shape[..], expected.shape());
            for threads in [1, 2, 3] {
                let mut out = vec![usize::MAX; n];
                with_threads(threads, || permute(x.as_slice().unwrap(), &permuted, &mut out));
                assert!(expected.iter().eq(&out), "{shape:?} {axes:?}");
            }
        }
    }
}
