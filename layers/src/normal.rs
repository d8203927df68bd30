//! Normal distributions over rows. Log-probabilities are `[n]`, one number per sample, in nats.

use evidence_autodiff::{Noise, Real, Var};

/// `ln √(2π)`.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// log N(z; 0, I) of each row of `[n, d]`: `−½ |z|² − d/2 ln 2π`.
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
    /// From parameters side by side, `[n, 2d]`: means in the first half of the columns, log-scales in the second.
    ///
    /// # Panics
    /// If the number of columns is odd.
    #[track_caller]
    pub fn from_columns(parameters: Var<'t, T>) -> Self {
        let columns = parameters.size(1);
        assert!(
            columns.is_multiple_of(2),
            "DiagonalNormal: {parameters} does not have means and log-scales side by side"
        );
        let half = columns / 2;
        Self { mean: parameters.slice(1, 0..half), log_scale: parameters.slice(1, half..columns) }
    }

    /// A reparametrised draw `μ + σ ε`, `[n, d]`.
    #[must_use]
    pub fn rsample(&self, noise: Noise) -> Var<'t, T> {
        self.mean.gaussian_rsample(self.log_scale, noise)
    }

    /// The log-density of each row, `[n]`.
    #[must_use]
    pub fn log_prob(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.gaussian_log_prob(self.mean, self.log_scale).sum(-1)
    }

    /// KL(N(μ, σ²) ‖ N(0, I)) of each row, `[n]`, in nats: `½ Σ (σ² + μ² − 1) − Σ ln σ`.
    #[must_use]
    pub fn kl_to_standard(&self) -> Var<'t, T> {
        let inside =
            ((self.log_scale * 2.0).exp() + self.mean.square() - 1.0) * 0.5 - self.log_scale;
        inside.sum(-1)
    }
}
