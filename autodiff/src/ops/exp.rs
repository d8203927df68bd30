//! y = eˣ, dx = dy · y.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Exp;

impl<T: Real> Unary<T> for Exp {
    const NAME: &'static str = "exp";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.exp()
    }
    #[inline(always)]
    fn df(self, _: T, y: T) -> T {
        y
    }
}

impl<T: Real> Var<'_, T> {
    /// eˣ, elementwise.
    #[must_use]
    pub fn exp(self) -> Self {
        self.apply(Exp)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("exp", [Input::any(&[3, 4])], crate::function!(|x| x.exp()))]
}
