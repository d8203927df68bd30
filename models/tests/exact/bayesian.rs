//! The Bayesian network: its KL, and predictions from one draw and from many.

use crate::common::{P, bayesian, estimate, factorised, log_normal, normal, softplus};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::{Dense, MeanField};
use evidence_models::{Backprop, Batch, Likelihood, Rows};
use evidence_optim::{Adam, Optimizer};
use ndarray::Axis;

#[test]
fn the_kl_of_the_weights_is_a_sum_shared_by_the_data() {
    let model = bayesian(&[3, 4, 1], Likelihood::gaussian(0.0), Noise::new(4));
    let mut sum = 0.0;
    let prior = 0.7;
    for layer in &model.posterior {
        let q = factorised(layer);
        for ((_, mean), (_, rho)) in q.mean.named().iter().zip(&q.rho.named()) {
            for (&mean, &rho) in mean.iter().zip(rho) {
                let s = softplus(rho);
                sum += (prior / s).ln() + (s * s + mean * mean) / (2.0 * prior * prior) - 0.5;
            }
        }
    }
    let (x, y) = (normal(8, 3, Noise::new(5)), normal(8, 1, Noise::new(6)));
    let tape = Tape::new();
    let mut log_likelihoods = Vec::new();
    for data_size in [1, 8, 1599, 60_000] {
        let batch = Batch::new(tape.constant(&x), Some(tape.constant(&y)), data_size);
        let loss = model.bind(&tape).loss(&batch, Noise::new(7));
        let [(_, log_likelihood), (_, kl)] = loss.parts[..] else { panic!("two parts") };
        let share = sum / data_size as f64;
        assert!((kl.item() - share).abs() < 1e-12 * share, "{data_size}: {} {share}", kl.item());
        let total = kl.item() - log_likelihood.item();
        assert!((loss.total.item() - total).abs() < 1e-12 * total.abs());
        log_likelihoods.push(log_likelihood.item());
    }
    assert!(log_likelihoods.iter().all(|l| l == &log_likelihoods[0]), "{log_likelihoods:?}");
}

#[test]
fn a_linear_networks_predictive_moments_are_known() {
    let model = bayesian(&[3, 1], Likelihood::gaussian(-0.4), Noise::new(8));
    let x = normal(5, 3, Noise::new(9));
    let MeanField { mean: Dense { weight: w, bias: b }, rho: Dense { weight: rho_w, bias: rho_b } } =
        factorised(&model.posterior[0]);
    let draws = 4000;
    let predictive = model.predictive(x.view(), draws, Noise::new(10));
    let (mean, variance) = (predictive.mean(), predictive.epistemic_variance());
    for (row, x) in x.outer_iter().enumerate() {
        let expected = b[0] + x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
        let spread = softplus(rho_b[0]).powi(2)
            + x.iter().zip(rho_w).map(|(x, rho)| (x * softplus(*rho)).powi(2)).sum::<f64>();
        let n = draws as f64;
        assert!((mean[row] - expected).abs() < 4.0 * (spread / n).sqrt(), "row {row}");
        assert!((variance[row] - spread).abs() < 4.0 * spread * (2.0 / n).sqrt(), "row {row}");
    }
    let scale = model.likelihood.scale().unwrap();
    assert!(predictive.aleatoric_variance().iter().all(|v| (v - scale * scale).abs() < 1e-12));
}

#[test]
fn many_draws_are_the_mixture_of_single_ones() {
    let model = bayesian(&[2, 6, 1], Likelihood::gaussian(-1.0), Noise::new(11));
    let (x, y) =
        (normal(20, 2, Noise::new(12)), normal(20, 1, Noise::new(13)).remove_axis(Axis(1)));
    let noise = Noise::new(14);
    let draws = 30;
    let of = |draws| model.predictive(x.view(), draws, noise);
    let one = of(1);
    assert!(one.epistemic_variance().iter().all(|v| *v == 0.0), "one draw has no spread");
    // Single draws, out of the running means: m̄ₛ s − m̄ₛ₋₁ (s − 1).
    let mut single = vec![one.mean()];
    for s in 2..=draws {
        single.push(of(s).mean() * s as f64 - of(s - 1).mean() * (s - 1) as f64);
    }
    let scale = model.likelihood.scale().unwrap();
    let many = of(draws);
    let log_density = many.log_density(y.view());
    for (row, &y) in y.iter().enumerate() {
        let means: Vec<f64> = single.iter().map(|mean| mean[row]).collect();
        let (mean, error) = estimate(&means);
        let variance = error.powi(2) * (draws - 1) as f64;
        assert!((many.mean()[row] - mean).abs() < 1e-9);
        assert!((many.epistemic_variance()[row] - variance).abs() < 1e-9 * variance.max(1.0));
        assert!(variance > 1e-6, "draws of the weights differ");
        let densities = means.iter().map(|&m| log_normal(y, m, scale));
        let average = densities.clone().sum::<f64>() / draws as f64;
        let mixture = (densities.map(f64::exp).sum::<f64>() / draws as f64).ln();
        assert!((log_density[row] - mixture).abs() < 1e-6, "{} {mixture}", log_density[row]);
        assert!(log_density[row] >= average - 1e-9, "a mixture is never below its mean");
    }
}

#[test]
fn class_probabilities_are_averaged_over_draws() {
    let model = bayesian(&[2, 5, 3], Likelihood::Categorical, Noise::new(15));
    let x = normal(10, 2, Noise::new(16));
    let of = |draws| model.probabilities(x.view(), draws, Noise::new(17));
    for draws in [1, 2, 9] {
        let p = of(draws);
        assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(p.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-12));
    }
    let second = of(2) * 2.0 - of(1);
    assert!((&second - &of(1)).iter().any(|d| d.abs() > 1e-3), "two draws differ");
    assert!(second.iter().all(|p| (-1e-12..=1.0 + 1e-12).contains(p)), "the second is one too");
}

/// One class alone is a defined result: the prior keeps the logits finite, and some probability for the others.
#[test]
fn one_class_alone_leaves_a_doubt() {
    let net = evidence_layers::Mlp::new(&[2, 3], evidence_layers::Activation::Tanh, Noise::new(18));
    let mut model =
        evidence_models::BayesianNetwork::<P>::new(net, Likelihood::Categorical, 1.0, 0.1);
    let x = normal(20, 2, Noise::new(19));
    let y = ndarray::Array2::<f64>::zeros((20, 1));
    assert_eq!(model.likelihood.admit(y.view(), 3), Ok(()));
    let (inputs, targets) = (x.clone().into_dyn().into_shared(), y.into_dyn().into_shared());
    let (mut backprop, mut adam) = (Backprop::new(), Adam::new(0.05).unwrap());
    for step in 0..500 {
        let rows = Rows { inputs: &inputs, targets: Some(&targets), data_size: 20 };
        let (value, mut gradient) = backprop.gradient(&model, rows, Noise::new(20).stream(step));
        assert!(value.loss.is_finite());
        adam.step(&mut model, &mut gradient);
    }
    let p = model.probabilities(x.view(), 100, Noise::new(21));
    assert!(p.column(0).iter().all(|p| (0.5..0.999).contains(p)), "{p}");
}
