//! The variational autoencoder, and a linear one whose p(x) is known.

use crate::common::{LN_TAU, P, estimate, log_normal, normal, scrambled, within_four_errors};
use evidence_autodiff::Noise;
use evidence_layers::Activation;
use evidence_models::{Likelihood, Vae};
use ndarray::{Array1, Array2, Axis, arr1};

#[test]
fn the_importance_estimate_is_never_below_the_elbo_of_its_draws() {
    for (seed, likelihood) in
        [Likelihood::Bernoulli, Likelihood::gaussian(-0.5)].into_iter().enumerate()
    {
        let noise = Noise::new(seed as u64);
        let model = Vae::<P>::new(&[5, 7, 2], Activation::Tanh, likelihood, noise);
        let model = scrambled(&model, 0.8, noise.stream(9));
        let x = normal(30, 5, noise.stream(1)).mapv(|y| f64::from(u8::from(y > 0.0)));
        for samples in [1, 2, 3, 50] {
            let evidence = model.evidence(x.view(), samples, noise.stream(2));
            for (row, (bound, log_prob)) in evidence.elbo.iter().zip(&evidence.log_prob).enumerate()
            {
                let slack = 1e-12 * bound.abs();
                assert!(*log_prob >= bound - slack, "{samples}, row {row}: {log_prob} {bound}");
                if samples == 1 {
                    assert!((log_prob - bound).abs() <= slack, "one draw has one weight");
                } else {
                    assert!(log_prob - bound > 1e-6, "weights differ: {log_prob} {bound}");
                }
            }
            let worth = &evidence.effective_samples;
            assert!(
                worth.iter().all(|n| (1.0 - 1e-9..=samples as f64 + 1e-9).contains(n)),
                "{worth}"
            );
        }
    }
}

/// x = z W + b + σ ε with orthogonal rows of W: p(x), p(z | x) and hence the best encoder are known.
pub struct Linear {
    pub model: Vae<P>,
    /// log p(x) for each row.
    pub log_prob: Array1<f64>,
    /// KL(q(z | x) ‖ p(z | x)) for each row.
    pub gap: Array1<f64>,
    pub x: Array2<f64>,
}

/// The posterior's mean is shifted, and its scale multiplied, by what is given.
pub fn linear(shift: f64, stretch: f64) -> Linear {
    let (norms, sigma) = ([2.0_f64, 0.5], 0.6_f64);
    let w = ndarray::arr2(&[
        [norms[0] * 0.6, norms[0] * 0.8, 0.0, 0.0],
        [0.0, 0.0, norms[1] * 0.8, -norms[1] * 0.6],
    ]);
    let b = arr1(&[0.5, -1.0, 0.0, 2.0]);
    // p(z | x) = N(m, s²), s² = σ² / (σ² + |w|²), m = (x − b) wᵀ / (σ² + |w|²), for each latent.
    let total = norms.map(|norm| sigma * sigma + norm * norm);
    let scale = total.map(|total| sigma / total.sqrt());
    let mut back = w.t().to_owned();
    back.column_mut(0).mapv_inplace(|v| v / total[0]);
    back.column_mut(1).mapv_inplace(|v| v / total[1]);
    let mut model = Vae::<P>::new(
        &[4, 2],
        Activation::Identity,
        Likelihood::gaussian(sigma.ln()),
        Noise::new(0),
    );
    let encoder = &mut model.encoder.layers[0];
    encoder.weight.fill(0.0);
    for (latent, scale) in scale.into_iter().enumerate() {
        let column = back.column(latent);
        encoder.bias[latent] = shift * scale - b.dot(&column);
        encoder.bias[2 + latent] = (stretch * scale).ln();
        encoder.weight.index_axis_mut(Axis(1), latent).assign(&column.into_dyn());
    }
    model.decoder.layers[0].weight.assign(&w.clone().into_dyn());
    model.decoder.layers[0].bias.assign(&b.clone().into_dyn());

    let x = normal(6, 4, Noise::new(3)) * 1.5;
    let log_prob = x.outer_iter().map(|x| {
        let c = &x - &b;
        // x has the variance σ² + |w|² along each w, and σ² across them.
        let along = [0, 1].map(|k| c.dot(&w.row(k)) / norms[k]);
        let across = (c.dot(&c) - along[0].powi(2) - along[1].powi(2)).max(0.0);
        let inside: f64 = (0..2).map(|k| log_normal(along[k], 0.0, total[k].sqrt())).sum();
        inside - 0.5 * across / sigma.powi(2) - 2.0 * sigma.ln() - LN_TAU
    });
    // The same for each latent, measured in the posterior's own scale.
    let gap = 2.0 * (0.5 * (stretch * stretch + shift * shift - 1.0) - stretch.ln());
    let log_prob: Array1<f64> = log_prob.collect();
    let gap = Array1::from_elem(log_prob.len(), gap);
    Linear { model, log_prob, gap, x }
}

#[test]
fn with_the_true_posterior_every_draw_knows_the_evidence() {
    let Linear { model, log_prob, gap, x } = linear(0.0, 1.0);
    assert!(gap.iter().all(|gap| *gap == 0.0));
    let evidence = model.evidence(x.view(), 5, Noise::new(1));
    for (row, truth) in log_prob.iter().enumerate() {
        for value in [evidence.elbo[row], evidence.log_prob[row]] {
            assert!((value - truth).abs() < 1e-10, "row {row}: {value}, in truth {truth}");
        }
        assert!((evidence.effective_samples[row] - 5.0).abs() < 1e-9);
    }
}

#[test]
fn with_another_posterior_the_elbo_falls_short_by_its_divergence_and_the_estimate_converges() {
    for (shift, stretch) in [(0.5, 1.0), (0.0, 1.5), (-0.4, 1.2)] {
        let Linear { model, log_prob, gap, x } = linear(shift, stretch);
        // Independent repetitions: their spread is the error.
        let (samples, repetitions) = (400, 40);
        let runs: Vec<_> = (0..repetitions)
            .map(|i| model.evidence(x.view(), samples, Noise::new(7).stream(i)))
            .collect();
        for (row, &truth) in log_prob.iter().enumerate() {
            let elbo: Vec<f64> = runs.iter().map(|run| run.elbo[row]).collect();
            within_four_errors("the ELBO", &elbo, truth - gap[row]);
            // The mean of the weights is without bias; its logarithm is not.
            let ratio: Vec<f64> =
                runs.iter().map(|run| (run.log_prob[row] - truth).exp()).collect();
            within_four_errors("the weights' mean", &ratio, 1.0);
            let (mean, _) = estimate(&ratio);
            assert!((mean - 1.0).abs() < 0.05, "{samples} draws come close: {mean}");
            assert!(estimate(&elbo).0 < truth - 0.8 * gap[row], "the bound stays below");
        }
    }
}
