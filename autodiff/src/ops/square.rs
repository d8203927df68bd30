//! y = x², dx = dy · 2x.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Square;

impl<T: Real> Unary<T> for Square {
    const NAME: &'static str = "square";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.square()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        x + x
    }
}

impl<T: Real> Var<'_, T> {
    /// x², elementwise.
    #[must_use]
    pub fn square(self) -> Self {
        self.apply(Square)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("square", [Input::any(&[3, 4])], crate::function!(|x| x.square()))]
}
