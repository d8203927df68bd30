//! The importance weighted autoencoder (Burda, Grosse and Salakhutdinov 2016): a VAE under a tighter bound.
//!
//! `log p(x) ≥ E[log 1/K Σₖ wₖ]`, `wₖ = p(x, zₖ) / q(zₖ | x)`, with K draws `zₖ ~ q(z | x)` for each row (their equation 8).
//! One draw gives the ELBO; the expected bound rises with K, towards log p(x) (their theorem 1). The gradient weighs each draw
//! by its share `w̃ₖ = wₖ / Σⱼ wⱼ`: draws that explain x well teach most.
//!
//! That gradient reaches the encoder in two ways, through the draws and through `log q(zₖ | x)` itself. The second is noise around
//! something that can be had through the draws as well: [doubly reparametrised](WeightGradient::DoublyReparametrised) (Tucker and others
//! 2019, equation 8), the encoder's is `E[Σₖ w̃ₖ² ∂log wₖ/∂zₖ · ∂zₖ/∂φ]`, and vanishes draw by draw where q is the posterior.

use crate::weighed::weighed;
use crate::{Batch, Loss, Model, Vae, WeightGradient};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};

/// A [`Vae`] that is fitted by the importance weighted bound. Parameters are named as the VAE's own.
///
/// ```
/// use evidence_autodiff::{Array, Noise, Parameters, Tape};
/// use evidence_layers::Activation;
/// use evidence_models::{Batch, Iwae, Likelihood, Vae};
/// use ndarray::Array2;
///
/// let sizes = [64, 32, 16, 4];
/// let vae = Vae::<Array<f32>>::new(&sizes, Activation::Tanh, Likelihood::Bernoulli, Noise::new(0));
/// let model = Iwae::new(vae, 50);
/// let tape = Tape::new();
/// let loss = model.bind(&tape).loss(&Batch::new(tape.constant(Array2::zeros((8, 64))), None, 100), Noise::new(1));
/// let [(_, elbo), (_, gain)] = loss.parts[..] else { unreachable!() };
/// assert!(gain.item() >= 0.0 && (loss.total.item() + elbo.item() + gain.item()).abs() < 1e-3);
/// ```
#[derive(Clone, Debug)]
pub struct Iwae<P> {
    /// Encoder, decoder and likelihood.
    pub vae: Vae<P>,
    /// K, the draws of the latents for each row.
    pub samples: usize,
}

impl<T: Real> Iwae<Array<T>> {
    /// Fits `vae` by K = `samples` draws for each row. The decoder sees K times the batch's rows.
    ///
    /// # Panics
    /// If no samples are asked for.
    #[track_caller]
    pub fn new(vae: Vae<Array<T>>, samples: usize) -> Self {
        assert!(samples > 0, "Iwae: the bound is a mean over draws; it needs at least one sample");
        Self { vae, samples }
    }
}

impl<P> Tree<P> for Iwae<P> {
    type With<Q> = Iwae<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Iwae<Q> {
        // No segment of its own: what was fitted by one bound loads into the other.
        Iwae { vae: self.vae.map(path, f), samples: self.samples }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { vae, samples: _ } = self;
        vae.leaves_mut(out);
    }
}

impl<'t, T: Real> Iwae<Var<'t, T>> {
    /// `log 1/K Σₖ wₖ` of each row, `[n]`, in nats, for rows `[n, d]`.
    #[must_use]
    #[track_caller]
    pub fn log_evidence_bound(&self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        self.vae.weighted_bound(self.vae.log_weights(x, self.samples, noise))
    }

    /// The negative importance weighted bound per datum. Its parts are the ELBO of the same draws, and what weighing them gains.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        self.vae.negative_weighted_bound(self.samples, WeightGradient::Pathwise, batch, noise)
    }
}

impl<'t, T: Real> Vae<Var<'t, T>> {
    /// log 1/K Σₖ wₖ from log wₖ, `[K, n]` to `[n]`.
    pub(crate) fn weighted_bound(&self, log_weights: Var<'t, T>) -> Var<'t, T> {
        log_weights.logsumexp(0) - (log_weights.size(0) as f64).ln()
    }

    /// While it warms up, with the share s of the divergence in each weight: `log p(x | zₖ) + s (log p(zₖ) − log q(zₖ | x))`.
    pub(crate) fn negative_weighted_bound(
        &self,
        draws: usize,
        gradient: WeightGradient,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        let (x, share) = (batch.inputs, self.kl_share);
        let weights = |log_likelihood: Var<'t, T>, below: Var<'t, T>| {
            let full = log_likelihood + below;
            (full, if share == 1.0 { full } else { log_likelihood + below * share })
        };
        let q = self.encode(x);
        let (full, counted) = match gradient {
            WeightGradient::Pathwise => {
                let (z, log_q) = self.draw(q, draws, noise);
                weights(self.log_likelihood(z, x), self.log_prior(z) - log_q)
            }
            WeightGradient::DoublyReparametrised => {
                let (z, _) = q.rsample_with_log_prob(draws, noise);
                let (z, factors) = weighed(z);
                // The density of the draw depends on the encoder through the draw alone.
                let below = self.log_prior(z) - q.stop_gradient().log_prob(z);
                let (full, counted) = weights(self.log_likelihood(z, x), below);
                // 1 − s (1 − w̃ₖ): with all of the divergence, each draw's share of the weights once more.
                let normalised = counted.stop_gradient().softmax(0);
                factors.tell((normalised - 1.0) * share + 1.0);
                (full, counted)
            }
        };
        let elbo = full.mean(..);
        let bound = self.weighted_bound(counted).mean(..);
        // Told in full, as if nothing were warming up.
        let gain = if share == 1.0 { bound } else { self.weighted_bound(full).mean(..) } - elbo;
        Loss { total: -bound, parts: vec![("ELBO", elbo), ("gain over the ELBO", gain)] }
    }
}

impl<T: Real> Model<T> for Iwae<Array<T>> {
    fn loss<'t>(bound: &Iwae<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }

    /// With all of the divergence, also while it warms up.
    fn validation<'t>(bound: &Iwae<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Var<'t, T> {
        -bound.log_evidence_bound(batch.inputs, noise).mean(..)
    }

    fn warm(&mut self, share: f64) {
        self.vae.kl_share = share;
    }
}
