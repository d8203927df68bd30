//! y = −½ z² − s − ½ ln 2π with z = (x − μ) e⁻ˢ, in nats: the log-density of N(μ, σ²) at x, elementwise, with s = ln σ;
//! dx = −dy · z e⁻ˢ, dμ = −dx, ds = dy · (z² − 1).

use super::nary::nary;
use crate::check::{Check, Input};
use crate::kernels::nary::Nary;
use crate::scalar::Real;
use crate::tape::Var;

/// ½ ln 2π.
const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_7;

#[derive(Clone, Copy)]
struct GaussianLogProb;

impl<T: Real> Nary<T, 3> for GaussianLogProb {
    const NAME: &'static str = "gaussian_log_prob";
    #[inline(always)]
    fn f(self, [x, mean, log_scale]: [T; 3]) -> T {
        let z = (x - mean) * (-log_scale).exp();
        T::from_f64(-0.5) * z * z - log_scale - T::from_f64(HALF_LN_TWO_PI)
    }
    #[inline(always)]
    fn d(self, i: usize, [x, mean, log_scale]: [T; 3]) -> T {
        let precision_root = (-log_scale).exp();
        let z = (x - mean) * precision_root;
        match i {
            0 => -z * precision_root,
            1 => z * precision_root,
            _ => z * z - T::one(),
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// The log-density of N(mean, e^(2 log_scale)) at this, in nats, elementwise; the three broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn gaussian_log_prob(self, mean: Self, log_scale: Self) -> Self {
        nary(GaussianLogProb, [self, mean, log_scale])
    }
}

pub(super) fn checks() -> Vec<Check> {
    let log_prob = || crate::function!(|x, m, s| x.gaussian_log_prob(m, s));
    let inputs = |x: &[usize], m: &[usize], s: &[usize]| [Input::any(x), Input::any(m), Input::any(s)];
    vec![
        Check::gradient("gaussian_log_prob", inputs(&[3, 4], &[3, 4], &[3, 4]), log_prob()),
        Check::gradient("gaussian_log_prob, one scale", inputs(&[3, 4], &[3, 4], &[]), log_prob()),
        Check::gradient("gaussian_log_prob, draws", inputs(&[3, 4], &[2, 3, 4], &[4]), log_prob()),
    ]
}

#[cfg(test)]
mod tests {
    use super::HALF_LN_TWO_PI;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;
    use std::f64::consts::PI;

    #[test]
    fn is_its_formula() {
        assert!((HALF_LN_TWO_PI - 0.5 * (2.0 * PI).ln()).abs() <= 1e-16);
        let fused = crate::function!(|x, m, s| x.gaussian_log_prob(m, s));
        let composed = crate::function!(|x, m, s| {
            let z = (x - m) / s.exp();
            z * z * -0.5 - s - 0.5 * (2.0 * PI).ln()
        });
        for [x, m, s] in [
            [&[3, 4][..], &[3, 4], &[3, 4]],
            [&[3, 4], &[4], &[3, 1]],
            [&[3, 4], &[2, 3, 4], &[]],
            [&[0, 4], &[4], &[]],
            [&[], &[], &[]],
        ] {
            agree(&fused, &composed, &[numbers(x), numbers(m), 0.5 * numbers(s)]);
        }
    }

    #[test]
    fn integrates_to_one() {
        let tape = Tape::<f64>::new();
        let grid = ndarray::Array::linspace(-12.0, 14.0, 2601);
        let y = tape.constant(grid).gaussian_log_prob(tape.scalar(1.0), tape.scalar(0.4));
        assert!((y.exp().sum(..).item() * 0.01 - 1.0).abs() <= 1e-12);
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        panics("gaussian_log_prob: shapes [2], [3], [] do not broadcast", || {
            of(&[2]).gaussian_log_prob(of(&[3]), of(&[]))
        });
    }
}
