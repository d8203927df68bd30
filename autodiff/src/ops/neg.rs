//! y = −x, dx = −dy.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;
use std::ops::Neg;

#[derive(Clone, Copy)]
struct Negate;

impl<T: Real> Unary<T> for Negate {
    const NAME: &'static str = "neg";
    #[inline(always)]
    fn f(self, x: T) -> T {
        -x
    }
    #[inline(always)]
    fn df(self, _: T, _: T) -> T {
        -T::one()
    }
}

impl<T: Real> Neg for Var<'_, T> {
    type Output = Self;

    /// −x, elementwise.
    fn neg(self) -> Self {
        self.apply(Negate)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("neg", [Input::any(&[3, 4])], crate::function!(|x| -x))]
}
