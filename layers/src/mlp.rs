//! The multilayer perceptron: dense layers with a nonlinearity between them.

use crate::{Activation, Dense, Init};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};

/// Dense layers, the nonlinearity behind every one but the last.
#[derive(Clone, Debug)]
pub struct Mlp<P> {
    /// From input to output.
    pub layers: Vec<Dense<P>>,
    /// Behind every layer but the last.
    pub activation: Activation,
    /// Behind the last layer.
    pub output: Activation,
}

impl<P> Tree<P> for Mlp<P> {
    type With<Q> = Mlp<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Mlp<Q> {
        Mlp { layers: self.layers.map(path, f), activation: self.activation, output: self.output }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { layers, activation: _, output: _ } = self;
        layers.leaves_mut(out);
    }
}

impl<T: Real> Mlp<Array<T>> {
    /// Layers of the given sizes, input first: `[11, 50, 1]` has one hidden layer of 50 units.
    ///
    /// # Panics
    /// With fewer than two sizes.
    #[track_caller]
    pub fn new(sizes: &[usize], activation: Activation, noise: Noise) -> Self {
        assert!(
            sizes.len() >= 2,
            "Mlp: sizes {sizes:?} name no layer; give at least the input's and the output's"
        );
        let last = sizes.len() - 2;
        let layers = sizes.windows(2).enumerate().map(|(i, pair)| {
            let behind = if i < last { activation } else { Activation::Identity };
            Dense::new(pair[0], pair[1], Init::before(behind), noise.stream(i as u64))
        });
        Self { layers: layers.collect(), activation, output: Activation::Identity }
    }

    /// With a nonlinearity behind the last layer too.
    #[must_use]
    pub fn with_output(self, output: Activation) -> Self {
        Self { output, ..self }
    }

    /// The number of columns it takes.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.weight.shape()[0])
    }

    /// The number of columns it gives.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.weight.shape()[1])
    }
}

impl<'t, T: Real> Mlp<Var<'t, T>> {
    /// `[n, in]` to `[n, out]`.
    ///
    /// # Panics
    /// If x has another number of columns than the first layer takes.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>) -> Var<'t, T> {
        let hidden = self.hidden(x);
        self.layers.last().map_or(hidden, |layer| layer.forward(hidden, self.output))
    }

    /// What the last layer sees: x through all the others.
    ///
    /// # Panics
    /// If x has another number of columns than the first layer takes.
    #[must_use]
    #[track_caller]
    pub fn hidden(&self, x: Var<'t, T>) -> Var<'t, T> {
        let mut x = x;
        for layer in self.layers.iter().rev().skip(1).rev() {
            x = layer.forward(x, self.activation);
        }
        x
    }
}
