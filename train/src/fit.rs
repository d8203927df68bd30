//! The fit loop: shuffled minibatches, early stopping on held-out rows, a diagnosis when a run diverges.

use crate::data::{Batches, DataError, Dataset, RowBuffer};
use evidence_autodiff::{Anomaly, Array, Noise, Parameters, Path, Real, Tape, Tree};
use evidence_models::{Batch, Model};
use evidence_optim::{Optimizer, global_norm, schedule};
use ndarray::Array2;
use std::fmt;

/// Rows of the validation set evaluated at a time.
const EVALUATION_ROWS: usize = 2048;

/// How long and in what portions to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// Passes over the training rows. None at all is allowed and leaves the model as it is.
    pub epochs: usize,
    /// Rows in a minibatch; more than there are means all of them.
    pub batch: usize,
    /// Epochs without a better validation loss before stopping; `None` runs them all.
    pub patience: Option<usize>,
    /// Decides the order of rows and every draw.
    pub seed: u64,
    /// How the learning rate changes over the run.
    pub schedule: Schedule,
}

/// The learning rate over a run, as a factor of the optimiser's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedule {
    /// The same throughout.
    #[default]
    Constant,
    /// Down to 0 along half a cosine over all epochs.
    Cosine,
}

impl Default for FitOptions {
    /// 100 epochs of batches of 64, no early stopping, seed 0.
    fn default() -> Self {
        Self { epochs: 100, batch: 64, patience: None, seed: 0, schedule: Schedule::Constant }
    }
}

/// What an epoch came to, in nats per datum.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: usize,
    /// The mean training loss while it ran.
    pub loss: f64,
    /// The parts of the loss.
    pub parts: Vec<(&'static str, f64)>,
    /// The validation loss behind it, if there is a validation set: what [`evaluate`] gives with the noise
    /// `Noise::new(seed).stream(2)`.
    pub validation: Option<f64>,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// All epochs were run.
    Finished,
    /// The validation loss had not improved for as many epochs as the patience allows.
    Early,
    /// A loss or gradient was not finite; the model is the best one before that, and has a finite loss.
    Diverged(Divergence),
}

/// Where a run diverged.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The step, counted from 1 through all epochs.
    pub step: usize,
    /// The op that first made a NaN or infinity when the step was repeated under watch.
    pub anomaly: Option<Anomaly>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "training diverged at epoch {}, step {}", self.epoch, self.step)?;
        if let Some(anomaly) = &self.anomaly {
            write!(f, ": {anomaly}")?;
        }
        write!(f, "; try a smaller learning rate, or clip the gradient")
    }
}

/// A fitted model.
#[derive(Clone, Debug)]
pub struct Fit<M> {
    /// The best parameters, by validation loss. Without a validation set they are the last ones; should the run diverge,
    /// those of the epoch behind which its last batch had the lowest loss.
    pub model: M,
    /// One entry for each epoch run.
    pub history: Vec<Epoch>,
    /// The epoch of the model's parameters; 0 is the start.
    pub best: usize,
    /// Why it ended.
    pub stop: Stop,
}

/// Fits a model to a training set.
///
/// `report` is called behind every epoch. The result is a function of the arguments alone: the same bits on any
/// number of threads. Call it inside [`with_threads`](evidence_autodiff::kernels::threads::with_threads), which enters the pool
/// once for the whole run. A schedule leaves the optimiser with its own learning rate again.
///
/// # Errors
/// If a set has no rows or the batch size is 0.
pub fn fit<T, M>(
    model: M,
    training: &Dataset,
    validation: Option<&Dataset>,
    optimizer: &mut impl Optimizer<T>,
    options: &FitOptions,
    mut report: impl FnMut(&Epoch),
) -> Result<Fit<M>, DataError>
where
    T: Real,
    M: Model<T>,
{
    let noise = Noise::new(options.seed);
    let (orders, draws, held_out) = (noise.stream(0), noise.stream(1), noise.stream(2));
    let mut batches = Batches::new(training.rows(), options.batch)?;
    let mut trainer =
        Trainer { best: copy(&model), model, tape: Tape::new(), buffers: Default::default() };
    let mut fit =
        Outcome { history: Vec::new(), best: 0, lowest: f64::INFINITY, stop: Stop::Finished };
    // Epochs without end, to be stopped early, are allowed.
    let (mut step, total) = (0, options.epochs.saturating_mul(batches.steps()));
    for number in 1..=options.epochs {
        let mut sums = Vec::<(&'static str, f64)>::new();
        let mut loss = 0.0;
        let mut last = &[][..];
        for rows in batches.epoch(&mut orders.stream(number as u64).rng()) {
            (step, last) = (step + 1, rows);
            if options.schedule == Schedule::Cosine {
                optimizer.set_factor(schedule::cosine(step as u64 - 1, 0, total as u64));
            }
            let share = rows.len() as f64 / training.rows() as f64;
            let taken = trainer.step(training, rows, optimizer, draws.stream(step as u64));
            let Some((batch_loss, parts)) = taken else {
                let anomaly = trainer.diagnose(training, rows, draws.stream(step as u64));
                fit.stop = Stop::Diverged(Divergence { epoch: number, step, anomaly });
                break;
            };
            loss += share * batch_loss;
            sums.resize(parts.len(), ("", 0.0));
            for (sum, (name, part)) in sums.iter_mut().zip(parts) {
                *sum = (name, sum.1 + share * part);
            }
        }
        if matches!(fit.stop, Stop::Diverged(_)) {
            break;
        }
        let value = validation.map(|rows| trainer.evaluate(rows, held_out));
        // A step's loss is that of the parameters before it: those behind an epoch's last step have none yet.
        let noise = draws.stream(step as u64);
        let behind = value.filter(|value| value.is_finite());
        let behind = behind.unwrap_or_else(|| trainer.loss(training, last, noise));
        if !behind.is_finite() {
            let anomaly = trainer.diagnose(training, last, noise);
            fit.stop = Stop::Diverged(Divergence { epoch: number, step, anomaly });
            break;
        }
        let epoch = Epoch { number, loss, parts: sums, validation: value };
        report(&epoch);
        fit.history.push(epoch);
        let watched = value.unwrap_or(behind);
        if watched < fit.lowest {
            fit.lowest = watched;
            fit.best = number;
            assign(&trainer.model, &mut trainer.best);
        } else if value.is_some() && options.patience.is_some_and(|p| number - fit.best >= p) {
            fit.stop = Stop::Early;
            break;
        }
    }
    // Nothing was held out to choose by: the run's end is its result.
    if validation.is_none() && fit.stop == Stop::Finished {
        (trainer.best, fit.best) = (trainer.model, fit.history.len());
    }
    if options.schedule != Schedule::Constant {
        optimizer.set_factor(1.0);
    }
    Ok(Fit { model: trainer.best, history: fit.history, best: fit.best, stop: fit.stop })
}

/// The run so far.
struct Outcome {
    history: Vec<Epoch>,
    best: usize,
    lowest: f64,
    stop: Stop,
}

/// The mean of a model's [validation loss](Model::validation) over a set, in nats per datum.
pub fn evaluate<T, M>(model: &M, data: &Dataset, noise: Noise) -> f64
where
    T: Real,
    M: Model<T>,
{
    evaluate_on(&mut Tape::new(), &mut Buffers::default(), model, data, noise)
}

/// The same in memory at hand.
fn evaluate_on<T, M>(
    tape: &mut Tape<T>,
    buffers: &mut Buffers<T>,
    model: &M,
    data: &Dataset,
    noise: Noise,
) -> f64
where
    T: Real,
    M: Model<T>,
{
    let mut sum = 0.0;
    let rows: Vec<usize> = (0..data.rows()).collect();
    for (i, rows) in rows.chunks(EVALUATION_ROWS).enumerate() {
        {
            let batch = buffers.batch(tape, data, rows);
            let loss = M::validation(&model.bind_constant(tape), &batch, noise.stream(i as u64));
            sum += loss.item().to_f64() * rows.len() as f64;
        }
        tape.reset();
    }
    sum / data.rows() as f64
}

/// What one run keeps from step to step.
struct Trainer<T: Real, M> {
    model: M,
    best: M,
    tape: Tape<T>,
    buffers: Buffers<T>,
}

impl<T, M> Trainer<T, M>
where
    T: Real,
    M: Model<T>,
{
    /// One step; the loss and its parts, or `None` (and nothing changed) if the loss or a gradient is not finite.
    fn step(
        &mut self,
        data: &Dataset,
        rows: &[usize],
        optimizer: &mut impl Optimizer<T>,
        noise: Noise,
    ) -> Option<(f64, Vec<(&'static str, f64)>)> {
        let Self { model, tape, buffers, .. } = self;
        let (loss, parts, mut gradients) = {
            let bound = model.bind(tape);
            let loss = M::loss(&bound, &buffers.batch(tape, data, rows), noise);
            let parts: Vec<_> =
                loss.parts.iter().map(|(name, part)| (*name, part.item().to_f64())).collect();
            (loss.total.item().to_f64(), parts, loss.total.backward().of_model(model, &bound))
        };
        tape.reset();
        if !loss.is_finite() || !global_norm(&mut gradients).is_finite() {
            return None;
        }
        optimizer.step(model, &mut gradients);
        Some((loss, parts))
    }

    fn evaluate(&mut self, data: &Dataset, noise: Noise) -> f64 {
        evaluate_on(&mut self.tape, &mut self.buffers, &self.model, data, noise)
    }

    /// The loss on some rows.
    fn loss(&mut self, data: &Dataset, rows: &[usize], noise: Noise) -> f64 {
        let Self { model, tape, buffers, .. } = self;
        let loss = {
            let batch = buffers.batch(tape, data, rows);
            M::loss(&model.bind_constant(tape), &batch, noise).total.item()
        };
        tape.reset();
        loss.to_f64()
    }

    /// Repeats a step under watch, to name the op that first made a NaN or infinity. Its draws are the same.
    fn diagnose(&mut self, data: &Dataset, rows: &[usize], noise: Noise) -> Option<Anomaly> {
        self.tape.reset();
        self.tape.watch_anomalies(true);
        let bound = self.model.bind(&self.tape);
        let loss = M::loss(&bound, &self.buffers.batch(&self.tape, data, rows), noise);
        drop(loss.total.backward());
        self.tape.anomaly()
    }
}

/// Buffers that minibatches are gathered into.
struct Buffers<T> {
    inputs: RowBuffer<T>,
    targets: RowBuffer<T>,
}

impl<T: Real> Default for Buffers<T> {
    fn default() -> Self {
        Self { inputs: RowBuffer::new(), targets: RowBuffer::new() }
    }
}

impl<T: Real> Buffers<T> {
    fn batch<'t>(&mut self, tape: &'t Tape<T>, data: &Dataset, rows: &[usize]) -> Batch<'t, T> {
        let gather = |buffer: &mut RowBuffer<T>, table: &Array2<f64>| {
            tape.batch(buffer.gather(table.view(), rows, T::from_f64))
        };
        let inputs = gather(&mut self.inputs, data.features());
        let targets = data.targets().map(|targets| gather(&mut self.targets, targets));
        Batch::new(inputs, targets, data.rows())
    }
}

/// A copy that shares no memory.
fn copy<T: Real, M: Tree<Array<T>, With<Array<T>> = M>>(model: &M) -> M {
    model.map(&Path::root(), &mut |_, leaf| leaf.to_owned().into_shared())
}

/// Copies the numbers of one model into another's memory.
///
/// Sharing the arrays would cost nothing now and an allocation of each in the next step.
fn assign<T: Real, M: Tree<Array<T>>>(from: &M, to: &mut M) {
    let mut leaves = Vec::new();
    to.leaves_mut(&mut leaves);
    let mut next = leaves.into_iter();
    from.map(&Path::root(), &mut |_, leaf| next.next().expect("trees of one shape").assign(leaf));
}
