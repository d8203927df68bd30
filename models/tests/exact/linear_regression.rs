//! Bayesian linear regression with known noise: posterior and log evidence in closed form, and variational Bayes beside them.
//!
//! With Φ the inputs and a column of ones: `Λ = I/s² + ΦᵀΦ/σ²`, `m = Λ⁻¹ Φᵀy/σ²`, `p(y) = N(y; 0, σ² I + s² ΦΦᵀ)` (Bishop 2006,
//! eq. 3.50–3.51).

use crate::common::{LN_TAU, P, inverse, log_normal_of, normal, softplus};
use evidence_autodiff::{Array, Noise, Parameters, Tape};
use evidence_layers::{Activation, Estimator, Mlp, Posterior, PosteriorKind, Prior};
use evidence_models::{Backprop, BayesianNetwork, Likelihood, Rows};
use evidence_optim::{Adam, Optimizer, schedule};
use ndarray::{Array1, Array2, Axis, concatenate};

const NOISE: f64 = 0.15;
const PRIOR: f64 = 1.2;
const ROWS: usize = 12;

/// Rows, and what is known of them.
struct Problem {
    x: Array2<f64>,
    y: Array2<f64>,
    precision: Array2<f64>,
    mean: Array1<f64>,
    log_evidence: f64,
}

fn problem() -> Problem {
    let mut x = normal(ROWS, 3, Noise::new(1));
    // Correlated inputs, so that the posterior is far from factorised.
    let first = x.column(0).to_owned();
    x.column_mut(1).zip_mut_with(&first, |b, a| *b = 0.8 * a + 0.6 * *b);
    let w = ndarray::arr1(&[0.7, -1.1, 0.4]);
    let noise = normal(ROWS, 1, Noise::new(2)) * NOISE;
    let y = x.dot(&w).insert_axis(Axis(1)) + 0.3 + noise;
    solved(x, y)
}

/// Posterior and evidence in closed form.
fn solved(x: Array2<f64>, y: Array2<f64>) -> Problem {
    let phi = phi(&x);
    let (n, d) = phi.dim();
    let precision = Array2::<f64>::eye(d) / (PRIOR * PRIOR) + phi.t().dot(&phi) / (NOISE * NOISE);
    let mean = inverse(&precision).dot(&phi.t().dot(&y.column(0))) / (NOISE * NOISE);
    let marginal = Array2::<f64>::eye(n) * (NOISE * NOISE) + phi.dot(&phi.t()) * (PRIOR * PRIOR);
    let log_evidence = log_normal_of(&y.column(0).to_vec(), &vec![0.0; n], &marginal);
    Problem { x, y, precision, mean, log_evidence }
}

/// Inputs, and a column of ones.
fn phi(x: &Array2<f64>) -> Array2<f64> {
    concatenate(Axis(1), &[x.view(), Array2::ones((x.nrows(), 1)).view()]).unwrap()
}

fn fit(problem: &Problem, kind: PosteriorKind, estimator: Estimator) -> BayesianNetwork<P> {
    let net = Mlp::new(&[3, 1], Activation::Tanh, Noise::new(0));
    let prior = Prior::normal(PRIOR).unwrap();
    let likelihood = Likelihood::known_gaussian(NOISE);
    let mut model =
        BayesianNetwork::with_posteriors(net, likelihood, &prior, &[kind], 0.3, Noise::new(1))
            .with_estimator(estimator)
            .unwrap()
            .with_draws(16);
    let shared = |table: &Array2<f64>| -> Array<f64> { table.clone().into_dyn().into_shared() };
    let (x, y) = (shared(&problem.x), shared(&problem.y));
    let (mut backprop, mut adam) = (Backprop::new(), Adam::new(5e-3).unwrap());
    let steps = 16_000;
    for step in 0..steps {
        let rows = Rows { inputs: &x, targets: Some(&y), data_size: problem.x.nrows() };
        let (_, mut gradient) = backprop.gradient(&model, rows, Noise::new(7).stream(step));
        adam.set_factor(schedule::cosine(step, 0, steps));
        adam.step(&mut model, &mut gradient);
    }
    model
}

/// Mean and covariance that were found.
fn found(model: &BayesianNetwork<P>) -> (Array1<f64>, Array2<f64>) {
    let q = &model.posterior[0].posterior;
    let flat = |layer: &evidence_layers::Dense<P>| -> Array1<f64> {
        layer.weight.iter().chain(layer.bias.iter()).copied().collect()
    };
    let covariance = match q {
        Posterior::MeanField(q) => {
            Array2::from_diag(&flat(&q.rho).mapv(|rho| softplus(rho).powi(2)))
        }
        Posterior::FullCovariance(q) => q.covariance(),
        _ => panic!("another posterior"),
    };
    (flat(q.mean()), covariance)
}

/// The ELBO in nats, all rows together: `E_q log p(y | w)` by the moments, and the KL as the model tells it.
fn elbo(problem: &Problem, model: &BayesianNetwork<P>) -> f64 {
    let (mean, covariance) = found(model);
    let phi = phi(&problem.x);
    let miss = &problem.y.column(0) - &phi.dot(&mean);
    let spread: f64 = phi.outer_iter().map(|row| row.dot(&covariance.dot(&row))).sum();
    let square = miss.dot(&miss) + spread;
    let log_likelihood =
        -0.5 * square / (NOISE * NOISE) - phi.nrows() as f64 * (NOISE.ln() + 0.5 * LN_TAU);
    let tape = Tape::new();
    let kl = model.posterior[0].bind_constant(&tape).kl(None, Noise::new(0), 0).item();
    log_likelihood - kl
}

fn largest(a: impl IntoIterator<Item = f64>) -> f64 {
    // A NaN is the largest.
    a.into_iter().map(f64::abs).max_by(f64::total_cmp).expect("numbers")
}

#[test]
fn a_full_covariance_finds_the_exact_posterior_and_the_evidence() {
    let problem = problem();
    let model = fit(&problem, PosteriorKind::FullCovariance, Estimator::Shared);
    let (mean, covariance) = found(&model);
    let off_mean = largest(&mean - &problem.mean);
    let off = largest(&covariance - &inverse(&problem.precision));
    assert!(off_mean <= 1e-3 && off <= 1e-3, "mean off by {off_mean:e}, covariance by {off:e}");
    let gap = problem.log_evidence - elbo(&problem, &model);
    assert!((-1e-9..=1e-3).contains(&gap), "{gap} nats below the log evidence");
}

#[test]
fn a_mean_field_finds_the_exact_means_and_the_diagonal_of_the_precision() {
    let problem = problem();
    let optimum = problem.precision.diag().mapv(|p| 1.0 / p);
    // What it must fall short by: KL of the best factorised normal from the posterior.
    let covariance = inverse(&problem.precision);
    let half_log_det: f64 =
        crate::common::cholesky(&covariance).diag().iter().map(|l| l.ln()).sum();
    let best = half_log_det - 0.5 * optimum.mapv(f64::ln).sum();
    assert!(best > 0.1, "the posterior is correlated: {best}");
    for estimator in [Estimator::Shared, Estimator::Local, Estimator::Flipout] {
        let model = fit(&problem, PosteriorKind::MeanField, estimator);
        let (mean, covariance) = found(&model);
        let off_mean = largest(&mean - &problem.mean);
        let off = largest(&covariance.diag() - &optimum);
        let name = estimator.name();
        assert!(off_mean <= 1e-3 && off <= 1e-3, "{name}: off by {off_mean:e} and {off:e}");
        let gap = problem.log_evidence - elbo(&problem, &model);
        assert!((gap - best).abs() <= 2e-3, "{name}: {gap} nats below, {best} at best");
    }
}

/// One row for four weights, alone or twice: the prior decides what the data leave open, and nothing is without bound.
#[test]
fn more_weights_than_rows_and_doubled_rows_have_the_answers_they_must() {
    let one = normal(1, 3, Noise::new(3));
    let twice = concatenate(Axis(0), &[one.view(), one.view()]).unwrap();
    for x in [one, twice] {
        let y = Array2::from_elem((x.nrows(), 1), 0.4);
        let problem = solved(x, y);
        let model = fit(&problem, PosteriorKind::FullCovariance, Estimator::Shared);
        let gap = problem.log_evidence - elbo(&problem, &model);
        assert!((-1e-9..=2e-3).contains(&gap), "{} rows: {gap} nats", problem.x.nrows());
    }
}
