//! A gradient computed in shards is the gradient, on any number of threads.

use crate::common::{P, flow, normal, scrambled};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Array, Noise, Parameters, Path, Tape, Tensor, Tree};
use evidence_layers::Activation;
use evidence_models::{Backprop, Batch, DenseNetwork, Model, Rows, Value};

/// Rows of which some fill one shard, some two and some no whole number of them.
const ROWS: [usize; 6] = [1, 255, 511, 512, 770, 5000];

fn flat<M: Model<f64>>(gradient: &M::With<Tensor<f64>>) -> Vec<f64> {
    let mut all = Vec::new();
    gradient.map(&Path::root(), &mut |_, leaf| all.extend_from_slice(leaf.data()));
    all
}

/// Loss, parts and gradient of all rows in one piece, by a tape alone.
fn in_one_piece<M: Model<f64>>(model: &M, rows: Rows<'_, f64>) -> (Value, Vec<f64>) {
    let tape = Tape::new();
    let bound = model.bind(&tape);
    let targets = rows.targets.map(|targets| tape.constant(targets));
    let batch = Batch::new(tape.constant(rows.inputs), targets, rows.data_size);
    let loss = M::loss(&bound, &batch, Noise::new(0));
    let parts = loss.parts.iter().map(|(name, part)| (*name, part.item())).collect();
    let value = Value { loss: loss.total.item(), parts };
    (value, flat::<M>(&loss.total.backward().of_model(model, &bound)))
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-12 * scale.max(1.0)
}

fn check<M: Model<f64>>(model: &M, width: usize, targets: Option<usize>) {
    for n in ROWS {
        let table = |columns, stream| -> Array<f64> {
            normal(n, columns, Noise::new(9).stream(stream)).into_dyn().into_shared()
        };
        let (x, y) = (table(width, 0), targets.map(|columns| table(columns, 1)));
        let rows = Rows { inputs: &x, targets: y.as_ref(), data_size: 2 * n };
        let (expected, slope) = in_one_piece(model, rows);
        let on = |threads| {
            with_threads(threads, || {
                let mut backprop = Backprop::new();
                let first = backprop.gradient(model, rows, Noise::new(0)).0;
                // Again, in memory that has been used.
                let (value, gradient) = backprop.gradient(model, rows, Noise::new(0));
                assert_eq!(value, first);
                (value, flat::<M>(&gradient))
            })
        };
        let alone = on(1);
        for threads in [2, 3, 8] {
            assert!(on(threads) == alone, "{n} rows: other bits on {threads} threads");
        }
        let (value, gradient) = alone;
        assert!(close(value.loss, expected.loss, expected.loss.abs()), "{n} rows");
        assert_eq!(value.parts.len(), expected.parts.len());
        for (a, b) in value.parts.iter().zip(&expected.parts) {
            assert!(a.0 == b.0 && close(a.1, b.1, b.1.abs()), "{n} rows: {a:?} {b:?}");
        }
        let largest = slope.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
        assert_eq!(gradient.len(), slope.len());
        assert!(gradient.iter().zip(&slope).all(|(&a, &b)| close(a, b, largest)), "{n} rows");
    }
}

#[test]
fn shards_add_up_to_the_whole() {
    check(&flow(3, 4, Noise::new(0)), 3, None);
    let dense = DenseNetwork::<P>::regression(&[5, 16, 2], Activation::Tanh, Noise::new(1));
    check(&scrambled(&dense, 0.4, Noise::new(2)), 5, Some(2));
}
