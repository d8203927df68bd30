//! The variational autoencoder (Kingma and Welling 2014).
//!
//! `log p(x) ≥ E_q[log p(x | z)] − KL(q(z | x) ‖ N(0, I))`, with `q(z | x) = N(μ(x), σ(x)²)` and the draw `z = μ + σ ε`. Both
//! parts are sums, over pixels and over latents: one number per row, in nats.

use crate::{Batch, Likelihood, Loss, Model};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var};
use evidence_layers::{Activation, DiagonalNormal, Mlp, standard_normal_log_prob};
use ndarray::{Array1, ArrayView2};

/// Encoder, decoder, and the likelihood of the data given the decoder's output.
#[derive(Clone, Debug)]
pub struct Vae<P> {
    /// From data to μ and ln σ, side by side.
    pub encoder: Mlp<P>,
    /// From latents to the likelihood's parameters.
    pub decoder: Mlp<P>,
    /// `p(x | decoded)`.
    pub likelihood: Likelihood<P>,
}

impl<T: Real> Vae<Array<T>> {
    /// Sizes from the data to the latents, `[64, 128, 2]`; the decoder mirrors them.
    ///
    /// # Panics
    /// With fewer than two sizes, or no latents.
    #[track_caller]
    pub fn new(
        sizes: &[usize],
        activation: Activation,
        likelihood: Likelihood<Array<T>>,
        noise: Noise,
    ) -> Self {
        let latents = sizes.last().copied().unwrap_or(0);
        assert!(latents > 0, "Vae: sizes {sizes:?} end in no latents; ask for at least one");
        let mut encoder = sizes.to_vec();
        encoder[sizes.len() - 1] = 2 * latents;
        let decoder: Vec<usize> = sizes.iter().rev().copied().collect();
        Self {
            encoder: Mlp::new(&encoder, activation, noise.stream(0)),
            decoder: Mlp::new(&decoder, activation, noise.stream(1)),
            likelihood,
        }
    }

    /// `log p(x)` of each row by importance sampling, beside the ELBO from the same draws.
    ///
    /// `log 1/K Σₖ p(x, zₖ) / q(zₖ | x)`, computed as a running logsumexp in f64: the largest weight is shifted out.
    /// In expectation it lies between the ELBO and log p(x), and rises with K (Burda and others 2016, theorem 1).
    ///
    /// # Panics
    /// If no samples are asked for.
    #[track_caller]
    pub fn evidence(&self, x: ArrayView2<'_, T>, samples: usize, noise: Noise) -> Evidence {
        assert!(samples > 0, "Vae: an importance estimate needs at least one sample");
        let rows = x.nrows();
        let mut largest = Array1::from_elem(rows, f64::NEG_INFINITY);
        let (mut sum, mut squares) = (Array1::<f64>::zeros(rows), Array1::<f64>::zeros(rows));
        let mut elbo = Array1::<f64>::zeros(rows);
        let mut tape = Tape::new();
        for sample in 0..samples {
            {
                let log_weight = self.bind_constant(&tape).log_weights(
                    tape.batch(x),
                    1,
                    noise.stream(sample as u64),
                );
                for (row, log_weight) in log_weight.data().iter().map(|w| w.to_f64()).enumerate() {
                    elbo[row] += log_weight / samples as f64;
                    if log_weight == f64::NEG_INFINITY {
                        // No weight at all; before the first that has some, −∞ − −∞ would be no number.
                        continue;
                    }
                    let before: f64 = largest[row];
                    let now = before.max(log_weight);
                    let (shrink, weight) = ((before - now).exp(), (log_weight - now).exp());
                    sum[row] = sum[row] * shrink + weight;
                    squares[row] = squares[row] * shrink * shrink + weight * weight;
                    largest[row] = now;
                }
            }
            tape.reset();
        }
        let log_samples = (samples as f64).ln();
        let log_prob = &largest + &sum.mapv(f64::ln) - log_samples;
        Evidence { elbo, log_prob, effective_samples: &sum * &sum / &squares }
    }
}

/// What is known of `log p(x)`, for each row, in nats.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The evidence lower bound, averaged over the draws.
    pub elbo: Array1<f64>,
    /// The importance estimate of `log p(x)`.
    pub log_prob: Array1<f64>,
    /// (Σ w)² / Σ w²: how many equally weighted draws the estimate is worth.
    pub effective_samples: Array1<f64>,
}

impl<P> Tree<P> for Vae<P> {
    type With<Q> = Vae<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Vae<Q> {
        Vae {
            encoder: self.encoder.map(&path.field("encoder"), f),
            decoder: self.decoder.map(&path.field("decoder"), f),
            likelihood: self.likelihood.map(&path.field("likelihood"), f),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { encoder, decoder, likelihood } = self;
        encoder.leaves_mut(out);
        decoder.leaves_mut(out);
        likelihood.leaves_mut(out);
    }
}

impl<'t, T: Real> Vae<Var<'t, T>> {
    /// q(z | x).
    #[must_use]
    #[track_caller]
    pub fn encode(&self, x: Var<'t, T>) -> DiagonalNormal<'t, T> {
        DiagonalNormal::from_columns(self.encoder.forward(x))
    }

    /// The expected data of each latent point.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, z: Var<'t, T>) -> Var<'t, T> {
        self.likelihood.mean(self.decoder.forward(z))
    }

    /// `log p(x | z)` of each row, in nats: `[n]` for latents `[n, l]`, `[K, n]` for K draws of them, `[K, n, l]`.
    #[must_use]
    #[track_caller]
    pub fn log_likelihood(&self, z: Var<'t, T>, x: Var<'t, T>) -> Var<'t, T> {
        match (&self.likelihood, self.decoder.layers.last()) {
            // One op, which does not keep the logits.
            (Likelihood::Bernoulli, Some(last)) if self.decoder.output == Activation::Identity => {
                self.decoder.hidden(z).affine_bernoulli_log_prob(last.weight, last.bias, x)
            }
            _ => self.likelihood.log_prob(self.decoder.forward(z), x),
        }
    }

    /// `log p(x, zₖ) − log q(zₖ | x)` of each row for K draws of z: `[n, d]` to `[K, n]`, in nats.
    ///
    /// The decoder sees all K n latent points at once.
    #[track_caller]
    pub(crate) fn log_weights(&self, x: Var<'t, T>, samples: usize, noise: Noise) -> Var<'t, T> {
        let (z, log_posterior) = self.encode(x).rsample_with_log_prob(samples, noise);
        self.log_likelihood(z, x) + standard_normal_log_prob(z) - log_posterior
    }
}

impl<'t, T: Real> Vae<Var<'t, T>> {
    /// The negative ELBO per datum: one draw of z for each row, the KL in closed form.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let q = self.encode(batch.inputs);
        let log_likelihood = self.log_likelihood(q.rsample(noise), batch.inputs).mean(..);
        let kl = q.kl_to_standard().mean(..);
        Loss {
            total: kl - log_likelihood,
            parts: vec![("log-likelihood", log_likelihood), ("KL of the latents", kl)],
        }
    }
}

impl<T: Real> Model<T> for Vae<Array<T>> {
    fn loss<'t>(bound: &Vae<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }
}
