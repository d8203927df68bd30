//! Rows chosen by constant indices, `y[i] = x[index[i]]`; `dx[index[i]] += dy[i]`, in the order of i.

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::shape::{Shape, volume};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::sync::Arc;

struct GatherRows {
    indices: Arc<[usize]>,
}

impl<T: Real> Op<T> for GatherRows {
    fn name(&self) -> &'static str {
        "gather_rows"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let row = volume(&saved.input_shape(0)[1..]);
        dx.accumulate(0, |out, beta| {
            if beta.is_zero() {
                out.fill(T::zero());
            }
            for (&index, dy) in self.indices.iter().zip(dy.data().chunks_exact(row.max(1))) {
                out[index * row..][..row].iter_mut().zip(dy).for_each(|(out, &dy)| *out += dy);
            }
        });
    }
}

impl<T: Real> Var<'_, T> {
    /// The elements of the first axis that the indices name, in their order; one may be named often, or never.
    ///
    /// A `&[usize]` is copied; an `Arc<[usize]>` is shared.
    ///
    /// # Panics
    /// If this has no axis, or an index is beyond it.
    #[must_use]
    #[track_caller]
    pub fn gather_rows(self, indices: impl Into<Arc<[usize]>>) -> Self {
        let indices = indices.into();
        assert!(!self.shape().is_empty(), "gather_rows: {self} has no rows");
        let rows = self.shape()[0];
        if let Some(i) = indices.iter().position(|&index| index >= rows) {
            panic!("gather_rows: index {} at {i} is beyond the {rows} rows of {self}", indices[i]);
        }
        let mut shape = Shape::from_slice(self.shape());
        shape[0] = indices.len();
        let row = volume(&shape[1..]);
        let mut y = self.tape().tensor(&shape);
        for (&index, y) in indices.iter().zip(y.data_mut().chunks_exact_mut(row.max(1))) {
            y.copy_from_slice(&self.data()[index * row..][..row]);
        }
        self.tape().record(GatherRows { indices }, &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient(
            "gather_rows",
            [Input::any(&[3, 2])],
            crate::function!(|x| x.gather_rows([2, 0, 2, 2])),
        ),
        Check::gradient(
            "gather_rows, twice",
            [Input::any(&[3])],
            crate::function!(|x| x.gather_rows([2, 0]) * x.gather_rows([1, 0])),
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
        for shape in [&[4][..], &[4, 3], &[4, 3, 2], &[4, 0]] {
            let x = tape.constant(numbers(shape));
            for indices in [&[3, 3, 0, 1, 2][..], &[1], &[]] {
                assert_eq!(x.gather_rows(indices).value(), x.value().select(Axis(0), indices));
            }
        }
        let x = tape.filled(&[2, 3], 0.0).named("x");
        panics("gather_rows: index 2 at 1 is beyond the 2 rows of [2, 3] \"x\"", || x.gather_rows([0, 2]));
        panics("gather_rows: [] has no rows", || tape.scalar(1.0).gather_rows([0]));
    }
}
