//! Memory that minibatches are gathered into.

use crate::data::{Dataset, RowBuffer};
use evidence_autodiff::{Real, Tape};
use evidence_models::Batch;
use ndarray::Array2;

/// Buffers for inputs and targets, used again by every batch.
pub(super) struct Buffers<T> {
    inputs: RowBuffer<T>,
    targets: RowBuffer<T>,
}

impl<T: Real> Default for Buffers<T> {
    fn default() -> Self {
        Self { inputs: RowBuffer::new(), targets: RowBuffer::new() }
    }
}

impl<T: Real> Buffers<T> {
    /// The rows listed, on the tape.
    pub(super) fn batch<'t>(
        &mut self,
        tape: &'t Tape<T>,
        data: &Dataset,
        rows: &[usize],
    ) -> Batch<'t, T> {
        let gather = |buffer: &mut RowBuffer<T>, table: &Array2<f64>| {
            tape.batch(buffer.gather(table.view(), rows, T::from_f64))
        };
        let inputs = gather(&mut self.inputs, data.features());
        let targets = data.targets().map(|targets| gather(&mut self.targets, targets));
        Batch::new(inputs, targets, data.rows())
    }
}
