//! All that the rest of a training depends on, taken between two steps.
//!
//! Every draw and every order of rows is a function of the seed, the epoch and the step. So parameters, the optimiser's memory
//! and a few counters are the whole of it: there is no generator whose state would have to be kept.

use evidence_autodiff::kernels::threads::for_chunks_mut;
use evidence_autodiff::{Array, Path, Real, Tree, zeros};
use serde::{Deserialize, Serialize};

/// Where a training is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The epoch of the next step, from 1.
    pub epoch: usize,
    /// Steps taken in that epoch.
    pub taken: usize,
    /// Steps taken in all epochs.
    pub step: usize,
    /// The loss of that epoch so far, and its parts: each batch by its share of the rows.
    pub sums: Vec<f64>,
    /// The epoch of the best parameters; 0 is the start.
    pub best: usize,
    /// What was watched behind that epoch; `None` before the first.
    pub lowest: Option<f64>,
}

impl Position {
    /// Before the first step.
    pub fn start() -> Self {
        Self { epoch: 1, taken: 0, step: 0, sums: Vec::new(), best: 0, lowest: None }
    }
}

/// A training between two steps: [taken](super::Trainer::snapshot) from one trainer, [put back](super::Trainer::restore)
/// into another.
///
/// It shares no memory with the training, which goes on meanwhile. Taken again into the same snapshot it allocates nothing.
#[derive(Clone, Debug)]
pub struct Snapshot<T> {
    /// Where the training is.
    pub position: Position,
    /// Parameters, by path.
    pub model: Vec<(String, Array<T>)>,
    /// The best parameters so far, by path.
    pub best: Vec<(String, Array<T>)>,
    /// Whether the last parameters are the result as of now, rather than the best: nothing is held out to choose by.
    pub last: bool,
    /// What the optimiser remembers, by name: see [`Optimizer::state`](evidence_optim::Optimizer::state).
    pub optimizer: Vec<(String, Array<T>)>,
}

impl<T> Snapshot<T> {
    /// The parameters that are the training's result as of now.
    pub fn result(&self) -> &[(String, Array<T>)] {
        if self.last { &self.model } else { &self.best }
    }

    /// Of nothing yet.
    pub fn new() -> Self {
        Self {
            position: Position::start(),
            model: Vec::new(),
            best: Vec::new(),
            last: false,
            optimizer: Vec::new(),
        }
    }
}

impl<T> Default for Snapshot<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Copies named arrays into memory of their own, at hand from the last time if the names are the same.
pub(super) fn keep<T: Real>(from: Vec<(String, Array<T>)>, to: &mut Vec<(String, Array<T>)>) {
    let same =
        |a: &(String, Array<T>), b: &(String, Array<T>)| a.0 == b.0 && a.1.shape() == b.1.shape();
    if from.len() != to.len() || !from.iter().zip(&*to).all(|(a, b)| same(a, b)) {
        to.clear();
        to.extend(from.iter().map(|(name, array)| (name.clone(), zeros(array.shape()))));
    }
    for ((_, from), (_, to)) in from.iter().zip(to) {
        copy(from, to);
    }
}

/// Copies numbers into memory that is there, on as many threads as the pool has.
fn copy<T: Real>(from: &Array<T>, to: &mut Array<T>) {
    match (from.as_slice(), to.as_slice_mut()) {
        (Some(from), Some(to)) => {
            for_chunks_mut(to, |first, to| to.copy_from_slice(&from[first..first + to.len()]));
        }
        _ => to.assign(from),
    }
}

/// A model of the same numbers that shares no memory.
pub(super) fn apart<T: Real, M: Tree<Array<T>, With<Array<T>> = M>>(model: &M) -> M {
    model.map(&Path::root(), &mut |_, leaf| {
        let mut copied = zeros(leaf.shape());
        copy(leaf, &mut copied);
        copied
    })
}

/// Copies the numbers of one model into another's memory.
///
/// Sharing the arrays would cost nothing now and an allocation of each in the next step.
pub(super) fn assign<T: Real, M: Tree<Array<T>>>(from: &M, to: &mut M) {
    let mut leaves = Vec::new();
    to.leaves_mut(&mut leaves);
    let mut next = leaves.into_iter();
    from.map(&Path::root(), &mut |_, leaf| copy(leaf, next.next().expect("trees of one shape")));
}
