//! y = ln x, dx = dy / x.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Ln;

impl<T: Real> Unary<T> for Ln {
    const NAME: &'static str = "ln";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.ln()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        T::one() / x
    }
}

impl<T: Real> Var<'_, T> {
    /// ln x, elementwise: −∞ at 0, NaN below.
    #[must_use]
    pub fn ln(self) -> Self {
        self.apply(Ln)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("ln", [Input::positive(&[3, 4])], crate::function!(|x| x.ln()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn special_values() {
        let table = [
            (0.0, f64::NEG_INFINITY, f64::INFINITY),
            (1.0, 0.0, 1.0),
            (2.0, std::f64::consts::LN_2, 0.5),
        ];
        assert_points(&crate::function!(|x| x.ln()), &table);
    }
}
