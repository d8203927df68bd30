//! y = ln(sinh x / x), even, x²/6 near 0 and |x| − ln 2|x| far from it; dx = dy · (coth x − 1/x).
//!
//! The normaliser of the density ∝ e^(ox) on [0, 1], the continuous Bernoulli: `ln ∫ e^(ox) dx = o/2 + y(o/2)`. Within ±1 by the
//! series of [`langevin`](super::langevin), integrated term by term: there is nothing to divide by at 0.

use super::langevin::{langevin, near, series};
use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct LogSinhc;

impl<T: Real> Unary<T> for LogSinhc {
    const NAME: &'static str = "log_sinhc";
    #[inline(always)]
    fn f(self, x: T) -> T {
        if near(x) {
            return x * x * series(x, |n| 0.5 / n);
        }
        let twice = x.abs() * T::from_f64(2.0);
        x.abs() - twice.ln() + (-(-twice).exp()).ln_1p()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        langevin(x)
    }
}

impl<T: Real> Var<'_, T> {
    /// ln(sinh x / x), elementwise, without overflow and without a hole at 0.
    #[must_use]
    pub fn log_sinhc(self) -> Self {
        self.apply(LogSinhc)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("log_sinhc", [Input::any(&[3, 4])], crate::function!(|x| x.log_sinhc())),
        Check::gradient("log_sinhc, far from 0", [Input::between(&[7], 1.0, 9.0)], crate::function!(|x| x.log_sinhc())),
    ]
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::testing::assert_points;
    use ndarray::Array;

    #[test]
    fn near_zero_and_far_from_it() {
        let far = 1000.0 - f64::ln(2000.0);
        let table = [
            (0.0, 0.0, 0.0),
            (1e-8, 1e-16 / 6.0, 1e-8 / 3.0),
            (1000.0, far, 0.999),
            (-1000.0, far, -0.999),
        ];
        assert_points(&crate::function!(|x| x.log_sinhc()), &table);
    }

    #[test]
    fn is_its_formula_on_both_sides_of_one() {
        let (tape, grid) = (Tape::<f64>::new(), Array::linspace(-3.0, 3.0, 601));
        let y = tape.constant(&grid).log_sinhc();
        for (&x, &y) in grid.iter().zip(y.data()).filter(|(x, _)| **x != 0.0) {
            let formula = (x.sinh() / x).ln();
            assert!((y - formula).abs() <= 1e-15 * (1.0 + 4.0 * formula.abs()), "{x}: {y} and {formula}");
        }
    }
}
