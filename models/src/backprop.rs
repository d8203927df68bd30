//! The loss of a batch and its gradient, the batch cut into shards that are computed side by side.
//!
//! A loss that is a mean over rows is the weighted mean of the losses of any parts of them, and so is its gradient:
//! `∇L = Σₛ (nₛ / n) ∇Lₛ`. Each shard has a tape of its own, so that a core keeps to its rows from the first layer to the
//! last and back: small layers gain as much from cores as large ones. Forking op by op instead, layers of 64 units gained nothing from a second
//! core, since their ops are over before it has fetched the operands.
//!
//! The shards follow from the number of rows and that of parameters alone, and are added in order: so do the bits.

use crate::{Batch, Model};
use evidence_autodiff::kernels::threads::{for_chunks_mut, for_each_mut};
use evidence_autodiff::{
    Anomaly, Array, Gradients, Noise, Parameters, Path, Real, Tape, Tensor, Tree, Var,
};
use ndarray::{Axis, Slice, arr0};
use std::any::Any;
use std::cell::Cell;

/// Rows that a shard has at least. A shard's gradient is written, read and added: with 256 rows that takes some 4 % of the
/// time of computing it, with 128 it would be 8 %.
const SHARD_ROWS: usize = 256;

/// More shards than this serve no machine that this is for, and each takes memory for a gradient.
const MOST_SHARDS: usize = 16;

/// Parameters for each row of the batch beyond which it is not cut: every shard keeps a gradient, and where layers are large the
/// products fork well enough by themselves. A flow of 826 thousand parameters on 512 rows gained 4 % and took 46 MB instead of 33.
const MOST_PARAMETERS: usize = 512;

/// What a batch came to, in nats per datum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    /// The loss.
    pub loss: f64,
    /// Its parts, each with its natural sign. See [`Loss`](crate::Loss).
    pub parts: Vec<(&'static str, f64)>,
}

/// Rows of a training set, whole: what [`Batch`] is on a tape.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, T> {
    /// `[n, …]`.
    pub inputs: &'a Array<T>,
    /// `[n, k]`, if the model needs them.
    pub targets: Option<&'a Array<T>>,
    /// The number of rows of the training set. See [`Batch`].
    pub data_size: usize,
}

/// Losses and gradients of batches, in memory that is kept from one to the next.
///
/// ```
/// use evidence_autodiff::Noise;
/// use evidence_layers::Activation;
/// use evidence_models::{Backprop, DenseNetwork, Rows};
/// use evidence_optim::{Adam, Optimizer};
/// use ndarray::Array2;
///
/// let mut model = DenseNetwork::<evidence_autodiff::Array<f32>>::regression(&[3, 8, 1], Activation::Tanh, Noise::new(0));
/// let (x, y) = (Array2::ones((16, 3)).into_dyn().into_shared(), Array2::ones((16, 1)).into_dyn().into_shared());
/// let (mut backprop, mut adam) = (Backprop::new(), Adam::new(1e-2)?);
/// let mut losses = Vec::new();
/// for step in 0..20 {
///     let rows = Rows { inputs: &x, targets: Some(&y), data_size: 16 };
///     let (value, mut gradient) = backprop.gradient(&model, rows, Noise::new(1).stream(step));
///     adam.step(&mut model, &mut gradient);
///     losses.push(value.loss);
/// }
/// assert!(losses[19] < losses[0]);
/// # Ok::<(), evidence_optim::OptimError>(())
/// ```
#[derive(Debug)]
pub struct Backprop<T: Real> {
    tape: Tape<T>,
    shards: Vec<Shard<T>>,
}

impl<T: Real> Default for Backprop<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a part of the rows came to.
#[derive(Debug, Default)]
struct Shard<T> {
    value: Value,
    /// The gradient, weighted: leaf after leaf.
    gradient: Vec<T>,
}

impl<T: Real> Backprop<T> {
    /// No memory yet.
    pub fn new() -> Self {
        Self { tape: Tape::new(), shards: Vec::new() }
    }

    /// The loss of a batch, and its gradient with respect to every parameter. Whatever is random in it is a function of `noise`.
    ///
    /// Call it inside [`with_threads`](evidence_autodiff::kernels::threads::with_threads), which also has denormals count as zero: they
    /// cost some models a factor of three.
    ///
    /// # Panics
    /// If the rows do not fit the model, or there are none.
    #[track_caller]
    pub fn gradient<M: Model<T>>(
        &mut self,
        model: &M,
        rows: Rows<'_, T>,
        noise: Noise,
    ) -> (Value, M::With<Tensor<T>>) {
        let count = shards(model, rows);
        if count == 1 {
            let result = {
                let bound = model.bind(&self.tape);
                let (value, mut gradients) = part::<T, M>(&self.tape, &bound, rows, (0, 1), noise);
                (value, gradients.of_model(model, &bound))
            };
            self.tape.reset();
            return result;
        }
        self.shards.resize_with(count, Shard::default);
        for_each_mut(&mut self.shards, |index, shard| {
            with_tape(|tape: &mut Tape<T>| {
                {
                    let bound = model.bind(tape);
                    let (value, mut gradients) =
                        part::<T, M>(tape, &bound, rows, (index, count), noise);
                    shard.value = value;
                    shard.gradient.clear();
                    bound.map(&Path::root(), &mut |_, var| {
                        shard.gradient.extend_from_slice(gradients.take(*var).data());
                    });
                }
                tape.reset();
            });
        });
        let mut value = self.shards[0].value.clone();
        for shard in &self.shards[1..] {
            value.loss += shard.value.loss;
            for (sum, part) in value.parts.iter_mut().zip(&shard.value.parts) {
                sum.1 += part.1;
            }
        }
        (value, self.add_up(model))
    }

    /// Repeats a batch under watch, with the same draws, shard after shard: the op that first makes a NaN or infinity.
    ///
    /// # Panics
    /// As [`gradient`](Backprop::gradient) does.
    #[track_caller]
    pub fn diagnose<M: Model<T>>(
        &self,
        model: &M,
        rows: Rows<'_, T>,
        noise: Noise,
    ) -> Option<Anomaly> {
        let count = shards(model, rows);
        (0..count).find_map(|index| {
            let tape = Tape::new();
            tape.watch_anomalies(true);
            drop(part::<T, M>(&tape, &model.bind(&tape), rows, (index, count), noise));
            tape.anomaly()
        })
    }

    /// The sum of the shards' gradients, as a tree.
    fn add_up<M: Model<T>>(&self, model: &M) -> M::With<Tensor<T>> {
        let (shards, mut start) = (&self.shards, 0);
        model.map(&Path::root(), &mut |_, leaf| {
            let mut sum = self.tape.tensor(leaf.shape());
            for_chunks_mut(sum.data_mut(), |first, sum| {
                let range = start + first..start + first + sum.len();
                sum.copy_from_slice(&shards[0].gradient[range.clone()]);
                for shard in &shards[1..] {
                    let part = &shard.gradient[range.clone()];
                    sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part);
                }
            });
            start += leaf.len();
            sum
        })
    }
}

/// How many shards a batch is cut into.
fn shards<T: Real, M: Model<T>>(model: &M, rows: Rows<'_, T>) -> usize {
    let n = rows.inputs.shape().first().copied().unwrap_or(0);
    if !M::SHARDED || n < 2 * SHARD_ROWS || model.count() > n * MOST_PARAMETERS {
        return 1;
    }
    (n / SHARD_ROWS).min(MOST_SHARDS)
}

/// The loss, its parts and the gradient of shard `index` of `count`, each times the share of the rows that it has.
fn part<'t, T: Real, M: Model<T>>(
    tape: &'t Tape<T>,
    bound: &M::With<Var<'t, T>>,
    rows: Rows<'_, T>,
    (index, count): (usize, usize),
    noise: Noise,
) -> (Value, Gradients<'t, T>) {
    let whole = count == 1;
    let n = rows.inputs.shape()[0];
    let range = index * n / count..(index + 1) * n / count;
    let weight = if whole { 1.0 } else { range.len() as f64 / n as f64 };
    let leaf = |array: &Array<T>| {
        if whole {
            tape.constant(array)
        } else {
            tape.batch(array.slice_axis(Axis(0), Slice::from(range.clone())))
        }
    };
    let batch = Batch::new(leaf(rows.inputs), rows.targets.map(leaf), rows.data_size);
    let noise = if whole { noise } else { noise.stream(index as u64) };
    let loss = M::loss(bound, &batch, noise);
    let weighted = |name: &str, part: Var<'t, T>| {
        let one = part.data().len() == 1;
        assert!(
            one,
            "Model::loss: the {name} is {part}, not a single number; reduce it (`.mean(..)`)"
        );
        weight * part.item().to_f64()
    };
    let parts = loss.parts.iter().map(|&(name, part)| (name, weighted(name, part))).collect();
    let value = Value { loss: weighted("total", loss.total), parts };
    (value, loss.total.vjp(arr0(T::from_f64(weight))))
}

thread_local! {
    /// This worker's tapes, reset, one for each scalar: their memory serves shard after shard.
    static TAPES: Cell<Vec<Box<dyn Any>>> = const { Cell::new(Vec::new()) };
}

/// Lends the worker's tape, or a new one where it is lent already: a worker that waits within a shard may take up another.
fn with_tape<T: Real>(work: impl FnOnce(&mut Tape<T>)) {
    let mut tapes = TAPES.take();
    let mine = tapes.iter().position(|tape| tape.is::<Tape<T>>());
    let mut tape =
        mine.map_or_else(|| Box::new(Tape::<T>::new()) as Box<dyn Any>, |at| tapes.swap_remove(at));
    TAPES.set(tapes);
    work(tape.downcast_mut().expect("its type was asked for"));
    let mut tapes = TAPES.take();
    tapes.push(tape);
    TAPES.set(tapes);
}
