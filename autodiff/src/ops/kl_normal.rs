//! y = KL(N(μ, σ²) ‖ N(m, s²)) = ½ (r² − 1) − ln r + ½ t², elementwise, in nats, with r = σ/s and t = (μ − m)/s;
//! dμ = dy · t/s, dσ = dy · (r − 1/r)/s, dm = −dμ, ds = dy · (1 − r² − t²)/s.

use super::nary::nary;
use crate::check::{Check, Input};
use crate::kernels::nary::Nary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct KlNormal;

impl<T: Real> Nary<T, 4> for KlNormal {
    const NAME: &'static str = "kl_normal";
    #[inline(always)]
    fn f(self, [mean, scale, prior_mean, prior_scale]: [T; 4]) -> T {
        let r = scale / prior_scale;
        let t = (mean - prior_mean) / prior_scale;
        T::from_f64(0.5) * (r * r - T::one() + t * t) - r.ln()
    }
    #[inline(always)]
    fn d(self, i: usize, [mean, scale, prior_mean, prior_scale]: [T; 4]) -> T {
        let r = scale / prior_scale;
        let t = (mean - prior_mean) / prior_scale;
        let slope = match i {
            0 => t,
            1 => r - T::one() / r,
            2 => -t,
            _ => T::one() - r * r - t * t,
        };
        slope / prior_scale
    }
}

impl<T: Real> Var<'_, T> {
    /// KL(N(mean, scale²) ‖ N(prior_mean, prior_scale²)) in nats, elementwise; this is the mean, and the four broadcast.
    ///
    /// Sum it over what is independent: over the last axis for nats per sample, over everything for weights.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn kl_normal(self, scale: Self, prior_mean: Self, prior_scale: Self) -> Self {
        nary(KlNormal, [self, scale, prior_mean, prior_scale])
    }
}

pub(super) fn checks() -> Vec<Check> {
    let kl = || crate::function!(|m, s, pm, ps| m.kl_normal(s, pm, ps));
    let inputs = |m: &[usize], s: &[usize], pm: &[usize], ps: &[usize]| {
        [Input::any(m), Input::positive(s), Input::any(pm), Input::positive(ps)]
    };
    vec![
        Check::gradient("kl_normal", inputs(&[3, 4], &[3, 4], &[3, 4], &[3, 4]), kl()),
        Check::gradient("kl_normal, one prior", inputs(&[3, 4], &[3, 4], &[], &[]), kl()),
        Check::gradient("kl_normal, broadcast", inputs(&[3, 1], &[4], &[2, 1, 1], &[1, 4]), kl()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers};
    use crate::tape::Tape;

    #[test]
    fn is_its_formula() {
        let fused = crate::function!(|m, s, pm, ps| m.kl_normal(s.exp(), pm, ps.exp()));
        let composed = crate::function!(|m, s, pm, ps| {
            let (variance, prior) = ((s * 2.0).exp(), (ps * 2.0).exp());
            let distance = (m - pm) * (m - pm);
            ps - s + (variance + distance) / (prior * 2.0) - 0.5
        });
        for shapes in [
            [&[3, 4][..], &[3, 4], &[3, 4], &[3, 4]],
            [&[3, 4], &[3, 4], &[], &[]],
            [&[3, 1], &[4], &[2, 1, 1], &[1, 4]],
            [&[0, 4], &[4], &[], &[]],
        ] {
            agree(&fused, &composed, &shapes.map(|shape| 0.5 * numbers(shape)));
        }
    }

    #[test]
    fn is_zero_for_equal_laws_and_positive_for_others() {
        let tape = Tape::<f64>::new();
        let kl = |m: f64, s: f64| {
            let [m, s, pm, ps] = [m, s, 0.5, 2.0].map(|x| tape.scalar(x));
            m.kl_normal(s, pm, ps).item()
        };
        assert_eq!(kl(0.5, 2.0), 0.0);
        for (m, s) in [(0.5, 2.1), (0.5, 1.9), (0.6, 2.0), (-3.0, 1e-6), (0.0, 1e6)] {
            assert!(kl(m, s) > 0.0, "{m} {s}");
        }
    }
}
