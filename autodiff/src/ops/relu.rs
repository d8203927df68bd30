//! y = max(x, 0), dx = dy where x > 0 and 0 elsewhere.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Relu;

impl<T: Real> Unary<T> for Relu {
    const NAME: &'static str = "relu";
    #[inline(always)]
    fn f(self, x: T) -> T {
        // NaN fails the comparison and comes out.
        if x <= T::zero() { T::zero() } else { x }
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        if x <= T::zero() { T::zero() } else { T::one() }
    }
}

impl<T: Real> Var<'_, T> {
    /// max(x, 0), elementwise. The derivative at 0 is 0.
    #[must_use]
    pub fn relu(self) -> Self {
        self.apply(Relu)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("relu", [Input::away_from_zero(&[3, 4])], crate::function!(|x| x.relu()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn the_derivative_at_the_kink_is_zero() {
        let table = [
            (-1e-30, 0.0, 0.0),
            (-0.0, 0.0, 0.0),
            (0.0, 0.0, 0.0),
            (1e-30, 1e-30, 1.0),
        ];
        assert_points(&crate::function!(|x| x.relu()), &table);
    }
}
