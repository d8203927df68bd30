//! A normal with any covariance for each row: `z = μ + L ε`, `Σ = L Lᵀ`, L a lower triangle with `σ = eˢ` on its diagonal.
//!
//! | | of a row, in nats |
//! | --- | --- |
//! | `log q(z)` | `log N(L⁻¹ (z − μ); 0, I) − Σ s` |
//! | `KL(q ‖ N(0, I))` | `½ (tr Σ + \|μ\|² − l) − ½ ln det Σ = ½ Σ (σ² + μ² − 1) − Σ s + ½ Σ f²` |
//!
//! with f the l (l − 1)/2 entries of L below its diagonal: without them it is the [diagonal normal](DiagonalNormal). A posterior of
//! latents that explain the same data is as narrow along one direction as no diagonal normal can be: see Kingma and Welling, *An
//! introduction to variational autoencoders*, 2019, section 2.5.1.

use crate::{DiagonalNormal, standard_normal_log_prob};
use evidence_autodiff::{Noise, Real, Var};

/// N(μ, L Lᵀ), one for each row.
#[derive(Clone, Copy, Debug)]
pub struct TriangularNormal<'t, T: Real> {
    /// μ, `[n, l]`.
    pub mean: Var<'t, T>,
    /// s = ln σ, the logarithm of L's diagonal, `[n, l]`.
    pub log_scale: Var<'t, T>,
    /// f, what is below the diagonal, row by row of L: `[n, l (l − 1)/2]`.
    pub below: Var<'t, T>,
}

impl<'t, T: Real> TriangularNormal<'t, T> {
    /// How many numbers make one over l columns: `l + l (l + 1)/2`.
    pub fn columns(l: usize) -> usize {
        l + l * (l + 1) / 2
    }

    /// From parameters side by side, `[n, l + l (l + 1)/2]`: means, log-scales, and what is below the diagonal.
    ///
    /// # Panics
    /// If that is not the number of columns.
    #[track_caller]
    pub fn from_columns(parameters: Var<'t, T>, l: usize) -> Self {
        let columns = parameters.size(-1);
        assert!(
            columns == Self::columns(l),
            "TriangularNormal: {parameters} does not have {} columns, as {l} means, log-scales and a triangle need",
            Self::columns(l)
        );
        let part = |range| parameters.slice(-1, range);
        Self { mean: part(0..l), log_scale: part(l..2 * l), below: part(2 * l..columns) }
    }

    /// μ + L ε.
    fn at(&self, epsilon: Var<'t, T>) -> Var<'t, T> {
        self.mean + epsilon.row_triangular(self.log_scale.exp(), self.below)
    }

    /// A reparametrised draw `μ + L ε`, `[n, l]`.
    #[must_use]
    pub fn rsample(&self, noise: Noise) -> Var<'t, T> {
        self.at(self.mean.tape().normal(self.mean.shape(), noise))
    }

    /// K reparametrised draws for each row, `[K, n, l]`, and the log-density of each, `[K, n]`: from the noise, nothing is solved.
    #[must_use]
    pub fn rsample_with_log_prob(&self, samples: usize, noise: Noise) -> (Var<'t, T>, Var<'t, T>) {
        let shape = [&[samples], self.mean.shape()].concat();
        let epsilon = self.mean.tape().normal(&shape, noise);
        (self.at(epsilon), standard_normal_log_prob(epsilon) - self.log_scale.sum(-1))
    }

    /// The log-density of each row, `[n]`; of points `[.., n, l]`, `[.., n]`.
    #[must_use]
    pub fn log_prob(&self, x: Var<'t, T>) -> Var<'t, T> {
        let epsilon = (x - self.mean).row_triangular_solve(self.log_scale.exp(), self.below);
        standard_normal_log_prob(epsilon) - self.log_scale.sum(-1)
    }

    /// KL(N(μ, L Lᵀ) ‖ N(0, I)) of each row, `[n]`, in nats.
    #[must_use]
    pub fn kl_to_standard(&self) -> Var<'t, T> {
        let Self { mean, log_scale, below } = *self;
        DiagonalNormal { mean, log_scale }.kl_to_standard() + below.square().sum(-1) * 0.5
    }

    /// Each column by itself, `N(μᵢ, Σᵢᵢ)`, where Σᵢᵢ is the sum of squares of row i of L.
    ///
    /// Their divergences from N(0, 1) add up to less than the whole one: what is missing is what the columns say of each other.
    #[must_use]
    pub fn marginals(&self) -> DiagonalNormal<'t, T> {
        let ones = self.mean.tape().filled(self.mean.shape(), 1.0);
        let variance = ones.row_triangular((self.log_scale * 2.0).exp(), self.below.square());
        DiagonalNormal { mean: self.mean, log_scale: variance.ln() * 0.5 }
    }
}
