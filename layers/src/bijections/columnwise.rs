//! MADE run one column after the other, as the slow direction of an autoregressive flow has to: what column j's parameters are depends
//! on the columns before it, and those are found by the parameters before.
//!
//! A unit of degree j sees columns 0 … j − 1 and nothing behind them, and units stand in the order of their degrees. So once these
//! columns are known, the units of degree j of every layer follow from those before, and the outputs of column j from all of them:
//! each unit is computed once. With n rows, d columns and u units in a layer:
//!
//! * **arithmetic**: all columns together take the products of a single pass of the network, less what its masks hide. What grows with
//!   d is how many small products that is cut into. Running the whole network for every column, as is usual, costs d passes.
//! * **memory**: as linear in d as a single pass's, whether a gradient is wanted or not. What a step finds stays on the tape; what its
//!   products take in, everything known side by side, is a checkpoint's and goes with it. Kept, that would be n d²/2 numbers and
//!   n d u/2 for a layer: all in all 2.2 GB for 4096 rows, 256 columns and two layers of 256 units.
//! * **a gradient** costs one pass of products more for that: the backward pass joins and multiplies again.
//! * **copies** are still quadratic: putting side by side moves those n d²/2 and n d u/2 numbers, each for the u/d units of one column.
//!   With many units for each column that is small beside the products; with about one, it is what takes the time.

use super::Made;
use crate::{Activation, Dense};
use evidence_autodiff::{Real, Tape, Var};
use std::sync::Arc;

/// A network on its way through the columns.
pub(super) struct Columnwise<'m, 't, T: Real> {
    made: &'m Made<Var<'t, T>>,
    /// The first layer's, its rows in the order of degrees: the context, then the columns.
    first: Var<'t, T>,
    /// What every layer sees so far: the context and columns, then units.
    seen: Vec<Known<'t, T>>,
    /// The next column.
    column: usize,
}

/// So many values are joined for good, and so kept twice. Then a step puts d/8 parts side by side, not d, and moves runs of numbers where
/// single columns go a number at a time, each to another cache line.
const RUN: usize = 8;

/// Columns or units that are known, `[n, width]` in parts.
struct Known<'t, T: Real> {
    joined: Vec<Var<'t, T>>,
    /// Fewer than a run, behind them.
    single: Vec<Var<'t, T>>,
    width: usize,
}

impl<'t, T: Real> Known<'t, T> {
    fn new(first: Var<'t, T>) -> Self {
        Self { joined: vec![first], single: Vec::with_capacity(RUN), width: first.size(1) }
    }

    fn push(&mut self, next: Var<'t, T>) {
        self.width += next.size(1);
        self.single.push(next);
        if self.single.len() == RUN {
            self.joined.push(Var::concat(&self.single, 1));
            self.single.clear();
        }
    }
}

impl<'m, 't, T: Real> Columnwise<'m, 't, T> {
    /// Before the first column of n rows, of which only the context is known, `[n, c]`.
    pub(super) fn new(
        made: &'m Made<Var<'t, T>>,
        tape: &'t Tape<T>,
        n: usize,
        context: Option<Var<'t, T>>,
    ) -> Self {
        let nothing = tape.filled(&[n, 0], 0.0);
        let mut seen: Vec<_> = made.layers.iter().map(|_| Known::new(nothing)).collect();
        let mut first = made.layers[0].weight;
        if let Some(context) = context {
            let width = first.size(0) - context.size(1);
            first = Var::concat(&[first.slice(0, width..), first.slice(0, ..width)], 0);
            seen[0] = Known::new(context);
        }
        Self { made, first, seen, column: 0 }
    }

    /// The network's outputs at the given places, which belong to the next column, `[n, places]`.
    pub(super) fn outputs(&mut self, places: &Arc<[usize]>) -> Var<'t, T> {
        let hidden = self.made.layers.len() - 1;
        for i in 0..hidden {
            let ends = self.made.ends(i);
            let before = self.column.checked_sub(1).map_or(0, |column| ends[column]);
            let new = before..ends[self.column];
            if new.is_empty() {
                continue;
            }
            let weight = self.weight(i).slice(1, new.clone());
            let bias = self.made.layers[i].bias.slice(0, new);
            let units = self.through(i, weight, bias, self.made.activation);
            self.seen[i + 1].push(units);
        }
        let weight = self.weight(hidden).gather_columns(places.clone());
        let bias = self.made.layers[hidden].bias.gather_columns(places.clone());
        self.through(hidden, weight, bias, Activation::Identity)
    }

    /// The value of the column whose parameters were just computed, `[n, 1]`.
    pub(super) fn learn(&mut self, value: Var<'t, T>) {
        self.seen[0].push(value);
        self.column += 1;
    }

    fn weight(&self, layer: usize) -> Var<'t, T> {
        if layer == 0 { self.first } else { self.made.layers[layer].weight }
    }

    /// A layer of what is seen so far, by so much of its weights.
    fn through(
        &self,
        layer: usize,
        weight: Var<'t, T>,
        bias: Var<'t, T>,
        activation: Activation,
    ) -> Var<'t, T> {
        let seen = &self.seen[layer];
        let mut inputs = vec![weight.slice(0, ..seen.width), bias];
        inputs.extend(seen.joined.iter().chain(&seen.single));
        bias.tape().checkpoint(&inputs, move |inputs| {
            let (weight, bias, parts) = (inputs[0], inputs[1], &inputs[2..]);
            Dense { weight, bias }.forward(Var::concat(parts, 1), activation)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Affine, Autoregressive, Bijection, Direction};
    use evidence_autodiff::{Array, Noise, Parameters, Tape};

    /// Bytes that a tape takes for draws of a MAF over d columns, and for their gradient.
    fn bytes(d: usize, gradient: bool) -> f64 {
        let (direction, transform) = (Direction::Masked, Affine::default());
        let maf: Autoregressive<Array<f64>, _> =
            Autoregressive::new(direction, transform, d, &[16], Noise::new(0)).unwrap();
        let tape = Tape::new();
        let bound = if gradient { maf.bind(&tape) } else { maf.bind_constant(&tape) };
        let (x, log_det) = bound.forward(tape.normal(&[64, d], Noise::new(1)));
        let loss = (x.sum(-1) + log_det.value()).sum(..);
        if gradient {
            drop(loss.backward());
        }
        tape.allocated_bytes() as f64
    }

    /// What all steps take in is 16 times as much for four times as many columns: kept, it would be most of what is taken.
    #[test]
    fn memory_is_linear_in_the_columns() {
        for gradient in [false, true] {
            let (few, many) = (bytes(64, gradient), bytes(256, gradient));
            assert!(many < 5.0 * few, "{few} bytes for 64 columns, {many} for 256: {gradient}");
        }
    }
}
