//! Memory that minibatches are gathered into.

use crate::data::{Dataset, RowBuffer};
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
    /// The rows listed.
    pub(super) fn rows(&mut self, data: &Dataset, rows: &[usize]) -> Rows<'_, T> {
        let inputs = self.inputs.gather(data.features().view(), rows);
        let targets = data.targets().map(|targets| self.targets.gather(targets.view(), rows));
        Rows { inputs, targets, data_size: data.rows() }
    }

    /// The same on a tape.
    pub(super) fn batch<'t>(
        &mut self,
        tape: &'t Tape<T>,
        data: &Dataset,
        rows: &[usize],
    ) -> Batch<'t, T> {
        let rows = self.rows(data, rows);
        let targets = rows.targets.map(|targets| tape.constant(targets));
        Batch::new(tape.constant(rows.inputs), targets, rows.data_size)
    }
}
