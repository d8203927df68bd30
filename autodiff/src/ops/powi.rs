//! y = xⁿ for a constant whole n, dx = dy · n xⁿ⁻¹.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Powi {
    n: i32,
}

impl<T: Real> Unary<T> for Powi {
    const NAME: &'static str = "powi";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.powi(self.n)
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        // x⁰ is constant, also at 0, where 0 · x⁻¹ is not a number.
        if self.n == 0 {
            T::zero()
        } else {
            T::from_f64(self.n.into()) * x.powi(self.n.saturating_sub(1))
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// xⁿ, elementwise, for a constant whole n, by repeated squaring.
    #[must_use]
    pub fn powi(self, n: i32) -> Self {
        self.apply(Powi { n })
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("powi", [Input::any(&[3, 4])], crate::function!(|x| x.powi(5))),
        Check::gradient("powi, negative exponent", [Input::away_from_zero(&[3, 4])], crate::function!(|x| x.powi(-3))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn special_values() {
        assert_points(&crate::function!(|x| x.powi(0) * x), &[(0.0, 0.0, 1.0), (3.0, 3.0, 1.0)]);
        assert_points(&crate::function!(|x| x.powi(1)), &[(0.0, 0.0, 1.0), (-2.0, -2.0, 1.0)]);
        assert_points(&crate::function!(|x| x.powi(2)), &[(0.0, 0.0, 0.0), (-3.0, 9.0, -6.0)]);
        assert_points(&crate::function!(|x| x.powi(-1)), &[(-4.0, -0.25, -0.0625), (0.0, f64::INFINITY, f64::NEG_INFINITY)]);
    }
}
