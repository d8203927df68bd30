//! The fit loop: shuffled minibatches, early stopping on held-out rows, a diagnosis when a run diverges.

mod buffers;
mod evaluate;
mod restore;
mod snapshot;
mod trainer;

pub use evaluate::evaluate;
pub use restore::{RestoreError, load};
pub use snapshot::{Position, Snapshot};
pub use trainer::{Event, Trainer};

use crate::data::{DataError, Dataset};
use evidence_autodiff::{Anomaly, Real};
use evidence_models::Model;
use evidence_optim::Optimizer;
use std::fmt;

/// How long and in what portions to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// Passes over the training rows. None at all is allowed and leaves the model as it is.
    pub epochs: usize,
    /// Rows in a minibatch; more than there are means all of them.
    pub batch: usize,
    /// Epochs without a better validation loss before stopping; `None` runs them all, and so does any number without a validation set.
    pub patience: Option<usize>,
    /// Decides the order of rows and every draw.
    pub seed: u64,
    /// How the learning rate changes over the run.
    pub schedule: Schedule,
    /// Epochs over which a KL over weights or latents (not the learning rate) is brought in, from one step's share of them to the whole; 0 counts it in full from the start.
    pub warm_up: usize,
    /// The largest ‖g‖ over all parameters that a step is taken by: a longer gradient is shortened to it
    /// ([`clip_by_global_norm`](evidence_optim::clip_by_global_norm), which panics unless this is positive). `None` takes each as it is.
    pub clip: Option<f64>,
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
    /// 100 epochs of batches of 64, no early stopping, seed 0, no warm-up, no clipping.
    fn default() -> Self {
        Self {
            epochs: 100,
            batch: 64,
            patience: None,
            seed: 0,
            schedule: Schedule::Constant,
            warm_up: 0,
            clip: None,
        }
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
    /// All epochs were run, or [`finish`](Trainer::finish) was called before.
    Finished,
    /// The validation loss had not improved for as many epochs as the patience allows.
    Early,
    /// A loss or gradient was not finite; the model is the best one before that, which has a finite loss, or the one at the start.
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

impl std::error::Error for Divergence {}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "training diverged at epoch {}, step {}", self.epoch, self.step)?;
        if let Some(anomaly) = &self.anomaly {
            write!(f, ": {anomaly}")?;
        }
        // What was made by no op and has no name came in as data.
        let data = self.anomaly.as_ref().is_some_and(|at| at.op == "leaf" && at.variable.is_none());
        f.write_str(if data {
            "; it is in the data, or what became of them in the model's number type: look at the batch of that step"
        } else {
            "; try a smaller learning rate, or clip the gradient"
        })
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

impl<M> Fit<M> {
    /// The fit, for callers who have no use for the best model of a run that diverged.
    ///
    /// # Errors
    /// Where it diverged, if it did.
    pub fn into_result(self) -> Result<Self, Divergence> {
        match self.stop {
            Stop::Diverged(divergence) => Err(divergence),
            Stop::Finished | Stop::Early => Ok(self),
        }
    }
}

/// Fits a model to a training set.
///
/// `report` is called behind every epoch. The result is a function of the arguments alone: the same bits on any
/// number of threads. Call it inside [`with_threads`](evidence_autodiff::kernels::threads::with_threads), which enters the pool
/// once for the whole run; outside it takes one thread. Denormals are zero meanwhile, in every thread of that pool. A schedule leaves the optimiser with its own learning rate again.
///
/// # Errors
/// If the batch size is 0.
///
/// # Panics
/// If the data do not fit the model: no targets where it learns some, another width, class labels or levels that are none. What else a
/// likelihood does not take, such as numbers beyond 0 and 1 of a Bernoulli, is not looked for: ask its
/// [`admit`](evidence_models::Likelihood::admit) beforehand. If the two walks of the model's tree
/// [differ](evidence_autodiff::expect_one_order).
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
    let mut trainer = Trainer::new(model, training, validation, optimizer, *options)?;
    let mut history = Vec::new();
    loop {
        match trainer.advance() {
            Event::Step => {}
            Event::Epoch(epoch) => {
                report(&epoch);
                history.push(epoch);
            }
            Event::Stop(_) => return Ok(trainer.finish(history)),
            Event::Unread(_) => unreachable!("the rows are in memory"),
        }
    }
}
