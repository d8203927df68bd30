//! y = tanh x, dx = dy · (1 − y²).

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Tanh;

impl<T: Real> Unary<T> for Tanh {
    const NAME: &'static str = "tanh";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.tanh()
    }
    #[inline(always)]
    fn df(self, _: T, y: T) -> T {
        T::one() - y * y
    }
}

impl<T: Real> Var<'_, T> {
    /// tanh x, elementwise.
    #[must_use]
    pub fn tanh(self) -> Self {
        self.apply(Tanh)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("tanh", [Input::any(&[3, 4])], crate::function!(|x| x.tanh()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn tails() {
        let table = [
            (f64::NEG_INFINITY, -1.0, 0.0),
            (-1000.0, -1.0, 0.0),
            (0.0, 0.0, 1.0),
            (1000.0, 1.0, 0.0),
        ];
        assert_points(&crate::function!(|x| x.tanh()), &table);
    }
}
