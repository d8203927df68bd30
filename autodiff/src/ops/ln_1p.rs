//! y = ln(1 + x), dx = dy / (1 + x).

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct LnOnePlus;

impl<T: Real> Unary<T> for LnOnePlus {
    const NAME: &'static str = "ln_1p";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.ln_1p()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        T::one() / (T::one() + x)
    }
}

impl<T: Real> Var<'_, T> {
    /// ln(1 + x), elementwise, accurate near 0: −∞ at −1, NaN below.
    #[must_use]
    pub fn ln_1p(self) -> Self {
        self.apply(LnOnePlus)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("ln_1p", [Input::between(&[3, 4], -0.9, 2.0)], crate::function!(|x| x.ln_1p()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn special_values() {
        let table = [
            (-1.0, f64::NEG_INFINITY, f64::INFINITY),
            (0.0, 0.0, 1.0),
            (1e-30, 1e-30, 1.0),
            (1.0, std::f64::consts::LN_2, 0.5),
        ];
        assert_points(&crate::function!(|x| x.ln_1p()), &table);
    }
}
