//! y = Σ KL(N(μ, σ²) ‖ N(0, s²)) with σ = softplus(ρ), in nats: a sum over all weights, never a mean.
//!
//! A weight's term is ½ (r² − 1 + t²) − ln r with r = σ/s, t = μ/s; dμ = dy · t/s, dρ = dy · (r − 1/r)/s · σ′(ρ), where
//! softplus′ is the logistic function. One pass forward, one for each gradient, written straight into the cotangents.

use crate::check::{Check, Input};
use crate::kernels::lanes::{Operands, SumOf, Term, fold_lanes};
use crate::kernels::nary::{Layout, Step, pass};
use crate::scalar::Real;
use crate::shape::Lanes;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct KlMeanField {
    prior_scale: f64,
}

/// One weight's term. The field is 1/s.
#[derive(Clone, Copy)]
struct Kl<T>(T);

impl<T: Real> Term<T> for Kl<T> {
    #[inline(always)]
    fn at(self, mean: T, rho: T, _: T) -> T {
        let (r, t) = (rho.softplus() * self.0, mean * self.0);
        T::from_f64(0.5) * (r * r - T::one() + t * t) - r.ln()
    }
}

/// dμ, added to what is there or in its place. `factor` is dy / s².
#[derive(Clone, Copy)]
struct ToMean<T> {
    factor: T,
    add: bool,
}

impl<T: Real> Step<T, 1> for ToMean<T> {
    #[inline(always)]
    fn at(self, [mean]: [T; 1], out: &mut T) {
        let d = self.factor * mean;
        *out = if self.add { *out + d } else { d };
    }
}

/// dρ, likewise.
#[derive(Clone, Copy)]
struct ToRho<T> {
    /// 1/s.
    precision_root: T,
    dy: T,
    add: bool,
}

impl<T: Real> Step<T, 1> for ToRho<T> {
    #[inline(always)]
    fn at(self, [rho]: [T; 1], out: &mut T) {
        let (sigma, slope) = rho.softplus_sigmoid();
        let r = sigma * self.precision_root;
        let d = self.dy * self.precision_root * (r - T::one() / r) * slope;
        *out = if self.add { *out + d } else { d };
    }
}

impl<T: Real> Op<T> for KlMeanField {
    fn name(&self) -> &'static str {
        "kl_mean_field"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let dy = dy.data()[0];
        let precision_root = T::from_f64(1.0 / self.prior_scale);
        let layout = Layout::same(saved.input(0).len());
        dx.accumulate(0, |out, beta| {
            let step = ToMean { factor: dy * precision_root * precision_root, add: !beta.is_zero() };
            pass(step, &layout, [saved.input(0)], out);
        });
        dx.accumulate(1, |out, beta| {
            let step = ToRho { precision_root, dy, add: !beta.is_zero() };
            pass(step, &layout, [saved.input(1)], out);
        });
    }
}

impl<T: Real> Var<'_, T> {
    /// Σ KL(N(mean, softplus(rho)²) ‖ N(0, prior_scale²)) over all elements, in nats: this is the mean of a mean-field
    /// posterior, `rho` its free scale. The sum over nothing is 0.
    ///
    /// # Panics
    /// If the shapes differ, or the prior's scale is not positive.
    #[must_use]
    #[track_caller]
    pub fn kl_mean_field(self, rho: Self, prior_scale: f64) -> Self {
        assert!(self.shape() == rho.shape(), "kl_mean_field: shapes {self} and {rho} differ; every element has a scale");
        assert!(
            prior_scale > 0.0 && prior_scale.is_finite(),
            "kl_mean_field: a prior scale of {prior_scale}; it must be positive and finite"
        );
        let mut y = self.tape().tensor(&[]);
        let read = Operands { x: self.data(), y: rho.data(), p: &[] };
        let terms = Kl(T::from_f64(1.0 / prior_scale));
        fold_lanes(SumOf(terms), read, Lanes::whole(self.shape()), y.data_mut());
        self.tape().record(KlMeanField { prior_scale }, &[self, rho], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || Input::any(&[3, 4]);
    vec![
        Check::gradient("kl_mean_field", [x(), x()], crate::function!(|m, r| m.kl_mean_field(r, 0.7))),
        Check::gradient(
            "kl_mean_field, after other uses",
            [x(), x()],
            crate::function!(|m, r| m.kl_mean_field(r, 0.7) * 2.0 + (m * r).sum(..)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn is_a_sum_of_divergences() {
        let fused = crate::function!(|m, r| m.kl_mean_field(r, 0.3));
        let composed = crate::function!(|m, r| {
            let (zero, scale) = (m.tape().scalar(0.0), m.tape().scalar(0.3));
            m.kl_normal(r.softplus(), zero, scale).sum(..)
        });
        for shape in [&[3, 4][..], &[], &[0, 2], &[70_000]] {
            agree(&fused, &composed, &[numbers(shape), 2.0 * numbers(shape)]);
        }
    }

    #[test]
    fn is_zero_at_the_prior_and_finite_for_narrow_posteriors() {
        let tape = Tape::<f64>::new();
        let kl = |mean: f64, rho: f64, s: f64| tape.scalar(mean).kl_mean_field(tape.scalar(rho), s).item();
        assert!(kl(0.0, 0.4, 0.4f64.exp().ln_1p()).abs() <= 1e-15);
        // σ = e^−500 to rounding: KL = 500 − ½.
        assert!((kl(0.0, -500.0, 1.0) - 499.5).abs() <= 1e-10);
        panics("a prior scale of 0", || kl(0.0, 0.0, 0.0));
        panics("a prior scale of NaN", || kl(0.0, 0.0, f64::NAN));
        panics("kl_mean_field: shapes [2] and [] differ", || {
            tape.filled(&[2], 0.0).kl_mean_field(tape.scalar(0.0), 1.0)
        });
    }

    #[test]
    fn has_the_same_bits_on_any_number_of_threads() {
        let run = |threads| {
            with_threads(threads, || {
                let tape = Tape::<f32>::new();
                let x = tape.variable(numbers(&[150_001]).mapv(|x| x as f32));
                let y = x.kl_mean_field(x, 0.5);
                (y.item().to_bits(), y.backward().take(x).to_array())
            })
        };
        let alone = run(1);
        assert!([2, 3].into_iter().all(|threads| run(threads) == alone));
    }
}
