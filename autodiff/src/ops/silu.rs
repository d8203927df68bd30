//! y = x σ(x) with σ the logistic function, dx = dy · σ(x) (1 + x (1 − σ(x))).
//!
//! Hendrycks & Gimpel 2016, arXiv:1606.08415; also known as swish.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Silu;

impl<T: Real> Unary<T> for Silu {
    const NAME: &'static str = "silu";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x * x.sigmoid()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        let s = x.sigmoid();
        s * (T::one() + x * (T::one() - s))
    }
}

impl<T: Real> Var<'_, T> {
    /// x σ(x), elementwise, with σ the logistic function.
    #[must_use]
    pub fn silu(self) -> Self {
        self.apply(Silu)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("silu", [Input::any(&[3, 4])], crate::function!(|x| x.silu()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn tails() {
        let table = [
            (-1000.0, 0.0, 0.0),
            (0.0, 0.0, 0.5),
            (1000.0, 1000.0, 1.0),
            (1e10, 1e10, 1.0),
        ];
        assert_points(&crate::function!(|x| x.silu()), &table);
    }
}
