//! y = x where x > 0 and α (eˣ − 1) elsewhere, dx = dy · 1 or dy · α eˣ.
//!
//! Clevert, Unterthiner & Hochreiter 2015, arXiv:1511.07289, equation 15.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Elu {
    alpha: f64,
}

impl<T: Real> Unary<T> for Elu {
    const NAME: &'static str = "elu";
    #[inline(always)]
    fn f(self, x: T) -> T {
        if x <= T::zero() { T::from_f64(self.alpha) * x.expm1() } else { x }
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        if x <= T::zero() { T::from_f64(self.alpha) * x.exp() } else { T::one() }
    }
}

impl<T: Real> Var<'_, T> {
    /// x where x > 0 and α (eˣ − 1) elsewhere, elementwise. The derivative at 0 is α, so that α = 1 has no kink.
    #[must_use]
    pub fn elu(self, alpha: f64) -> Self {
        self.apply(Elu { alpha })
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("elu", [Input::any(&[3, 4])], crate::function!(|x| x.elu(1.0))),
        Check::gradient("elu, with a kink", [Input::away_from_zero(&[3, 4])], crate::function!(|x| x.elu(0.3))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn the_kink_and_the_tails() {
        assert_points(&crate::function!(|x| x.elu(0.5)), &[(-1000.0, -0.5, 0.0), (0.0, 0.0, 0.5), (1e-30, 1e-30, 1.0), (1000.0, 1000.0, 1.0)]);
    }
}
