//! The variational autoencoder (Kingma and Welling 2014).
//!
//! `log p(x) ≥ E_q[log p(x | z)] − KL(q(z | x) ‖ N(0, I))`, with `q(z | x) = N(μ(x), σ(x)²)` and the draw `z = μ + σ ε`. Both
//! parts are sums, over pixels and over latents: one number per row, in nats. Prior and posterior may be others: see [`LatentPrior`],
//! [`Vae::with_full_covariance`] and [`Vae::with_inverse_autoregressive`].

mod elbo;
mod evidence;
mod latent_normal;
mod latents;
mod objective;
mod posterior;
mod prior;

pub use evidence::Evidence;
pub use latent_normal::{Covariance, LatentNormal};
pub use latents::{ACTIVE, Latents};
pub use objective::{Elbo, Kl, Objective, ObjectiveError, WeightGradient};
pub use prior::LatentPrior;

use crate::bottleneck::{BottleneckError, ends, mirrored};
use crate::convolutions::{ConvolutionError, Convolutions, decoded, encoded};
use crate::{Batch, Likelihood, Loss, Model};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use evidence_layers::{Activation, AnyBijection, Chain, Mlp};

/// Encoder, decoder, and the likelihood of the data given the decoder's output.
#[derive(Clone, Debug)]
pub struct Vae<P> {
    /// From data to the numbers of q(z | x), side by side: see [`LatentNormal`].
    pub encoder: Mlp<P>,
    /// From latents to the likelihood's parameters.
    pub decoder: Mlp<P>,
    /// What is before the encoder and behind the decoder; nothing where they meet the data themselves.
    pub convolutions: Option<Convolutions<P>>,
    /// `p(x | decoded)`.
    pub likelihood: Likelihood<P>,
    /// p(z).
    pub prior: LatentPrior<P>,
    /// How the encoder's normal covaries.
    pub covariance: Covariance,
    /// What q(z | x) is bent by; nothing where it is the normal of the encoder.
    pub bend: Chain<AnyBijection<P>>,
    /// What is maximised.
    pub objective: Objective,
    /// The share of the divergence that the loss counts, 1 but while it [warms up](Model::warm) (Bowman and others 2016).
    pub kl_share: f64,
}

impl<T: Real> Vae<Array<T>> {
    /// Sizes from the data to the latents, `[64, 128, 2]`; the decoder mirrors them, and ends in as many outputs as the likelihood needs
    /// for the data. Fitted by the ELBO, unless [another objective](Self::with_objective) is given.
    ///
    /// # Panics
    /// With sizes that [`admits`](Self::admits) refuses.
    #[track_caller]
    pub fn new(
        sizes: &[usize],
        activation: Activation,
        likelihood: Likelihood<Array<T>>,
        noise: Noise,
    ) -> Self {
        if let Err(error) = Self::admits(sizes) {
            panic!("Vae: {error}");
        }
        let mut encoder = sizes.to_vec();
        encoder[sizes.len() - 1] *= 2;
        let decoder = mirrored(sizes, likelihood.outputs(sizes[0], None));
        let encoder = Mlp::new(&encoder, activation, noise.stream(0));
        let decoder = Mlp::new(&decoder, activation, noise.stream(1));
        Self::of(encoder, decoder, None, likelihood)
    }

    /// With the standard prior, posterior and objective.
    fn of(
        encoder: Mlp<Array<T>>,
        decoder: Mlp<Array<T>>,
        convolutions: Option<Convolutions<Array<T>>>,
        likelihood: Likelihood<Array<T>>,
    ) -> Self {
        Self {
            encoder,
            decoder,
            convolutions,
            likelihood,
            prior: LatentPrior::StandardNormal,
            covariance: Covariance::Diagonal,
            bend: Chain(Vec::new()),
            objective: Objective::default(),
            kl_share: 1.0,
        }
    }

    /// Of images `[h, w, c]`, as rows of h w c numbers: convolutions of so many filters, each halving the image, dense layers of so many
    /// units, the latents last, and [the same way back](Convolutions) from one dense layer on.
    ///
    /// Images of 28 × 28 pixels with filters `[32, 64]` and sizes `[16, 2]` are Keras' example.
    ///
    /// # Errors
    /// If the sizes make no such network.
    pub fn convolutional(
        image: [usize; 3],
        filters: &[usize],
        sizes: &[usize],
        activation: Activation,
        likelihood: Likelihood<Array<T>>,
        noise: Noise,
    ) -> Result<Self, ConvolutionError> {
        let images = (image, filters);
        let (convolutions, encoder, decoder) =
            Convolutions::with_dense(images, sizes, 2, activation, &likelihood, noise)?;
        Ok(Self::of(encoder, decoder, Some(convolutions), likelihood))
    }

    /// Whether sizes from the data to the latents make a VAE: at least two, none of them 0, no more latents than columns.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn admits(sizes: &[usize]) -> Result<(), BottleneckError> {
        let (width, latents) = ends(sizes)?;
        if latents > width {
            return Err(BottleneckError::TooManyLatents { latents, width });
        }
        Ok(())
    }

    /// Fitted by another objective.
    ///
    /// # Errors
    /// If one of its numbers is out of range, or it does not go with the prior or the posterior.
    pub fn with_objective(self, objective: Objective) -> Result<Self, ObjectiveError> {
        let vae = Self { objective, ..self };
        vae.check()?;
        Ok(vae)
    }

    /// Under another prior. The divergence is sampled then.
    #[must_use]
    pub fn with_prior(self, prior: LatentPrior<Array<T>>) -> Self {
        Self { prior, ..self }
    }
}

impl<P> Tree<P> for Vae<P> {
    type With<Q> = Vae<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Vae<Q> {
        Vae {
            encoder: self.encoder.map(&path.field("encoder"), f),
            decoder: self.decoder.map(&path.field("decoder"), f),
            convolutions: Tree::map(&self.convolutions, &path.field("convolutions"), f),
            likelihood: self.likelihood.map(&path.field("likelihood"), f),
            prior: self.prior.map(&path.field("prior"), f),
            covariance: self.covariance,
            bend: self.bend.map(&path.field("posterior"), f),
            objective: self.objective,
            kl_share: self.kl_share,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self {
            encoder,
            decoder,
            convolutions,
            likelihood,
            prior,
            covariance: _,
            bend,
            objective: _,
            kl_share: _,
        } = self;
        encoder.leaves_mut(out);
        decoder.leaves_mut(out);
        convolutions.leaves_mut(out);
        likelihood.leaves_mut(out);
        prior.leaves_mut(out);
        bend.leaves_mut(out);
    }
}

impl<'t, T: Real> Vae<Var<'t, T>> {
    /// q(z | x), before anything [bends](Self::bend) it.
    #[must_use]
    #[track_caller]
    pub fn encode(&self, x: Var<'t, T>) -> LatentNormal<'t, T> {
        self.posterior(self.encoded(x))
    }

    /// The numbers of q(z | x), side by side.
    #[track_caller]
    fn encoded(&self, x: Var<'t, T>) -> Var<'t, T> {
        encoded(self.convolutions.as_ref(), &self.encoder, x)
    }

    /// q(z | x) from its numbers.
    fn posterior(&self, encoded: Var<'t, T>) -> LatentNormal<'t, T> {
        LatentNormal::from_columns(encoded, self.covariance, self.latent_columns())
    }

    /// l.
    fn latent_columns(&self) -> usize {
        self.decoder.layers.first().expect("a decoder has a layer").weight.size(0)
    }

    /// The likelihood's parameters of each latent point.
    #[must_use]
    #[track_caller]
    pub fn outputs(&self, z: Var<'t, T>) -> Var<'t, T> {
        decoded(self.convolutions.as_ref(), &self.likelihood, self.decoder.forward(z))
    }

    /// The expected data of each latent point.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, z: Var<'t, T>) -> Var<'t, T> {
        self.likelihood.mean(self.outputs(z))
    }

    /// n rows of the model's own, `[n, d]`: latents from the prior, data from the likelihood, noise and all.
    #[must_use]
    pub fn sample(&self, n: usize, noise: Noise) -> Var<'t, T> {
        let z = self.sample_prior(n, noise.stream(0));
        self.likelihood.sample(self.outputs(z), noise.stream(1))
    }

    /// `log p(x | z)` of each row, in nats: `[n]` for latents `[n, l]`, `[K, n]` for K draws of them, `[K, n, l]`.
    #[must_use]
    #[track_caller]
    pub fn log_likelihood(&self, z: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
        if self.convolutions.is_some() {
            return self.likelihood.log_prob(self.outputs(z), x);
        }
        self.likelihood.log_prob_through(&self.decoder, z, x)
    }

    /// `log p(x, zₖ) − log q(zₖ | x)` of each row for K draws of z: `[n, d]` to `[K, n]`, in nats.
    ///
    /// The decoder sees all K n latent points at once.
    #[track_caller]
    pub(crate) fn log_weights(&self, x: Var<'t, T>, samples: usize, noise: Noise) -> Var<'t, T> {
        self.weights_of(self.encode(x), x, samples, noise)
    }

    /// The same from a posterior at hand.
    #[track_caller]
    fn weights_of(
        &self,
        posterior: LatentNormal<'t, T>,
        x: Var<'t, T>,
        samples: usize,
        noise: Noise,
    ) -> Var<'t, T> {
        let (z, log_posterior) = self.draw(posterior, samples, noise);
        self.log_likelihood(z, x) + self.log_prior(z) - log_posterior
    }

    /// The negative objective per datum.
    ///
    /// Of the [ELBO](Elbo) the parts are the expected log-likelihood, from one draw for each row, and the divergence, told in full; of an
    /// importance weighted bound they are those of [`Iwae`](crate::Iwae).
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        match self.objective {
            Objective::Elbo(elbo) => self.negative_elbo(elbo, self.kl_share, batch, noise),
            Objective::ImportanceWeighted { draws, gradient } => {
                self.negative_weighted_bound(draws, gradient, batch, noise)
            }
        }
    }

    /// The loss without its training wheels: the divergence counted in full, no bits free.
    pub fn validation(&self, batch: &Batch<'t, T>, noise: Noise) -> Var<'t, T> {
        match self.objective {
            Objective::Elbo(elbo) => {
                let elbo = Elbo { free_bits: 0.0, ..elbo };
                self.negative_elbo(elbo, 1.0, batch, noise).total
            }
            Objective::ImportanceWeighted { draws, .. } => {
                -self.weighted_bound(self.log_weights(batch.inputs, draws, noise)).mean(..)
            }
        }
    }
}

impl<T: Real> Model<T> for Vae<Array<T>> {
    fn loss<'t>(bound: &Vae<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }

    fn validation<'t>(bound: &Vae<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Var<'t, T> {
        bound.validation(batch, noise)
    }

    fn warm(&mut self, share: f64) {
        self.kl_share = share;
    }
}
