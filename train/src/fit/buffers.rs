//! Memory that minibatches are gathered into.

use crate::data::{Minibatch, RowBuffer};
use evidence_autodiff::{Real, Tape};
use evidence_models::{Batch, Rows};

/// Buffers for inputs and targets, used again by every batch.
pub(super) struct Buffers<T: Real> {
    inputs: RowBuffer<T>,
    targets: RowBuffer<T>,
}

impl<T: Real> Default for Buffers<T> {
    fn default() -> Self {
        Self { inputs: RowBuffer::new(), targets: RowBuffer::new() }
    }
}

impl<T: Real> Buffers<T> {
    /// Rows of a set of `data_size` rows.
    pub(super) fn rows(&mut self, batch: Minibatch<'_>, data_size: usize) -> Rows<'_, T> {
        let inputs = self.inputs.gather(batch.features, batch.rows);
        let targets = batch.targets.map(|targets| self.targets.gather(targets, batch.rows));
        Rows { inputs, targets, data_size }
    }

    /// The same on a tape.
    pub(super) fn batch<'t>(
        &mut self,
        tape: &'t Tape<T>,
        batch: Minibatch<'_>,
        data_size: usize,
    ) -> Batch<'t, T> {
        let rows = self.rows(batch, data_size);
        let targets = rows.targets.map(|targets| tape.constant(targets));
        Batch::new(tape.constant(rows.inputs), targets, rows.data_size)
    }
}
