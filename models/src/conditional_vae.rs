//! The conditional VAE (Sohn, Lee and Yan 2015): a VAE of x for each class y, all of them in two networks.
//!
//! `log p(x | y) ≥ E_q[log p(x | z, y)] − KL(q(z | x, y) ‖ N(0, I))`: what the class says, the latents need not. With a network of labels
//! it is the first half of [`SemiSupervised`](crate::SemiSupervised).

use crate::bottleneck::{BottleneckError, ends, mirrored};
use crate::{Batch, ConditionedMlp, Likelihood, Loss, Model};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use evidence_layers::{Activation, DiagonalNormal};
use std::sync::Arc;

/// Encoder and decoder that see the class.
#[derive(Clone, Debug)]
pub struct ConditionalVae<P> {
    /// From data and class to μ and ln σ, side by side.
    pub encoder: ConditionedMlp<P>,
    /// From latents and class to the likelihood's parameters.
    pub decoder: ConditionedMlp<P>,
    /// `p(x | decoded)`.
    pub likelihood: Likelihood<P>,
    /// The share of the divergence that the loss counts, 1 but while it [warms up](Model::warm).
    pub kl_share: f64,
}

impl<T: Real> ConditionalVae<Array<T>> {
    /// Sizes from the data to the latents, `[784, 500, 50]`, at least one of them hidden; the decoder mirrors them. A predicted scale starts at 1,
    /// with a mean of 0: such data should be about that large.
    ///
    /// # Panics
    /// With sizes that [`admits`](Self::admits) refuses, or no classes.
    #[track_caller]
    pub fn new(
        sizes: &[usize],
        classes: usize,
        activation: Activation,
        likelihood: Likelihood<Array<T>>,
        noise: Noise,
    ) -> Self {
        if let Err(error) = Self::admits(sizes) {
            panic!("ConditionalVae: {error}");
        }
        let mut encoder = sizes.to_vec();
        encoder[sizes.len() - 1] *= 2;
        let decoder = mirrored(sizes, likelihood.outputs(sizes[0], None));
        let mut decoder = ConditionedMlp::new(&decoder, classes, activation, noise.stream(1));
        if let (Likelihood::PredictedGaussian, Some(last)) =
            (&likelihood, decoder.rest.layers.last_mut())
        {
            // With scales drawn at random, one column's density can outweigh all others by thousands of nats, and differs as much from class to
            // class: a classifier that learns from it loses whatever it knew. All scales start at 1.
            last.weight.fill(T::zero());
        }
        Self {
            encoder: ConditionedMlp::new(&encoder, classes, activation, noise.stream(0)),
            decoder,
            likelihood,
            kl_share: 1.0,
        }
    }

    /// Whether sizes from the data to the latents make one: at least three, none of them 0, no more latents than columns.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn admits(sizes: &[usize]) -> Result<(), BottleneckError> {
        let (width, latents) = ends(sizes)?;
        if sizes.len() < 3 {
            return Err(BottleneckError::NoHidden(sizes.to_vec()));
        }
        if latents > width {
            return Err(BottleneckError::TooManyLatents { latents, width });
        }
        Ok(())
    }

    /// K, the number of classes.
    pub fn classes(&self) -> usize {
        self.decoder.class.shape()[0]
    }

    /// The number of latents.
    pub fn latents(&self) -> usize {
        self.decoder.input.weight.shape()[0]
    }
}

impl<P> Tree<P> for ConditionalVae<P> {
    type With<Q> = ConditionalVae<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> ConditionalVae<Q> {
        ConditionalVae {
            encoder: self.encoder.map(&path.field("encoder"), f),
            decoder: self.decoder.map(&path.field("decoder"), f),
            likelihood: self.likelihood.map(&path.field("likelihood"), f),
            kl_share: self.kl_share,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { encoder, decoder, likelihood, kl_share: _ } = self;
        encoder.leaves_mut(out);
        decoder.leaves_mut(out);
        likelihood.leaves_mut(out);
    }
}

/// Log-likelihood and divergence of a bound, in nats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound<'t, T: Real> {
    pub log_likelihood: Var<'t, T>,
    pub divergence: Var<'t, T>,
}

impl<'t, T: Real> ConditionalVae<Var<'t, T>> {
    /// q(z | x, y) of each row given its class.
    #[must_use]
    #[track_caller]
    pub fn encode(&self, x: Var<'t, T>, classes: &Arc<[usize]>) -> DiagonalNormal<'t, T> {
        DiagonalNormal::from_columns(self.encoder.given(x, classes))
    }

    /// The expected data of each latent point and class.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, z: Var<'t, T>, classes: &Arc<[usize]>) -> Var<'t, T> {
        self.likelihood.mean(self.decoder.given(z, classes))
    }

    /// The bound of log p(x | y) of each row, `[n]`, by one draw of z.
    #[must_use]
    #[track_caller]
    pub fn elbo(&self, x: Var<'t, T>, classes: &Arc<[usize]>, noise: Noise) -> Var<'t, T> {
        let Bound { log_likelihood, divergence } = self.bound(x, classes, noise);
        log_likelihood - divergence
    }

    /// The bound of log p(x | y) of each row for every class, `[K, n]`, by one draw of z for each of them.
    #[must_use]
    #[track_caller]
    pub fn elbo_each(&self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        let Bound { log_likelihood, divergence } = self.bound_each(x, noise);
        log_likelihood - divergence
    }

    pub(crate) fn bound(
        &self,
        x: Var<'t, T>,
        classes: &Arc<[usize]>,
        noise: Noise,
    ) -> Bound<'t, T> {
        self.bound_of(x, self.encode(x, classes), noise, |z| self.decoder.first(z, classes))
    }

    pub(crate) fn bound_each(&self, x: Var<'t, T>, noise: Noise) -> Bound<'t, T> {
        let q = DiagonalNormal::from_columns(self.encoder.given_each(x));
        self.bound_of(x, q, noise, |z| self.decoder.first_each(z))
    }

    /// The bounds of pairs of a row of x and a class, `[pairs]`.
    pub(crate) fn bound_pairs(
        &self,
        x: Var<'t, T>,
        rows: &Arc<[usize]>,
        classes: &Arc<[usize]>,
        noise: Noise,
    ) -> Bound<'t, T> {
        let q = DiagonalNormal::from_columns(self.encoder.given_pairs(x, rows, classes));
        let x = x.gather_rows(rows.clone());
        self.bound_of(x, q, noise, |z| self.decoder.first(z, classes))
    }

    /// From q(z | x, y), and the decoder's first layer.
    fn bound_of(
        &self,
        x: Var<'t, T>,
        q: DiagonalNormal<'t, T>,
        noise: Noise,
        first: impl FnOnce(Var<'t, T>) -> Var<'t, T>,
    ) -> Bound<'t, T> {
        let hidden = first(q.rsample(noise));
        Bound {
            log_likelihood: self.likelihood.log_prob_through(&self.decoder.rest, hidden, x),
            divergence: q.kl_to_standard(),
        }
    }

    /// The negative bound of log p(x | y) per datum; the targets are the classes.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let classes = crate::likelihood::labels(batch.expect_targets());
        let bound = self.bound(batch.inputs, &classes, noise);
        let (log_likelihood, kl) = (bound.log_likelihood.mean(..), bound.divergence.mean(..));
        let counted = if self.kl_share == 1.0 { kl } else { kl * self.kl_share };
        Loss {
            total: counted - log_likelihood,
            parts: vec![("log-likelihood", log_likelihood), ("KL of the latents", kl)],
        }
    }

    /// The loss with all of its divergence, also while that warms up.
    pub fn validation(&self, batch: &Batch<'t, T>, noise: Noise) -> Var<'t, T> {
        Self { kl_share: 1.0, ..self.clone() }.loss(batch, noise).total
    }
}

impl<T: Real> Model<T> for ConditionalVae<Array<T>> {
    fn loss<'t>(
        bound: &ConditionalVae<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }

    fn validation<'t>(
        bound: &ConditionalVae<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Var<'t, T> {
        bound.validation(batch, noise)
    }

    fn warm(&mut self, share: f64) {
        self.kl_share = share;
    }
}
