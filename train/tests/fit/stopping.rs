//! What a run returns, and when it ends.

use crate::cases::{Law, SMALL, bits, each, normal, run, run_with};
use evidence_autodiff::{Array, Noise};
use evidence_layers::Activation;
use evidence_models::{DenseNetwork, Model};
use evidence_optim::{Adam, Optimizer, Sgd};
use evidence_train::data::Dataset;
use evidence_train::{FitOptions, Schedule, Stop, evaluate};

/// What early stopping watches is drawn from this stream of the seed.
fn held_out(seed: u64) -> Noise {
    Noise::new(seed).stream(2)
}

struct Learns;

impl Law for Learns {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let options = FitOptions { epochs: 40, batch: 32, seed: 1, ..FitOptions::default() };
        let fitted = run(&model, data, &options);
        assert_eq!((&fitted.stop, fitted.best), (&Stop::Finished, 40), "{name}");
        let loss = |model: &M| evaluate::<f32, _>(model, data, Noise::new(9));
        let (before, after) = (loss(&model), loss(&fitted.model));
        assert!(after < before - 0.2, "{name}: {before} before, {after} after");
        // An epoch's loss is the sum of its parts: KLs count against, log-likelihoods for.
        for epoch in &fitted.history {
            let signed = |(part, value): &(&str, f64)| {
                if part.starts_with("KL") { *value } else { -value }
            };
            let sum: f64 = epoch.parts.iter().map(signed).sum();
            let scale = epoch.parts.iter().map(|part| part.1.abs()).sum::<f64>().max(1.0);
            assert!((sum - epoch.loss).abs() < 1e-5 * scale, "{name}: {epoch:?}");
        }
    }
}

#[test]
fn every_model_learns() {
    each(SMALL, &Learns);
}

struct NoEpochs;

impl Law for NoEpochs {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let options = FitOptions { epochs: 0, ..FitOptions::default() };
        for validation in [None, Some(data)] {
            let mut adam = Adam::new(0.01).unwrap();
            let fitted = run_with(&mut adam, &model, data, validation, &options);
            assert!(bits(&fitted.model) == bits(&model), "{name}: changed by no epochs");
            assert!(fitted.history.is_empty());
            assert_eq!((fitted.stop, fitted.best, adam.steps()), (Stop::Finished, 0, 0), "{name}");
        }
    }
}

#[test]
fn no_epochs_leave_the_model_as_it_is() {
    each(SMALL, &NoEpochs);
}

struct LargeBatch;

impl Law for LargeBatch {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let with = |batch| {
            let mut adam = Adam::new(0.01).unwrap();
            let options = FitOptions { epochs: 3, batch, ..FitOptions::default() };
            let fitted = run_with(&mut adam, &model, data, None, &options);
            assert_eq!(adam.steps(), 3, "{name}: one step an epoch");
            bits(&fitted.model)
        };
        let all = with(data.rows());
        for batch in [data.rows() + 1, usize::MAX] {
            assert!(with(batch) == all, "{name}: a batch of {batch}");
        }
    }
}

#[test]
fn a_batch_larger_than_the_data_is_all_of_them() {
    each(SMALL, &LargeBatch);
}

struct OneRow;

impl Law for OneRow {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let row = data.select(&[5]).unwrap();
        let mut adam = Adam::new(0.01).unwrap();
        let options = FitOptions { epochs: 5, ..FitOptions::default() };
        let fitted = run_with(&mut adam, &model, &row, Some(&row), &options);
        assert_eq!((&fitted.stop, adam.steps()), (&Stop::Finished, 5), "{name}");
        assert!(fitted.history.iter().all(|e| e.loss.is_finite()), "{name}: {:?}", fitted.history);
        assert!(bits(&fitted.model) != bits(&model), "{name}: one row teaches something");
    }
}

#[test]
fn one_row_is_enough() {
    each(SMALL, &OneRow);
}

struct Early;

impl Law for Early {
    /// The first rows are learned by heart, so that the others soon get worse.
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let training = data.select(&(0..6).collect::<Vec<_>>()).unwrap();
        let others = data.select(&(6..data.rows()).collect::<Vec<_>>()).unwrap();
        let patience = 4;
        let options = FitOptions {
            // Without end: a run to be stopped early names no length.
            epochs: usize::MAX,
            batch: 4,
            patience: Some(patience),
            seed: 8,
            schedule: Schedule::Constant,
            ..FitOptions::default()
        };
        let mut adam = Adam::new(0.03).unwrap();
        let fitted = run_with(&mut adam, &model, &training, Some(&others), &options);
        assert_eq!(fitted.stop, Stop::Early, "{name}");
        assert_eq!(fitted.history.len(), fitted.best + patience, "{name}");
        let validation: Vec<f64> = fitted.history.iter().map(|e| e.validation.unwrap()).collect();
        let lowest = validation.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(validation[fitted.best - 1], lowest, "{name}: the best epoch");
        let again = evaluate::<f32, _>(&fitted.model, &others, held_out(options.seed));
        assert_eq!(again.to_bits(), lowest.to_bits(), "{name}: the parameters are another epoch's");

        // As many epochs with nobody watching lead to the very same parameters.
        let unwatched = FitOptions { epochs: fitted.best, patience: None, ..options };
        let mut adam = Adam::new(0.03).unwrap();
        let plain = run_with(&mut adam, &model, &training, None, &unwatched);
        assert!(bits(&plain.model) == bits(&fitted.model), "{name}");
        assert!(fitted.into_result().is_ok(), "{name}: an early stop is no divergence");
    }
}

#[test]
fn early_stopping_returns_the_parameters_of_the_best_epoch() {
    each(SMALL, &Early);
}

#[test]
fn patience_counts_epochs_without_a_better_one() {
    let x = normal(8, 2, Noise::new(0));
    let data = Dataset::new(x.clone(), Some(x.select(ndarray::Axis(1), &[0]))).unwrap();
    let model = DenseNetwork::<Array<f32>>::regression(&[2, 1], Activation::Relu, Noise::new(1));
    // Steps too small to change an f32: no epoch is better than the first.
    let mut still = Sgd::new(1e-30).unwrap();
    for (patience, epochs) in [(0, 2), (1, 2), (2, 3), (5, 6)] {
        let options = FitOptions { patience: Some(patience), ..FitOptions::default() };
        let fitted = run_with(&mut still, &model, &data, Some(&data), &options);
        let seen = (fitted.history.len(), fitted.best, fitted.stop);
        assert_eq!(seen, (epochs, 1, Stop::Early), "patience {patience}");
        // Nothing to watch, nothing to stop for.
        let options = FitOptions { epochs: 9, ..options };
        let fitted = run_with(&mut still, &model, &data, None, &options);
        assert_eq!((fitted.history.len(), fitted.stop), (9, Stop::Finished));
    }
}

#[test]
fn a_schedule_leaves_the_optimiser_its_own_rate() {
    let x = normal(8, 2, Noise::new(0));
    let data = Dataset::new(x.clone(), Some(x.select(ndarray::Axis(1), &[0]))).unwrap();
    let model = DenseNetwork::<Array<f32>>::regression(&[2, 1], Activation::Relu, Noise::new(1));
    let mut used = Sgd::new(0.1).unwrap();
    let cosine = FitOptions { epochs: 3, schedule: Schedule::Cosine, ..FitOptions::default() };
    let falling = run_with(&mut used, &model, &data, None, &cosine);
    let constant = FitOptions { schedule: Schedule::Constant, ..cosine };
    let (again, fresh) = (
        run_with(&mut used, &model, &data, None, &constant),
        run_with(&mut Sgd::new(0.1).unwrap(), &model, &data, None, &constant),
    );
    assert!(bits(&again.model) == bits(&fresh.model));
    assert!(bits(&falling.model) != bits(&fresh.model), "a cosine is not a constant");
}
