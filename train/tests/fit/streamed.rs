//! A training on rows from disk: stopped behind any step and resumed, on any number of threads, it ends with the same bits.

use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Array, Noise, Parameters};
use evidence_layers::Activation;
use evidence_models::DenseNetwork;
use evidence_optim::{Adam, Sgd};
use evidence_train::data::{Dataset, ReadOptions, SchemaOptions, Streamed};
use evidence_train::{Epoch, Event, FitOptions, Schedule, Snapshot, Stop, Trainer, fit};
use std::path::PathBuf;
use tempfile::TempDir;

const OPTIONS: FitOptions = FitOptions {
    epochs: 3,
    batch: 64,
    patience: Some(3),
    seed: 5,
    schedule: Schedule::Cosine,
    warm_up: 0,
    clip: None,
};

/// Three columns and 320 rows or so to train on, six steps an epoch.
fn table() -> (TempDir, PathBuf, Streamed) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let wave = |i: usize, k: f64| (i as f64 * k).sin();
    let rows = (0..400).map(|i| {
        let (a, b) = (wave(i, 0.7), wave(i, 1.3));
        format!("{a},{b},{}\n", a - 2.0 * b + 0.1 * wave(i, 5.1))
    });
    std::fs::write(&path, format!("a,b,y\n{}", rows.collect::<String>())).unwrap();
    let options = SchemaOptions { targets: vec!["y".into()], ..SchemaOptions::default() };
    let streamed = Streamed::fit(&path, &ReadOptions::default(), &options, 100).unwrap();
    (folder, path, streamed)
}

fn model() -> DenseNetwork<Array<f32>> {
    DenseNetwork::regression(&[2, 8, 1], Activation::Tanh, Noise::new(1))
}

/// Trains from a snapshot or the start, for some steps or to the end.
fn train(
    table: &Streamed,
    threads: usize,
    from: Option<&Snapshot<f32>>,
    until: usize,
) -> (Snapshot<f32>, Vec<Epoch>) {
    with_threads(threads, || {
        let mut adam = Adam::new(0.01).unwrap();
        let validation = Some(&table.validation);
        let mut trainer =
            Trainer::streamed(model(), &table.stream, validation, &mut adam, OPTIONS).unwrap();
        if let Some(from) = from {
            trainer.restore(from).unwrap();
        }
        let mut epochs = Vec::new();
        while trainer.position().step < until {
            match trainer.advance() {
                Event::Step => {}
                Event::Epoch(epoch) => epochs.push(epoch),
                Event::Stop(stop) => {
                    assert_eq!(stop, Stop::Finished);
                    break;
                }
                Event::Unread(error) => panic!("{error}"),
            }
        }
        let mut snapshot = Snapshot::new();
        trainer.snapshot(&mut snapshot);
        (snapshot, epochs)
    })
}

#[test]
fn stopped_behind_any_step_and_resumed_it_ends_with_the_same_bits() {
    let (_folder, _, table) = table();
    let (unbroken, epochs) = train(&table, 1, None, usize::MAX);
    assert_eq!(epochs.len(), OPTIONS.epochs);
    assert!(epochs[2].loss < epochs[0].loss, "it learns");
    for stop in 0..unbroken.position.step {
        let (halfway, mut all) = train(&table, 1 + stop % 2, None, stop);
        assert_eq!(halfway.position.step, stop);
        let (end, rest) = train(&table, 2 - stop % 2, Some(&halfway), usize::MAX);
        all.extend(rest);
        assert_eq!(all, epochs, "step {stop}");
        assert_eq!(end.position, unbroken.position, "step {stop}");
        assert!(end.model == unbroken.model && end.best == unbroken.best, "step {stop}");
        assert!(end.optimizer == unbroken.optimizer, "step {stop}");
    }
}

/// One batch of all rows has no order: the same step as from memory, up to the order of sums.
#[test]
fn a_batch_of_all_rows_gives_the_loss_that_memory_gives() {
    let (_folder, path, table) = table();
    let options = FitOptions { epochs: 1, batch: 1000, ..OPTIONS };
    // Gradient descent: Adam would make of a gradient's rounding a step of its own where the gradient is 0.
    let mut sgd = Sgd::new(0.01).unwrap();
    let mut trainer = Trainer::streamed(model(), &table.stream, None, &mut sgd, options).unwrap();
    let Event::Epoch(streamed) = trainer.advance() else { panic!("one step is an epoch") };
    let frame = evidence_train::data::read(&path, &ReadOptions::default()).unwrap();
    let all = table.schema.apply(&frame, evidence_train::data::TargetUse::Required).unwrap().data;
    let key = |data: &Dataset, row: usize| data.features()[[row, 0]].to_bits();
    let held: Vec<u64> = [&table.validation, &table.test]
        .into_iter()
        .flat_map(|data| (0..data.rows()).map(|row| key(data, row)))
        .collect();
    let rows: Vec<usize> = (0..all.rows()).filter(|&row| !held.contains(&key(&all, row))).collect();
    assert_eq!(rows.len(), table.stream.rows());
    let mut sgd = Sgd::new(0.01).unwrap();
    let memory =
        fit(model(), &all.select(&rows).unwrap(), None, &mut sgd, &options, |_| ()).unwrap();
    assert!((memory.history[0].loss - streamed.loss).abs() < 1e-5);
    let start = model();
    let leaves = memory.model.named().into_iter().zip(trainer.model().named());
    for (((name, memory), (_, streamed)), (_, start)) in leaves.zip(start.named()) {
        let alike = memory.iter().zip(streamed.iter()).all(|(a, b)| (a - b).abs() <= 1e-6);
        assert!(alike && memory != start, "{name}: {memory} {streamed}");
    }
}

/// What cannot be read is said, and the training is where it was.
#[test]
fn a_file_that_is_gone_stops_the_training_where_it_is() {
    let (_folder, path, table) = table();
    let mut adam = Adam::new(0.01).unwrap();
    let mut trainer = Trainer::streamed(model(), &table.stream, None, &mut adam, OPTIONS).unwrap();
    while !matches!(trainer.advance(), Event::Epoch(_)) {}
    let before = trainer.position().clone();
    let hidden = path.with_extension("hidden");
    std::fs::rename(&path, &hidden).unwrap();
    let Event::Unread(error) = trainer.advance() else { panic!("there is no file") };
    assert!(error.to_string().contains("t.csv"), "{error}");
    assert_eq!(trainer.position(), &before);
    std::fs::rename(&hidden, &path).unwrap();
    assert_eq!(trainer.advance(), Event::Step);
}
