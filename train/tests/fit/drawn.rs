//! Minibatches that a function draws: each a function of its step and its noise, an epoch as many of them as the rows fill.

use crate::cases::{bits, normal};
use evidence_autodiff::{Array, Noise};
use evidence_layers::Activation;
use evidence_models::{DenseNetwork, Likelihood, Vae};
use evidence_optim::Adam;
use evidence_train::data::{DataError, Dataset, Drawn};
use evidence_train::{Epoch, Event, Fit, FitOptions, Snapshot, Stop, Trainer, fit};
use ndarray::{Array2, Axis};

type Net = DenseNetwork<Array<f32>>;

fn net() -> Net {
    DenseNetwork::regression(&[3, 4, 1], Activation::Tanh, Noise::new(1))
}

fn options(epochs: usize) -> FitOptions {
    FitOptions { epochs, batch: 4, ..FitOptions::default() }
}

/// Of ten rows: three steps an epoch.
fn drawn(draw: &mut dyn FnMut(usize, Noise) -> Drawn, options: &FitOptions) -> Fit<Net> {
    let mut adam = Adam::new(0.01).unwrap();
    let mut trainer = Trainer::drawn(net(), 10, draw, None, &mut adam, *options).unwrap();
    let mut history: Vec<Epoch> = Vec::new();
    loop {
        match trainer.advance() {
            Event::Epoch(epoch) => history.push(epoch),
            Event::Step => {}
            Event::Stop(_) | Event::Unread(_) => return trainer.finish(history),
        }
    }
}

fn noisy(rows: usize, noise: Noise) -> Drawn {
    let x = normal(rows, 3, noise);
    let y = x.sum_axis(Axis(1)).insert_axis(Axis(1));
    (x, Some(y))
}

#[test]
fn every_step_is_asked_for_once_with_noise_of_its_own() {
    let mut asked: Vec<(usize, Array2<f64>)> = Vec::new();
    let fitted = drawn(
        &mut |step, noise| {
            asked.push((step, normal(1, 2, noise)));
            // As many rows as it likes.
            noisy(1 + step, noise)
        },
        &options(2),
    );
    assert_eq!(fitted.stop, Stop::Finished);
    assert!(asked.iter().map(|(step, _)| *step).eq(0..6));
    let differ = |i: usize| asked[..i].iter().all(|(_, noise)| *noise != asked[i].1);
    assert!((0..6).all(differ));
}

#[test]
fn an_epoch_tells_the_mean_over_its_steps() {
    // One step an epoch, and three: the same steps.
    let draw = |step: usize, noise: Noise| noisy(2 + 5 * step, noise);
    let (single, three) = (FitOptions { batch: 10, ..options(3) }, options(1));
    let steps = drawn(&mut { draw }, &single);
    let epoch = drawn(&mut { draw }, &three);
    assert_eq!(bits(&steps.model), bits(&epoch.model));
    let mean = steps.history.iter().map(|step| step.loss).sum::<f64>() / 3.0;
    assert!((epoch.history[0].loss - mean).abs() < 1e-12 * mean.abs());
}

#[test]
fn rows_drawn_whole_are_rows_in_memory() {
    let (x, y) = noisy(10, Noise::new(3));
    let one = |x: &Array2<f64>| x.slice(ndarray::s![..1, ..]).to_owned();
    let (x, y) = (one(&x), one(&y.unwrap()));
    let memory = Dataset::new(x.clone(), Some(y.clone())).unwrap();
    let options = FitOptions { batch: 10, ..options(5) };
    let mut adam = Adam::new(0.01).unwrap();
    let fitted = fit::<f32, _>(net(), &memory, None, &mut adam, &options, |_| {}).unwrap();
    let drawn = drawn(&mut |_, _| (x.clone(), Some(y.clone())), &options);
    assert_eq!(bits(&fitted.model), bits(&drawn.model));
    assert_eq!(fitted.history, drawn.history);
}

#[test]
fn a_training_resumed_draws_what_the_unbroken_one_does() {
    let model = || {
        Vae::<Array<f32>>::new(&[3, 4, 1], Activation::Tanh, Likelihood::Bernoulli, Noise::new(2))
    };
    let pixels = |step: usize, noise: Noise| {
        let (x, _) = noisy(3 + step % 2, noise);
        (x.mapv(|x| f64::from(u8::from(x > 0.0))), None)
    };
    let (mut one, mut two, mut adam, mut other) =
        (pixels, pixels, Adam::new(0.01).unwrap(), Adam::new(0.01).unwrap());
    let mut trainer = Trainer::drawn(model(), 10, &mut one, None, &mut adam, options(4)).unwrap();
    (0..5).for_each(|_| drop(trainer.advance()));
    let mut snapshot = Snapshot::new();
    trainer.snapshot(&mut snapshot);
    let mut resumed = Trainer::drawn(model(), 10, &mut two, None, &mut other, options(4)).unwrap();
    resumed.restore(&snapshot).unwrap();
    for trainer in [&mut trainer, &mut resumed] {
        while !matches!(trainer.advance(), Event::Stop(_)) {}
        assert_eq!(trainer.position().step, 12);
    }
    assert_eq!(bits(trainer.model()), bits(resumed.model()));
}

#[test]
fn no_rows_batches_of_none_and_a_divergence_are_told() {
    let mut adam = Adam::new(0.01).unwrap();
    let mut refused = |rows, batch| {
        let options = FitOptions { batch, ..options(1) };
        let mut draw = |_: usize, noise: Noise| noisy(4, noise);
        let trainer = Trainer::drawn(net(), rows, &mut draw, None, &mut adam, options);
        trainer.map(|_| ()).unwrap_err()
    };
    assert!(matches!(refused(0, 4), DataError::NoRows { .. }));
    assert_eq!(refused(10, 0), DataError::ZeroBatch);
    let fitted = drawn(
        &mut |step, noise| {
            let (x, y) = noisy(4, noise);
            (if step == 4 { x * f64::NAN } else { x }, y)
        },
        &options(3),
    );
    let Stop::Diverged(at) = &fitted.stop else { panic!("{:?}", fitted.stop) };
    assert_eq!((at.epoch, at.step, fitted.best), (2, 5, 1));
}
