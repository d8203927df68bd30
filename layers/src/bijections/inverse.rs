//! A bijection turned round: its base is the other's data. `forward` is the other's `inverse`, with that one's log-determinant.

use crate::{Bijection, LogDet};
use evidence_autodiff::{Path, Real, Tree, Var};

/// The inverse of a bijection: `Inverse(Sigmoid::default())` is the logit.
#[derive(Clone, Debug, PartialEq)]
pub struct Inverse<B>(pub B);

impl<P, B: Tree<P>> Tree<P> for Inverse<B> {
    type With<Q> = Inverse<B::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        Inverse(self.0.map(path, f))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self(bijection) = self;
        bijection.leaves_mut(out);
    }
}

impl<'t, T: Real, B: Bijection<'t, T>> Bijection<'t, T> for Inverse<B> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.inverse(z)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.forward(x)
    }

    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.inverse_given(z, context)
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.forward_given(x, context)
    }
}
