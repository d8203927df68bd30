//! y = x where x > 0 and s x elsewhere, dx = dy · 1 or dy · s.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct LeakyRelu {
    slope: f64,
}

impl<T: Real> Unary<T> for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    #[inline(always)]
    fn f(self, x: T) -> T {
        if x <= T::zero() { T::from_f64(self.slope) * x } else { x }
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        if x <= T::zero() { T::from_f64(self.slope) } else { T::one() }
    }
}

impl<T: Real> Var<'_, T> {
    /// x where x > 0 and slope · x elsewhere, elementwise. The derivative at 0 is the slope.
    #[must_use]
    pub fn leaky_relu(self, slope: f64) -> Self {
        self.apply(LeakyRelu { slope })
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("leaky_relu", [Input::away_from_zero(&[3, 4])], crate::function!(|x| x.leaky_relu(0.1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn the_derivative_at_the_kink_is_the_slope() {
        assert_points(&crate::function!(|x| x.leaky_relu(0.25)), &[(-2.0, -0.5, 0.25), (0.0, 0.0, 0.25), (1e-30, 1e-30, 1.0)]);
    }
}
