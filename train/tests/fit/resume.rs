//! A training stopped behind any step and resumed elsewhere ends where the unbroken one ends, to the last bit.

use crate::cases::{Law, SMALL, bits, each};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_models::Model;
use evidence_optim::{Adam, Optimizer, RmsProp, Sgd};
use evidence_train::data::Dataset;
use evidence_train::{
    Epoch, Event, Fit, FitOptions, RestoreError, Schedule, Snapshot, Stop, Trainer,
};

/// Three steps an epoch, the last of fewer rows; twelve in all.
const OPTIONS: FitOptions = FitOptions {
    epochs: 4,
    batch: 40,
    patience: Some(3),
    seed: 5,
    schedule: Schedule::Cosine,
    warm_up: 2,
    clip: Some(0.5),
};
const STEPS: usize = 12;

/// Goes on to the end, or to a number of steps.
fn go<M: Model<f32>, O: Optimizer<f32>>(
    trainer: &mut Trainer<'_, f32, M, O>,
    until: usize,
) -> Vec<Epoch> {
    let mut epochs = Vec::new();
    while trainer.position().step < until {
        match trainer.advance() {
            Event::Step => {}
            Event::Epoch(epoch) => epochs.push(epoch),
            Event::Stop(_) | Event::Unread(_) => break,
        }
    }
    epochs
}

/// What a training came to.
#[derive(Debug, PartialEq)]
struct End {
    bits: Vec<(String, Vec<u32>)>,
    history: Vec<Epoch>,
    stop: Stop,
    best: usize,
}

impl End {
    fn of<M: Model<f32>>(fit: &Fit<M>) -> Self {
        let Fit { model, history, stop, best } = fit;
        Self { bits: bits(model), history: history.clone(), stop: stop.clone(), best: *best }
    }
}

/// An optimiser to begin with, as often as need be.
trait Begin: Sync {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: &M, data: &Dataset);
}

impl<O: Optimizer<f32>, F: Fn() -> O + Sync> Begin for F {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: &M, data: &Dataset) {
        for validation in [None, Some(data)] {
            let unbroken = with_threads(1, || {
                let mut optimizer = self();
                let mut trainer =
                    Trainer::new(model.clone(), data, validation, &mut optimizer, OPTIONS).unwrap();
                let history = go(&mut trainer, usize::MAX);
                End::of(&trainer.finish(history))
            });
            assert_eq!(unbroken.history.len(), OPTIONS.epochs, "{name}: {:?}", unbroken.stop);
            let mut snapshot = Snapshot::new();
            for stop in 0..=STEPS {
                let (before, after) = if stop % 2 == 0 { (1, 2) } else { (3, 1) };
                let mut history = with_threads(before, || {
                    let mut optimizer = self();
                    let mut trainer =
                        Trainer::new(model.clone(), data, validation, &mut optimizer, OPTIONS)
                            .unwrap();
                    let history = go(&mut trainer, stop);
                    trainer.snapshot(&mut snapshot);
                    // A snapshot is of its moment, whatever happens afterwards.
                    trainer.advance();
                    history
                });
                assert_eq!(snapshot.position.step, stop, "{name}");
                let resumed = with_threads(after, || {
                    let mut optimizer = self();
                    let mut trainer =
                        Trainer::new(model.clone(), data, validation, &mut optimizer, OPTIONS)
                            .unwrap();
                    trainer.restore(&snapshot).unwrap();
                    history.extend(go(&mut trainer, usize::MAX));
                    End::of(&trainer.finish(history))
                });
                let name = format!("{name}, watched {}, step {stop}", validation.is_some());
                assert!(resumed.bits == unbroken.bits, "{name}");
                assert_eq!(resumed, unbroken, "{name}");
            }
        }
    }
}

struct Resumed;

impl Law for Resumed {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let on = |optimizer: &str| format!("{name}, {optimizer}");
        (|| Adam::new(0.01).unwrap()).check(&on("Adam"), &model, data);
        (|| Adam::new(0.01).unwrap().weight_decay(0.1).unwrap()).check(&on("AdamW"), &model, data);
        (|| RmsProp::new(0.001).unwrap()).check(&on("RMSprop"), &model, data);
        (|| Sgd::new(1e-4).unwrap()).check(&on("SGD"), &model, data);
        (|| Sgd::new(1e-4).unwrap().momentum(0.9).unwrap()).check(&on("momentum"), &model, data);
    }
}

#[test]
fn a_run_resumed_behind_any_step_ends_with_the_same_bits() {
    each(SMALL, &Resumed);
}

/// The first rows are learned by heart, so that the others soon get worse.
struct Early;

impl Law for Early {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let training = data.select(&(0..6).collect::<Vec<_>>()).unwrap();
        let others = data.select(&(6..data.rows()).collect::<Vec<_>>()).unwrap();
        let options = FitOptions { epochs: usize::MAX, batch: 4, ..OPTIONS };
        let mut adam = Adam::new(0.03).unwrap();
        let mut trainer =
            Trainer::new(model.clone(), &training, Some(&others), &mut adam, options).unwrap();
        let mut snapshots = Vec::new();
        let stop = loop {
            let mut snapshot = Snapshot::new();
            trainer.snapshot(&mut snapshot);
            snapshots.push(snapshot);
            if let Event::Stop(stop) = trainer.advance() {
                break stop;
            }
        };
        assert_eq!(stop, Stop::Early, "{name}");
        let unbroken = trainer.finish(Vec::new());
        // The last ones hold a training that waits, or has just ended.
        for snapshot in snapshots.iter().rev().take(10) {
            let mut adam = Adam::new(0.03).unwrap();
            let mut trainer =
                Trainer::new(model.clone(), &training, Some(&others), &mut adam, options).unwrap();
            trainer.restore(snapshot).unwrap();
            go(&mut trainer, usize::MAX);
            let resumed = trainer.finish(Vec::new());
            assert_eq!((resumed.stop, resumed.best), (Stop::Early, unbroken.best), "{name}");
            assert!(bits(&resumed.model) == bits(&unbroken.model), "{name}");
        }
    }
}

#[test]
fn patience_outlives_the_run() {
    each(SMALL, &Early);
}

struct Foreign;

impl Law for Foreign {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let mut adam = Adam::new(0.01).unwrap();
        let mut trainer =
            Trainer::new(model.clone(), data, Some(data), &mut adam, OPTIONS).unwrap();
        go(&mut trainer, 4);
        let mut good = Snapshot::new();
        trainer.snapshot(&mut good);
        type Break = fn(&mut Snapshot<f32>);
        let broken: [(&str, Break); 10] = [
            ("missing", |s| drop(s.model.remove(0))),
            ("missing", |s| drop(s.best.remove(0))),
            ("surplus: nosuch", |s| s.model.push(("nosuch".into(), s.model[0].1.clone()))),
            ("surplus", |s| s.best.push(s.best[0].clone())),
            ("has shape [7] instead of", |s| s.model[0].1 = evidence_autodiff::zeros(&[7])),
            ("missing", |s| drop(s.optimizer.pop())),
            ("no training with 3 steps an epoch", |s| s.position.taken = 3),
            ("no training with 3 steps an epoch", |s| s.position.epoch = 0),
            ("no training with 3 steps an epoch", |s| s.position.epoch = usize::MAX),
            ("no training with 3 steps an epoch", |s| s.position.sums.clear()),
        ];
        for (part, damage) in broken {
            let mut bad = good.clone();
            damage(&mut bad);
            let text = trainer.restore(&bad).map_err(|e: RestoreError| e.to_string()).unwrap_err();
            assert!(text.contains(part), "{name}: no {part:?} in {text}");
            let mut after = Snapshot::new();
            trainer.snapshot(&mut after);
            assert_eq!(after.position, good.position, "{name}: changed by what was refused");
            assert!(after.model == good.model && after.optimizer == good.optimizer, "{name}");
        }
    }
}

#[test]
fn what_is_of_another_training_is_refused_by_name() {
    each(SMALL, &Foreign);
}
