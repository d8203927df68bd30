//! Arrays joined along an axis, and stacked along a new one; each gets its own part of dy.

use crate::check::{Check, Input};
use crate::kernels::columns::{self, Parts};
use crate::scalar::Real;
use crate::shape::{Lanes, Shape, resolve_axis};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Concat {
    axis: usize,
}

impl<T: Real> Op<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let whole = Lanes::along(dy.shape(), self.axis);
        let mut start = 0;
        for i in 0..saved.inputs() {
            let part = saved.input_shape(i)[self.axis] * whole.inner;
            let from = (dy.data(), Parts { start, stride: whole.len * whole.inner });
            let alone = Parts { start: 0, stride: part };
            dx.accumulate(i, |out, beta| {
                let put = if beta.is_zero() { columns::copy } else { columns::add };
                put(whole.outer, part, from, (out, alone));
            });
            start += part;
        }
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Joins arrays along an axis that they have: sizes may differ along it, and nowhere else.
    ///
    /// # Panics
    /// If there are none, there is no such axis, or the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn concat(parts: &[Self], axis: isize) -> Self {
        let first = *parts.first().expect("concat: there is nothing to join");
        let axis = resolve_axis("concat", axis, first.shape());
        let mut shape = Shape::from_slice(first.shape());
        shape[axis] = 0;
        for &part in parts {
            let same = |i: usize| i == axis || part.shape()[i] == shape[i];
            assert!(
                part.shape().len() == shape.len() && (0..shape.len()).all(same),
                "concat: shapes {first} and {part} do not fit along axis {axis}; all other sizes must be equal"
            );
            shape[axis] += part.shape()[axis];
        }
        let mut y = first.tape().tensor(&shape);
        let Lanes { outer, len, inner } = Lanes::along(&shape, axis);
        let mut start = 0;
        for part in parts {
            let size = part.shape()[axis] * inner;
            let alone = (part.data(), Parts { start: 0, stride: size });
            let within = Parts { start, stride: len * inner };
            columns::copy(outer, size, alone, (y.data_mut(), within));
            start += size;
        }
        first.tape().record(Concat { axis }, parts, y)
    }

    /// Joins arrays of one shape along a new axis, which `axis` counts in the result.
    ///
    /// # Panics
    /// If there are none, there is no such axis, or the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn stack(parts: &[Self], axis: isize) -> Self {
        let first = *parts.first().expect("stack: there is nothing to stack");
        let mut shape = Shape::from_slice(first.shape());
        shape.push(1);
        let axis = resolve_axis("stack", axis, &shape);
        shape.pop();
        shape.insert(axis, 1);
        let reshaped = parts.iter().map(|part| {
            assert!(
                part.shape() == first.shape(),
                "stack: shapes {first} and {part} differ"
            );
            part.reshape(&shape)
        });
        Self::concat(&reshaped.collect::<Vec<_>>(), axis as isize)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient(
            "concat, first axis",
            [Input::any(&[2, 3]), Input::any(&[1, 3])],
            crate::function!(|a, b| Var::concat(&[a, b, a], 0)),
        ),
        Check::gradient(
            "concat, last axis",
            [Input::any(&[2, 3]), Input::any(&[2, 1])],
            crate::function!(|a, b| Var::concat(&[a, b, a], -1)),
        ),
        Check::gradient(
            "stack",
            [Input::any(&[2, 3]), Input::any(&[2, 3])],
            crate::function!(|a, b| Var::stack(&[a, b], 1)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{numbers, panics};
    use crate::tape::{Tape, Var};
    use ndarray::Axis;

    #[test]
    fn agrees_with_ndarray() {
        let tape = Tape::<f64>::new();
        for axis in 0..3 {
            let parts = [2, 0, 3, 1].map(|size| {
                let mut shape = [2, 3, 4];
                shape[axis] = size;
                tape.constant(numbers(&shape))
            });
            let expected = ndarray::concatenate(Axis(axis), &parts.map(Var::value)).unwrap();
            assert_eq!(Var::concat(&parts, axis as isize).value(), expected);
            assert_eq!(Var::concat(&parts, axis as isize - 3).value(), expected);
        }
        let parts = [1.0, 2.0].map(|x| tape.filled(&[2, 3], x));
        for axis in 0..3 {
            let expected = ndarray::stack(Axis(axis), &parts.map(Var::value)).unwrap();
            assert_eq!(Var::stack(&parts, axis as isize).value(), expected);
            assert_eq!(Var::stack(&parts, axis as isize - 3).value(), expected);
        }
        assert_eq!(Var::stack(&[tape.scalar(1.0), tape.scalar(2.0)], 0).data(), [1.0, 2.0]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let (a, b) = (tape.filled(&[2, 3], 0.0), tape.filled(&[2, 4], 0.0).named("b"));
        panics("concat: shapes [2, 3] and [2, 4] \"b\" do not fit along axis 0", || Var::concat(&[a, b], 0));
        panics("concat: there is no axis 2", || Var::concat(&[a, a], 2));
        panics("stack: shapes [2, 3] and [2, 4] \"b\" differ", || Var::stack(&[a, b], 0));
        panics("concat: there is nothing to join", || Var::<f64>::concat(&[], 0));
    }
}
