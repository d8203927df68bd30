//! Where a training gets its minibatches from.

use super::batches::Batches;
use super::dataset::Dataset;
use super::drawn::Draws;
use super::error::DataError;
use super::stream::{StreamBatches, StreamError};
use evidence_autodiff::Noise;
use ndarray::ArrayView2;

/// Some rows of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minibatch<'a> {
    /// `[n, d]`.
    pub features: ArrayView2<'a, f64>,
    /// `[n, k]`.
    pub targets: Option<ArrayView2<'a, f64>>,
    /// Which of those, in this order.
    pub rows: &'a [usize],
}

impl<'a> Minibatch<'a> {
    /// The rows listed of a set in memory.
    pub fn of(data: &'a Dataset, rows: &'a [usize]) -> Self {
        Self { features: data.features().view(), targets: data.targets().map(|t| t.view()), rows }
    }
}

/// The rows to train on, each once an epoch, in an order that the seed and the epoch alone decide.
///
/// Cases and no trait object: what borrows a set until it is dropped is in the way of whoever moves the set afterwards.
pub(crate) enum Source<'a> {
    /// In memory.
    Memory(Shuffled<'a>),
    /// Read in every epoch.
    Disk(Box<StreamBatches<'a>>),
    /// Made in every step.
    Drawn(Draws<'a>),
}

impl Source<'_> {
    /// Rows in an epoch.
    pub fn rows(&self) -> usize {
        match self {
            Self::Memory(shuffled) => shuffled.data.rows(),
            Self::Disk(stream) => stream.rows(),
            Self::Drawn(draws) => draws.rows(),
        }
    }

    /// Batches in an epoch.
    pub fn steps(&self) -> usize {
        match self {
            Self::Memory(shuffled) => shuffled.batches.steps(),
            Self::Disk(stream) => stream.steps(),
            Self::Drawn(draws) => draws.steps(),
        }
    }

    /// What a batch of so many rows counts in the mean over an epoch: its share of the rows, or, where it is no part of them, of the steps.
    pub fn share(&self, rows: usize) -> f64 {
        match self {
            Self::Memory(_) | Self::Disk(_) => rows as f64 / self.rows() as f64,
            Self::Drawn(draws) => 1.0 / draws.steps() as f64,
        }
    }

    /// A batch of an epoch, from 0. Asked for in their order they cost nothing more; the last one may be asked for again.
    pub fn batch(&mut self, epoch: usize, batch: usize) -> Result<Minibatch<'_>, StreamError> {
        match self {
            Self::Memory(shuffled) => Ok(shuffled.batch(epoch, batch)),
            Self::Disk(stream) => stream.batch(epoch, batch),
            Self::Drawn(draws) => Ok(draws.batch(epoch, batch)),
        }
    }
}

/// A set in memory.
#[derive(Debug)]
pub(crate) struct Shuffled<'a> {
    data: &'a Dataset,
    batches: Batches,
    orders: Noise,
    /// The rows in the order of an epoch, and the number of that epoch.
    order: (Vec<usize>, usize),
}

impl<'a> Shuffled<'a> {
    /// Batches of `size` rows, in orders drawn from `orders`.
    pub fn new(data: &'a Dataset, size: usize, orders: Noise) -> Result<Self, DataError> {
        let batches = Batches::new(data.rows(), size)?;
        Ok(Self { data, batches, orders, order: (Vec::new(), 0) })
    }

    fn batch(&mut self, epoch: usize, batch: usize) -> Minibatch<'_> {
        let Self { data, batches, orders, order: (order, of) } = self;
        if *of != epoch {
            order.clear();
            let batches = batches.epoch(&mut orders.stream(epoch as u64).rng());
            batches.for_each(|rows| order.extend(rows));
            *of = epoch;
        }
        let (start, size) = (batch * batches.size(), batches.size());
        Minibatch::of(data, &order[start..order.len().min(start + size)])
    }
}
