//! MNIST by Bayes by Backprop, as Blundell and others (2015, section 5.1) did: error, calibration, and what the network says of digits that
//! are turned.
//!
//! | what | as published | here |
//! | --- | --- | --- |
//! | network | 784 – 400 – 400 – 10, ReLU | the same |
//! | pixels | divided by 126 | the same |
//! | posterior | mean field, one draw a step for the whole batch | mean field, by local reparametrisation |
//! | prior | the best of a grid on 10,000 of the training images | the best of a few on the same: see [`ImagePrior`] |
//! | optimiser | SGD, batches of 128, 600 epochs | SGD with momentum, batches of 128, 60 epochs: see [`recipe`] |
//! | learned from | 50,000 images | 60,000, once the recipe was settled on 50,000 of them |
//!
//! Test images are scored, and nothing else.

mod error;
pub mod recipe;
mod rotation;

pub use error::MnistError;
pub use recipe::ImagePrior;
pub use rotation::rotated;

use evidence_autodiff::Noise;
use evidence_autodiff::kernels::threads::with_threads;
use evidence_models::ClassMixture;
use evidence_models::metrics::{Reliability, accuracy, expected_calibration_error, reliability};
use evidence_train::Epoch;
use evidence_train::data::{DataError, Images, Part};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis, Slice, aview1};
use serde::Serialize;
use std::time::Instant;

/// Labels are 0 to 9.
pub const CLASSES: usize = 10;
/// Draws of the weights in a prediction.
const DRAWS: usize = 100;
/// Bins of the reliability curve (Guo and others 2017).
pub const BINS: usize = 15;
/// Digits that are turned: the first of those to score on.
const TURNED: usize = 1_000;
/// The share of the training part that chooses a recipe: 10,000 of 60,000.
const HELD_OUT: f64 = 1.0 / 6.0;

/// How to train, and what to score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MnistOptions {
    /// The prior of every weight.
    pub prior: ImagePrior,
    /// Passes over the training images.
    pub epochs: usize,
    /// Learns from five sixths of the training part and scores the rest of it, its end, instead of the test part: what recipes are chosen
    /// by.
    pub held_out: bool,
    /// Threads; 0: one per core. The result does not depend on it.
    pub threads: usize,
    /// Decides initial weights, order and every draw.
    pub seed: u64,
}

/// What a network came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MnistScores {
    /// The prior's name.
    pub prior: &'static str,
    /// Passes over the training images.
    pub epochs: usize,
    /// How many those are.
    pub training_images: usize,
    /// How many were scored.
    pub scored_images: usize,
    /// The share of images whose most probable class is not the label.
    pub error: f64,
    /// The mean log-probability of the labels, in nats per image.
    pub log_density: f64,
    /// The expected calibration error over [`BINS`] bins.
    pub calibration_error: f64,
    /// KL(q ‖ p) of the weights, in nats per training image, behind the last epoch.
    pub kl: f64,
    /// How often predictions of each confidence were right.
    pub reliability: Vec<Bin>,
    /// What it says of turned digits.
    pub turned: Vec<Turned>,
    /// The error that others published with this prior.
    pub published_error: f64,
    /// How long the training took.
    pub seconds: f64,
}

/// Predictions of about one confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub images: usize,
    /// Their mean probability of the most probable class.
    pub confidence: f64,
    /// The share where that was the label.
    pub accuracy: f64,
}

/// Predictions for digits turned counter-clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Turned {
    /// By how many degrees.
    pub degrees: f64,
    /// The share of digits that were not recognised.
    pub error: f64,
    /// The mean entropy of the predictions, in nats; at most ln 10.
    pub entropy: f64,
    /// The part of it that the draws of the weights have each by itself.
    pub aleatoric: f64,
    /// The part that is their disagreement.
    pub epistemic: f64,
}

/// Trains a network and scores it; `report` is called behind every epoch.
///
/// # Errors
/// If the images are not square or not of ten classes, there are too few, or the training diverges.
pub fn run(
    (training, test): (&Images, &Images),
    options: &MnistOptions,
    report: impl FnMut(&Epoch) + Send,
) -> Result<MnistScores, MnistError> {
    let (side, width) = training.shape;
    if side != width {
        return Err(MnistError::Oblong(side, width));
    }
    for (part, images) in [("training", training), ("test", test)] {
        if let Some(row) = images.labels.iter().position(|&label| label >= CLASSES) {
            return Err(MnistError::Label { part, row, label: images.labels[row] });
        }
    }
    let held_out = if options.held_out { Some(hold_out(training)?) } else { None };
    let (train, scored) = match &held_out {
        Some((train, scored)) => (train, scored),
        None => (training, test),
    };
    with_threads(options.threads, || {
        let noise = Noise::new(options.seed);
        let start = Instant::now();
        let (model, kl) = recipe::train(train, options, noise.stream(0), report)?;
        let seconds = start.elapsed().as_secs_f64();
        let predict = |pixels: ArrayView2<'_, f32>| {
            model.classes(recipe::scaled(pixels).view(), DRAWS, noise.stream(1))
        };
        let (labels, classes) = (aview1(&scored.labels), predict(scored.pixels.view()));
        let some = labels.len().min(TURNED);
        let first = scored.pixels.slice_axis(Axis(0), Slice::from(..some)).mapv(f64::from);
        let turned = (0..=12).map(|i| {
            let degrees = 15.0 * f64::from(i);
            let digits = rotated(first.view(), side, degrees).mapv(|ink| ink as f32);
            Turned::of(degrees, &predict(digits.view()), aview1(&scored.labels[..some]))
        });
        let probabilities = classes.probabilities();
        let p = probabilities.view();
        Ok(MnistScores {
            prior: options.prior.name(),
            epochs: options.epochs,
            training_images: train.labels.len(),
            scored_images: labels.len(),
            error: 1.0 - accuracy(p, labels),
            log_density: mean(classes.log_prob(labels)),
            calibration_error: expected_calibration_error(p, labels, BINS),
            kl,
            reliability: Bin::all(p, labels),
            turned: turned.collect(),
            published_error: options.prior.published_error(),
            seconds,
        })
    })
}

/// All but the last sixth, and that sixth.
fn hold_out(all: &Images) -> Result<(Images, Images), MnistError> {
    let rows = all.labels.len();
    let kept = rows - (rows as f64 * HELD_OUT).round() as usize;
    if kept == rows {
        return Err(DataError::EmptyPart { part: Part::Validation, rows }.into());
    }
    let part = |rows: std::ops::Range<usize>| all.select(&rows.collect::<Vec<_>>());
    Ok((part(0..kept), part(kept..rows)))
}

fn mean(values: Array1<f64>) -> f64 {
    values.mean().unwrap_or(f64::NAN)
}

impl Bin {
    fn all(probabilities: ArrayView2<'_, f64>, labels: ArrayView1<'_, usize>) -> Vec<Self> {
        let bins = reliability(probabilities, labels, BINS).into_iter();
        bins.map(|Reliability { share, confidence, accuracy }| Self {
            images: (share * labels.len() as f64).round() as usize,
            confidence,
            accuracy,
        })
        .collect()
    }
}

impl Turned {
    fn of(degrees: f64, classes: &ClassMixture, labels: ArrayView1<'_, usize>) -> Self {
        Self {
            degrees,
            error: 1.0 - accuracy(classes.probabilities().view(), labels),
            entropy: mean(classes.entropy()),
            aleatoric: mean(classes.aleatoric_entropy()),
            epistemic: mean(classes.epistemic_entropy()),
        }
    }
}
