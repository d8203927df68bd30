//! y = x Φ(x) with Φ(x) = ½ (1 + erf(x / √2)), dx = dy · (Φ(x) + x φ(x)) with φ(x) = e^(−x²/2) / √2π.
//!
//! Hendrycks & Gimpel 2016, arXiv:1606.08415, the exact form (not the one by tanh).

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

#[derive(Clone, Copy)]
struct Gelu;

/// Φ(x).
#[inline(always)]
fn cumulative<T: Real>(x: T) -> T {
    let half = T::from_f64(0.5);
    half + half * (T::from_f64(FRAC_1_SQRT_2) * x).erf()
}

impl<T: Real> Unary<T> for Gelu {
    const NAME: &'static str = "gelu";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x * cumulative(x)
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        let density = T::from_f64(1.0 / (2.0 * PI).sqrt()) * (T::from_f64(-0.5) * x.square()).exp();
        cumulative(x) + x * density
    }
}

impl<T: Real> Var<'_, T> {
    /// x Φ(x), elementwise, with Φ the standard normal distribution function.
    #[must_use]
    pub fn gelu(self) -> Self {
        self.apply(Gelu)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("gelu", [Input::any(&[3, 4])], crate::function!(|x| x.gelu()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn tails() {
        let table = [
            (-40.0, 0.0, 0.0),
            (0.0, 0.0, 0.5),
            (1000.0, 1000.0, 1.0),
        ];
        assert_points(&crate::function!(|x| x.gelu()), &table);
    }
}
