//! What each optimiser does to its parameters, against the papers' algorithms and known laws.

use crate::common::{leaf, normal, tensor};
use evidence_autodiff::Real;
use evidence_optim::schedule::cosine;
use evidence_optim::{Adam, OptimError, Optimizer, RmsProp, Sgd};

/// One coordinate of a reference: called with (t, rate, g, θ, its two numbers of state).
type Reference = fn(i32, f64, f64, &mut f64, &mut [f64; 2]);

const STEPS: u64 = 100;
const RATE: f64 = 0.05;

/// 100 steps with random gradients, under a schedule, against a scalar `f64` reference.
fn agrees<T: Real>(name: &str, mut optimizer: impl Optimizer<T>, reference: Reference, bound: f64) {
    let len = 37;
    let mut parameters = leaf(normal::<T>(0, len));
    let mut expected: Vec<f64> = parameters.0.iter().map(|x| x.to_f64()).collect();
    let mut state = vec![[0.0; 2]; len];
    for step in 0..STEPS {
        let g = normal::<T>(step + 1, len);
        let factor = cosine(optimizer.steps(), 10, 2 * STEPS);
        optimizer.set_factor(factor);
        optimizer.step(&mut parameters, &mut tensor(&g));
        for ((theta, state), g) in expected.iter_mut().zip(&mut state).zip(&g) {
            reference(step as i32 + 1, RATE * factor, g.to_f64(), theta, state);
        }
    }
    for (found, expected) in parameters.0.iter().zip(&expected) {
        let error = (found.to_f64() - expected).abs();
        assert!(error <= bound, "{name}: {found} instead of {expected}, {error:e} off");
    }
}

fn all_agree<T: Real>(bound: f64) {
    // θ and its movement are of order 1 to 10, and so are a hundred roundings in units of the precision.
    agrees::<T>("sgd", Sgd::new(RATE).unwrap(), |_, r, g, theta, _| *theta -= r * g, bound);
    agrees::<T>(
        "momentum",
        Sgd::new(RATE).unwrap().momentum(0.9).unwrap(),
        |_, r, g, theta, [b, _]| {
            *b = 0.9 * *b + g;
            *theta -= r * *b;
        },
        bound,
    );
    agrees::<T>(
        "nesterov",
        Sgd::new(RATE).unwrap().nesterov(0.9).unwrap(),
        |_, r, g, theta, [b, _]| {
            *b = 0.9 * *b + g;
            *theta -= r * (g + 0.9 * *b);
        },
        bound,
    );
    agrees::<T>(
        "rmsprop",
        RmsProp::new(RATE).unwrap().alpha(0.95).unwrap().epsilon(1e-3).unwrap(),
        |_, r, g, theta, [v, _]| {
            *v = 0.95 * *v + 0.05 * g * g;
            *theta -= r * g / (v.sqrt() + 1e-3);
        },
        bound,
    );
    agrees::<T>(
        "adam, as it starts",
        Adam::new(RATE).unwrap(),
        |t, r, g, theta, [m, v]| {
            *m = 0.9 * *m + (1.0 - 0.9) * g;
            *v = 0.999 * *v + (1.0 - 0.999) * g * g;
            let (m_hat, v_hat) = (*m / (1.0 - 0.9f64.powi(t)), *v / (1.0 - 0.999f64.powi(t)));
            *theta -= r * m_hat / (v_hat.sqrt() + 1e-8);
        },
        bound,
    );
    agrees::<T>(
        "adamw",
        Adam::new(RATE)
            .unwrap()
            .betas(0.8, 0.95)
            .unwrap()
            .epsilon(1e-3)
            .unwrap()
            .weight_decay(0.1)
            .unwrap(),
        |t, r, g, theta, [m, v]| {
            *m = 0.8 * *m + (1.0 - 0.8) * g;
            *v = 0.95 * *v + (1.0 - 0.95) * g * g;
            let (m_hat, v_hat) = (*m / (1.0 - 0.8f64.powi(t)), *v / (1.0 - 0.95f64.powi(t)));
            *theta -= r * (m_hat / (v_hat.sqrt() + 1e-3) + 0.1 * *theta);
        },
        bound,
    );
}

#[test]
fn a_hundred_random_steps_agree_with_the_papers_algorithms() {
    all_agree::<f64>(1e3 * f64::EPSILON);
    all_agree::<f32>(1e2 * f32::EPSILON as f64);
}

#[test]
fn adams_first_step_is_the_learning_rate_against_the_sign_of_each_gradient() {
    let g = [3.0, -1e-9, 1e9, 0.0, -0.25];
    let mut parameters = leaf(vec![0.0; 5]);
    let mut adam = Adam::<f64>::new(0.1).unwrap().epsilon(1e-30).unwrap();
    adam.step(&mut parameters, &mut tensor(&g));
    for (theta, sign) in parameters.0.iter().zip([1.0, -1.0, 1.0, 0.0, -1.0]) {
        assert!((theta + 0.1 * sign).abs() <= 1e-15, "{theta} for sign {sign}");
    }
}

#[test]
fn adamw_is_adam_plus_an_exact_decay() {
    let (rate, lambda) = (0.125, 0.5);
    let mut adam = Adam::<f64>::new(rate).unwrap();
    let mut adamw = Adam::<f64>::new(rate).unwrap().weight_decay(lambda).unwrap();
    let mut parameters = leaf(normal::<f64>(0, 50));
    for step in 1..20 {
        // Moments depend on gradients alone, so both make the same step from wherever they are; from 0 it can be read off.
        let g = normal::<f64>(step, 50);
        let mut stepped = leaf(vec![0.0; 50]);
        adam.step(&mut stepped, &mut tensor(&g));
        let mut expected = parameters.clone();
        for (theta, step) in expected.0.iter_mut().zip(&stepped.0) {
            *theta -= rate * lambda * *theta - step;
        }
        adamw.step(&mut parameters, &mut tensor(&g));
        assert_eq!(parameters, expected);
    }
    // Without a gradient only the decay is left.
    let mut adamw = Adam::<f64>::new(rate).unwrap().weight_decay(lambda).unwrap();
    let mut parameters = leaf(vec![1.0, -2.0]);
    adamw.step(&mut parameters, &mut tensor(&[0.0, 0.0]));
    assert_eq!(parameters, leaf(vec![0.9375, -1.875]));
}

/// A decay may be less than a parameter tells apart: then it turns the rounding of a step, as often as it should.
#[test]
fn a_small_decay_is_not_lost_in_f32() {
    let rate = 1e-3;
    let mean = |decay: f64| {
        let thetas = normal::<f32>(1, 20_000).iter().map(|x| 1.0 + 0.1 * x).collect();
        let mut parameters = leaf(thetas);
        let mut adam = Adam::<f32>::new(rate).unwrap().weight_decay(decay / rate).unwrap();
        // The first steps are all of one length, and round alike.
        for (factor, seed) in [(0.0, 2), (1.0, 3)] {
            adam.set_factor(factor);
            adam.step(&mut parameters, &mut tensor(&normal::<f32>(seed, 20_000)));
        }
        parameters.0.iter().map(|x| f64::from(*x)).sum::<f64>() / 20_000.0
    };
    for decay in [1e-8, 1e-7, 1e-6] {
        let found = mean(0.0) - mean(decay);
        // Four standard errors of the smallest: √(decay · ulp / 20,000) is 2 % of it.
        assert!((found / decay - 1.0).abs() < 0.1, "{found} for a decay of {decay}");
    }
}

#[test]
fn the_factor_scales_a_step_and_does_not_accumulate() {
    let step = |factors: &[f64]| {
        let (mut sgd, mut x) = (Sgd::<f64>::new(0.5).unwrap(), leaf(vec![0.0]));
        for &factor in factors {
            sgd.set_factor(factor);
        }
        sgd.step(&mut x, &mut tensor(&[1.0]));
        x.0[[0]]
    };
    assert_eq!(step(&[]), -0.5);
    assert_eq!(step(&[0.5]), -0.25);
    assert_eq!(step(&[0.5, 0.5]), -0.25);
    assert_eq!(step(&[0.0]), 0.0);
}

/// Where 20,000 steps under a cosine schedule end.
fn minimise(
    mut optimizer: impl Optimizer<f64>,
    start: &[f64],
    gradient: fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut x = leaf(start.to_vec());
    for step in 0..20_000 {
        optimizer.set_factor(cosine(step, 10, 20_000));
        let g = gradient(x.0.as_slice().unwrap());
        optimizer.step(&mut x, &mut tensor(&g));
    }
    x.0.iter().copied().collect()
}

fn is_close(name: &str, found: Vec<f64>, expected: &[f64]) {
    let close = found.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-3);
    assert!(close && found.len() == expected.len(), "{name}: {found:?}, not {expected:?}");
}

#[test]
fn all_find_the_minimum_of_a_quadratic() {
    // ½ Σ kᵢ (xᵢ − i)² with curvatures 1, 10 and 100.
    let slope = |x: &[f64]| vec![x[0], 10.0 * (x[1] - 1.0), 100.0 * (x[2] - 2.0)];
    let (at, end) = ([5.0, -3.0, 4.0], [0.0, 1.0, 2.0]);
    is_close("sgd", minimise(Sgd::new(0.01).unwrap(), &at, slope), &end);
    let momentum = Sgd::new(0.01).unwrap().momentum(0.9).unwrap();
    is_close("momentum", minimise(momentum, &at, slope), &end);
    let nesterov = Sgd::new(0.01).unwrap().nesterov(0.9).unwrap();
    is_close("nesterov", minimise(nesterov, &at, slope), &end);
    is_close("rmsprop", minimise(RmsProp::new(0.01).unwrap(), &at, slope), &end);
    is_close("adam", minimise(Adam::new(0.01).unwrap(), &at, slope), &end);
}

#[test]
fn all_find_the_end_of_rosenbrocks_valley() {
    // (1 − x)² + 100 (y − x²)², from its usual start.
    let slope = |x: &[f64]| {
        let valley = 200.0 * (x[1] - x[0] * x[0]);
        vec![-2.0 * (1.0 - x[0]) - 2.0 * x[0] * valley, valley]
    };
    let (at, end) = ([-1.2, 1.0], [1.0, 1.0]);
    is_close("sgd", minimise(Sgd::new(2e-3).unwrap(), &at, slope), &end);
    let momentum = Sgd::new(5e-4).unwrap().momentum(0.9).unwrap();
    is_close("momentum", minimise(momentum, &at, slope), &end);
    let nesterov = Sgd::new(5e-4).unwrap().nesterov(0.9).unwrap();
    is_close("nesterov", minimise(nesterov, &at, slope), &end);
    is_close("rmsprop", minimise(RmsProp::new(0.01).unwrap(), &at, slope), &end);
    is_close("adam", minimise(Adam::new(0.01).unwrap(), &at, slope), &end);
}

#[test]
fn nan_and_infinite_gradients_go_where_the_arithmetic_takes_them_and_no_further() {
    let mut x = leaf(vec![1.0; 3]);
    let mut adam = Adam::<f32>::new(0.1).unwrap();
    adam.step(&mut x, &mut tensor(&[f32::NAN, 1.0, f32::INFINITY]));
    assert!(x.0[[0]].is_nan() && (x.0[[1]] - 0.9).abs() < 1e-6 && x.0[[2]].is_nan());
}

#[test]
fn hyperparameters_outside_their_range_are_refused_with_the_range() {
    let adam = || Adam::<f32>::new(0.1).unwrap();
    let sgd = || Sgd::<f32>::new(0.1).unwrap();
    let rmsprop = || RmsProp::<f32>::new(0.1).unwrap();
    let outside_unit = [1.0, 1.5, -0.1, f64::NAN, f64::INFINITY];
    let not_positive = [0.0, -1.0, f64::NAN, f64::INFINITY, -f64::INFINITY];
    let mut table: Vec<(Option<OptimError>, &str)> = Vec::new();
    // Positive numbers that an f32 cannot tell from 0 or infinity are no learning rates for it.
    for rate in not_positive.into_iter().chain([1e-60, 1e60]) {
        let range = "positive and finite";
        table.push((Adam::<f32>::new(rate).err(), range));
        table.push((RmsProp::<f32>::new(rate).err(), range));
        table.push((Sgd::<f32>::new(rate).err(), range));
    }
    for beta in outside_unit {
        let range = "in [0, 1)";
        table.push((adam().betas(beta, 0.9).err(), range));
        table.push((adam().betas(0.9, beta).err(), range));
        table.push((rmsprop().alpha(beta).err(), range));
        table.push((sgd().momentum(beta).err(), range));
        table.push((sgd().nesterov(beta).err(), range));
    }
    for epsilon in not_positive.into_iter().chain([1e-60]) {
        let range = "finite and at least 1.18e-38";
        table.push((adam().epsilon(epsilon).err(), range));
        table.push((rmsprop().epsilon(epsilon).err(), range));
    }
    for lambda in [-1.0, 10.0, f64::NAN, f64::INFINITY] {
        table.push((adam().weight_decay(lambda).err(), "at least 0 and below 1 / learning rate"));
    }
    for (error, range) in table {
        let message = error.expect("an error").to_string();
        assert!(message.contains(" is ") && message.contains(range), "{message}, not {range}");
    }
    assert!(adam().betas(0.0, 0.0).is_ok() && adam().weight_decay(0.0).is_ok());
    assert!(Adam::<f64>::new(1e-60).is_ok());
}

#[test]
#[should_panic(expected = "a learning rate factor of -1")]
fn a_negative_factor_is_refused() {
    Adam::<f32>::new(0.1).unwrap().set_factor(-1.0);
}
