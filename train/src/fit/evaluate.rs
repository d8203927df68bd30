//! A model's mean loss over a set, a portion of its rows at a time.

use super::buffers::Buffers;
use crate::data::{Dataset, Minibatch};
use evidence_autodiff::kernels::denormals::FlushDenormals;
use evidence_autodiff::{Noise, Parameters, Real, Tape};
use evidence_models::Model;

/// Rows evaluated at a time.
const ROWS: usize = 2048;

/// The mean of a model's [validation loss](Model::validation) over a set, in nats per datum. Denormals are zero meanwhile.
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
    let _flushing = FlushDenormals::new();
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

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_layers::Activation;
    use evidence_models::{DenseNetwork, Likelihood, Vae};
    use ndarray::Array2;

    fn rows(n: usize, width: usize) -> Array2<f64> {
        let mut rows = Array2::zeros((n, width));
        Noise::new(1).fill_normal_f64(rows.as_slice_mut().expect("its own memory"));
        rows
    }

    /// Two portions and a short one, each of whose rows counts as much as any.
    #[test]
    fn every_row_counts_alike_whatever_portion_it_is_in() {
        let n = 2 * ROWS + 100;
        let (x, y) = (rows(n, 3), Array2::from_shape_fn((n, 1), |(row, _)| (row as f64).sqrt()));
        let model = DenseNetwork::<_>::regression(&[3, 4, 1], Activation::Tanh, Noise::new(2));
        let tape = Tape::<f64>::new();
        let bound = model.bind_constant(&tape);
        let output = bound.net.forward(tape.constant(&x));
        let log_prob = bound.likelihood.log_prob(output, tape.constant(&y));
        let truth = -log_prob.data().iter().sum::<f64>() / n as f64;
        let data = Dataset::new(x, Some(y)).expect("of one height");
        let found = evaluate::<f64, _>(&model, &data, Noise::new(3));
        assert!((found - truth).abs() <= 1e-12 * truth, "{found} and {truth}");
    }

    /// The same row in two portions is met by other draws.
    #[test]
    fn each_portion_has_noise_of_its_own() {
        let model =
            Vae::new(&[3, 4, 2], Activation::Tanh, Likelihood::gaussian(0.0), Noise::new(2));
        let one = rows(ROWS, 3);
        let twice = ndarray::concatenate(ndarray::Axis(0), &[one.view(), one.view()]);
        let of = |x: Array2<f64>| {
            let data = Dataset::new(x, None).expect("rows");
            evaluate::<f64, _>(&model, &data, Noise::new(3))
        };
        let (once, twice) = (of(one), of(twice.expect("of one width")));
        assert!(once != twice && (once - twice).abs() < 0.1 * once, "{once} and {twice}");
    }
}
