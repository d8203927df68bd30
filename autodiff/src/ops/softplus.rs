//! y = ln(1 + eˣ), dx = dy · σ(x) with σ the logistic function.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Softplus;

impl<T: Real> Unary<T> for Softplus {
    const NAME: &'static str = "softplus";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.softplus()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        x.sigmoid()
    }
}

impl<T: Real> Var<'_, T> {
    /// ln(1 + eˣ), elementwise, without overflow: x for large x, eˣ for very negative x.
    #[must_use]
    pub fn softplus(self) -> Self {
        self.apply(Softplus)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("softplus", [Input::any(&[3, 4])], crate::function!(|x| x.softplus()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn tails() {
        let table = [
            (f64::NEG_INFINITY, 0.0, 0.0),
            (-50.0, (-50f64).exp(), (-50f64).exp()),
            (0.0, std::f64::consts::LN_2, 0.5),
            (1000.0, 1000.0, 1.0),
        ];
        assert_points(&crate::function!(|x| x.softplus()), &table);
    }
}
