//! y = a + b with broadcasting, da = db = dy.
//!
//! No elementwise derivative is multiplied in: `dy` itself is handed on, once moved and once copied or added to what is there.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Binary;
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::ops::Add;

#[derive(Clone, Copy)]
struct Sum;

impl<T: Real> Binary<T> for Sum {
    const NAME: &'static str = "add";
    #[inline(always)]
    fn f(self, a: T, b: T) -> T {
        a + b
    }
    #[inline(always)]
    fn da(self, _: T, _: T) -> T {
        T::one()
    }
    #[inline(always)]
    fn db(self, _: T, _: T) -> T {
        T::one()
    }
}

impl<T: Real> Op<T> for Sum {
    fn name(&self) -> &'static str {
        "add"
    }

    fn vjp(&self, _: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        if dx.needs(0) {
            // The second argument is more often the one that meets its gradient again: a bias, or another parameter.
            dx.add_copy(1, &dy);
            dx.add(0, dy);
        } else {
            dx.add(1, dy);
        }
    }
}

impl<T: Real> Add for Var<'_, T> {
    type Output = Self;

    /// a + b, broadcast as in NumPy.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    fn add(self, other: Self) -> Self {
        let (y, _) = self.zip(other, Sum);
        self.tape().record(Sum, &[self, other], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let sum = || crate::function!(|a, b| a + b);
    vec![
        Check::gradient("add", [Input::any(&[3, 4]), Input::any(&[3, 4])], sum()),
        Check::gradient("add, broadcast", [Input::any(&[2, 1, 4]), Input::any(&[3, 1])], sum()),
    ]
}
