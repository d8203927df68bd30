//! The KL over weights is brought in step by step, told in full, and whole again in the end.

use crate::cases::normal;
use evidence_autodiff::{Array, Noise};
use evidence_layers::{Activation, Estimator, Mlp};
use evidence_models::{BayesianNetwork, Likelihood};
use evidence_optim::Adam;
use evidence_train::data::Dataset;
use evidence_train::{FitOptions, fit};

#[test]
fn the_share_of_the_kl_rises_with_the_steps() {
    let x = normal(12, 2, Noise::new(0));
    let y = x.clone().sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    let data = Dataset::new(x, Some(y)).unwrap();
    let net = Mlp::<Array<f32>>::new(&[2, 4, 1], Activation::Tanh, Noise::new(1));
    let model = BayesianNetwork::new(net, Likelihood::gaussian(0.0), 1.0, 0.05)
        .with_estimator(Estimator::Local)
        .unwrap();
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
