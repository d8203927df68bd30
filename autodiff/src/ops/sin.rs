//! y = sin x, dx = dy · cos x.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Sin;

impl<T: Real> Unary<T> for Sin {
    const NAME: &'static str = "sin";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.sin()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        x.cos()
    }
}

impl<T: Real> Var<'_, T> {
    /// sin x, elementwise; x in radians. NaN beyond 2⁴⁷ in single precision and 2⁴⁵ in double.
    #[must_use]
    pub fn sin(self) -> Self {
        self.apply(Sin)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("sin", [Input::any(&[3, 4])], crate::function!(|x| x.sin()))]
}
