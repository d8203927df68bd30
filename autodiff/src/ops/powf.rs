//! y = xᵖ for a constant real p, dx = dy · p xᵖ⁻¹.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Powf {
    p: f64,
}

impl<T: Real> Unary<T> for Powf {
    const NAME: &'static str = "powf";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.powf(T::from_f64(self.p))
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        let p = T::from_f64(self.p);
        // x⁰ is constant, also at 0, where 0 · x⁻¹ is not a number.
        if p.is_zero() { p } else { p * x.powf(p - T::one()) }
    }
}

impl<T: Real> Var<'_, T> {
    /// xᵖ, elementwise, for a constant real p. NaN for x < 0 unless p is whole.
    ///
    /// The C library's power, which is accurate and slow: prefer [`powi`](Var::powi), [`square`](Var::square) or
    /// [`sqrt`](Var::sqrt) where they fit.
    #[must_use]
    pub fn powf(self, p: f64) -> Self {
        self.apply(Powf { p })
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("powf", [Input::positive(&[3, 4])], crate::function!(|x| x.powf(1.7))),
        Check::gradient("powf, negative exponent", [Input::positive(&[3, 4])], crate::function!(|x| x.powf(-0.5))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn special_values() {
        assert_points(&crate::function!(|x| x.powf(2.0)), &[(-3.0, 9.0, -6.0), (0.0, 0.0, 0.0)]);
        assert_points(&crate::function!(|x| x.powf(1.0)), &[(0.0, 0.0, 1.0)]);
        assert_points(&crate::function!(|x| x.powf(0.5)), &[(4.0, 2.0, 0.25), (0.0, 0.0, f64::INFINITY)]);
    }
}
