//! y = |x|, dx = dy · sign x, with sign 0 = 0.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Abs;

impl<T: Real> Unary<T> for Abs {
    const NAME: &'static str = "abs";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.abs()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        if x > T::zero() {
            T::one()
        } else if x < T::zero() {
            -T::one()
        } else {
            T::zero()
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// |x|, elementwise. The derivative at 0 is 0.
    #[must_use]
    pub fn abs(self) -> Self {
        self.apply(Abs)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("abs", [Input::away_from_zero(&[3, 4])], crate::function!(|x| x.abs()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn the_derivative_at_the_kink_is_zero() {
        let table = [
            (0.0, 0.0, 0.0),
            (-0.0, 0.0, 0.0),
            (1e-30, 1e-30, 1.0),
            (-1e-30, 1e-30, -1.0),
            (f64::NEG_INFINITY, f64::INFINITY, -1.0),
        ];
        assert_points(&crate::function!(|x| x.abs()), &table);
    }
}
