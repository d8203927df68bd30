//! A network that also sees a class: `a(x W + b + c_y)`, then further layers, c_y a row of its own for each of K classes.
//!
//! The same as a network of `[x, one-hot y]`; but x meets its weights once, whatever number of classes are tried on it.

use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use evidence_layers::{Activation, Dense, Init, Mlp};
use std::sync::Arc;

/// A multilayer perceptron with a class beside its input.
#[derive(Clone, Debug)]
pub struct ConditionedMlp<P> {
    /// W and b.
    pub input: Dense<P>,
    /// c, `[K, hidden]`.
    pub class: P,
    /// What comes behind the first layer.
    pub rest: Mlp<P>,
}

impl<T: Real> ConditionedMlp<Array<T>> {
    /// Layers of the given sizes, at least one of them hidden, for K = `classes`.
    ///
    /// # Panics
    /// With fewer than three sizes, or no classes.
    #[track_caller]
    pub fn new(sizes: &[usize], classes: usize, activation: Activation, noise: Noise) -> Self {
        let &[inputs, hidden, _, ..] = sizes else {
            panic!("ConditionedMlp: sizes {sizes:?} have no hidden layer")
        };
        assert!(classes > 0, "ConditionedMlp: 0 classes");
        let init = Init::before(activation);
        // As one of K + in inputs, of which K − 1 are 0.
        let scale = Init::Normal(init.scale(inputs + classes, hidden));
        Self {
            input: Dense::new(inputs, hidden, scale, noise.stream(0)),
            class: scale.draw(classes, hidden, noise.stream(1)),
            rest: Mlp::new(&sizes[1..], activation, noise.stream(2)),
        }
    }
}

impl<P> Tree<P> for ConditionedMlp<P> {
    type With<Q> = ConditionedMlp<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> ConditionedMlp<Q> {
        ConditionedMlp {
            input: self.input.map(&path.field("input"), f),
            class: f(&path.field("class"), &self.class),
            rest: self.rest.map(&path.field("rest"), f),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { input, class, rest } = self;
        input.leaves_mut(out);
        out.push(class);
        rest.leaves_mut(out);
    }
}

impl<'t, T: Real> ConditionedMlp<Var<'t, T>> {
    /// The outputs of each row of x `[n, in]` given its own class: `[n, out]`.
    ///
    /// # Panics
    /// If there is not one class for each row, or one is beyond the classes there are.
    #[must_use]
    #[track_caller]
    pub fn given(&self, x: Var<'t, T>, classes: &Arc<[usize]>) -> Var<'t, T> {
        self.rest.forward(self.first(x, classes))
    }

    /// The outputs of pairs of a row of x `[n, in]` and a class, `rows[i]` and `classes[i]`: `[pairs, out]`.
    ///
    /// # Panics
    /// If there are not as many rows as classes, or one is beyond those there are.
    #[must_use]
    #[track_caller]
    pub fn given_pairs(
        &self,
        x: Var<'t, T>,
        rows: &Arc<[usize]>,
        classes: &Arc<[usize]>,
    ) -> Var<'t, T> {
        let x = self.of_input(x).gather_rows(rows.clone());
        self.rest.forward(self.activated(x + self.class.gather_rows(classes.clone())))
    }

    /// The outputs given every class: `[n, in]`, or `[K, n, in]` with a row for each class, to `[K, n, out]`.
    #[must_use]
    #[track_caller]
    pub fn given_each(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.rest.forward(self.first_each(x))
    }

    /// a(x W + b + c_y) of each row given its own class, `[n, hidden]`.
    #[track_caller]
    pub(crate) fn first(&self, x: Var<'t, T>, classes: &Arc<[usize]>) -> Var<'t, T> {
        self.activated(self.of_input(x) + self.class.gather_rows(classes.clone()))
    }

    /// The same given every class, `[K, n, hidden]`.
    #[track_caller]
    pub(crate) fn first_each(&self, x: Var<'t, T>) -> Var<'t, T> {
        let &[classes, hidden] = self.class.shape() else { unreachable!("c is a matrix") };
        self.activated(self.of_input(x) + self.class.reshape(&[classes, 1, hidden]))
    }

    #[track_caller]
    fn of_input(&self, x: Var<'t, T>) -> Var<'t, T> {
        x.affine(self.input.weight, self.input.bias)
    }

    fn activated(&self, first: Var<'t, T>) -> Var<'t, T> {
        self.rest.activation.apply(first)
    }
}
