//! MADE (Germain and others 2015): a network whose outputs for column j see columns 0 … j − 1 only, by masks on its weights.
//!
//! Every unit has a degree: input j has j + 1, a context column 0, hidden units spread evenly over what there is to see, and the
//! outputs that belong to column j have j + 1. A weight is kept where the later unit may see the earlier one: into a hidden unit
//! from degrees up to its own, into an output from degrees below its own.

use crate::{Activation, Dense, Init};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use std::sync::Arc;

/// The numbers of columns of rows, and of the context that each row is given, 0 if none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// d.
    pub width: usize,
    /// c.
    pub context: usize,
}

impl From<usize> for Columns {
    /// Rows of so many columns, without a context.
    fn from(width: usize) -> Self {
        Self { width, context: 0 }
    }
}

impl Columns {
    /// The context, if there should be one, once all shapes fit.
    #[track_caller]
    pub(super) fn check<'t, T: Real>(
        self,
        who: &str,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> Option<Var<'t, T>> {
        let Self { width, context: given } = self;
        assert!(
            x.shape().len() == 2 && x.size(1) == width,
            "{who}: {x} does not have rows of {width} columns"
        );
        if given == 0 {
            return None;
        }
        let Some(context) = context else {
            panic!("{who}: it was built for a context of {given} columns, and there is none")
        };
        assert!(
            context.shape() == [x.size(0), given],
            "{who}: a context {context} for {x}; it must have as many rows, of {given} columns"
        );
        Some(context)
    }
}

/// A masked network.
#[derive(Clone, Debug)]
pub struct Made<P> {
    /// From input to output.
    pub layers: Vec<Dense<P>>,
    /// Behind every layer but the last.
    pub activation: Activation,
    masks: Vec<Arc<[bool]>>,
    /// Of each hidden layer, how many units, which stand in the order of their degrees, have a degree of at most 0, 1, … d − 1.
    ends: Vec<Arc<[usize]>>,
}

/// A masked network that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum MadeError {
    /// There is nothing to model.
    #[error("an autoregressive network over no columns: it needs at least one")]
    NoColumns,
    /// A layer that lets nothing through.
    #[error("hidden layer {0} has no units: each needs at least one")]
    NoUnits(usize),
    /// The bound of the transform's log-scale is not positive.
    #[error(
        "a bound of {0} for an autoregressive layer's log-scale: it must be a positive number (1 is usual)"
    )]
    Bound(f64),
}

impl<T: Real> Made<Array<T>> {
    /// A network from rows (and a context behind them) to `outputs` numbers, output i of which belongs to column `column(i)`; its
    /// last layer starts at 0.
    ///
    /// # Errors
    /// If there are no columns, or a hidden layer has no units.
    pub fn new(
        columns: impl Into<Columns>,
        outputs: usize,
        column: impl Fn(usize) -> usize,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, MadeError> {
        let Columns { width, context } = columns.into();
        if width == 0 {
            return Err(MadeError::NoColumns);
        }
        if let Some(layer) = hidden.iter().position(|&units| units == 0) {
            return Err(MadeError::NoUnits(layer));
        }
        // Without a context a unit of degree 0 is a constant, which is of use where there is nothing else.
        let lowest = usize::from(context == 0 && width > 1);
        let mut degrees: Vec<usize> = (1..=width).chain(std::iter::repeat_n(0, context)).collect();
        let (mut layers, mut masks, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (i, &units) in hidden.iter().chain([&outputs]).enumerate() {
            let last = i == hidden.len();
            let next: Vec<usize> = if last {
                (0..units).map(|output| column(output) + 1).collect()
            } else {
                (0..units).map(|unit| lowest + unit * (width - lowest) / units).collect()
            };
            let sees = |from: usize, to: usize| if last { from < to } else { from <= to };
            let mask = degrees.iter().flat_map(|&from| next.iter().map(move |&to| sees(from, to)));
            masks.push(mask.collect());
            let init = if last { Init::Zeros } else { Init::before(Activation::Relu) };
            layers.push(Dense::new(degrees.len(), units, init, noise.stream(i as u64)));
            if !last {
                let up_to = |degree| next.iter().filter(|&&of| of <= degree).count();
                ends.push((0..width).map(up_to).collect());
            }
            degrees = next;
        }
        Ok(Self { layers, activation: Activation::Relu, masks, ends })
    }
}

impl<P> Tree<P> for Made<P> {
    type With<Q> = Made<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Made<Q> {
        let Self { layers, activation, masks, ends } = self;
        Made {
            layers: layers.map(path, f),
            activation: *activation,
            masks: masks.clone(),
            ends: ends.clone(),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { layers, activation: _, masks: _, ends: _ } = self;
        layers.leaves_mut(out);
    }
}

impl<P> Made<P> {
    /// How many units of a hidden layer see at most 0, 1, … d − 1 columns.
    pub(super) fn ends(&self, hidden: usize) -> &[usize] {
        &self.ends[hidden]
    }
}

impl<'t, T: Real> Made<Var<'t, T>> {
    /// `[n, d]`, and a context `[n, c]` if it was built for one, to `[n, outputs]`.
    ///
    /// # Panics
    /// If the widths are others.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, context: Option<Var<'t, T>>) -> Var<'t, T> {
        let mut x = context.map_or(x, |context| Var::concat(&[x, context], 1));
        for (i, (layer, mask)) in self.layers.iter().zip(&self.masks).enumerate() {
            let masked = Dense { weight: layer.weight.mask(mask.clone()), bias: layer.bias };
            let last = i + 1 == self.layers.len();
            x = masked.forward(x, if last { Activation::Identity } else { self.activation });
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::super::columnwise::Columnwise;
    use super::*;
    use evidence_autodiff::{Parameters, Tape};
    use ndarray::{Array2, ArrayD};

    /// Widths, contexts, hidden layers.
    const NETWORKS: [(usize, usize, &[usize]); 9] = [
        (1, 0, &[4]),
        (1, 2, &[4]),
        (2, 0, &[6]),
        (5, 0, &[16, 16]),
        (5, 1, &[16, 12]),
        (4, 0, &[]),
        (4, 2, &[]),
        // Fewer units than degrees: less is seen, but never too much.
        (6, 0, &[2]),
        (6, 3, &[2, 9, 1]),
    ];

    /// Two outputs for each column, all weights far from 0.
    fn drawn(columns: Columns, hidden: &[usize]) -> Made<Array<f64>> {
        let outputs = 2 * columns.width;
        let column = |i| i % columns.width;
        let mut made = Made::new(columns, outputs, column, hidden, Noise::new(1)).unwrap();
        let mut leaves = Vec::new();
        made.leaves_mut(&mut leaves);
        for (i, leaf) in leaves.into_iter().enumerate() {
            let mut new = ArrayD::zeros(leaf.shape());
            Noise::new(2).stream(i as u64).fill_normal_f64(new.as_slice_mut().unwrap());
            *leaf = new.mapv(|w: f64| w + w.signum()).into_shared();
        }
        made
    }

    #[test]
    fn one_column_after_the_other_gives_the_outputs_of_one_pass() {
        for (width, context, hidden) in NETWORKS {
            let columns = Columns { width, context };
            let made = drawn(columns, hidden);
            let tape = Tape::new();
            let bound = made.bind_constant(&tape);
            let mut all = Array2::zeros((7, width + context));
            Noise::new(3).fill_normal_f64(all.as_slice_mut().unwrap());
            let all = tape.constant(all);
            let (x, context) =
                (all.slice(1, ..width), (context > 0).then(|| all.slice(1, width..)));
            let whole = bound.forward(x, context);
            let mut network = Columnwise::new(&bound, &tape, 7, context);
            for column in 0..width {
                let places: Arc<[usize]> = [column, column + width].into();
                let found = network.outputs(&places);
                network.learn(x.slice(1, column..=column));
                for (found, whole) in found.data().iter().zip(whole.gather_columns(places).data()) {
                    let error = (found - whole).abs();
                    assert!(
                        error < 1e-12 * whole.abs().max(1.0),
                        "{columns:?}, {hidden:?}: {error}"
                    );
                }
            }
        }
    }

    /// Which inputs each output depends on, found by moving them.
    #[test]
    fn an_output_sees_the_columns_before_its_own_and_the_whole_context() {
        for (width, context, hidden) in NETWORKS {
            let columns = Columns { width, context };
            let made = drawn(columns, hidden);
            // At several points: a rectifier may be off at one.
            let n = 40;
            let run = |moved: Option<usize>| {
                let tape = Tape::new();
                let mut all = Array2::zeros((n, width + context));
                Noise::new(3).fill_normal_f64(all.as_slice_mut().unwrap());
                if let Some(column) = moved {
                    all.column_mut(column).mapv_inplace(|x: f64| x + 1.0);
                }
                let all = tape.constant(all);
                let context = (context > 0).then(|| all.slice(1, width..));
                made.bind_constant(&tape).forward(all.slice(1, ..width), context).value().to_owned()
            };
            let still = run(None);
            for input in 0..width + context {
                let moved = run(Some(input));
                for output in 0..2 * width {
                    let moves = (0..n).any(|i| still[[i, output]] != moved[[i, output]]);
                    let may = input >= width || input < output % width;
                    let enough = hidden.iter().all(|&units| units >= width + context);
                    assert!(
                        moves == may || !enough && !moves,
                        "{columns:?}, {hidden:?}: {input} to {output}"
                    );
                }
            }
        }
    }

    #[test]
    fn networks_of_nothing_are_refused() {
        let new = |width: usize, hidden: &[usize]| {
            Made::<Array<f32>>::new(width, width, |i| i, hidden, Noise::new(0)).map(drop)
        };
        assert_eq!(new(0, &[4]), Err(MadeError::NoColumns));
        assert_eq!(new(2, &[4, 0]), Err(MadeError::NoUnits(1)));
        assert_eq!(new(2, &[]), Ok(()));
    }
}
