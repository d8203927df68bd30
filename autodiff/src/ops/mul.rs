//! y = a · b with broadcasting, da = dy · b, db = dy · a.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Binary;
use crate::scalar::Real;
use crate::tape::Var;
use std::ops::Mul;

#[derive(Clone, Copy)]
struct Product;

impl<T: Real> Binary<T> for Product {
    const NAME: &'static str = "mul";
    #[inline(always)]
    fn f(self, a: T, b: T) -> T {
        a * b
    }
    #[inline(always)]
    fn da(self, _: T, b: T) -> T {
        b
    }
    #[inline(always)]
    fn db(self, a: T, _: T) -> T {
        a
    }
}

impl<T: Real> Mul for Var<'_, T> {
    type Output = Self;

    /// a · b, broadcast as in NumPy.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    fn mul(self, other: Self) -> Self {
        self.combine(other, Product)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let product = || crate::function!(|a, b| a * b);
    vec![
        Check::gradient("mul", [Input::any(&[3, 4]), Input::any(&[3, 4])], product()),
        Check::gradient("mul, broadcast", [Input::any(&[2, 1, 4]), Input::any(&[3, 1])], product()),
        Check::gradient("mul, by itself", [Input::any(&[5])], crate::function!(|x| x * x)),
        Check::gradient(
            "mul, of what has a cotangent already",
            [Input::any(&[3, 4]), Input::any(&[3, 4])],
            crate::function!(|a, b| a * b + b),
        ),
    ]
}
