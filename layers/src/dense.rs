//! The dense layer, `z = x W + b`.

use crate::{Activation, Init};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use ndarray::ArrayD;

/// A dense layer: `x W + b` with x `[n, in]`, W `[in, out]`, b `[out]`.
#[derive(Clone, Debug)]
pub struct Dense<P> {
    /// W, `[in, out]`.
    pub weight: P,
    /// b, `[out]`.
    pub bias: P,
}

impl<P> Tree<P> for Dense<P> {
    type With<Q> = Dense<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Dense<Q> {
        Dense {
            weight: f(&path.field("weight"), &self.weight),
            bias: f(&path.field("bias"), &self.bias),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { weight, bias } = self;
        out.extend([weight, bias]);
    }
}

impl<T: Real> Dense<Array<T>> {
    /// Drawn weights and zero biases.
    pub fn new(inputs: usize, outputs: usize, init: Init, noise: Noise) -> Self {
        let bias = ArrayD::from_elem(&[outputs][..], T::zero()).into_shared();
        Self { weight: init.draw(inputs, outputs, noise), bias }
    }
}

impl<'t, T: Real> Dense<Var<'t, T>> {
    /// `activation(x W + b)`: `[n, in]` to `[n, out]`.
    ///
    /// # Panics
    /// If x has another number of columns than W has rows.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, activation: Activation) -> Var<'t, T> {
        match activation.fused() {
            Some(fused) => x.affine_with(self.weight, self.bias, fused),
            None => activation.apply(x.affine(self.weight, self.bias)),
        }
    }
}
