//! A linear VAE is probabilistic PCA, whose maximum likelihood is known (Tipping and Bishop 1999): the ELBO has no other maximum than
//! it (Lucas and others 2019), since the posterior is a diagonal normal once the decoder's columns are orthogonal.
//!
//! With the covariance's eigenvalues `λ₁ ≥ … ≥ λ_d` and l latents: `σ² = mean of λ_{l+1} … λ_d`, and the mean log-likelihood
//! `−½ (d ln 2π + Σᵢ≤ₗ ln λᵢ + (d − l) ln σ² + d)`.

use evidence_autodiff::{Array, Noise, Path, Tree};
use evidence_layers::Activation;
use evidence_models::{Likelihood, Pca, Vae};
use evidence_optim::Adam;
use evidence_train::data::{DIGITS_MAX, Dataset, digits};
use evidence_train::{FitOptions, Schedule, fit};
use ndarray::{Array1, Array2, Axis, s};
use std::f64::consts::TAU;

const LATENTS: usize = 3;
type P = Array<f64>;

/// The parts of a linear VAE, in f64.
struct Linear {
    /// μ(x) = x A + a.
    mean: (Array2<f64>, Array1<f64>),
    /// ln σ(x) = x C + c.
    log_scale: (Array2<f64>, Array1<f64>),
    /// x = z W + b + σ ε.
    decoder: (Array2<f64>, Array1<f64>),
    variance: f64,
}

impl Linear {
    fn of(vae: &Vae<P>) -> Self {
        let weight = |leaf: &P| leaf.to_owned().into_dimensionality::<ndarray::Ix2>().unwrap();
        let bias = |leaf: &P| leaf.to_owned().into_dimensionality::<ndarray::Ix1>().unwrap();
        let (encoder, decoder) = (&vae.encoder.layers[0], &vae.decoder.layers[0]);
        let (w, b) = (weight(&encoder.weight), bias(&encoder.bias));
        let part = |range: std::ops::Range<usize>| {
            (w.slice(s![.., range.clone()]).to_owned(), b.slice(s![range]).to_owned())
        };
        Self {
            mean: part(0..LATENTS),
            log_scale: part(LATENTS..2 * LATENTS),
            decoder: (weight(&decoder.weight), bias(&decoder.bias)),
            variance: vae.likelihood.scale().unwrap().powi(2),
        }
    }

    /// The ELBO of each row without any draws: a linear decoder's expectations are known.
    fn elbo(&self, x: &Array2<f64>) -> Array1<f64> {
        let affine = |(w, b): &(Array2<f64>, Array1<f64>), x: &Array2<f64>| x.dot(w) + b;
        let (mean, log_scale) = (affine(&self.mean, x), affine(&self.log_scale, x));
        let spread = log_scale.mapv(|s| (2.0 * s).exp());
        let away = x - &affine(&self.decoder, &mean);
        let norms = self.decoder.0.mapv(|w| w * w).sum_axis(Axis(1));
        let squares = away.mapv(|e| e * e).sum_axis(Axis(1)) + spread.dot(&norms);
        let d = x.ncols() as f64;
        let log_likelihood =
            squares.mapv(|square| -0.5 * (square / self.variance + d * (TAU * self.variance).ln()));
        let divergence =
            (0.5 * (&spread + &mean.mapv(|m| m * m) - 1.0) - &log_scale).sum_axis(Axis(1));
        log_likelihood - divergence
    }

    /// log p(x) of each row: `x ~ N(b, Wᵀ W + σ² I)`, by Woodbury's identity and the determinant lemma with `M = W Wᵀ + σ² I`, l × l.
    fn log_prob(&self, x: &Array2<f64>) -> Array1<f64> {
        let (w, b) = &self.decoder;
        let (d, l) = (x.ncols() as f64, LATENTS as f64);
        let m = w.dot(&w.t()) + Array2::<f64>::eye(LATENTS) * self.variance;
        let eigen = Pca::fit(root(&m).view());
        let turn = &eigen.components;
        let log_det: f64 = eigen.variances.iter().map(|v| (v * l).ln()).sum::<f64>()
            + (d - l) * self.variance.ln();
        let centred = x - b;
        let inside = centred.dot(&w.t()).dot(turn);
        let squares = centred.outer_iter().zip(inside.outer_iter()).map(|(x, y)| {
            let within: f64 = y.iter().zip(&eigen.variances).map(|(y, v)| y * y / (v * l)).sum();
            (x.dot(&x) - within) / self.variance
        });
        squares.map(|square| -0.5 * (d * TAU.ln() + log_det + square)).collect()
    }
}

/// Rows ±rᵢ whose covariance about 0 is m / l, of a Cholesky factor r: [`Pca`] has the eigenvalues of covariances.
fn root(m: &Array2<f64>) -> Array2<f64> {
    let n = m.nrows();
    let mut factor = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let rest = m[[i, j]] - factor.row(i).dot(&factor.row(j));
            factor[[i, j]] = if i == j { rest.sqrt() } else { rest / factor[[j, j]] };
        }
    }
    let rows = factor.t().to_owned();
    ndarray::concatenate(Axis(0), &[rows.view(), (-&rows).view()]).unwrap()
}

fn mean(values: &Array1<f64>) -> f64 {
    values.mean().unwrap()
}

#[test]
fn a_linear_vae_reaches_the_likelihood_of_probabilistic_pca() {
    let pixels = digits().features().mapv(|x| x / DIGITS_MAX);
    let pca = Pca::fit(pixels.view());
    let (kept, left) = pca.variances.view().split_at(Axis(0), LATENTS);
    let (d, variance) = (64.0, left.mean().unwrap());
    let most =
        -0.5 * (d * TAU.ln() + kept.mapv(f64::ln).sum() + (d - LATENTS as f64) * variance.ln() + d);

    let data = Dataset::new(pixels.clone(), None).unwrap();
    let model = Vae::<Array<f32>>::new(
        &[64, LATENTS],
        Activation::Identity,
        Likelihood::gaussian(-1.0),
        Noise::new(1),
    );
    let options = FitOptions {
        epochs: 1000,
        batch: 100,
        schedule: Schedule::Cosine,
        ..FitOptions::default()
    };
    let mut adam = Adam::new(1.5e-2).unwrap();
    let fitted = fit(model, &data, None, &mut adam, &options, |_| {}).unwrap().model;
    let fitted: Vae<P> =
        fitted.map(&Path::root(), &mut |_, leaf| leaf.mapv(f64::from).into_shared());

    let linear = Linear::of(&fitted);
    let (elbo, log_prob) = (linear.elbo(&pixels), linear.log_prob(&pixels));
    assert!(elbo.iter().zip(&log_prob).all(|(elbo, log_prob)| elbo <= log_prob), "a lower bound");
    let (bound, likelihood) = (mean(&elbo), mean(&log_prob));
    assert!(likelihood <= most + 1e-9, "none is more likely: {likelihood}, at most {most}");
    assert!(most - bound < 0.01, "{bound} nats per datum, at most {most}");

    // The estimates of log p(x), against p(x) itself, in units of their own errors.
    let rows = pixels.slice(s![..200, ..]);
    let samples = 400;
    let evidence = fitted.evidence(rows, samples, Noise::new(5));
    let errors: Vec<f64> = (0..200)
        .map(|row| {
            let variance = 1.0 / evidence.effective_samples[row] - 1.0 / samples as f64;
            (evidence.log_prob[row] - log_prob[row]) / variance.sqrt()
        })
        .collect();
    let mean_square = errors.iter().map(|e| e * e).sum::<f64>() / 200.0;
    // A mean of 200 squares of normals: 1 ± 0.1; errors estimated from heavy-tailed weights come out a little small.
    assert!((0.6..1.6).contains(&mean_square), "{mean_square}");
}
