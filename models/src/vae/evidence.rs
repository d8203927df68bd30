//! `log p(x)` of a trained VAE by importance sampling, in log space.

use super::Vae;
use evidence_autodiff::{Array, Noise, Parameters, Real, Tape};
use ndarray::{Array1, ArrayView2};

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

impl<T: Real> Vae<Array<T>> {
    /// `log p(x)` of each row by importance sampling, beside the ELBO from the same draws.
    ///
    /// `log 1/K Σₖ p(x, zₖ) / q(zₖ | x)`, computed as a running logsumexp in f64: the largest weight is shifted out. The rows are encoded
    /// once.
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
        let encoded = {
            let encoded = self.bind_constant(&tape).encoded(tape.batch(x));
            encoded.value().to_owned().into_shared()
        };
        tape.reset();
        for sample in 0..samples {
            {
                let bound = self.bind_constant(&tape);
                let q = bound.posterior(tape.constant(&encoded));
                let log_weight = bound.weights_of(q, tape.batch(x), 1, noise.stream(sample as u64));
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
