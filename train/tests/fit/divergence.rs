//! A run that diverges says where, and keeps parameters that can be used.

use crate::cases::{Law, SMALL, bits, each, normal, run, run_with};
use evidence_autodiff::{Array, Noise, Parameters};
use evidence_layers::{AffineCoupling, Chain};
use evidence_models::{Flow, Model};
use evidence_optim::{Adam, Sgd};
use evidence_train::data::Dataset;
use evidence_train::{Divergence, Fit, FitOptions, Stop, evaluate};
use ndarray::Array2;

/// What every diverged run has: a place, a message that names it, and sound parameters of an epoch before.
fn diverged<M: Model<f32> + Clone>(
    name: &str,
    fitted: &Fit<M>,
    data: &Dataset,
    steps: usize,
) -> Divergence {
    let Stop::Diverged(at) = &fitted.stop else { panic!("{name}: {:?}", fitted.stop) };
    assert_eq!(at.epoch, at.step.div_ceil(steps), "{name}: {at:?}");
    assert_eq!(fitted.history.len(), at.epoch - 1, "{name}: only whole epochs are history");
    assert!(fitted.best < at.epoch, "{name}: {} {at:?}", fitted.best);
    let text = at.to_string();
    let anomaly = at.anomaly.as_ref().unwrap_or_else(|| panic!("{name}: no op in {text}"));
    for part in [
        format!("epoch {}", at.epoch),
        format!("step {}", at.step),
        format!("`{}`", anomaly.op),
        "smaller learning rate".to_owned(),
    ] {
        assert!(text.contains(&part), "{name}: no {part:?} in {text}");
    }
    for (leaf, values) in fitted.model.named() {
        assert!(values.iter().all(|x| x.is_finite()), "{name}: {leaf} is not finite");
    }
    let loss = evaluate::<f32, _>(&fitted.model, data, Noise::new(4));
    assert!(loss.is_finite(), "{name}: the parameters kept have a loss of {loss}; {text}");
    assert_eq!(fitted.clone().into_result().err().as_ref(), Some(at), "{name}");
    at.clone()
}

/// Batches and what is watched do not matter.
struct HugeRate;

impl Law for HugeRate {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        for batch in [data.rows(), data.rows() / 4] {
            let steps = data.rows() / batch;
            for validation in [None, Some(data)] {
                let options = FitOptions { epochs: 6, batch, ..FitOptions::default() };
                let name = format!("{name}, {steps} steps, watched {}", validation.is_some());
                let mut adam = Adam::new(1e30).unwrap();
                let fitted = run_with(&mut adam, &model, data, validation, &options);
                diverged(&name, &fitted, data, steps);
                let start = bits(&fitted.model) == bits(&model);
                assert_eq!(start, fitted.best == 0, "{name}: epoch 0 is the start");
            }
        }
    }
}

#[test]
fn a_huge_learning_rate_is_diagnosed() {
    each(SMALL, &HugeRate);
}

/// The last step of the last epoch has no step behind it that would notice.
struct LastStep;

impl Law for LastStep {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let options = FitOptions { epochs: 1, batch: usize::MAX, ..FitOptions::default() };
        let fitted = run_with(&mut Sgd::new(1e36).unwrap(), &model, data, None, &options);
        let at = diverged(name, &fitted, data, 1);
        assert_eq!((at.epoch, at.step), (1, 1), "{name}");
        assert!(bits(&fitted.model) == bits(&model), "{name}: the start is best");
    }
}

#[test]
fn the_last_step_is_no_exception() {
    each(SMALL, &LastStep);
}

/// Good epochs before the bad one are kept: the second run is the first, resumed with a rate that is too large.
struct KeepsTheBest;

impl Law for KeepsTheBest {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let options = FitOptions { epochs: 4, batch: 32, seed: 2, ..FitOptions::default() };
        let good = run(&model, data, &options);
        let bad = run_with(&mut Adam::new(1e30).unwrap(), &good.model, data, Some(data), &options);
        diverged(name, &bad, data, 3);
        assert!(bits(&bad.model) == bits(&good.model), "{name}");
    }
}

#[test]
fn what_was_learned_before_is_kept() {
    each(SMALL, &KeepsTheBest);
}

/// With all rows in a batch, the loss of an epoch is the one that the epoch before it left behind.
#[test]
fn with_nothing_held_out_the_lowest_loss_is_kept() {
    let data = Dataset::new(normal(32, 2, Noise::new(0)), None).unwrap();
    let model = Flow::<Chain<AffineCoupling<Array<f32>>>>::real_nvp(2, 2, &[8], Noise::new(1));
    let model = model.unwrap();
    let options = FitOptions { epochs: 10_000, ..FitOptions::default() };
    for rate in [1.7, 1.8, 2.5] {
        let fitted = run_with(&mut Sgd::new(rate).unwrap(), &model, &data, None, &options);
        diverged("slowly", &fitted, &data, 1);
        let left: Vec<f64> = fitted.history[1..].iter().map(|epoch| epoch.loss).collect();
        assert!(!left.is_empty(), "{rate}: {left:?}");
        let lowest = left.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(left[fitted.best - 1], lowest, "{rate}: {left:?}");
        let kept = evaluate::<f32, _>(&fitted.model, &data, Noise::new(4));
        assert!((kept - lowest).abs() <= 1e-5 * lowest.abs(), "{rate}: {kept} of {left:?}");
    }
}

/// Finite numbers, but not in the model's scalar.
struct BeyondTheScalar;

impl Law for BeyondTheScalar {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let (rows, width) = data.features().dim();
        for value in [1e30, 1e300] {
            let mut features: Array2<f64> = data.features().clone();
            features[[rows / 2, width - 1]] = value;
            let extreme = Dataset::new(features, data.targets().cloned()).unwrap();
            let options = FitOptions { epochs: 2, batch: usize::MAX, ..FitOptions::default() };
            let fitted = run(&model, &extreme, &options);
            // Probabilities saturate and take even 1e30; nothing takes an infinity.
            if value < 1e38 && fitted.stop == Stop::Finished {
                continue;
            }
            let Stop::Diverged(at) = &fitted.stop else { panic!("{name}: {:?}", fitted.stop) };
            assert_eq!((at.epoch, at.step), (1, 1), "{name}, {value:e}: {at}");
            assert!(at.anomaly.is_some(), "{name}, {value:e}: {at}");
            assert!(bits(&fitted.model) == bits(&model), "{name}: the start is best");
            assert!(fitted.history.is_empty());
        }
    }
}

#[test]
fn data_that_overflow_the_scalar_are_diagnosed_at_the_first_step() {
    each(SMALL, &BeyondTheScalar);
}
