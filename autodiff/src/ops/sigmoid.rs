//! y = 1 / (1 + e⁻ˣ), dx = dy · y (1 − y).

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Sigmoid;

impl<T: Real> Unary<T> for Sigmoid {
    const NAME: &'static str = "sigmoid";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.sigmoid()
    }
    #[inline(always)]
    fn df(self, _: T, y: T) -> T {
        y * (T::one() - y)
    }
}

impl<T: Real> Var<'_, T> {
    /// The logistic function 1 / (1 + e⁻ˣ), elementwise.
    #[must_use]
    pub fn sigmoid(self) -> Self {
        self.apply(Sigmoid)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("sigmoid", [Input::any(&[3, 4])], crate::function!(|x| x.sigmoid()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn tails() {
        let table = [
            (f64::NEG_INFINITY, 0.0, 0.0),
            (-50.0, (-50f64).exp(), (-50f64).exp()),
            (0.0, 0.5, 0.25),
            (1000.0, 1.0, 0.0),
        ];
        assert_points(&crate::function!(|x| x.sigmoid()), &table);
    }
}
