//! y = eˣ − 1, dx = dy · eˣ.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct ExpMinusOne;

impl<T: Real> Unary<T> for ExpMinusOne {
    const NAME: &'static str = "expm1";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.expm1()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        // Not y + 1, which is 0 where eˣ is below the precision of 1.
        x.exp()
    }
}

impl<T: Real> Var<'_, T> {
    /// eˣ − 1, elementwise, accurate near 0.
    #[must_use]
    pub fn expm1(self) -> Self {
        self.apply(ExpMinusOne)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("expm1", [Input::any(&[3, 4])], crate::function!(|x| x.expm1()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn tails() {
        let table = [
            (-50.0, -1.0, (-50f64).exp()),
            (0.0, 0.0, 1.0),
            (1e-30, 1e-30, 1.0),
        ];
        assert_points(&crate::function!(|x| x.expm1()), &table);
    }
}
