//! MADE run one column after the other, as the slow direction of an autoregressive flow has to: what column j's parameters are depends
//! on the columns before it, and those are found by the parameters before.
//!
//! A unit of degree j sees columns 0 … j − 1 and nothing behind them, and units stand in the order of their degrees. So once these
//! columns are known, the units of degree j of every layer follow from those before, and the outputs of column j from all of them:
//! each unit is computed once. All columns together take the products of a single pass of the network, less what its masks hide, and
//! what grows with their number d is how many small products that is cut into. Running the whole network for every column, as is
//! usual, costs d passes.

use super::Made;
use crate::{Activation, Dense};
use evidence_autodiff::{Real, Tape, Var};
use std::sync::Arc;

/// A network on its way through the columns.
pub(super) struct Columnwise<'m, 't, T: Real> {
    made: &'m Made<Var<'t, T>>,
    /// The first layer's, its rows in the order of degrees: the context, then the columns.
    first: Var<'t, T>,
    /// What every layer sees so far, `[n, known]`: the context and columns, then units.
    seen: Vec<Var<'t, T>>,
    /// The next column.
    column: usize,
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
        let mut seen = vec![nothing; made.layers.len()];
        let mut first = made.layers[0].weight;
        if let Some(context) = context {
            let width = first.size(0) - context.size(1);
            first = Var::concat(&[first.slice(0, width..), first.slice(0, ..width)], 0);
            seen[0] = context;
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
            self.seen[i + 1] = Var::concat(&[self.seen[i + 1], units], 1);
        }
        let weight = self.weight(hidden).gather_columns(places.clone());
        let bias = self.made.layers[hidden].bias.gather_columns(places.clone());
        self.through(hidden, weight, bias, Activation::Identity)
    }

    /// The value of the column whose parameters were just computed, `[n, 1]`.
    pub(super) fn learn(&mut self, value: Var<'t, T>) {
        self.seen[0] = Var::concat(&[self.seen[0], value], 1);
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
        let seen = self.seen[layer];
        let weight = weight.slice(0, ..seen.size(1));
        Dense { weight, bias }.forward(seen, activation)
    }
}
