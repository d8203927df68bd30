//! The estimator laboratory: bias, variance and cost of each gradient estimator, on one network and batches of one size.
//!
//! The gradient of the negative ELBO is estimated many times by each. Its variance on a batch is summed over all parameters and averaged
//! over the batches; its bias is measured against a reference, four times as many draws of local reparametrisation in a stream of their
//! own, as `√ mean z²` with `z = (ḡ − r) / √(s²/D + s_r²/4D)` of means and variances over all batches and their D draws: near 1 where
//! there is none. The z of one measurement hang together (on one row with one output, all gradients are multiples of a few numbers), so
//! a single figure may well be 1.5; its square's mean over seeds is 1.

use evidence_autodiff::{Array, Noise, Path, Tree};
use evidence_layers::{Estimator, EstimatorError};
use evidence_models::{Backprop, BayesianNetwork, Rows};
use serde::Serialize;
use std::time::Instant;

/// What one estimator came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Its name.
    pub estimator: &'static str,
    /// Rows in a batch.
    pub batch: usize,
    /// How often the gradient was estimated, on all batches together.
    pub draws: usize,
    /// The norm of its mean.
    pub norm: f64,
    /// The root mean square of the parameters' z: 1, but for chance, without bias.
    pub bias: f64,
    /// The variance of one estimate on one batch, summed over the parameters: a mean over the batches.
    pub variance: f64,
    /// The time of one estimate, in microseconds.
    pub microseconds: f64,
}

impl Measurement {
    /// The variance that a second of estimates leaves: variance times cost, the smaller the better.
    pub fn cost_of_precision(&self) -> f64 {
        self.variance * self.microseconds * 1e-6
    }
}

/// Of each parameter's gradient, the mean and the variance on one batch, averaged over the batches, and the seconds that all draws took.
struct Moments {
    mean: Vec<f64>,
    variance: Vec<f64>,
    seconds: f64,
}

fn moments(
    model: &BayesianNetwork<Array<f32>>,
    batches: &[Rows<'_, f32>],
    draws: usize,
    noise: Noise,
) -> Moments {
    let mut backprop = Backprop::new();
    let mut all = Moments { mean: Vec::new(), variance: Vec::new(), seconds: 0.0 };
    let share = 1.0 / batches.len() as f64;
    for (batch, &rows) in batches.iter().enumerate() {
        let (mut mean, mut squares) = (Vec::<f64>::new(), Vec::<f64>::new());
        for draw in 0..draws {
            let noise = noise.stream((batch * draws + draw) as u64);
            let start = Instant::now();
            let (_, gradient) = backprop.gradient(model, rows, noise);
            all.seconds += start.elapsed().as_secs_f64();
            // Welford's recurrence: the mean may be far larger than the spread.
            let mut at = 0;
            gradient.map(&Path::root(), &mut |_, leaf| {
                for &g in leaf.data() {
                    if at == mean.len() {
                        mean.push(0.0);
                        squares.push(0.0);
                    }
                    let off = f64::from(g) - mean[at];
                    mean[at] += off / (draw + 1) as f64;
                    squares[at] += off * (f64::from(g) - mean[at]);
                    at += 1;
                }
            });
        }
        all.mean.resize(mean.len(), 0.0);
        all.variance.resize(mean.len(), 0.0);
        for (i, (mean, squares)) in mean.iter().zip(&squares).enumerate() {
            all.mean[i] += share * mean;
            all.variance[i] += share * squares / (draws as f64 - 1.0);
        }
    }
    all
}

/// Measures every estimator on batches of one size, by so many draws on each.
///
/// # Errors
/// If a layer's posterior has no use for one of them.
///
/// # Panics
/// If there are no batches or fewer than two draws, or the rows do not fit the model.
#[track_caller]
pub fn measure(
    model: &BayesianNetwork<Array<f32>>,
    batches: &[Rows<'_, f32>],
    draws: usize,
    noise: Noise,
) -> Result<Vec<Measurement>, EstimatorError> {
    assert!(draws >= 2, "measure: {draws} draws; a variance needs at least two");
    assert!(!batches.is_empty(), "measure: no batches");
    let with = |estimator| model.clone().with_estimator(estimator);
    let reference = moments(&with(Estimator::Local)?, batches, 4 * draws, noise.stream(0));
    let all = draws * batches.len();
    let mut measured = Vec::new();
    for (stream, estimator) in (1..).zip(Estimator::ALL) {
        let found = moments(&with(estimator)?, batches, draws, noise.stream(stream));
        let (mut squares, mut counted) = (0.0, 0);
        for i in 0..found.mean.len() {
            let error = found.variance[i] / all as f64 + reference.variance[i] / (4 * all) as f64;
            // A unit that no row lights up has no gradient and no variance.
            if error > 0.0 {
                squares += (found.mean[i] - reference.mean[i]).powi(2) / error;
                counted += 1;
            }
        }
        measured.push(Measurement {
            estimator: estimator.name(),
            batch: batches[0].inputs.shape()[0],
            draws: all,
            norm: found.mean.iter().map(|g| g * g).sum::<f64>().sqrt(),
            bias: (squares / f64::from(counted.max(1))).sqrt(),
            variance: found.variance.iter().sum(),
            microseconds: 1e6 * found.seconds / all as f64,
        });
    }
    Ok(measured)
}
