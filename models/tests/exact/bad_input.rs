//! What Bayesian networks are asked that cannot be: a clear message each.

use crate::common::{P, normal};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::{Activation, BayesianDense, Dense, Init, Mlp, PosteriorKind, Prior};
use evidence_models::{Batch, BayesianNetwork, Likelihood, SemiSupervised, UNLABELLED};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[track_caller]
fn refused(reason: &str, work: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(work)).expect_err("it should have been refused");
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().expect("a message").to_string(),
    };
    assert!(text.contains(reason), "{reason:?} is not in {text:?}");
}

fn net(outputs: usize) -> Mlp<P> {
    Mlp::new(&[3, 4, outputs], Activation::Tanh, Noise::new(1))
}

fn network(outputs: usize, likelihood: Likelihood<P>) -> BayesianNetwork<P> {
    BayesianNetwork::new(net(outputs), likelihood, 1.0, 0.1)
}

#[test]
fn a_training_set_of_no_rows_is_refused() {
    let tape = Tape::new();
    let (x, y) = (tape.constant(normal(2, 3, Noise::new(2))), tape.scalar(0.0).reshape(&[1, 1]));
    refused("a training set of 0 rows", || {
        Batch::new(x, None, 0);
    });
    refused("different numbers of rows", || {
        Batch::new(x, Some(y), 5);
    });
}

/// A label that is none is not taken for another class.
#[test]
fn semi_supervised_targets_are_classes_or_nothing() {
    let (sizes, activation, likelihood) = ([3, 4, 2], Activation::Tanh, Likelihood::Bernoulli);
    let model =
        SemiSupervised::<P>::new(&sizes, 3, activation, likelihood, (0.5, 0.1), Noise::new(0));
    let (x, tape) =
        (normal(2, 3, Noise::new(2)).mapv(|x| f64::from(u8::from(x > 0.0))), Tape::new());
    for (y, reason) in [
        (-2.0, "row 1 has class label -2"),
        (0.5, "row 1 has class label 0.5"),
        (f64::NAN, "row 1 has class label NaN"),
        (3.0, "3"),
    ] {
        let targets = tape.constant(ndarray::arr2(&[[UNLABELLED], [y]]));
        let batch = Batch::new(tape.constant(&x), Some(targets), 2);
        let bound = model.bind(&tape);
        refused(reason, || {
            let _ = bound.loss(&batch, Noise::new(1));
        });
        refused(reason, || {
            let _ = bound.validation(&batch, Noise::new(1));
        });
    }
}

#[test]
fn scales_that_are_not_positive_are_refused() {
    let dense = || Dense::<P>::new(3, 2, Init::He, Noise::new(0));
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let gaussian = || Likelihood::gaussian(0.0);
        refused("a prior scale of", || {
            BayesianNetwork::new(net(1), gaussian(), scale, 0.1);
        });
        refused("a prior scale of", || {
            BayesianDense::mean_field(dense(), scale, 0.1);
        });
        let prior = Prior::normal(1.0).unwrap();
        for kind in
            [PosteriorKind::MeanField, PosteriorKind::LowRank(2), PosteriorKind::FullCovariance]
        {
            refused("a posterior scale of", || {
                let (kinds, noise) = ([kind; 2], Noise::new(3));
                BayesianNetwork::with_posteriors(net(1), gaussian(), &prior, &kinds, scale, noise);
            });
        }
    }
}

#[test]
fn predictions_of_nothing_or_of_the_wrong_kind_are_refused() {
    let x = normal(2, 3, Noise::new(2));
    let gaussian = network(1, Likelihood::gaussian(0.0));
    let categorical = network(3, Likelihood::Categorical);
    let noise = Noise::new(4);
    refused("0 draws", || {
        categorical.classes(x.view(), 0, noise);
    });
    refused("a likelihood of numbers has none", || {
        gaussian.classes(x.view(), 1, noise);
    });
    refused("3 Bernoullis are not classes", || {
        network(3, Likelihood::Bernoulli).probabilities(x.view(), 1, noise);
    });
    refused("0 draws", || drop(gaussian.clone().with_draws(0)));
}

#[test]
fn one_bernoulli_has_two_classes_whose_entropy_is_that_of_a_coin() {
    let model = network(1, Likelihood::Bernoulli);
    let (x, noise) = (normal(5, 3, Noise::new(2)), Noise::new(4));
    let classes = model.classes(x.view(), 1, noise);
    let p = classes.probabilities();
    let tape = Tape::new();
    let drawn = model.bind_constant(&tape).rsample(noise.stream(0)).forward(tape.constant(&x));
    for (row, logit) in drawn.data().iter().enumerate() {
        let one = 1.0 / (1.0 + (-logit).exp());
        assert!(
            (p[[row, 1]] - one).abs() <= 1e-12 && (p[[row, 0]] + p[[row, 1]] - 1.0).abs() <= 1e-12
        );
        let coin = -one * one.ln() - (1.0 - one) * (1.0 - one).ln();
        assert!((classes.entropy()[row] - coin).abs() <= 1e-12, "row {row}");
    }
}
