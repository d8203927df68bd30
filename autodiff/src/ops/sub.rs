//! y = a − b with broadcasting, da = dy, db = −dy.

use crate::check::{Check, Input};
use crate::kernels::elementwise::{self, Binary};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::ops::Sub;

#[derive(Clone, Copy)]
struct Difference;

impl<T: Real> Binary<T> for Difference {
    const NAME: &'static str = "sub";
    #[inline(always)]
    fn f(self, a: T, b: T) -> T {
        a - b
    }
    #[inline(always)]
    fn da(self, _: T, _: T) -> T {
        T::one()
    }
    #[inline(always)]
    fn db(self, _: T, _: T) -> T {
        -T::one()
    }
}

impl<T: Real> Op<T> for Difference {
    fn name(&self) -> &'static str {
        "sub"
    }

    fn vjp(&self, _: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        if !dx.needs(1) {
            return dx.add(0, dy);
        }
        dx.add_copy(0, &dy);
        elementwise::scale(dy.data_mut(), -T::one());
        dx.add(1, dy);
    }
}

impl<T: Real> Sub for Var<'_, T> {
    type Output = Self;

    /// a − b, broadcast as in NumPy.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    fn sub(self, other: Self) -> Self {
        let (y, _) = self.zip(other, Difference);
        self.tape().record(Difference, &[self, other], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let difference = || crate::function!(|a, b| a - b);
    vec![
        Check::gradient("sub", [Input::any(&[3, 4]), Input::any(&[3, 4])], difference()),
        Check::gradient("sub, broadcast", [Input::any(&[2, 1, 4]), Input::any(&[3, 1])], difference()),
        Check::gradient("sub, by itself", [Input::any(&[5])], crate::function!(|x| x.exp() - x)),
    ]
}
