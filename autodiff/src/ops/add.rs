//! y = a + b with broadcasting, da = db = dy.
//!
//! No elementwise derivative is multiplied in: `dy` itself is handed on, once moved and once copied.

use crate::check::{Check, Input};
use crate::kernels::elementwise::{self, Alignment, Binary};
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
        if dx.needs(0) && dx.needs(1) {
            let copy = dx.copy(&dy);
            dx.add(0, copy);
            dx.add(1, dy);
        } else {
            let i = usize::from(dx.needs(1));
            dx.add(i, dy);
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
        let shape = self.broadcast_shape(other, "add");
        let alignment = Alignment::new(&shape, self.shape(), other.shape());
        let mut y = self.tape().tensor(&shape);
        elementwise::zip(Sum, &alignment, self.data(), other.data(), y.data_mut());
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
