//! The machinery of elementwise ops of two variables: y = f(a, b), da = dy · ∂f/∂a, db = dy · ∂f/∂b, where an argument
//! that was broadcast gets the sum over the axes it was repeated along.

use crate::kernels::elementwise::{self, Alignment, Binary, Side};
use crate::scalar::Real;
use crate::shape::{Shape, broadcast};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

impl<'t, T: Real> Var<'t, T> {
    /// Combines two arrays, broadcast as in NumPy, by an elementwise function of your own; see [`Binary`].
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn combine<F: Binary<T>>(self, other: Self, f: F) -> Self {
        let shape = self.broadcast_shape(other, F::NAME);
        let alignment = Alignment::new(&shape, self.shape(), other.shape());
        let mut y = self.tape().tensor(&shape);
        elementwise::zip(f, &alignment, self.data(), other.data(), y.data_mut());
        self.tape().record(Zip { f, alignment }, &[self, other], y)
    }

    /// The shape that two arrays broadcast to.
    ///
    /// # Panics
    /// If they do not, naming the op, both shapes, and the variables.
    #[track_caller]
    pub(crate) fn broadcast_shape(self, other: Self, op: &str) -> Shape {
        broadcast(self.shape(), other.shape()).unwrap_or_else(|| {
            panic!("{op}: shapes {self} and {other} do not broadcast (sizes must be equal, or one of them 1)")
        })
    }
}

struct Zip<F> {
    f: F,
    alignment: Alignment,
}

impl<T: Real, F: Binary<T>> Op<T> for Zip<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let values = (saved.input(0), saved.input(1));
        if dx.needs(0) && dx.needs(1) {
            let mut da = dx.copy(&dy);
            elementwise::zip_backward(self.f, Side::A, &self.alignment, values, da.data_mut());
            dx.add(0, da);
        }
        let (i, side) = if dx.needs(1) { (1, Side::B) } else { (0, Side::A) };
        elementwise::zip_backward(self.f, side, &self.alignment, values, dy.data_mut());
        dx.add(i, dy);
    }
}
