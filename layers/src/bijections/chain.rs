//! Bijections one behind the other: `f = f_k ∘ … ∘ f₁`; log-determinants add.

use crate::{Bijection, LogDet};
use evidence_autodiff::{Path, Real, Tree, Var};

/// Bijections applied in order from base to data.
#[derive(Clone, Debug)]
pub struct Chain<B>(pub Vec<B>);

impl<P, B: Tree<P>> Tree<P> for Chain<B> {
    type With<Q> = Chain<B::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        Chain(self.0.map(path, f))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self(bijections) = self;
        bijections.leaves_mut(out);
    }
}

impl<'t, T: Real, B: Bijection<'t, T>> Bijection<'t, T> for Chain<B> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        through(self.0.iter(), z, B::forward)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        through(self.0.iter().rev(), x, B::inverse)
    }

    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        through(self.0.iter(), z, |bijection, z| bijection.forward_given(z, context))
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        through(self.0.iter().rev(), x, |bijection, x| bijection.inverse_given(x, context))
    }
}

/// Two bijections of different types, the first applied first from base to data: so a bijection of one's own stands beside those of
/// this crate.
impl<'t, T: Real, A: Bijection<'t, T>, B: Bijection<'t, T>> Bijection<'t, T> for (A, B) {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.forward_given(z, None)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.inverse_given(x, None)
    }

    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let (between, first) = self.0.forward_given(z, context);
        let (x, second) = self.1.forward_given(between, context);
        (x, first + second)
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let (between, second) = self.1.inverse_given(x, context);
        let (z, first) = self.0.inverse_given(between, context);
        (z, second + first)
    }
}

fn through<'t, 'b, T: Real, B: 'b>(
    bijections: impl Iterator<Item = &'b B>,
    x: Var<'t, T>,
    apply: impl Fn(&'b B, Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>),
) -> (Var<'t, T>, LogDet<'t, T>) {
    let (mut x, mut total) = (x, None);
    for bijection in bijections {
        let (next, log_det) = apply(bijection, x);
        x = next;
        total = Some(total.map_or(log_det, |sum: LogDet<'t, T>| sum + log_det));
    }
    (x, total.unwrap_or_else(|| LogDet::zero(x)))
}
