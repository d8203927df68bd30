//! The KL over weights is brought in step by step, told in full, and whole again in the end.

use crate::cases::normal;
use evidence_autodiff::{Array, Noise};
use evidence_layers::{Activation, Estimator, Mlp};
use evidence_models::{BayesianNetwork, Likelihood};
use evidence_optim::{Adam, Sgd};
use evidence_train::data::Dataset;
use evidence_train::{Event, FitOptions, Trainer, fit};

fn data_and_model() -> (Dataset, BayesianNetwork<Array<f32>>) {
    let x = normal(12, 2, Noise::new(0));
    let y = x.clone().sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    let data = Dataset::new(x, Some(y)).unwrap();
    let net = Mlp::<Array<f32>>::new(&[2, 4, 1], Activation::Tanh, Noise::new(1));
    let model = BayesianNetwork::new(net, Likelihood::gaussian(0.0), 1.0, 0.05)
        .with_estimator(Estimator::Local)
        .unwrap();
    (data, model)
}

#[test]
fn the_share_of_the_kl_rises_with_the_steps() {
    let (data, model) = data_and_model();
    for warm_up in [0, 1, 4, 100] {
        // One step an epoch, so that an epoch's loss is a step's.
        let options = FitOptions { epochs: 8, batch: 12, warm_up, ..FitOptions::default() };
        let mut adam = Adam::new(0.01).unwrap();
        let fitted = fit(model.clone(), &data, None, &mut adam, &options, |_| {}).unwrap();
        for epoch in &fitted.history {
            let share = (epoch.number as f64 / warm_up as f64).min(1.0);
            let [(_, log_likelihood), (_, kl)] = epoch.parts[..] else { panic!("two parts") };
            let expected = share * kl - log_likelihood;
            assert!(
                (epoch.loss - expected).abs() <= 1e-5 * expected.abs().max(1.0),
                "{warm_up}: {epoch:?}"
            );
            assert!(kl > 0.1, "told in full");
        }
        assert_eq!(fitted.model.kl_share, 1.0, "{warm_up}: whole again");
    }
}

/// Where nothing is held out, epochs are compared by their last batches: by losses of one kind, not by those of the first epochs, which
/// count hardly any divergence.
#[test]
fn epochs_without_a_validation_set_are_compared_by_whole_losses() {
    let (data, model) = data_and_model();
    let lowest = |warm_up| {
        let options = FitOptions { epochs: 100, batch: 12, warm_up, ..FitOptions::default() };
        // Steps that hardly move: one model, with any share of the divergence.
        let mut sgd = Sgd::new(1e-12).unwrap();
        let mut trainer = Trainer::new(model.clone(), &data, None, &mut sgd, options).unwrap();
        assert!(matches!(trainer.advance(), Event::Epoch(_)));
        trainer.position().lowest.unwrap()
    };
    let whole = lowest(0);
    for warm_up in [1, 4, 100] {
        let found = lowest(warm_up);
        assert!((found - whole).abs() <= 1e-6 * whole.abs(), "{warm_up}: {found}, not {whole}");
    }
}
