//! Likelihoods: densities that integrate to one, and predictive mixtures that are made of them.

use crate::common::{P, normal, within_four_errors};
use evidence_autodiff::{Noise, Parameters, Tape, Var};
use evidence_layers::{Activation, Mlp};
use evidence_models::{Base, BayesianNetwork, Importance, Likelihood, Mixture, Uniform};
use ndarray::{Array1, Array2, arr2};

type L = Likelihood<P>;

/// log p(y | output) for each y, at one row of outputs.
fn log_prob(likelihood: &L, output: &[f64], ys: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    let bound = likelihood.bind_constant(&tape);
    let output = Array2::from_shape_fn((ys.len(), output.len()), |(_, j)| output[j]);
    let y = Array2::from_shape_vec((ys.len(), 1), ys.to_vec()).unwrap();
    bound.log_prob(tape.constant(output), tape.constant(y)).data().to_vec()
}

fn mean(likelihood: &L, output: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    let output = Array2::from_shape_vec((1, output.len()), output.to_vec()).unwrap();
    likelihood.bind_constant(&tape).mean(tape.constant(output)).data().to_vec()
}

#[test]
fn continuous_densities_integrate_to_one_around_their_mean() {
    let cases: [(&str, L, &[f64], f64); 5] = [
        ("learned", L::gaussian(-0.4), &[0.7], (-0.4_f64).exp()),
        ("known", L::known_gaussian(1.7), &[-2.0], 1.7),
        ("predicted", L::PredictedGaussian, &[0.3, -1.0], (7.0 * (-1.0_f64 / 7.0).tanh()).exp()),
        ("Student, 4", L::student_t(4.0, -0.2), &[1.0], (-0.2_f64).exp() * 2.0_f64.sqrt()),
        ("Student, 30", L::student_t(30.0, 0.1), &[0.0], 0.1_f64.exp() * (30.0_f64 / 28.0).sqrt()),
    ];
    for (name, likelihood, output, deviation) in cases {
        let (n, width) = (400_000, 400.0);
        let step = 2.0 * width / f64::from(n);
        let ys: Vec<f64> =
            (0..n).map(|i| output[0] - width + (f64::from(i) + 0.5) * step).collect();
        let p: Vec<f64> =
            log_prob(&likelihood, output, &ys).into_iter().map(|l| l.exp() * step).collect();
        let moment =
            |f: &dyn Fn(f64) -> f64| ys.iter().zip(&p).map(|(&y, p)| f(y) * p).sum::<f64>();
        let centre = mean(&likelihood, output)[0];
        assert!((moment(&|_| 1.0) - 1.0).abs() <= 1e-7, "{name}: mass {}", moment(&|_| 1.0));
        assert!((moment(&|y| y) - centre).abs() <= 1e-6, "{name}: mean");
        // Student's tails of 4 degrees reach beyond any grid.
        let variance = moment(&|y| (y - centre).powi(2));
        let slack = if name == "Student, 4" { 1e-3 } else { 1e-5 };
        assert!((variance / deviation.powi(2) - 1.0).abs() <= slack, "{name}: variance {variance}");
    }
}

#[test]
fn discrete_probabilities_sum_to_one() {
    for logit in [-3.0_f64, 0.2, 5.0] {
        let p = log_prob(&L::Bernoulli, &[logit], &[0.0, 1.0]);
        assert!((p[0].exp() + p[1].exp() - 1.0).abs() <= 1e-14);
        assert!((p[1].exp() - mean(&L::Bernoulli, &[logit])[0]).abs() <= 1e-14);
        let rate = logit.exp();
        let counts: Vec<f64> = (0..700).map(f64::from).collect();
        let p = log_prob(&L::Poisson, &[logit], &counts);
        let mass: f64 = p.iter().map(|p| p.exp()).sum();
        let centre: f64 = p.iter().zip(&counts).map(|(p, k)| p.exp() * k).sum();
        assert!((mass - 1.0).abs() <= 1e-12, "Poisson: {mass}");
        assert!((centre / rate - 1.0).abs() <= 1e-12, "Poisson: {centre}, rate {rate}");
        assert!((mean(&L::Poisson, &[logit])[0] / rate - 1.0).abs() <= 1e-14);
    }
    let logits = [0.5, -1.0, 2.0];
    let p = log_prob(&L::Categorical, &logits, &[0.0, 1.0, 2.0]);
    for (p, q) in p.iter().zip(mean(&L::Categorical, &logits)) {
        assert!((p.exp() - q).abs() <= 1e-14);
    }
}

/// The mixture's density is the mean of the draws' likelihoods, whatever the likelihood.
#[test]
fn a_predictive_density_is_the_mean_of_the_draws_likelihoods() {
    let draws = 7;
    let x = normal(5, 2, Noise::new(3));
    for likelihood in [
        L::gaussian(-0.5),
        L::known_gaussian(0.8),
        L::PredictedGaussian,
        L::student_t(3.0, 0.2),
        L::Poisson,
    ] {
        let net = Mlp::new(&[2, 4, likelihood.outputs(1, None)], Activation::Tanh, Noise::new(1));
        let model = BayesianNetwork::<P>::new(net, likelihood, 1.0, 0.5);
        let y = Array1::from(vec![0.0, 1.0, 2.0, 3.0, 1.0]);
        let predictive = model.predictive(x.view(), draws, Noise::new(2));
        let found = predictive.log_density(y.view());
        let mut density = Array1::<f64>::zeros(5);
        let mut centre = Array1::<f64>::zeros(5);
        for draw in 0..draws as u64 {
            let tape = Tape::new();
            let bound = model.bind_constant(&tape);
            let output = bound.rsample(Noise::new(2).stream(draw)).forward(tape.constant(&x));
            let targets = tape.constant(y.clone().insert_axis(ndarray::Axis(1)));
            let p = bound.likelihood.log_prob(output, targets);
            let mean = bound.likelihood.mean(output);
            for row in 0..5 {
                density[row] += p.data()[row].exp() / draws as f64;
                centre[row] += mean.data()[row] / draws as f64;
            }
        }
        for row in 0..5 {
            assert!(
                (found[row].exp() / density[row] - 1.0).abs() <= 1e-12,
                "{:?}",
                model.likelihood
            );
            assert!((predictive.mean()[row] - centre[row]).abs() <= 1e-12);
        }
        assert!(predictive.epistemic_variance().iter().all(|v| *v > 1e-6));
        assert!(predictive.coverage(y.view(), 0.999_999) >= predictive.coverage(y.view(), 0.3));
    }
}

#[test]
fn noise_that_is_predicted_differs_from_row_to_row() {
    let net = Mlp::new(&[2, 4, 2], Activation::Tanh, Noise::new(1));
    let model = BayesianNetwork::<P>::new(net, L::PredictedGaussian, 1.0, 0.1);
    let predictive = model.predictive(arr2(&[[0.0, 0.0], [3.0, -2.0]]).view(), 20, Noise::new(2));
    let aleatoric = predictive.aleatoric_variance();
    assert!((aleatoric[0] - aleatoric[1]).abs() > 1e-3, "{aleatoric}");
}

/// Of 0 and near it, where the normaliser's formula has 0/0, and far out.
#[test]
fn the_continuous_bernoulli_integrates_to_one_around_its_mean() {
    for logit in [0.0, 1e-9, -1e-4, 0.3, -1.999, 2.001, 8.0, -40.0] {
        let n = 20_000;
        let step = 1.0 / f64::from(n);
        let ys: Vec<f64> = (0..n).map(|i| (f64::from(i) + 0.5) * step).collect();
        let p = log_prob(&L::ContinuousBernoulli, &[logit], &ys);
        let moment = |f: &dyn Fn(f64) -> f64| {
            ys.iter().zip(&p).map(|(&y, l)| f(y) * l.exp() * step).sum::<f64>()
        };
        // The midpoint rule's error: h²/24 · the change of the slope, o² at most.
        let slack = 1e-12 + logit * logit * step * step;
        assert!((moment(&|_| 1.0) - 1.0).abs() <= slack, "{logit}: {}", moment(&|_| 1.0));
        let centre = mean(&L::ContinuousBernoulli, &[logit])[0];
        assert!((moment(&|y| y) - centre).abs() <= slack, "{logit}: {centre}");
    }
    let tape = Tape::<f32>::new();
    let outputs = tape.variable(arr2(&[[0.0_f32, 1e-4, -1e-20, 90.0, -200.0]]));
    let bound = Likelihood::<evidence_autodiff::Array<f32>>::ContinuousBernoulli.bind(&tape);
    let y = tape.constant(arr2(&[[0.0_f32, 0.3, 1.0, 0.9, 0.2]]));
    let log_prob = bound.log_prob(outputs, y);
    assert!(log_prob.data().iter().all(|l| l.is_finite()));
    assert!(log_prob.sum(..).backward().get(outputs).unwrap().iter().all(|d| d.is_finite()));
}

/// Labels in several columns, each with logits of its own.
#[test]
fn levels_sum_to_one_and_are_a_categorical_for_each_column() {
    let outputs = [0.5, -1.0, 2.0, 1.0, 0.0, -3.0];
    let (levels, tape) = (L::levels(3), Tape::new());
    let bound = levels.bind_constant(&tape);
    let output = tape.constant(arr2(&[outputs]));
    let mut mass = 0.0;
    let mut centre = [0.0; 2];
    for i in 0..3 {
        for j in 0..3 {
            let y = [f64::from(i) / 2.0, f64::from(j) / 2.0];
            let p = bound.log_prob(output, tape.constant(arr2(&[y]))).data()[0];
            let parts = log_prob(&L::Categorical, &outputs[..3], &[f64::from(i)])[0]
                + log_prob(&L::Categorical, &outputs[3..], &[f64::from(j)])[0];
            assert!((p - parts).abs() <= 1e-14, "{i} {j}");
            mass += p.exp();
            centre = [0, 1].map(|k| centre[k] + p.exp() * y[k]);
        }
    }
    assert!((mass - 1.0).abs() <= 1e-14);
    for (found, truth) in bound.mean(output).data().iter().zip(centre) {
        assert!((found - truth).abs() <= 1e-14);
    }
}

/// `∫ (y − mean)² p(y) dy` of numbers `step` apart.
fn variance(likelihood: &L, output: &[f64], ys: &[f64], step: f64) -> f64 {
    let centre = mean(likelihood, output)[0];
    let p = log_prob(likelihood, output, ys);
    ys.iter().zip(p).map(|(y, l)| (y - centre).powi(2) * l.exp() * step).sum()
}

/// `E[∂ log p(y | o)/∂o] = 0` for y ~ p(y | o), `E[y]` is the mean, and the spread is the density's: draws and density know each other.
#[test]
fn draws_follow_their_density() {
    // Between 0 and 1, in cells; and the numbers themselves.
    let unit: Vec<f64> = (0..100_000).map(|i| (f64::from(i) + 0.5) * 1e-5).collect();
    let continuous = |logit| variance(&L::ContinuousBernoulli, &[logit], &unit, 1e-5);
    let steps: Vec<f64> = (0..4).map(|i| f64::from(i) / 3.0).collect();
    let (levels, share) = ([0.3, -1.0, 2.0, 0.0], 1.0 / (1.0 + 0.8_f64.exp()));
    let cases: [(&str, L, &[f64], f64); 12] = [
        ("Gaussian", L::gaussian(-0.4), &[0.7], (-0.8_f64).exp()),
        ("known", L::known_gaussian(1.7), &[-2.0], 1.7 * 1.7),
        ("predicted", L::PredictedGaussian, &[0.3, -1.0], (14.0 * (-1.0_f64 / 7.0).tanh()).exp()),
        ("Student", L::student_t(5.0, -0.2), &[1.0], (-0.4_f64).exp() * 5.0 / 3.0),
        ("Bernoulli", L::Bernoulli, &[-0.8], share * (1.0 - share)),
        ("continuous, 0", L::ContinuousBernoulli, &[0.0], 1.0 / 12.0),
        ("continuous, nearly", L::ContinuousBernoulli, &[2e-5], continuous(2e-5)),
        ("continuous, 3", L::ContinuousBernoulli, &[3.0], continuous(3.0)),
        ("continuous, −50", L::ContinuousBernoulli, &[-50.0], continuous(-50.0)),
        ("levels", L::levels(4), &levels, variance(&L::levels(4), &levels, &steps, 1.0)),
        ("categorical", L::Categorical, &[0.3, -1.0, 2.0], f64::NAN),
        ("Poisson", L::Poisson, &[2.5], 2.5_f64.exp()),
    ];
    for (name, likelihood, output, variance) in cases {
        let (n, tape) = (20_000, Tape::new());
        let rows = Array2::from_shape_fn((n, output.len()), |(_, j)| output[j]);
        let (bound, outputs) = (likelihood.bind(&tape), tape.variable(rows));
        let y = bound.sample(outputs, Noise::new(8));
        assert!(!y.needs_gradient() && y.shape() == [n, 1], "{name}");
        let gradients = bound.log_prob(outputs, y).sum(..).backward();
        let slopes = gradients.get(outputs).unwrap();
        for j in 0..output.len() {
            let column: Vec<f64> = (0..n).map(|i| slopes[[i, j]]).collect();
            within_four_errors(&format!("{name}: slope {j}"), &column, 0.0);
        }
        if !matches!(likelihood, L::Categorical) {
            let centre = mean(&likelihood, output)[0];
            within_four_errors(&format!("{name}: mean"), y.data(), centre);
            let squares: Vec<f64> = y.data().iter().map(|y| (y - centre).powi(2)).collect();
            within_four_errors(&format!("{name}: variance"), &squares, variance);
        }
    }
}

/// In `f32`, terms as large as the count must not have to cancel.
#[test]
fn a_large_count_keeps_its_log_probability_in_f32() {
    for count in [0.0, 1.0, 7.0, 1e3, 1e5, 1e6, 1e7_f32] {
        for off in [-2.0, -0.3, 0.0, 1e-3] {
            let y = f64::from(count);
            // Within a few standard deviations of what the count makes likely.
            let output = (y.max(0.5).ln() + off / y.max(1.0).sqrt()) as f32;
            let tape = Tape::<f32>::new();
            let [o, targets] = [output, count].map(|x| tape.constant(arr2(&[[x]])));
            let found =
                f64::from(Likelihood::<Var<'_, f32>>::Poisson.log_prob(o, targets).data()[0]);
            let o = f64::from(output);
            // Stirling's series, whose next term is below 1e-12 from 1,000 on.
            let log_factorial = if y < 100.0 {
                (1..=count as u32).map(|i| f64::from(i).ln()).sum()
            } else {
                y * y.ln() - y + 0.5 * (std::f64::consts::TAU * y).ln() + 1.0 / (12.0 * y)
            };
            let truth = y * o - o.exp() - log_factorial;
            // The output itself is rounded to a few parts in 10⁷, and moves the result by y − eᵒ times that.
            let bound = 1e-3 + 4e-6 * (y - o.exp()).abs();
            assert!((found - truth).abs() <= bound, "{count}, {off}: {found}, not {truth}");
        }
    }
}

#[test]
fn sixteen_bits_are_levels_in_f32() {
    let levels = 1 << 16;
    let likelihood = Likelihood::<Var<'_, f32>>::Levels { levels };
    let tape = Tape::<f32>::new();
    let all: Vec<f32> =
        (0..levels).step_by(257).map(|j| (j as f64 / (levels - 1) as f64) as f32).collect();
    let targets = Array2::from_shape_vec((all.len(), 1), all.clone()).unwrap();
    assert_eq!(likelihood.admit(targets.mapv(f64::from).view(), levels), Ok(()));
    let flat = tape.filled(&[all.len(), levels], 0.0);
    let log_p = likelihood.log_prob(flat, tape.constant(targets));
    let truth = -(levels as f32).ln();
    assert!(log_p.data().iter().all(|log_p| (log_p - truth).abs() < 1e-4));
    let between = arr2(&[[0.5 / (levels - 1) as f64]]);
    assert!(likelihood.admit(between.view(), levels).is_err());
}

#[test]
fn a_students_t_of_many_degrees_of_freedom_is_a_normal() {
    let at = || Array2::zeros((1, 1));
    let normal = Mixture::gaussian(at(), 1.0);
    for freedom in [1e8, 1e10, 1e15, 1e17] {
        let t = Mixture::student_t(at(), 1.0, freedom);
        for p in [1e-6, 0.05, 0.25, 0.5, 0.9] {
            let [found, truth] = [&t, &normal].map(|mixture| mixture.quantile(p)[0]);
            assert!((found - truth).abs() <= 1e-5, "{freedom}, {p}: {found}, not {truth}");
        }
    }
}

#[test]
fn one_weight_tells_nothing_of_its_error() {
    let one = Importance::new([-3.0]);
    assert!(one.log_normaliser == -3.0 && one.standard_error.is_nan());
    assert_eq!(Importance::new([f64::NEG_INFINITY]).standard_error, f64::INFINITY);
    assert_eq!(Importance::new([-3.0; 2]).standard_error, 0.0);
}

#[test]
fn a_nan_is_in_no_cube_and_out_of_none() {
    let tape = Tape::<f64>::new();
    let z = tape.constant(arr2(&[[f64::NAN, 1.5], [0.5, 1.5], [0.5, 1.0]]));
    let log_p = Uniform.log_prob(z);
    assert!(log_p.data()[0].is_nan());
    assert_eq!(log_p.data()[1..], [f64::NEG_INFINITY, 0.0]);
}
