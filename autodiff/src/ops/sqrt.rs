//! y = √x, dx = dy / 2y.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Sqrt;

impl<T: Real> Unary<T> for Sqrt {
    const NAME: &'static str = "sqrt";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x.sqrt()
    }
    #[inline(always)]
    fn df(self, _: T, y: T) -> T {
        T::from_f64(0.5) / y
    }
}

impl<T: Real> Var<'_, T> {
    /// √x, elementwise: NaN below 0, and an infinite derivative at 0.
    #[must_use]
    pub fn sqrt(self) -> Self {
        self.apply(Sqrt)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("sqrt", [Input::positive(&[3, 4])], crate::function!(|x| x.sqrt()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn special_values() {
        let table = [
            (0.0, 0.0, f64::INFINITY),
            (4.0, 2.0, 0.25),
        ];
        assert_points(&crate::function!(|x| x.sqrt()), &table);
    }
}
