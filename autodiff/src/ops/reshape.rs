//! The same elements, in the same order, under another shape; dx is dy under the old one. Nothing is copied.

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::shape::volume;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Reshape;

impl<T: Real> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        dx.add(0, dy.reshaped(saved.input_shape(0)));
    }
}

impl<T: Real> Var<'_, T> {
    /// The elements, last axis fastest, under another shape. A view: nothing is copied.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    #[must_use]
    #[track_caller]
    pub fn reshape(self, shape: &[usize]) -> Self {
        let (has, wants) = (self.data().len(), volume(shape));
        assert!(has == wants, "reshape: {self} has {has} elements, shape {shape:?} wants {wants}");
        if shape == self.shape() {
            return self;
        }
        self.tape().record_alias(Reshape, self, shape)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient(
        "reshape",
        [Input::any(&[2, 6]), Input::any(&[4, 3])],
        crate::function!(|a, b| a.reshape(&[3, 4]).matmul(b) + a.reshape(&[12]).reshape(&[4, 3]).sum(0)),
    )]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::panics;
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn shares_the_elements() {
        let tape = Tape::<f64>::new();
        let x = tape.constant(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        let y = x.reshape(&[3, 2]).reshape(&[6, 1]);
        assert_eq!((y.shape(), y.data().as_ptr()), (&[6, 1][..], x.data().as_ptr()));
        assert_eq!(tape.filled(&[0, 3], 1.0).reshape(&[7, 0]).shape(), [7, 0]);
        assert_eq!(tape.scalar(1.0).reshape(&[1, 1]).shape(), [1, 1]);
        panics("reshape: [2, 3] has 6 elements, shape [4] wants 4", || x.reshape(&[4]));
    }
}
