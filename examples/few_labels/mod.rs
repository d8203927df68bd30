//! What the example of few labels learns from: the digits, those whose class may be looked at, and the sizes and lengths of each method.

use super::command_line::Failure;
use evidence::models::UNLABELLED;
use evidence::train::data::{DIGITS_MAX, Images, Split, digits};
use evidence::{Activation, Noise};
use ndarray::{Array1, Array2, Axis};
use std::path::Path;

pub const CLASSES: usize = 10;

/// Images, and what is made of them.
pub struct Data {
    pub training: Images,
    pub test: Images,
    pub recipe: Recipe,
}

/// Sizes and lengths, the same for every seed.
pub struct Recipe {
    /// Whether M1's pixels are black or white, drawn, or grey under a normal of learned scale.
    pub coins: bool,
    /// Hidden units of every network; M1 has two layers of them.
    pub hidden: usize,
    /// Between layers.
    pub activation: Activation,
    /// Adam's rate at first.
    pub rate: f64,
    /// Steps of the supervised network, on all labelled rows each.
    pub steps: usize,
    /// Labelled and unlabelled rows in a minibatch of M2.
    pub batch: (usize, usize),
    /// M1.
    pub m1: M1,
    /// M2 on pixels: fits one after the other, each from the classifier that the one before it left.
    pub m2: Vec<M2>,
    /// M2 on M1's latents.
    pub m1_m2: M2,
}

/// A fit of M1.
pub struct M1 {
    pub latents: usize,
    /// Passes over the training images.
    pub epochs: usize,
    /// Passes over which the divergence is brought in.
    pub warm_up: usize,
}

/// A fit of M2.
pub struct M2 {
    pub latents: usize,
    /// Passes over the training images before, of the generative half alone: an unlabelled image is of the class that the classifier names.
    pub named: usize,
    /// Passes of both halves.
    pub epochs: usize,
    pub alpha: f64,
}

impl Recipe {
    /// Of so many passes, whatever is fitted.
    pub fn shorten(&mut self, epochs: usize) {
        self.m1.epochs = epochs;
        for fit in self.m2.iter_mut().chain([&mut self.m1_m2]) {
            fit.named = fit.named.min(epochs);
            fit.epochs = epochs;
        }
    }
}

impl Data {
    /// The embedded digits.
    pub fn embedded() -> Result<Self, Failure> {
        let all = digits();
        let pixels = all.features().mapv(|x| (x / DIGITS_MAX) as f32);
        let all = Images { pixels, labels: all.classes()?, shape: (8, 8) };
        let split = Split::by_fraction(all.labels.len(), 0.7, 0.1, 0.2, &mut Noise::new(3).rng())?;
        Ok(Self {
            training: all.select(split.train()),
            test: all.select(split.test()),
            recipe: Recipe {
                coins: false,
                hidden: 100,
                activation: Activation::Relu,
                rate: 3e-3,
                steps: 300,
                batch: (50, 50),
                m1: M1 { latents: 16, epochs: 80, warm_up: 40 },
                m2: vec![M2 { latents: 8, named: 0, epochs: 80, alpha: 1.0 }],
                m1_m2: M2 { latents: 8, named: 0, epochs: 80, alpha: 1.0 },
            },
        })
    }

    /// The first 50,000 training images; by the last 10,000 the recipe was chosen.
    pub fn mnist(folder: &Path) -> Result<Self, Failure> {
        let (training, test) = Images::read_both(folder)?;
        let first: Vec<usize> = (0..training.labels.len().min(50_000)).collect();
        Ok(Self {
            training: training.select(&first),
            test,
            recipe: Recipe {
                coins: true,
                hidden: 500,
                activation: Activation::Relu,
                rate: 1e-3,
                steps: 300,
                batch: (50, 100),
                m1: M1 { latents: 50, epochs: 60, warm_up: 0 },
                m2: vec![
                    M2 { latents: 2, named: 5, epochs: 4, alpha: 1.0 },
                    M2 { latents: 5, named: 10, epochs: 6, alpha: 1.0 },
                ],
                m1_m2: M2 { latents: 10, named: 0, epochs: 100, alpha: 10.0 },
            },
        })
    }
}

/// The classes of all rows, and the rows whose class may be looked at.
pub struct Labels<'a> {
    pub y: &'a [usize],
    pub labelled: Vec<usize>,
}

impl<'a> Labels<'a> {
    /// So many labels, as many of each class as of any other.
    pub fn chosen(y: &'a [usize], labels: usize, noise: Noise) -> Self {
        let mut left = [labels.div_ceil(CLASSES); CLASSES];
        let mut labelled = Vec::new();
        for row in noise.permutation(y.len()) {
            if left[y[row]] > 0 && labelled.len() < labels {
                left[y[row]] -= 1;
                labelled.push(row);
            }
        }
        Self { y, labelled }
    }

    /// Of labelled rows, with so many unlabelled ones behind them.
    pub fn column(&self, labelled: &[usize], unlabelled: usize) -> Array2<f64> {
        let known = labelled.iter().map(|&row| self.y[row] as f64);
        let all = known.chain(std::iter::repeat_n(UNLABELLED, unlabelled));
        all.collect::<Array1<f64>>().insert_axis(Axis(1))
    }
}
