//! y = coth x − 1/x, Langevin's function: from −1 to 1, x/3 near 0; dx = dy · (1/x² − 1/sinh² x).
//!
//! The mean of the density ∝ e^(ox) on [0, 1] is ½ + ½ L(o/2). Within ±1, where coth x and 1/x would cancel, its series stands in:
//! `Σₙ cₙ x²ⁿ⁻¹` with `cₙ = 2²ⁿ B₂ₙ / (2n)!`, B Bernoulli's numbers; it converges within ±π.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

/// c₁, c₂, …: what is left out is below 3e-16 within ±1.
pub(super) const SERIES: [f64; 15] = [
    1.0 / 3.0,
    -1.0 / 45.0,
    2.0 / 945.0,
    -1.0 / 4_725.0,
    2.0 / 93_555.0,
    -1_382.0 / 638_512_875.0,
    4.0 / 18_243_225.0,
    -3_617.0 / 162_820_783_125.0,
    87_734.0 / 38_979_295_480_125.0,
    -349_222.0 / 1_531_329_465_290_625.0,
    310_732.0 / 13_447_856_940_643_125.0,
    -2.341_170_681_982_488e-12,
    2.372_101_740_023_365e-13,
    -2.403_441_533_330_771e-14,
    2.435_195_402_918_337e-15,
];

/// `Σₙ weight(n) cₙ x²ⁿ⁻²`, by Horner's rule.
#[inline(always)]
pub(super) fn series<T: Real>(x: T, weight: impl Fn(f64) -> f64) -> T {
    let square = x * x;
    let mut sum = T::zero();
    for n in (0..SERIES.len()).rev() {
        sum = sum.mul_add(square, T::from_f64(SERIES[n] * weight((n + 1) as f64)));
    }
    sum
}

/// Whether the series is used.
#[inline(always)]
pub(super) fn near<T: Real>(x: T) -> bool {
    x * x < T::one()
}

#[inline(always)]
pub(super) fn langevin<T: Real>(x: T) -> T {
    if near(x) {
        return x * series(x, |_| 1.0);
    }
    let q = (x.abs() * T::from_f64(-2.0)).exp();
    let coth = (T::one() + q) / (T::one() - q);
    let sign = if x < T::zero() { -T::one() } else { T::one() };
    sign * coth - T::one() / x
}

#[derive(Clone, Copy)]
struct Langevin;

impl<T: Real> Unary<T> for Langevin {
    const NAME: &'static str = "langevin";
    #[inline(always)]
    fn f(self, x: T) -> T {
        langevin(x)
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        if near(x) {
            return series(x, |n| 2.0 * n - 1.0);
        }
        let q = (x.abs() * T::from_f64(-2.0)).exp();
        let rest = T::one() - q;
        T::one() / (x * x) - T::from_f64(4.0) * q / (rest * rest)
    }
}

impl<T: Real> Var<'_, T> {
    /// Langevin's function coth x − 1/x, elementwise: the derivative of [`log_sinhc`](Self::log_sinhc).
    #[must_use]
    pub fn langevin(self) -> Self {
        self.apply(Langevin)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("langevin", [Input::any(&[3, 4])], crate::function!(|x| x.langevin())),
        Check::gradient("langevin, far from 0", [Input::between(&[7], 1.0, 9.0)], crate::function!(|x| x.langevin())),
    ]
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::testing::assert_points;
    use ndarray::Array;

    #[test]
    fn near_zero_and_far_from_it() {
        let table =
            [(0.0, 0.0, 1.0 / 3.0), (1e-9, 1e-9 / 3.0, 1.0 / 3.0), (100.0, 0.99, 1e-4), (-100.0, -0.99, 1e-4)];
        assert_points(&crate::function!(|x| x.langevin()), &table);
    }

    /// Where the series meets the formula: both against the formula, which loses some three digits at most there.
    #[test]
    fn is_its_formula_on_both_sides_of_one() {
        let (tape, grid) = (Tape::<f64>::new(), Array::linspace(-3.0, 3.0, 601));
        let y = tape.constant(&grid).langevin();
        for (&x, &y) in grid.iter().zip(y.data()).filter(|(x, _)| x.abs() > 0.1) {
            let formula = 1.0 / f64::tanh(x) - 1.0 / x;
            assert!((y - formula).abs() <= 1e-14, "{x}: {y} and {formula}");
        }
    }
}
