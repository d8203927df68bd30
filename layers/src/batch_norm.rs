//! Batch normalisation: each channel has its mean taken off and is divided by its deviation, `y = (x − μ) / √(σ² + ε) ∘ γ + β`,
//! μ and σ² those of the batch in training, and in evaluation running averages of them.
//!
//! **Modes.** There is no `forward`, no flag in the layer and no mode to switch: a call is
//! [`forward_training`](BatchNorm::forward_training) or [`forward_evaluation`](BatchNorm::forward_evaluation). The former gives back
//! the running averages with the batch counted in, as a value that must be used; [`learn`](BatchNorm::learn) puts them into the
//! layer, which changes nowhere else. So a mode cannot be left on by mistake, and evaluating many times changes nothing.
//!
//! **Running averages are leaves** of the layer's tree, beside γ and β: whatever copies, saves, restores or compares a model does so
//! with them, by name, and a resumed training has the same bits. No gradient reaches them in either mode. What an
//! optimiser does to a leaf without a gradient (nothing, or weight decay) is undone by `learn`, which replaces them with averages
//! that were made before the step.
//!
//! Source: Ioffe and Szegedy 2015, *Batch normalization*, algorithms 1 and 2; averages and their start as in PyTorch.

use crate::layer_norm::{EPSILON, filled};
use evidence_autodiff::{Array, Keep, Path, Real, Tree, Var};

/// Normalises each channel over the batch: of `[n, c]`, or over places too, of `[n, h, w, c]`.
#[derive(Clone, Debug)]
pub struct BatchNorm<P> {
    /// γ, `[c]`; starts as ones.
    pub scale: P,
    /// β, `[c]`; starts as zeros.
    pub shift: P,
    /// The running mean, `[c]`; starts as zeros.
    pub running_mean: P,
    /// The running variance, `[c]`, of unbiased estimates; starts as ones.
    pub running_variance: P,
    /// The weight of a batch in the running averages.
    pub momentum: f64,
    /// ε, in the squared unit of x.
    pub epsilon: f64,
}

/// Running averages with a batch counted in: see [`BatchNorm::learn`].
#[derive(Clone, Debug, PartialEq)]
#[must_use = "evaluation knows nothing of a batch whose statistics are not learned: give them to `learn`"]
pub struct Statistics<T> {
    mean: Array<T>,
    variance: Array<T>,
}

impl<T: Real> BatchNorm<Array<T>> {
    /// Of so many channels; a batch has the weight 0.1, ε is 10⁻⁵.
    pub fn new(channels: usize) -> Self {
        Self {
            scale: filled(channels, 1.0),
            shift: filled(channels, 0.0),
            running_mean: filled(channels, 0.0),
            running_variance: filled(channels, 1.0),
            momentum: 0.1,
            epsilon: EPSILON,
        }
    }

    /// Takes over the running averages that a training call gave.
    ///
    /// # Panics
    /// If they are of another number of channels.
    #[track_caller]
    pub fn learn(&mut self, statistics: Statistics<T>) {
        let Statistics { mean, variance } = statistics;
        assert!(
            mean.shape() == self.running_mean.shape(),
            "BatchNorm: statistics of shape {:?} for a layer of {:?}",
            mean.shape(),
            self.running_mean.shape()
        );
        // Into the memory that is there.
        self.running_mean.assign(&mean);
        self.running_variance.assign(&variance);
    }
}

impl<P> Tree<P> for BatchNorm<P> {
    type With<Q> = BatchNorm<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> BatchNorm<Q> {
        BatchNorm {
            scale: f(&path.field("scale"), &self.scale),
            shift: f(&path.field("shift"), &self.shift),
            running_mean: f(&path.field("running_mean"), &self.running_mean),
            running_variance: f(&path.field("running_variance"), &self.running_variance),
            momentum: self.momentum,
            epsilon: self.epsilon,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { scale, shift, running_mean, running_variance, momentum: _, epsilon: _ } = self;
        out.extend([scale, shift, running_mean, running_variance]);
    }
}

impl<'t, T: Real> BatchNorm<Var<'t, T>> {
    /// x normalised by its own mean and variance, in its shape, and the running averages with these counted in.
    ///
    /// One number of a channel has no variance: it becomes β, and the averages stay as they are.
    ///
    /// # Panics
    /// If x does not have the layer's channels as its last axis.
    #[track_caller]
    pub fn forward_training(&self, x: Var<'t, T>) -> (Var<'t, T>, Statistics<T>) {
        let channels = self.channels(x);
        let mean = channels.mean(Keep(0));
        let centred = channels - mean;
        let variance = centred.square().mean(Keep(0));
        let y = self.normalise(centred, variance).reshape(x.shape());
        let count = channels.size(0) as f64;
        (y, self.statistics(mean.data(), variance.data(), count))
    }

    /// x normalised by the running averages, in its shape.
    ///
    /// # Panics
    /// If x does not have the layer's channels as its last axis.
    #[must_use]
    #[track_caller]
    pub fn forward_evaluation(&self, x: Var<'t, T>) -> Var<'t, T> {
        let mean = self.running_mean.stop_gradient();
        let variance = self.running_variance.stop_gradient();
        self.normalise(self.channels(x) - mean, variance).reshape(x.shape())
    }

    /// x as `[rows, c]`, places being rows.
    #[track_caller]
    fn channels(&self, x: Var<'t, T>) -> Var<'t, T> {
        let channels = self.scale.size(0);
        let (&[ref rows @ .., c], true) = (x.shape(), x.shape().len() > 1) else {
            panic!("BatchNorm: {x} has no channels; it must be [n, c] or [n, h, w, c]")
        };
        assert!(c == channels, "BatchNorm: {x} does not have the {channels} channels of the layer");
        x.reshape(&[rows.iter().product(), c])
    }

    fn normalise(&self, centred: Var<'t, T>, variance: Var<'t, T>) -> Var<'t, T> {
        let factor = self.scale / (variance + self.epsilon).sqrt();
        centred * factor + self.shift
    }

    /// `(1 − m) running + m batch`, the batch's variance without bias.
    fn statistics(&self, mean: &[T], variance: &[T], count: f64) -> Statistics<T> {
        let weight = if count > 1.0 { self.momentum } else { 0.0 };
        let average = |running: Var<'t, T>, batch: &[T], factor: f64| {
            let mut average = running.value().to_owned();
            for (running, &batch) in average.iter_mut().zip(batch) {
                if weight > 0.0 {
                    let (kept, new) = (T::from_f64(1.0 - weight), T::from_f64(weight * factor));
                    *running = kept * *running + new * batch;
                }
            }
            average.into_shared()
        };
        Statistics {
            mean: average(self.running_mean, mean, 1.0),
            variance: average(self.running_variance, variance, count / (count - 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::{Noise, Parameters, Tape};
    use ndarray::arr1;

    /// Images whose channels have means and deviations of their own.
    fn images<'t>(tape: &'t Tape<f64>, n: usize, noise: Noise) -> Var<'t, f64> {
        let (deviation, mean) = (arr1(&[0.1, 5.0]), arr1(&[-3.0, 40.0]));
        tape.normal(&[n, 3, 4, 2], noise) * tape.constant(deviation) + tape.constant(mean)
    }

    #[test]
    fn a_batch_in_training_has_mean_0_and_variance_1_in_each_channel() {
        let tape = Tape::<f64>::new();
        let norm = BatchNorm::new(2).bind(&tape);
        let (y, _) = norm.forward_training(images(&tape, 6, Noise::new(1)));
        let channels = y.reshape(&[72, 2]).t();
        assert!(channels.mean(1).data().iter().all(|mean| mean.abs() < 1e-12));
        for (variance, of_x) in channels.variance(1).data().iter().zip([0.01, 25.0]) {
            // σ² / (σ² + ε), the σ² of 72 draws within a factor of two of the channel's.
            assert!((variance - 1.0).abs() < 2.0 * EPSILON / of_x, "{variance}");
        }
        // Rows without places are the same.
        let rows = tape.normal(&[50, 2], Noise::new(2));
        let (y, _) = norm.forward_training(rows);
        let (alike, _) = norm.forward_training(rows.reshape(&[50, 1, 1, 2]));
        assert_eq!((y.shape(), y.data()), (&[50, 2][..], alike.data()));
    }

    #[test]
    fn what_is_learned_goes_to_the_population_and_evaluation_changes_nothing() {
        let mut norm = BatchNorm::<Array<f64>>::new(2);
        let mut tape = Tape::new();
        let steps = 300;
        for step in 0..steps {
            let statistics = {
                let bound = norm.bind(&tape);
                let before = bound.forward_evaluation(images(&tape, 16, Noise::new(9)));
                let (y, statistics) = bound.forward_training(images(&tape, 16, Noise::new(step)));
                let after = bound.forward_evaluation(images(&tape, 16, Noise::new(9)));
                assert_eq!(before.data(), after.data());
                // No gradient reaches the averages, in either mode.
                let gradients = (y.square().sum(..) + after.square().sum(..)).backward();
                assert!(gradients.get(bound.scale).is_some());
                assert!(gradients.get(bound.running_mean).is_none());
                assert!(gradients.get(bound.running_variance).is_none());
                statistics
            };
            tape.reset();
            norm.learn(statistics);
        }
        // An average with weight m of means of N draws has the variance σ²/N · m/(2 − m), and of variances 2σ⁴/(N − 1) of it.
        let draws = 16.0 * 12.0;
        let share = norm.momentum / (2.0 - norm.momentum);
        for (channel, (mean, deviation)) in [(-3.0, 0.1_f64), (40.0, 5.0)].into_iter().enumerate() {
            let error = 4.0 * deviation * (share / draws).sqrt();
            assert!((norm.running_mean[[channel]] - mean).abs() < error, "mean of {channel}");
            let variance = deviation * deviation;
            let error = 4.0 * variance * (share * 2.0 / (draws - 1.0)).sqrt();
            let found = norm.running_variance[[channel]];
            assert!((found - variance).abs() < error, "variance of {channel}: {found}");
        }
        // Evaluation is that of the population then: one image alone is normalised.
        let bound = norm.bind(&tape);
        let one = bound.forward_evaluation(images(&tape, 1, Noise::new(5)));
        // Twelve standard normals in each channel: no mean beyond six standard errors.
        assert!(one.reshape(&[12, 2]).mean(0).data().iter().all(|m| m.abs() < 6.0 / 12f64.sqrt()));
    }

    /// What is learned comes behind: γ times the normalised, and β beside it.
    #[test]
    fn scale_and_shift_come_last() {
        let tape = Tape::<f64>::new();
        let (gamma, beta) = (arr1(&[2.0, -3.0]), arr1(&[0.5, 1.0]));
        let mut norm = BatchNorm::new(2);
        let x = images(&tape, 3, Noise::new(1));
        let both = |norm: &BatchNorm<Array<f64>>| {
            let bound = norm.bind(&tape);
            let outputs = [bound.forward_training(x).0, bound.forward_evaluation(x)];
            outputs.map(|y| y.value().to_owned())
        };
        let plain = both(&norm);
        norm.scale.assign(&gamma);
        norm.shift.assign(&beta);
        for (learned, plain) in both(&norm).into_iter().zip(plain) {
            let off = learned - (plain * &gamma + &beta);
            assert!(off.iter().all(|e| e.abs() < 1e-12), "{off}");
        }
    }

    /// Of two rows: the mean of 1 and 4, and their variance of 4.5 with one degree of freedom.
    #[test]
    fn the_averages_take_unbiased_estimates() {
        let mut norm = BatchNorm::<Array<f64>>::new(1);
        let tape = Tape::new();
        let rows = tape.constant(ndarray::arr2(&[[1.0], [4.0]]));
        let (_, statistics) = norm.bind(&tape).forward_training(rows);
        norm.learn(statistics);
        let m = norm.momentum;
        assert!((norm.running_mean[[0]] - m * 2.5).abs() < 1e-15);
        assert!((norm.running_variance[[0]] - ((1.0 - m) + m * 4.5)).abs() < 1e-15);
    }

    #[test]
    fn a_single_number_of_a_channel_teaches_nothing() {
        let mut norm = BatchNorm::<Array<f64>>::new(2);
        let tape = Tape::new();
        let (y, statistics) = norm.bind(&tape).forward_training(tape.filled(&[1, 2], 5.0));
        assert_eq!(y.data(), [0.0, 0.0]);
        norm.learn(statistics);
        let fresh = BatchNorm::<Array<f64>>::new(2);
        assert_eq!(norm.named(), fresh.named());
    }

    #[test]
    fn the_averages_are_saved_by_name() {
        let names: Vec<_> = BatchNorm::<Array<f32>>::new(2).named();
        let names: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["scale", "shift", "running_mean", "running_variance"]);
    }
}
