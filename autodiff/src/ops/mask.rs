//! y = x where a fixed mask says so and 0 elsewhere; dx = dy there and 0 elsewhere. What a masked autoregressive network does to
//! its weights, at no memory for the mask's numbers.

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::sync::Arc;

struct Mask {
    keep: Arc<[bool]>,
}

impl<T: Real> Op<T> for Mask {
    fn name(&self) -> &'static str {
        "mask"
    }

    fn vjp(&self, _: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        for (dy, &keep) in dy.data_mut().iter_mut().zip(&*self.keep) {
            *dy = if keep { *dy } else { T::zero() };
        }
        dx.add(0, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// This where `keep` is true, 0 where it is not, whatever is there: one for each element, last axis fastest.
    ///
    /// # Panics
    /// If there is not one for each element.
    #[must_use]
    #[track_caller]
    pub fn mask(self, keep: impl Into<Arc<[bool]>>) -> Self {
        let keep = keep.into();
        assert!(
            keep.len() == self.data().len(),
            "mask: {} choices for the {} elements of {self}",
            keep.len(),
            self.data().len()
        );
        let mut y = self.tape().tensor(self.shape());
        for ((y, &x), &keep) in y.data_mut().iter_mut().zip(self.data()).zip(&*keep) {
            *y = if keep { x } else { T::zero() };
        }
        self.tape().record(Mask { keep }, &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient(
        "mask",
        [Input::any(&[2, 3]), Input::any(&[3, 2])],
        crate::function!(|x, w| x.matmul(w.mask([true, false, true, true, false, false]))),
    )]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::panics;
    use crate::tape::Tape;
    use ndarray::arr1;

    #[test]
    fn hides_what_is_not_kept_even_nan_and_its_cotangent() {
        let tape = Tape::<f64>::new();
        let x = tape.variable(arr1(&[1.0, f64::NAN, 3.0]));
        let y = x.mask([true, false, false]);
        assert_eq!(y.data(), [1.0, 0.0, 0.0]);
        let gradients = y.vjp(arr1(&[5.0, f64::NAN, 7.0]));
        assert_eq!(gradients.get(x).unwrap().as_slice().unwrap(), [5.0, 0.0, 0.0]);
        panics("mask: 2 choices for the 3 elements of [3]", || x.mask([true, true]));
    }
}
