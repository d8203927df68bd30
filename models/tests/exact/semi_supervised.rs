//! Models that know classes: what a class does to a network, and bounds with the class given, or summed over.

use crate::common::{P, normal, scrambled, within_four_errors};
use evidence_autodiff::{Noise, Parameters, Tape, Var};
use evidence_layers::Activation;
use evidence_models::{
    Batch, BottleneckError, ConditionalVae, ConditionedMlp, Likelihood, Model, SemiSupervised,
    TargetError, UNLABELLED,
};
use ndarray::{Array2, Axis, arr2};
use std::sync::Arc;

const CLASSES: usize = 3;

fn labels(y: &[usize]) -> Arc<[usize]> {
    y.into()
}

/// The same number, to rounding.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-11 * b.abs().max(1.0)
}

fn same(a: Var<'_, f64>, b: Var<'_, f64>) -> bool {
    a.shape() == b.shape() && a.data().iter().zip(b.data()).all(|(a, b)| close(*a, *b))
}

#[test]
fn a_class_is_a_one_hot_column_beside_the_data() {
    let net = ConditionedMlp::<P>::new(&[4, 5, 6, 2], CLASSES, Activation::Elu, Noise::new(1));
    let net = scrambled(&net, 0.7, Noise::new(2));
    let (tape, y) = (Tape::new(), [2, 0, 1, 2, 2]);
    let bound = net.bind(&tape);
    let x = tape.constant(normal(5, 4, Noise::new(3)));
    let hot = Array2::from_shape_fn((5, CLASSES), |(i, k)| f64::from(u8::from(y[i] == k)));
    let (x_hot, weight) = (
        Var::concat(&[x, tape.constant(hot)], 1),
        Var::concat(&[bound.input.weight, bound.class], 0),
    );
    let composed = bound.rest.forward(x_hot.affine(weight, bound.input.bias).elu(1.0));
    let given = bound.given(x, &labels(&y));
    assert!(same(given, composed));
    let each = bound.given_each(x);
    assert_eq!(each.shape(), [CLASSES, 5, 2]);
    for class in 0..CLASSES {
        let one = each.slice(0, class..class + 1).reshape(&[5, 2]);
        assert!(same(one, bound.given(x, &labels(&[class; 5]))), "{class}");
    }
}

/// Without noise to speak of in z: bounds are functions then.
fn quiet(likelihood: Likelihood<P>) -> SemiSupervised<P> {
    let (sizes, noise) = ([4, 6, 2], Noise::new(4));
    let model =
        SemiSupervised::new(&sizes, CLASSES, Activation::Tanh, likelihood, (0.3, 0.7), noise);
    let mut model = scrambled(&model, 0.8, Noise::new(5));
    let last = model.vae.encoder.rest.layers.len() - 1;
    let layer = &mut model.vae.encoder.rest.layers[last];
    layer.bias.as_slice_mut().unwrap()[2..].fill(-40.0);
    model
}

fn rows(n: usize) -> Array2<f64> {
    normal(n, 4, Noise::new(6)).mapv(|x| f64::from(u8::from(x > 0.0)))
}

#[test]
fn the_unknown_class_is_summed_over() {
    for likelihood in [Likelihood::Bernoulli, Likelihood::PredictedGaussian] {
        let (model, tape, n) = (quiet(likelihood), Tape::new(), 7);
        let bound = model.bind(&tape);
        let (x, noise) = (tape.constant(rows(n)), Noise::new(7));
        let q = model.probabilities(rows(n).view());
        assert!(q.sum_axis(Axis(1)).iter().all(|mass| close(*mass, 1.0)));
        let joint: Vec<Vec<f64>> = (0..CLASSES)
            .map(|k| bound.labelled_bound(x, &labels(&vec![k; n]), noise).data().to_vec())
            .collect();
        let found = bound.unlabelled_bound(x, noise);
        for row in 0..n {
            let sum: f64 =
                (0..CLASSES).map(|k| q[[row, k]] * (joint[k][row] - q[[row, k]].ln())).sum();
            assert!(close(found.data()[row], sum), "{} and {sum}", found.data()[row]);
            // No q(y | x) does better than the posterior that the joint bounds make.
            let top = joint.iter().map(|j| j[row]).fold(f64::NEG_INFINITY, f64::max);
            let best = top + joint.iter().map(|j| (j[row] - top).exp()).sum::<f64>().ln();
            assert!(sum <= best + 1e-9 * best.abs());
        }
    }
}

fn total(model: &SemiSupervised<P>, x: &Array2<f64>, y: &[f64]) -> (f64, [f64; 3]) {
    let tape = Tape::new();
    let y = Array2::from_shape_vec((y.len(), 1), y.to_vec()).unwrap();
    let batch = Batch::new(tape.constant(x), Some(tape.constant(y)), 100);
    let loss = model.bind(&tape).loss(&batch, Noise::new(8));
    let [(_, a), (_, b), (_, c)] = loss.parts[..] else { panic!("three parts") };
    (loss.total.item(), [a, b, c].map(Var::item))
}

#[test]
fn each_kind_of_rows_weighs_what_the_data_have_of_it() {
    let model = quiet(Likelihood::Bernoulli);
    let (x, y) = (rows(6), [1.0, UNLABELLED, 0.0, UNLABELLED, UNLABELLED, 2.0]);
    let (loss, [labelled, unlabelled, log_q]) = total(&model, &x, &y);
    assert!(close(loss, -(0.3 * labelled + 0.7 * unlabelled + 0.7 * log_q)));
    // Rows that come again change nothing, as long as all of a kind do.
    let again = [0, 2, 5, 0, 2, 5, 0, 1, 2, 3, 4, 5];
    let repeated: Vec<f64> = again.iter().map(|&row| y[row]).collect();
    let (other, _) = total(&model, &x.select(Axis(0), &again), &repeated);
    assert!(close(other, loss), "{other} {loss}");
    // Rows of one kind only.
    let (loss, [labelled, none, log_q]) = total(&model, &x, &[0.0, 1.0, 2.0, 0.0, 0.0, 1.0]);
    assert!(none == 0.0 && close(loss, -(labelled + 0.7 * log_q)));
    let (loss, [none, unlabelled, nothing]) = total(&model, &x, &[UNLABELLED; 6]);
    assert!((none, nothing) == (0.0, 0.0) && close(loss, -unlabelled));
    // Warming up.
    let mut warm = model.clone();
    warm.warm(0.0);
    let (cold, _) = total(&warm, &x, &y);
    warm.warm(1.0);
    assert!(total(&warm, &x, &y).0 == total(&model, &x, &y).0 && cold < total(&model, &x, &y).0);
}

#[test]
fn both_bounds_of_a_class_are_the_same_in_expectation() {
    let model = SemiSupervised::<P>::new(
        &[4, 6, 2],
        CLASSES,
        Activation::Tanh,
        Likelihood::Bernoulli,
        (0.3, 0.7),
        Noise::new(4),
    );
    let model = scrambled(&model, 0.6, Noise::new(9));
    let (x, class) = (rows(2), 1);
    let apart: Vec<f64> = (0..4000)
        .map(|draw| {
            let tape = Tape::new();
            let (bound, x) = (model.vae.bind_constant(&tape), tape.constant(&x));
            let given = bound.elbo(x, &labels(&[class; 2]), Noise::new(10).stream(draw));
            let each = bound.elbo_each(x, Noise::new(11).stream(draw));
            given.data()[0] - each.slice(0, class..class + 1).data()[0]
        })
        .collect();
    within_four_errors("the bound given a class", &apart, 0.0);
}

#[test]
fn what_is_no_class_is_refused() {
    let model = quiet(Likelihood::Bernoulli);
    assert_eq!(model.admit(arr2(&[[0.0], [2.0], [UNLABELLED]]).view()), Ok(()));
    assert_eq!(model.admit(arr2(&[[UNLABELLED], [UNLABELLED]]).view()), Ok(()));
    for value in [3.0, 0.5, -2.0] {
        let error = TargetError::NotALabel { row: 1, value, classes: CLASSES };
        assert_eq!(model.admit(arr2(&[[0.0], [value]]).view()), Err(error));
    }
    assert!(model.admit(arr2(&[[f64::NAN]]).view()).is_err());
    assert_eq!(model.admit(arr2(&[[0.0, 1.0]]).view()), Err(TargetError::LabelColumns(2)));
    type C = ConditionalVae<P>;
    assert_eq!(C::admits(&[4, 2]), Err(BottleneckError::NoHidden(vec![4, 2])));
    assert_eq!(
        C::admits(&[4, 3, 5]),
        Err(BottleneckError::TooManyLatents { latents: 5, width: 4 })
    );
    for (classes, share, alpha) in
        [(1, 0.5, 0.1), (3, 1.5, 0.1), (3, 0.5, -1.0), (3, f64::NAN, 0.1)]
    {
        let built = std::panic::catch_unwind(|| {
            let (identity, likelihood) = (Activation::Identity, Likelihood::<P>::Bernoulli);
            SemiSupervised::new(
                &[4, 3, 2],
                classes,
                identity,
                likelihood,
                (share, alpha),
                Noise::new(0),
            )
        });
        assert!(built.is_err(), "{classes} {share} {alpha}");
    }
}

/// All there is to know of a model with one latent and black or white pixels, by quadrature: for every image and class log p(x, y) and −L(x, y).
fn enumerated(model: &SemiSupervised<P>, x: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
    let (points, half) = (1200, 12.0);
    let step = 2.0 * half / points as f64;
    let grid = Array2::from_shape_fn((points, 1), |(i, _)| (i as f64 + 0.5) * step - half);
    let tape = Tape::new();
    let (bound, z) = (model.bind_constant(&tape), tape.constant(&grid));
    let mut exact = Array2::zeros((x.nrows(), CLASSES));
    let mut below = exact.clone();
    for class in 0..CLASSES {
        let given = labels(&vec![class; points]);
        let white = bound.vae.decode(z, &given);
        let q = bound.vae.encode(tape.constant(x), &labels(&vec![class; x.nrows()]));
        for (row, pixels) in x.outer_iter().enumerate() {
            let (mean, scale) = (q.mean.data()[row], q.log_scale.data()[row].exp());
            let mut mass = 0.0;
            for (point, z) in grid.iter().enumerate() {
                let p = &white.data()[point * 4..][..4];
                let log_likelihood: f64 =
                    p.iter().zip(pixels).map(|(p, x)| (x * p + (1.0 - x) * (1.0 - p)).ln()).sum();
                let log_normal =
                    |z: f64, scale: f64| -0.5 * (z * z + std::f64::consts::TAU.ln()) - scale.ln();
                let joint = log_likelihood + log_normal(*z, 1.0) - (CLASSES as f64).ln();
                let log_q = log_normal((z - mean) / scale, scale);
                mass += joint.exp() * step;
                below[[row, class]] += log_q.exp() * (joint - log_q) * step;
            }
            exact[[row, class]] = mass.ln();
        }
    }
    (exact, below)
}

#[test]
fn bounds_fall_short_of_the_evidence_by_the_divergences_from_the_exact_posteriors() {
    let (sizes, noise) = ([4, 6, 1], Noise::new(12));
    let likelihood = Likelihood::Bernoulli;
    let new =
        SemiSupervised::<P>::new(&sizes, CLASSES, Activation::Tanh, likelihood, (0.3, 0.7), noise);
    let model = scrambled(&new, 0.7, Noise::new(13));
    let every = Array2::from_shape_fn((16, 4), |(i, pixel)| f64::from(i as u32 >> pixel & 1));
    let (exact, below) = enumerated(&model, &every);
    // Of all images with all classes, the probabilities add up.
    assert!(close(exact.mapv(f64::exp).sum(), 1.0));
    let q = model.probabilities(every.view());
    for least in [0.0, 0.3] {
        let model = model.clone().with_least(least);
        let runs: Vec<(Vec<f64>, Vec<f64>)> = (0..3000)
            .map(|draw| {
                let tape = Tape::new();
                let (bound, x) = (model.bind_constant(&tape), tape.constant(&every));
                let noise = Noise::new(14).stream(draw);
                let labelled = bound.labelled_bound(x, &labels(&[2; 16]), noise.stream(0));
                let unlabelled = bound.unlabelled_bound(x, noise.stream(1));
                (labelled.data().to_vec(), unlabelled.data().to_vec())
            })
            .collect();
        for row in 0..16 {
            let draws: Vec<f64> = runs.iter().map(|run| run.0[row]).collect();
            within_four_errors("the bound of log p(x, y)", &draws, below[[row, 2]]);
            assert!(below[[row, 2]] <= exact[[row, 2]]);
            let likely: Vec<usize> = (0..CLASSES).filter(|&k| q[[row, k]] >= least).collect();
            let left: f64 = likely.iter().map(|&k| q[[row, k]]).sum();
            let evidence = exact.row(row).mapv(f64::exp).sum().ln();
            // log p(x) − KL(q(y | x) ‖ p(y | x)) − E KL(q(z | x, y) ‖ p(z | x, y)).
            let short: f64 = likely
                .iter()
                .map(|&k| {
                    let q = q[[row, k]] / left;
                    let of_class = q.ln() - (exact[[row, k]] - evidence);
                    q * (of_class + exact[[row, k]] - below[[row, k]])
                })
                .sum();
            assert!(short > 0.0);
            let draws: Vec<f64> = runs.iter().map(|run| run.1[row]).collect();
            within_four_errors("the bound of log p(x)", &draws, evidence - short);
        }
        let kept = q.iter().filter(|q| **q >= least).count();
        assert!((least == 0.0) == (kept == 16 * CLASSES), "{kept}");
    }
}

#[test]
fn without_a_class_to_leave_out_the_sum_is_the_whole_one() {
    let model = quiet(Likelihood::Bernoulli);
    let q = model.probabilities(rows(7).view());
    let least = 0.5 * q.fold(1.0_f64, |least, &q| least.min(q));
    let of = |model: SemiSupervised<P>| {
        let tape = Tape::new();
        let (bound, x) = (model.bind_constant(&tape), tape.constant(rows(7)));
        bound.unlabelled_bound(x, Noise::new(7)).data().to_vec()
    };
    let (some, all) = (of(model.clone().with_least(least)), of(model.clone()));
    assert!(some.iter().zip(&all).all(|(a, b)| close(*a, *b)), "{some:?} {all:?}");
    // At least one class is left of any row.
    assert!(of(model.clone().with_least(0.33)).iter().all(|bound| bound.is_finite()));
    for least in [1.0 / 3.0, 0.5, -0.1, f64::NAN] {
        let built = std::panic::catch_unwind(|| model.clone().with_least(least));
        assert!(built.is_err(), "{least}");
    }
}

#[test]
fn predicted_scales_start_out_as_one() {
    let (sizes, noise) = ([4, 6, 2], Noise::new(15));
    let likelihood = Likelihood::PredictedGaussian;
    let vae = ConditionalVae::<P>::new(&sizes, CLASSES, Activation::Softplus, likelihood, noise);
    let x = normal(5, 4, Noise::new(16));
    let tape = Tape::new();
    let bound = vae.bind_constant(&tape);
    let q = bound.encode(tape.constant(&x), &labels(&[0, 1, 2, 0, 1]));
    let elbo = bound.elbo(tape.constant(&x), &labels(&[0, 1, 2, 0, 1]), Noise::new(17));
    // log N(x; 0, I), whatever was drawn.
    for (row, x) in x.outer_iter().enumerate() {
        let standard = -0.5 * (x.dot(&x) + 4.0 * crate::common::LN_TAU);
        assert!(close(elbo.data()[row] + q.kl_to_standard().data()[row], standard), "{row}");
    }
}
