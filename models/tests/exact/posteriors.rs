//! Posteriors, priors and estimators: draws, divergences and gradients beside what they are in closed form.

use crate::common::{
    P, cholesky, estimate, log_normal, log_normal_of, normal, scrambled, softplus,
    within_four_errors,
};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Noise, Parameters, Path, Tape, Tree, Var};
use evidence_layers::{
    Activation, BayesianDense, Dense, Estimator, Init, Mlp, Posterior, PosteriorKind, Prior,
};
use evidence_models::{Backprop, Batch, BayesianNetwork, Likelihood, Rows};
use evidence_optim::{Adam, Optimizer};
use ndarray::{Array1, Array2};

const KINDS: [PosteriorKind; 4] = [
    PosteriorKind::PointMass,
    PosteriorKind::MeanField,
    PosteriorKind::LowRank(2),
    PosteriorKind::FullCovariance,
];

fn layer(kind: PosteriorKind, prior: Prior<P>, noise: Noise) -> BayesianDense<P> {
    let posterior = kind.around(Dense::new(2, 2, Init::He, noise), 0.4, noise.stream(1));
    scrambled(&BayesianDense { posterior, prior }, 0.6, noise.stream(2))
}

fn flat(tree: &impl Tree<P>) -> Vec<f64> {
    let mut all = Vec::new();
    tree.map(&Path::root(), &mut |_, leaf| all.extend(leaf.iter().copied()));
    all
}

/// Mean and covariance of a posterior, from its parameters as they are documented.
fn moments(q: &Posterior<Dense<P>, P>) -> (Vec<f64>, Array2<f64>) {
    let mean = flat(q.mean());
    let n = mean.len();
    let diagonal = |rho: &Dense<P>| -> Array2<f64> {
        let variances = flat(rho).into_iter().map(|rho| softplus(rho).powi(2));
        Array2::from_diag(&variances.collect::<Array1<f64>>())
    };
    let covariance = match q {
        Posterior::PointMass(_) => Array2::zeros((n, n)),
        Posterior::MeanField(q) => diagonal(&q.rho),
        Posterior::LowRank(q) => {
            let rank = q.directions.bias.shape()[0];
            let mut v = Array2::zeros((n, rank));
            for k in 0..rank {
                let weights = q.directions.weight.index_axis(ndarray::Axis(0), k);
                let biases = q.directions.bias.index_axis(ndarray::Axis(0), k);
                for (i, x) in weights.iter().chain(&biases).enumerate() {
                    v[[i, k]] = *x;
                }
            }
            diagonal(&q.rho) + v.dot(&v.t())
        }
        Posterior::FullCovariance(q) => q.covariance(),
    };
    (mean, covariance)
}

fn draw(layer: &BayesianDense<P>, noise: Noise) -> Vec<f64> {
    let tape = Tape::new();
    let drawn = layer.bind_constant(&tape).rsample(noise, 6);
    [drawn.weight.data(), drawn.bias.data()].concat()
}

#[test]
fn draws_have_the_mean_and_covariance_that_the_parameters_say() {
    for (seed, kind) in KINDS.into_iter().enumerate() {
        let noise = Noise::new(seed as u64);
        let layer = layer(kind, Prior::normal(1.0).unwrap(), noise);
        let (mean, covariance) = moments(&layer.posterior);
        let draws: Vec<Vec<f64>> = (0..4000).map(|s| draw(&layer, noise.stream(100 + s))).collect();
        let n = draws.len() as f64;
        for i in 0..mean.len() {
            let column: Vec<f64> = draws.iter().map(|w| w[i]).collect();
            if kind == PosteriorKind::PointMass {
                assert!(column.iter().all(|w| *w == mean[i]), "a point is a point");
                continue;
            }
            within_four_errors(&format!("{kind:?}, mean {i}"), &column, mean[i]);
            for j in 0..=i {
                let product = draws.iter().map(|w| (w[i] - mean[i]) * (w[j] - mean[j]));
                let found = product.sum::<f64>() / n;
                let [a, b, c] = [(i, i), (j, j), (i, j)].map(|at| covariance[at]);
                let error = ((a * b + c * c) / n).sqrt();
                assert!((found - c).abs() <= 4.5 * error, "{kind:?}, {i} {j}: {found}, not {c}");
            }
        }
    }
}

fn priors() -> [(&'static str, Prior<P>); 5] {
    [
        ("normal", Prior::normal(0.7).unwrap()),
        ("learned", Prior::learned(1.3).unwrap()),
        ("Laplace", Prior::laplace(0.5).unwrap()),
        ("two normals", Prior::two_normals(0.3, 1.2, 0.2).unwrap()),
        ("horseshoe", Prior::horseshoe(0.4).unwrap()),
    ]
}

fn log_prior(prior: &Prior<P>, w: f64) -> f64 {
    match prior {
        Prior::Normal { scale } => log_normal(w, 0.0, *scale),
        Prior::Learned { log_scale } => log_normal(w, 0.0, log_scale[[]].exp()),
        Prior::Laplace { scale } => -w.abs() / scale - (2.0 * scale).ln(),
        Prior::TwoNormals { wide_share, wide, narrow } => {
            let each = wide_share * log_normal(w, 0.0, *wide).exp()
                + (1.0 - wide_share) * log_normal(w, 0.0, *narrow).exp();
            each.ln()
        }
        Prior::Horseshoe { scale } => {
            // By the ratio whose integral is known: its pole rounded at a thousandth of the scale.
            let (a, b) = (scale * 1.0_f64.hypot(1e-3), scale * 1e-3);
            let ratio = (w * w + a * a) / (w * w + b * b);
            (ratio.ln() / (2.0 * std::f64::consts::PI * (a - b))).ln()
        }
    }
}

#[test]
fn divergences_are_their_monte_carlo_estimates() {
    for kind in KINDS {
        for (seed, (name, prior)) in priors().into_iter().enumerate() {
            let noise = Noise::new(seed as u64);
            let layer = layer(kind, prior, noise);
            let prior = &layer.prior;
            let (mean, covariance) = moments(&layer.posterior);
            let kl = |noise| {
                let tape = Tape::new();
                layer.bind_constant(&tape).kl(None, noise, 0).item()
            };
            if kind == PosteriorKind::PointMass {
                let density: f64 = mean.iter().map(|&w| log_prior(prior, w)).sum();
                assert!((kl(noise) + density).abs() <= 1e-12 * density.abs(), "{name}: MAP");
                continue;
            }
            let draws = (0..4000).map(|s| {
                let w = draw(&layer, noise.stream(100 + s));
                let density: f64 = w.iter().map(|&w| log_prior(prior, w)).sum();
                log_normal_of(&w, &mean, &covariance) - density
            });
            let draws: Vec<f64> = draws.collect();
            let what = format!("{kind:?}, {name}");
            if prior.needs_draws() {
                // Both are estimates: by draws of their own, the mean of the difference is 0.
                let estimates: Vec<f64> = (0..4000).map(|s| kl(noise.stream(9000 + s))).collect();
                let ((a, ea), (b, eb)) = (estimate(&draws), estimate(&estimates));
                assert!((a - b).abs() <= 4.0 * ea.hypot(eb), "{what}: {a} ± {ea}, {b} ± {eb}");
            } else {
                assert_eq!(kl(noise), kl(noise.stream(1)), "{what}: closed, so without draws");
                within_four_errors(&what, &draws, kl(noise));
            }
        }
    }
}

/// A linear layer of 3 inputs and 2 outputs, under a likelihood of known noise.
fn linear(kind: PosteriorKind, estimator: Estimator) -> Option<BayesianNetwork<P>> {
    let net = Mlp::new(&[3, 2], Activation::Tanh, Noise::new(1));
    let model = BayesianNetwork::with_posteriors(
        net,
        Likelihood::known_gaussian(0.8),
        &Prior::normal(1.0).unwrap(),
        &[kind],
        0.4,
        Noise::new(2),
    );
    scrambled(&model, 0.6, Noise::new(3)).with_estimator(estimator).ok()
}

/// Every coordinate of the gradient of the mean log-likelihood, draw after draw.
fn gradients(
    model: &BayesianNetwork<P>,
    x: &Array2<f64>,
    y: &Array2<f64>,
    draws: u64,
) -> Vec<Vec<f64>> {
    let mut tape = Tape::new();
    let each = (0..draws).map(|s| {
        let flat = {
            let bound = model.bind(&tape);
            let batch = Batch::new(tape.constant(x), Some(tape.constant(y)), x.nrows());
            let loss = bound.validation(&batch, Noise::new(50).stream(s));
            let gradient = loss.backward().of(&bound);
            let mut flat = Vec::new();
            gradient.map(&Path::root(), &mut |_, leaf| flat.extend_from_slice(leaf.data()));
            flat
        };
        tape.reset();
        flat
    });
    each.collect()
}

fn square<'t>(rho: Var<'t, f64>) -> Var<'t, f64> {
    rho.softplus().square()
}

/// What independent weights add to the variance of all outputs together.
fn own<'t>(x: Var<'t, f64>, rho: &Dense<Var<'t, f64>>) -> Var<'t, f64> {
    x.square().affine(square(rho.weight), square(rho.bias)).sum(..)
}

/// Direction k of a leaf.
fn row<'t>(v: Var<'t, f64>, k: usize) -> Var<'t, f64> {
    v.slice(0, k..k + 1).reshape(&v.shape()[1..])
}

/// The exact gradient: `E (y − x W − b)² = (y − x μ − b̄)² + aᵀ Σ a` with `a` the row of inputs of an output's weights.
fn exact(model: &BayesianNetwork<P>, x: &Array2<f64>, y: &Array2<f64>) -> Vec<f64> {
    let tape = Tape::new();
    let bound = model.bind(&tape);
    let (xv, yv) = (tape.constant(x), tape.constant(y));
    let q = &bound.posterior[0].posterior;
    let mean = q.mean();
    let miss = (yv - xv.affine(mean.weight, mean.bias)).square().sum(..);
    let variance = match q {
        Posterior::PointMass(_) => tape.scalar(0.0),
        Posterior::MeanField(q) => own(xv, &q.rho),
        Posterior::LowRank(q) => {
            let mut sum = own(xv, &q.rho);
            for k in 0..2 {
                let along = xv.affine(row(q.directions.weight, k), row(q.directions.bias, k));
                sum = sum + along.square().sum(..);
            }
            sum
        }
        Posterior::FullCovariance(q) => {
            // Var of output o for a row x: |Lᵀ a|² with a = (x at the weights of o, 1 at its bias).
            let diagonal = Var::concat(&[q.rho.weight.reshape(&[6]), q.rho.bias], 0).softplus();
            let eye = tape.constant(Array2::<f64>::eye(8));
            let l = q.factor.strictly_lower() * 8.0_f64.powf(-0.5) + eye * diagonal;
            let mut a = Array2::zeros((2 * x.nrows(), 8));
            for (n, row) in x.outer_iter().enumerate() {
                for o in 0..2 {
                    for i in 0..3 {
                        a[[2 * n + o, 2 * i + o]] = row[i];
                    }
                    a[[2 * n + o, 6 + o]] = 1.0;
                }
            }
            tape.constant(a).matmul(l).square().sum(..)
        }
    };
    let loss = (miss + variance) * (0.5 / (0.8 * 0.8) / x.nrows() as f64);
    let gradient = loss.backward().of(&bound);
    let mut flat = Vec::new();
    gradient.map(&Path::root(), &mut |_, leaf| flat.extend_from_slice(leaf.data()));
    flat
}

#[test]
fn every_estimator_is_unbiased_where_the_gradient_is_known() {
    let (x, y) = (normal(6, 3, Noise::new(4)), normal(6, 2, Noise::new(5)));
    let mut compared = 0;
    for kind in KINDS {
        for estimator in Estimator::ALL {
            let Some(model) = linear(kind, estimator) else {
                assert_eq!(kind, PosteriorKind::FullCovariance);
                continue;
            };
            let truth = exact(&model, &x, &y);
            let draws = gradients(&model, &x, &y, 3000);
            for (i, truth) in truth.into_iter().enumerate() {
                let column: Vec<f64> = draws.iter().map(|gradient| gradient[i]).collect();
                let (mean, error) = estimate(&column);
                let bound = 4.0 * error + 1e-12;
                assert!(
                    (mean - truth).abs() <= bound,
                    "{kind:?}, {}, coordinate {i}: {mean} ± {error}, in truth {truth}",
                    estimator.name()
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 100);
}

#[test]
fn estimators_agree_on_a_network_and_differ_in_variance() {
    let net = Mlp::new(&[3, 5, 1], Activation::Tanh, Noise::new(1));
    let model = BayesianNetwork::new(net, Likelihood::known_gaussian(0.5), 1.0, 0.3);
    let (x, y) = (normal(40, 3, Noise::new(4)), normal(40, 1, Noise::new(5)));
    let of = |estimator| {
        let model = model.clone().with_estimator(estimator).unwrap();
        gradients(&model, &x, &y, 2000)
    };
    let all = Estimator::ALL.map(of);
    let mut variances = [0.0; 3];
    for i in 0..all[0][0].len() {
        let column = |e: usize| -> Vec<f64> { all[e].iter().map(|g| g[i]).collect() };
        let of = [0, 1, 2].map(|e| estimate(&column(e)));
        for other in [1, 2] {
            let gap = (of[0].0 - of[other].0).abs();
            assert!(gap <= 4.5 * of[0].1.hypot(of[other].1), "coordinate {i}: {of:?}");
        }
        for (sum, (_, error)) in variances.iter_mut().zip(of) {
            *sum += error * error;
        }
    }
    // The shared draw does not average out over the rows of a batch; the others do.
    assert!(
        variances[1] < 0.5 * variances[0] && variances[2] < 0.7 * variances[0],
        "{variances:?}"
    );
}

#[test]
fn a_low_rank_posterior_is_no_diagonal_one() {
    let layer = layer(PosteriorKind::LowRank(2), Prior::normal(1.0).unwrap(), Noise::new(1));
    let (_, covariance) = moments(&layer.posterior);
    assert!(covariance[[1, 0]].abs() > 1e-3);
    // The determinant by the lemma is that of the matrix itself.
    let tape = Tape::new();
    let half = layer.posterior.bind_constant(&tape).half_log_det().unwrap().item();
    let direct: f64 = cholesky(&covariance).diag().iter().map(|l| l.ln()).sum();
    assert!((half - direct).abs() <= 1e-12 * direct.abs().max(1.0), "{half} {direct}");
}

/// Whatever the posterior and the estimator: a step's gradient has the same bits on any number of threads.
#[test]
fn gradients_have_the_same_bits_on_any_number_of_threads() {
    let (x, y) = (normal(300, 30, Noise::new(4)), normal(300, 1, Noise::new(5)));
    let mut compared = 0;
    for kind in KINDS {
        for estimator in Estimator::ALL {
            let net = Mlp::new(&[30, 40, 2], Activation::Relu, Noise::new(1));
            // The first layer's factor would have 1,240² entries.
            let first =
                if kind == PosteriorKind::FullCovariance { PosteriorKind::MeanField } else { kind };
            let prior = Prior::two_normals(0.5, 1.0, 0.1).unwrap();
            let noise = Noise::new(2);
            let likelihood = Likelihood::PredictedGaussian;
            let model = BayesianNetwork::<P>::with_posteriors(
                net,
                likelihood,
                &prior,
                &[first, kind],
                0.1,
                noise,
            );
            let Ok(model) = model.with_draws(2).with_estimator(estimator) else { continue };
            let on = |threads| {
                with_threads(threads, || {
                    let tape = Tape::new();
                    let bound = model.bind(&tape);
                    let batch = Batch::new(tape.constant(&x), Some(tape.constant(&y)), 300);
                    let gradient = bound.loss(&batch, Noise::new(3)).total.backward().of(&bound);
                    let mut bits = Vec::new();
                    gradient.map(&Path::root(), &mut |_, leaf| {
                        bits.extend(leaf.data().iter().map(|g| g.to_bits()));
                    });
                    bits
                })
            };
            let alone = on(1);
            assert!(
                [2, 3, 8].into_iter().all(|threads| on(threads) == alone),
                "{kind:?} {estimator:?}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 10);
}

/// Adam's first step moves every number by its rate r. A weight's scale then grows by at most r through ρ, and r through its row of the
/// factor, however many weights the layer has.
#[test]
fn a_step_moves_the_scales_of_a_full_covariance_no_further_than_its_means() {
    let (rate, scale) = (0.01, 0.05);
    for hidden in [2, 30] {
        let net = Mlp::new(&[20, hidden, 1], Activation::Relu, Noise::new(1));
        let prior = Prior::normal(0.5).unwrap();
        let (kinds, likelihood) = ([PosteriorKind::FullCovariance; 2], Likelihood::gaussian(0.0));
        let mut model = BayesianNetwork::<P>::with_posteriors(
            net,
            likelihood,
            &prior,
            &kinds,
            scale,
            Noise::new(2),
        );
        let table =
            |columns, stream| normal(40, columns, Noise::new(stream)).into_dyn().into_shared();
        let (x, y) = (table(20, 4), table(1, 5));
        let rows = Rows { inputs: &x, targets: Some(&y), data_size: 40 };
        let (_, mut gradient) = Backprop::new().gradient(&model, rows, Noise::new(6));
        Adam::new(rate).unwrap().step(&mut model, &mut gradient);
        let scales = model.weights().concat();
        let widest = scales.iter().fold(0.0, |widest: f64, (_, scale)| widest.max(*scale));
        assert!(widest > scale + 0.1 * rate, "it has moved: {widest}");
        assert!(widest <= scale + 2.0 * rate, "{hidden} units: {widest}");
    }
}
