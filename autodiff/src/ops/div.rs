//! y = a / b with broadcasting, da = dy / b, db = −dy · (a / b) / b.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Binary;
use crate::scalar::Real;
use crate::tape::Var;
use std::ops::Div;

#[derive(Clone, Copy)]
struct Quotient;

impl<T: Real> Binary<T> for Quotient {
    const NAME: &'static str = "div";
    #[inline(always)]
    fn f(self, a: T, b: T) -> T {
        a / b
    }
    #[inline(always)]
    fn da(self, _: T, b: T) -> T {
        T::one() / b
    }
    #[inline(always)]
    fn db(self, a: T, b: T) -> T {
        // Not a / b²: the square overflows and underflows long before the quotient does.
        -(a / b) / b
    }
}

impl<T: Real> Div for Var<'_, T> {
    type Output = Self;

    /// a / b, broadcast as in NumPy.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    fn div(self, other: Self) -> Self {
        self.combine(other, Quotient)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let quotient = || crate::function!(|a, b| a / b);
    let divisor = Input::away_from_zero;
    vec![
        Check::gradient("div", [Input::any(&[3, 4]), divisor(&[3, 4])], quotient()),
        Check::gradient("div, broadcast", [Input::any(&[2, 1, 4]), divisor(&[3, 1])], quotient()),
        Check::gradient("div, one over a sum", [Input::positive(&[5])], crate::function!(|x| x / x.sum(..))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivative_survives_where_the_square_of_the_divisor_would_not() {
        for (a, b) in [(1e30_f32, 1e25_f32), (1e-30, 1e-25)] {
            let db = Quotient.db(a, b);
            let exact = -(f64::from(a) / f64::from(b).powi(2));
            assert!((f64::from(db) / exact - 1.0).abs() <= 1e-6, "{db:e} {exact:e}");
        }
    }
}
