//! The machinery of elementwise ops of one variable: y = f(x), dx = dy · f′(x).

use crate::kernels::elementwise::{self, Unary};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

impl<'t, T: Real> Var<'t, T> {
    /// Applies an elementwise function of your own; see [`Unary`].
    pub fn apply<F: Unary<T>>(self, f: F) -> Self {
        let mut y = self.tape().tensor(self.shape());
        elementwise::map(f, self.data(), y.data_mut());
        self.tape().record(Map(f), &[self], y)
    }
}

struct Map<F>(F);

impl<T: Real, F: Unary<T>> Op<T> for Map<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        elementwise::map_backward(self.0, saved.input(0), saved.output(), dy.data_mut());
        dx.add(0, dy);
    }
}
