//! Y = φ(X W + b), the layer of every network here; φ is the identity or another activation.
//!
//! With dZ = dY ⊙ φ′: dX = dZ Wᵀ, dW = Xᵀ dZ, db = Σ over rows of dZ. Rows are samples: X is `[n, in]`, W `[in, out]`
//! (PyTorch's transposed), b `[out]`, Y `[n, out]`; an X of more axes keeps the leading ones.
//!
//! Bias and activation are the product's epilogue: applied to each piece of a row while it is in the first cache.

use super::activation::Activation;
use crate::check::{Check, Input};
use crate::kernels::matmul::{Epilogue, MatMut, MatRef};
use crate::kernels::reduce::sum_lanes;
use crate::scalar::Real;
use crate::shape::{Lanes, Shape, volume};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Affine {
    rows: usize,
    inputs: usize,
    outputs: usize,
    activation: Activation,
}

impl<T: Real> Op<T> for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Self { rows, inputs, outputs, activation } = *self;
        activation.backward(saved.output(), dy.data_mut());
        let x = MatRef::new(saved.input(0), rows, inputs);
        let w = MatRef::new(saved.input(1), inputs, outputs);
        let dz = MatRef::new(dy.data(), rows, outputs);
        dx.accumulate(0, |out, beta| {
            T::matmul(T::one(), dz, w.t(), beta, &mut MatMut::new(out, rows, inputs));
        });
        dx.accumulate(1, |out, beta| {
            T::matmul(T::one(), x.t(), dz, beta, &mut MatMut::new(out, inputs, outputs));
        });
        if dx.needs(2) {
            let mut db = dx.tensor(&[outputs]);
            sum_lanes(dy.data(), Lanes { outer: 1, len: rows, inner: outputs }, db.data_mut());
            dx.add(2, db);
        }
    }
}

/// y ← φ(y + b).
pub(super) struct Finish<'a, T> {
    pub(super) bias: &'a [T],
    pub(super) activation: Activation,
}

impl<T: Real> Epilogue<T> for Finish<'_, T> {
    #[inline(always)]
    fn apply(&self, _row: usize, first_column: usize, y: &mut [T]) {
        let columns = first_column..first_column + y.len();
        self.activation.forward_biased(&self.bias[columns], y);
    }
}

impl<T: Real> Var<'_, T> {
    /// The affine map x W + b, for x `[.., in]`, W `[in, out]`, b `[out]`; gives `[.., out]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn affine(self, w: Self, b: Self) -> Self {
        self.affine_with(w, b, Activation::Identity)
    }

    /// φ(x W + b) as one op: neither the sum nor the activation's argument is kept.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn affine_with(self, w: Self, b: Self, activation: Activation) -> Self {
        let (inputs, outputs) = match (self.shape(), w.shape(), b.shape()) {
            (&[.., k], &[l, m], &[n]) if k == l && m == n => (l, m),
            _ => panic!(
                "affine: shapes x {self}, w {w} and b {b} do not fit; they must be [.., in], [in, out] and [out]"
            ),
        };
        let mut shape = Shape::from_slice(self.shape());
        *shape.last_mut().expect("x has a last axis") = outputs;
        let rows = volume(&shape[..shape.len() - 1]);
        let mut y = self.tape().tensor(&shape);
        let x_matrix = MatRef::new(self.data(), rows, inputs);
        let w_matrix = MatRef::new(w.data(), inputs, outputs);
        let out = &mut MatMut::new(y.data_mut(), rows, outputs);
        let finish = Finish { bias: b.data(), activation };
        T::matmul_with(T::one(), x_matrix, w_matrix, T::zero(), out, &finish);
        self.tape().record(Affine { rows, inputs, outputs, activation }, &[self, w, b], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let wb = || [Input::any(&[4, 2]), Input::any(&[2])];
    let inputs = |x: &[usize]| std::iter::once(Input::any(x)).chain(wb()).collect::<Vec<_>>();
    vec![
        Check::gradient("affine", inputs(&[3, 4]), crate::function!(|x, w, b| x.affine(w, b))),
        Check::gradient("affine, one vector", inputs(&[4]), crate::function!(|x, w, b| x.affine(w, b))),
        Check::gradient("affine, stacked", inputs(&[2, 3, 4]), crate::function!(|x, w, b| x.affine(w, b))),
        Check::gradient(
            "affine, everything used twice",
            [Input::any(&[3, 3]), Input::any(&[3, 3]), Input::any(&[3])],
            crate::function!(|x, w, b| x.affine(w, b).affine(w, b) * x),
        ),
        Check::gradient(
            "affine with tanh",
            inputs(&[3, 4]),
            crate::function!(|x, w, b| x.affine_with(w, b, Activation::Tanh)),
        ),
        Check::gradient(
            "affine with softplus",
            inputs(&[3, 4]),
            crate::function!(|x, w, b| x.affine_with(w, b, Activation::Softplus)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Activation;
    use crate::check::Function;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::scalar::Real;
    use crate::tape::{Tape, Var};

    struct Fused(Activation);
    impl Function for Fused {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            x[0].affine_with(x[1], x[2], self.0)
        }
    }

    struct Composed(Activation);
    impl Function for Composed {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            (x[0].matmul(x[1]) + x[2]).activate(self.0)
        }
    }

    #[test]
    fn is_a_product_a_sum_and_an_activation() {
        for activation in Activation::ALL {
            for [n, k, m] in [[3, 4, 2], [1, 1, 1], [65, 17, 33], [0, 3, 2], [3, 0, 2], [3, 2, 0]] {
                let inputs = [numbers(&[n, k]), numbers(&[k, m]), numbers(&[m])];
                agree(&Fused(activation), &Composed(activation), &inputs);
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        let w = of(&[4, 2]).named("w");
        panics("affine: shapes x [3, 5], w [4, 2] \"w\" and b [2]", || of(&[3, 5]).affine(w, of(&[2])));
        panics("[in, out]", || of(&[3, 4]).affine(w, of(&[3])));
        panics("[in, out]", || of(&[]).affine(w, of(&[2])));
    }
}
