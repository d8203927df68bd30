//! q(z | x) as the encoder says it: a normal for each row, its columns independent or not.
//!
//! | covariance | numbers of a row, for l latents |
//! | --- | --- |
//! | diagonal | μ and ln σ: 2 l |
//! | full | μ, ln σ and the triangle below it, Σ = L Lᵀ: l + l (l + 1)/2 |

use super::Vae;
use evidence_autodiff::{Array, Noise, Real, Var, zeros};
use evidence_layers::{DiagonalNormal, TriangularNormal};
use ndarray::{ArrayD, Axis, concatenate};

/// What q(z | x) may say of two latents together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Covariance {
    /// Nothing: given x they are independent.
    #[default]
    Diagonal,
    /// All that a normal can.
    Full,
}

impl Covariance {
    /// How many numbers the encoder gives for l latents.
    pub fn columns(self, latents: usize) -> usize {
        match self {
            Self::Diagonal => 2 * latents,
            Self::Full => TriangularNormal::<f64>::columns(latents),
        }
    }
}

/// A normal for each row.
#[derive(Clone, Copy, Debug)]
pub enum LatentNormal<'t, T: Real> {
    /// Its columns are independent.
    Diagonal(DiagonalNormal<'t, T>),
    /// They need not be.
    Full(TriangularNormal<'t, T>),
}

impl<'t, T: Real> LatentNormal<'t, T> {
    /// From what an encoder gives, `[n, 2 l]` or `[n, l + l (l + 1)/2]`.
    ///
    /// # Panics
    /// If the number of columns is another.
    #[track_caller]
    pub fn from_columns(columns: Var<'t, T>, covariance: Covariance, latents: usize) -> Self {
        match covariance {
            Covariance::Diagonal => Self::Diagonal(DiagonalNormal::from_columns(columns)),
            Covariance::Full => Self::Full(TriangularNormal::from_columns(columns, latents)),
        }
    }

    /// μ, `[n, l]`.
    pub fn mean(&self) -> Var<'t, T> {
        match self {
            Self::Diagonal(q) => q.mean,
            Self::Full(q) => q.mean,
        }
    }

    /// The logarithm of the diagonal of L, `[n, l]`: ln σ where the columns are independent.
    pub fn log_scale(&self) -> Var<'t, T> {
        match self {
            Self::Diagonal(q) => q.log_scale,
            Self::Full(q) => q.log_scale,
        }
    }

    /// Each latent by itself.
    #[must_use]
    pub fn marginals(&self) -> DiagonalNormal<'t, T> {
        match self {
            Self::Diagonal(q) => *q,
            Self::Full(q) => q.marginals(),
        }
    }

    /// A reparametrised draw, `[n, l]`.
    #[must_use]
    pub fn rsample(&self, noise: Noise) -> Var<'t, T> {
        match self {
            Self::Diagonal(q) => q.rsample(noise),
            Self::Full(q) => q.rsample(noise),
        }
    }

    /// K reparametrised draws for each row, `[K, n, l]`, and the log-density of each, `[K, n]`, in nats.
    #[must_use]
    pub fn rsample_with_log_prob(&self, samples: usize, noise: Noise) -> (Var<'t, T>, Var<'t, T>) {
        match self {
            Self::Diagonal(q) => q.rsample_with_log_prob(samples, noise),
            Self::Full(q) => q.rsample_with_log_prob(samples, noise),
        }
    }

    /// The log-density of points `[.., n, l]`, `[.., n]`, in nats.
    #[must_use]
    pub fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Diagonal(q) => q.log_prob(z),
            Self::Full(q) => q.log_prob(z),
        }
    }

    /// KL(q ‖ N(0, I)) of each row, `[n]`, in nats.
    #[must_use]
    pub fn kl_to_standard(&self) -> Var<'t, T> {
        match self {
            Self::Diagonal(q) => q.kl_to_standard(),
            Self::Full(q) => q.kl_to_standard(),
        }
    }

    /// Each of its parameters through a function of rows.
    #[must_use]
    pub(super) fn map(&self, f: impl Fn(Var<'t, T>) -> Var<'t, T>) -> Self {
        match *self {
            Self::Diagonal(DiagonalNormal { mean, log_scale }) => {
                Self::Diagonal(DiagonalNormal { mean: f(mean), log_scale: f(log_scale) })
            }
            Self::Full(TriangularNormal { mean, log_scale, below }) => {
                Self::Full(TriangularNormal {
                    mean: f(mean),
                    log_scale: f(log_scale),
                    below: f(below),
                })
            }
        }
    }

    /// The same, as a constant.
    #[must_use]
    pub(crate) fn stop_gradient(&self) -> Self {
        self.map(Var::stop_gradient)
    }
}

impl<T: Real> Vae<Array<T>> {
    /// With a posterior of full covariance: the encoder's last layer also gives what is below the diagonal of L, 0 at first, so that
    /// it starts as the diagonal one.
    #[must_use]
    pub fn with_full_covariance(mut self) -> Self {
        let latents = self.decoder.inputs();
        if let (Covariance::Diagonal, Some(last)) =
            (self.covariance, self.encoder.layers.last_mut())
        {
            let more = Covariance::Full.columns(latents) - Covariance::Diagonal.columns(latents);
            let wider = |leaf: &Array<T>, none: Array<T>| -> Array<T> {
                let axis = Axis(leaf.ndim() - 1);
                let both: ArrayD<T> = concatenate(axis, &[leaf.view(), none.view()])
                    .expect("of one height, a matrix or a row");
                both.into_shared()
            };
            last.weight = wider(&last.weight, zeros(&[last.weight.shape()[0], more]));
            last.bias = wider(&last.bias, zeros(&[more]));
        }
        Self { covariance: Covariance::Full, ..self }
    }
}
