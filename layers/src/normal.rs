//! Normal distributions over rows. Log-probabilities are `[n]`, one number per sample, in nats.

use evidence_autodiff::{Noise, Real, Var};

/// `ln √(2π)`.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// log N(z; 0, I) of each row of `[.., n, d]`: `−½ |z|² − d/2 ln 2π`.
#[must_use]
pub fn standard_normal_log_prob<T: Real>(z: Var<'_, T>) -> Var<'_, T> {
    z.square().sum(-1) * -0.5 - HALF_LN_TAU * z.size(-1) as f64
}

/// A normal with independent columns, one for each row: N(μ, diag σ²).
///
/// σ is kept as its logarithm, which is positive scale without a constraint.
#[derive(Clone, Copy, Debug)]
pub struct DiagonalNormal<'t, T: Real> {
    /// μ, `[n, d]`.
    pub mean: Var<'t, T>,
    /// ln σ, `[n, d]`.
    pub log_scale: Var<'t, T>,
}

impl<'t, T: Real> DiagonalNormal<'t, T> {
    /// From parameters side by side, `[.., 2d]`: means in the first half of the columns, log-scales in the second.
    ///
    /// # Panics
    /// If the number of columns is odd.
    #[track_caller]
    pub fn from_columns(parameters: Var<'t, T>) -> Self {
        let columns = parameters.size(-1);
        assert!(
            columns.is_multiple_of(2),
            "DiagonalNormal: {parameters} does not have means and log-scales side by side"
        );
        let half = columns / 2;
        Self { mean: parameters.slice(-1, 0..half), log_scale: parameters.slice(-1, half..columns) }
    }

    /// A reparametrised draw `μ + σ ε`, `[n, d]`.
    #[must_use]
    pub fn rsample(&self, noise: Noise) -> Var<'t, T> {
        self.mean.gaussian_rsample(self.log_scale, noise)
    }

    /// K reparametrised draws `z = μ + σ ε` for each row, `[K, n, d]`, and the log-density of each, `[K, n]`.
    ///
    /// From the noise itself, `log q(z) = log N(ε; 0, I) − Σ ln σ`: nothing is divided by σ, and the gradient's parts
    /// through z and through μ, which cancel, never arise.
    #[must_use]
    pub fn rsample_with_log_prob(&self, samples: usize, noise: Noise) -> (Var<'t, T>, Var<'t, T>) {
        let shape = [&[samples], self.mean.shape()].concat();
        let epsilon = self.mean.tape().normal(&shape, noise);
        let draws = self.mean + self.log_scale.exp() * epsilon;
        (draws, standard_normal_log_prob(epsilon) - self.log_scale.sum(-1))
    }

    /// The log-density of each row, `[n]`; of draws `[K, n, d]`, `[K, n]`.
    #[must_use]
    pub fn log_prob(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.gaussian_log_prob(self.mean, self.log_scale).sum(-1)
    }

    /// KL(N(μ, σ²) ‖ N(0, I)) of each row, `[n]`, in nats: `½ Σ (σ² + μ² − 1) − Σ ln σ`.
    #[must_use]
    pub fn kl_to_standard(&self) -> Var<'t, T> {
        self.kl_to_standard_each().sum(-1)
    }

    /// The same column by column, `[n, d]`: `½ (σ² + μ² − 1) − ln σ`.
    #[must_use]
    pub fn kl_to_standard_each(&self) -> Var<'t, T> {
        ((self.log_scale * 2.0).exp() + self.mean.square() - 1.0) * 0.5 - self.log_scale
    }
}

#[cfg(test)]
mod tests {
    use super::DiagonalNormal;
    use evidence_autodiff::check::{Function, vjp};
    use evidence_autodiff::{Noise, Real, Var};
    use ndarray::ArrayD;

    const SAMPLES: usize = 3;

    /// The draws, and their log-densities, each weighed.
    fn both<'t, T: Real>(z: Var<'t, T>, log_prob: Var<'t, T>) -> Var<'t, T> {
        (z * z).sum(..) + (log_prob * log_prob).sum(..)
    }

    struct FromNoise;
    impl Function for FromNoise {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let q = DiagonalNormal { mean: x[0], log_scale: x[1] };
            let (z, log_prob) = q.rsample_with_log_prob(SAMPLES, Noise::new(6));
            both(z, log_prob)
        }
    }

    struct FromDensity;
    impl Function for FromDensity {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let q = DiagonalNormal { mean: x[0], log_scale: x[1] };
            let shape = [&[SAMPLES], x[0].shape()].concat();
            let draws = |parameter: Var<'t, T>| parameter.broadcast_to(&shape);
            let z = draws(x[0]).gaussian_rsample(draws(x[1]), Noise::new(6));
            both(z, q.log_prob(z))
        }
    }

    #[test]
    fn draws_know_the_density_they_come_from() {
        let mut inputs = [ArrayD::zeros(&[4, 5][..]), ArrayD::zeros(&[4, 5][..])];
        for (stream, input) in inputs.iter_mut().enumerate() {
            Noise::new(7).stream(stream as u64).fill_normal_f64(input.as_slice_mut().unwrap());
        }
        let one = ArrayD::from_elem(&[][..], 1.0);
        let (a, gradients) = vjp(&FromNoise, &inputs, &one);
        let (b, others) = vjp(&FromDensity, &inputs, &one);
        for (a, b) in std::iter::once((&a, &b)).chain(gradients.iter().zip(&others)) {
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() <= 1e-11 * b.abs().max(1.0), "{a} and {b}");
            }
        }
    }
}
