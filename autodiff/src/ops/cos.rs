//! y = cos x, dx = −dy · sin x.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Cos;

impl<T: Real> Unary<T> for Cos {
    const NAME: &'static str = "cos";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.cos()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        -x.sin()
    }
}

impl<T: Real> Var<'_, T> {
    /// cos x, elementwise; x in radians. NaN beyond 2⁴⁷ in single precision and 2⁴⁵ in double.
    #[must_use]
    pub fn cos(self) -> Self {
        self.apply(Cos)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("cos", [Input::any(&[3, 4])], crate::function!(|x| x.cos()))]
}
