//! The importance weighted autoencoder (Burda, Grosse and Salakhutdinov 2016): a VAE under a tighter bound.
//!
//! `log p(x) ≥ E[log 1/K Σₖ wₖ]`, `wₖ = p(x, zₖ) / q(zₖ | x)`, with K draws `zₖ ~ q(z | x)` for each row (their equation 8).
//! One draw gives the ELBO; the expected bound rises with K, towards log p(x) (their theorem 1). The gradient weighs each draw
//! by its share `wₖ / Σⱼ wⱼ`: draws that explain x well teach most.

use crate::{Batch, Loss, Model, Vae};
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
        self.mean_weight(self.vae.log_weights(x, self.samples, noise))
    }

    /// log 1/K Σₖ wₖ from log wₖ, `[K, n]` to `[n]`.
    fn mean_weight(&self, log_weights: Var<'t, T>) -> Var<'t, T> {
        log_weights.logsumexp(0) - (self.samples as f64).ln()
    }

    /// The negative importance weighted bound per datum. Its parts are the ELBO of the same draws, and what weighing them gains.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let log_weights = self.vae.log_weights(batch.inputs, self.samples, noise);
        let bound = self.mean_weight(log_weights).mean(..);
        let elbo = log_weights.mean(..);
        Loss { total: -bound, parts: vec![("ELBO", elbo), ("gain over the ELBO", bound - elbo)] }
    }
}

impl<T: Real> Model<T> for Iwae<Array<T>> {
    fn loss<'t>(bound: &Iwae<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }
}
