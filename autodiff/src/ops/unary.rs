//! The machinery of elementwise ops of one variable: y = f(x), dx = dy · f′(x).

use crate::kernels::elementwise::{self, Unary};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

impl<'t, T: Real> Var<'t, T> {
    /// Applies an elementwise function of your own; see [`Unary`].
    #[must_use]
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

#[cfg(test)]
mod tests {
    use crate::Tape;
    use ndarray::ArrayD;

    #[test]
    fn any_rank_and_any_number_of_elements_also_none() {
        for shape in [&[][..], &[1], &[0], &[0, 3], &[2, 0, 3], &[2, 3, 4]] {
            let tape = Tape::<f64>::new();
            let x = tape.variable(ArrayD::from_elem(shape, 1.5));
            let y = x.square();
            assert_eq!(y.value(), ArrayD::from_elem(shape, 2.25));
            assert_eq!(y.sum(..).backward().get(x).unwrap(), ArrayD::from_elem(shape, 3.0));
        }
    }
}
