//! Published tables, computed again: regression on fixed splits, as Hernández-Lobato and Adams (2015, section 5) and those after them did.
//!
//! One hidden layer of 50 ReLU units; inputs and targets standardised on the training part; root mean squared error and
//! log-density of the test part in the targets' own units; mean and standard error over the splits. What is free is chosen by
//! one [`rule`](recipe) for every set, from the training part alone.

mod folder;
pub mod mnist;
mod published;
pub mod recipe;

pub use folder::{FolderError, Rows, SplitSet, read_set, sets};
pub use published::{Published, published};
pub use recipe::{Choice, NoiseModel};

use evidence_autodiff::kernels::threads::{for_each_mut, with_threads};
use evidence_models::TargetError;
use evidence_optim::OptimError;
use evidence_train::Divergence;
use evidence_train::data::DataError;
use serde::Serialize;
use std::time::Instant;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ReproduceError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A set that cannot be standardised or split.
    #[error("{set}, split {split}: {source}")]
    Data {
        /// The set.
        set: String,
        /// From 0.
        split: usize,
        /// Why.
        source: DataError,
    },
    /// A set whose targets cannot be learned.
    #[error("{set}, split {split}, training rows: {source}")]
    Targets {
        /// The set.
        set: String,
        /// From 0.
        split: usize,
        /// Why.
        source: TargetError,
    },
    /// A hyperparameter of the optimiser.
    #[error(transparent)]
    Optim(#[from] OptimError),
    /// A training.
    #[error("{set}, split {split}: {divergence}")]
    Diverged {
        /// The set.
        set: String,
        /// From 0.
        split: usize,
        /// Where.
        divergence: Box<Divergence>,
    },
}

/// Scores of one split, in the target's own units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Root mean squared error of the predictive mean.
    pub rmse: f64,
    /// Mean log-density of the test targets, in nats.
    pub log_density: f64,
    /// The share of test targets inside the central 90 % interval.
    pub coverage: f64,
    /// What the rule chose on the training part.
    pub choice: Choice,
}

/// Scores of a set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetScores {
    /// Its name.
    pub set: String,
    /// Its rows.
    pub rows: usize,
    /// Its features.
    pub features: usize,
    /// One for each split.
    pub splits: Vec<Score>,
    /// What others found, if it is known.
    pub published: Vec<Published>,
    /// How long it took.
    pub seconds: f64,
}

impl SetScores {
    /// Mean over the splits, and its standard error: NaN of one split alone.
    pub fn mean(&self, of: impl Fn(&Score) -> f64) -> (f64, f64) {
        let n = self.splits.len() as f64;
        let mean = self.splits.iter().map(&of).sum::<f64>() / n;
        let squares: f64 = self.splits.iter().map(|score| (of(score) - mean).powi(2)).sum();
        (mean, (squares / (n - 1.0) / n).sqrt())
    }
}

/// Runs the protocol on a set: every split it has. The result does not depend on the number of threads (0: one per core). `hurry` divides
/// the length of every training, for a quick look; 1 is the protocol.
///
/// # Errors
/// The first split, by number, that cannot be learned.
pub fn run(set: &SplitSet, threads: usize, hurry: usize) -> Result<SetScores, ReproduceError> {
    let start = Instant::now();
    let mut scores: Vec<Option<Result<Score, ReproduceError>>> = Vec::new();
    scores.resize_with(set.splits.len(), || None);
    with_threads(threads, || {
        for_each_mut(&mut scores, |split, score| *score = Some(recipe::score(set, split, hurry)));
    });
    let splits = scores.into_iter().map(|score| score.expect("every split was scored"));
    Ok(SetScores {
        set: set.name.clone(),
        rows: set.features.nrows(),
        features: set.features.ncols(),
        splits: splits.collect::<Result<_, _>>()?,
        published: published(&set.name),
        seconds: start.elapsed().as_secs_f64(),
    })
}
