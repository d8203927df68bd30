//! A model's mean loss over a set, a portion of its rows at a time.

use super::buffers::Buffers;
use crate::data::{Dataset, Minibatch};
use evidence_autodiff::{Noise, Parameters, Real, Tape};
use evidence_models::Model;

/// Rows evaluated at a time.
const ROWS: usize = 2048;

/// The mean of a model's [validation loss](Model::validation) over a set, in nats per datum.
pub fn evaluate<T, M>(model: &M, data: &Dataset, noise: Noise) -> f64
where
    T: Real,
    M: Model<T>,
{
    evaluate_on(&mut Tape::new(), &mut Buffers::default(), model, data, noise)
}

/// The same in memory at hand.
pub(super) fn evaluate_on<T, M>(
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
    for (i, rows) in rows.chunks(ROWS).enumerate() {
        {
            let batch = buffers.batch(tape, Minibatch::of(data, rows), data.rows());
            let loss = M::validation(&model.bind_constant(tape), &batch, noise.stream(i as u64));
            sum += loss.item().to_f64() * rows.len() as f64;
        }
        tape.reset();
    }
    sum / data.rows() as f64
}
