//! Columns (elements of the last axis) chosen by constant indices, `y[.., j] = x[.., index[j]]`;
//! `dx[.., index[j]] += dy[.., j]`, in the order of j. With each index once it is a permutation, as flows use.

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::shape::Shape;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::sync::Arc;

struct GatherColumns {
    indices: Arc<[usize]>,
}

impl<T: Real> Op<T> for GatherColumns {
    fn name(&self) -> &'static str {
        "gather_columns"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let &columns = saved.input_shape(0).last().expect("there are columns");
        dx.accumulate(0, |out, beta| {
            if beta.is_zero() {
                out.fill(T::zero());
            }
            let rows = out.chunks_exact_mut(columns.max(1));
            for (out, dy) in rows.zip(dy.data().chunks_exact(self.indices.len().max(1))) {
                self.indices.iter().zip(dy).for_each(|(&index, &dy)| out[index] += dy);
            }
        });
    }
}

impl<T: Real> Var<'_, T> {
    /// The elements of the last axis that the indices name, in their order; one may be named often, or never.
    ///
    /// A `&[usize]` is copied; an `Arc<[usize]>` is shared.
    ///
    /// # Panics
    /// If this has no axis, or an index is beyond the last one.
    #[must_use]
    #[track_caller]
    pub fn gather_columns(self, indices: impl Into<Arc<[usize]>>) -> Self {
        let indices = indices.into();
        let mut shape = Shape::from_slice(self.shape());
        let Some(last) = shape.last_mut() else { panic!("gather_columns: {self} has no columns") };
        let columns = std::mem::replace(last, indices.len());
        if let Some(j) = indices.iter().position(|&index| index >= columns) {
            panic!("gather_columns: index {} at {j} is beyond the {columns} columns of {self}", indices[j]);
        }
        let mut y = self.tape().tensor(&shape);
        let rows = y.data_mut().chunks_exact_mut(indices.len().max(1));
        for (y, x) in rows.zip(self.data().chunks_exact(columns.max(1))) {
            indices.iter().zip(y).for_each(|(&index, y)| *y = x[index]);
        }
        self.tape().record(GatherColumns { indices }, &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient(
            "gather_columns",
            [Input::any(&[2, 3])],
            crate::function!(|x| x.gather_columns([2, 0, 2, 2])),
        ),
        Check::gradient(
            "gather_columns, twice",
            [Input::any(&[2, 2, 3])],
            crate::function!(|x| x.gather_columns([2, 0]) * x.gather_columns([1, 0])),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{numbers, panics};
    use crate::tape::Tape;
    use ndarray::Axis;

    #[test]
    fn agrees_with_ndarray() {
        let tape = Tape::<f64>::new();
        for shape in [&[4][..], &[3, 4], &[2, 3, 4], &[0, 4]] {
            let x = tape.constant(numbers(shape));
            for indices in [&[3, 3, 0, 1, 2][..], &[1], &[]] {
                let expected = x.value().select(Axis(shape.len() - 1), indices);
                assert_eq!(x.gather_columns(indices).value(), expected);
            }
        }
        let x = tape.filled(&[3, 2], 0.0).named("x");
        panics("index 2 at 1 is beyond the 2 columns of [3, 2] \"x\"", || x.gather_columns([0, 2]));
        panics("gather_columns: [] has no columns", || tape.scalar(1.0).gather_columns([0]));
    }
}
