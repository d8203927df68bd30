//! A range of an axis, and an axis cut into several; dx is dy in its range, 0 elsewhere.
//!
//! The cotangent is added in place, so that cutting an array into many parts fills one array and not one for each.

use crate::check::{Check, Input};
use crate::kernels::columns::{self, Parts};
use crate::scalar::Real;
use crate::shape::{Lanes, Shape, resolve_axis};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::ops::{Bound, RangeBounds};

/// Elements `start..start + len` of the lanes of the input.
struct Slice {
    lanes: Lanes,
    start: usize,
    len: usize,
}

impl Slice {
    /// Elements of a contiguous part, where the parts are in the input, and in the output.
    fn parts(&self) -> (usize, Parts, Parts) {
        let Lanes { len, inner, .. } = self.lanes;
        let part = self.len * inner;
        (
            part,
            Parts { start: self.start * inner, stride: len * inner },
            Parts { start: 0, stride: part },
        )
    }
}

impl<T: Real> Op<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn vjp(&self, _: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let (part, within, alone) = self.parts();
        dx.accumulate(0, |out, beta| {
            if beta.is_zero() {
                out.fill(T::zero());
            }
            columns::add(self.lanes.outer, part, (dy.data(), alone), (out, within));
        });
    }
}

impl<T: Real> Var<'_, T> {
    /// A range of an axis: `x.slice(-1, 2..5)`, `x.slice(0, ..n)`.
    ///
    /// # Panics
    /// If there is no such axis, or the range is not within it.
    #[must_use]
    #[track_caller]
    pub fn slice(self, axis: isize, range: impl RangeBounds<usize>) -> Self {
        let axis = resolve_axis("slice", axis, self.shape());
        let lanes = Lanes::along(self.shape(), axis);
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last + 1,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => lanes.len,
        };
        assert!(
            start <= end && end <= lanes.len,
            "slice: there is no range {start}..{end} in axis {axis} of {self}"
        );
        let op = Slice { lanes, start, len: end - start };
        let mut shape = Shape::from_slice(self.shape());
        shape[axis] = op.len;
        let mut y = self.tape().tensor(&shape);
        let (part, within, alone) = op.parts();
        columns::copy(lanes.outer, part, (self.data(), within), (y.data_mut(), alone));
        self.tape().record(op, &[self], y)
    }

    /// Cuts an axis into parts of the given sizes, in order.
    ///
    /// # Panics
    /// If there is no such axis, or the sizes do not add up to its size.
    #[must_use]
    #[track_caller]
    pub fn split(self, sizes: &[usize], axis: isize) -> Vec<Self> {
        let size = self.shape()[resolve_axis("split", axis, self.shape())];
        assert!(
            sizes.iter().sum::<usize>() == size,
            "split: the sizes {sizes:?} do not add up to the {size} of axis {axis} of {self}"
        );
        let mut parts = Vec::with_capacity(sizes.len());
        let mut start = 0;
        for size in sizes {
            parts.push(self.slice(axis, start..start + size));
            start += size;
        }
        parts
    }

    /// Cuts an axis into n equal parts, in order: `let [mean, rho] = h.chunk(-1);`.
    ///
    /// # Panics
    /// If there is no such axis, or n does not divide its size.
    #[must_use]
    #[track_caller]
    pub fn chunk<const N: usize>(self, axis: isize) -> [Self; N] {
        let size = self.shape()[resolve_axis("chunk", axis, self.shape())];
        assert!(
            N > 0 && size.is_multiple_of(N),
            "chunk: axis {axis} of {self} cannot be cut into {N} equal parts"
        );
        let part = size / N;
        let mut parts = [self; N];
        for (i, slot) in parts.iter_mut().enumerate() {
            *slot = self.slice(axis, i * part..(i + 1) * part);
        }
        parts
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("slice, first axis", x(), crate::function!(|x| x.slice(0, 1..))),
        Check::gradient("slice, middle axis", x(), crate::function!(|x| x.slice(1, ..=1))),
        Check::gradient("slice, last axis", x(), crate::function!(|x| x.slice(-1, 1..3))),
        Check::gradient("chunk", x(), crate::function!(|x| {
            let [a, b] = x.chunk(-1);
            a * b
        })),
        Check::gradient("split", x(), crate::function!(|x| {
            let parts = x.split(&[1, 2], 1);
            parts[0] * parts[1] + x.slice(1, ..2)
        })),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{numbers, panics};
    use crate::tape::{Tape, Var};
    use ndarray::{Axis, Slice};

    #[test]
    fn agrees_with_ndarray() {
        let tape = Tape::<f64>::new();
        let x = tape.constant(numbers(&[3, 4, 5]));
        for axis in 0..3 {
            let size = x.shape()[axis];
            for (start, end) in (0..=size).flat_map(|end| (0..=end).map(move |start| (start, end))) {
                let y = x.slice(axis as isize, start..end);
                let expected = x.value();
                assert_eq!(y.value(), expected.slice_axis(Axis(axis), Slice::from(start..end)));
                assert_eq!(y.value(), x.slice(axis as isize - 3, start..end).value());
            }
        }
    }

    #[test]
    fn parts_joined_again_are_the_whole() {
        let tape = Tape::<f64>::new();
        let x = tape.constant(numbers(&[4, 6, 2]));
        for axis in [0, 1, -1] {
            let size = x.size(axis);
            let parts = x.split(&[1, 0, size - 1], axis);
            assert_eq!(Var::concat(&parts, axis).value(), x.value());
            let halves: [_; 2] = x.chunk(axis);
            assert_eq!(Var::concat(&halves, axis).value(), x.value());
        }
    }

    #[test]
    fn ranges_that_are_not_there_are_refused() {
        let tape = Tape::<f64>::new();
        let x = tape.filled(&[2, 5], 0.0).named("x");
        panics("slice: there is no range 2..6 in axis 1 of [2, 5] \"x\"", || x.slice(-1, 2..6));
        panics("slice: there is no axis 2 in shape [2, 5]", || x.slice(2, ..));
        panics("split: the sizes [2, 2] do not add up to the 5 of axis 1 of [2, 5] \"x\"", || x.split(&[2, 2], 1));
        panics("chunk: axis 1 of [2, 5] \"x\" cannot be cut into 2 equal parts", || x.chunk::<2>(1));
    }
}
