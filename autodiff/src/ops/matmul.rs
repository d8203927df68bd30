//! Y = A B, dA = dY Bᵀ, dB = Aᵀ dY; for matrices, and for stacks of them.
//!
//! The products of the backward pass are written straight into the cotangents (β = 1 where one is there already).

use crate::check::{Check, Input};
use crate::kernels::matmul::{MatMut, MatRef};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

/// A stack of products, `[s, m, k] × [s, k, n]`; `s = 1` for plain matrices.
#[derive(Clone, Copy)]
struct Matmul {
    stack: usize,
    m: usize,
    k: usize,
    n: usize,
}

/// One side of a stack of products: its elements, and how to see the `rows × cols` matrix of each.
#[derive(Clone, Copy)]
struct Side<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    transposed: bool,
}

impl<'a, T> Side<'a, T> {
    fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, transposed: false }
    }

    fn t(self) -> Self {
        Self { transposed: true, ..self }
    }

    fn matrix(self, s: usize) -> MatRef<'a, T> {
        let matrix = MatRef::new(&self.data[s * self.rows * self.cols..], self.rows, self.cols);
        if self.transposed { matrix.t() } else { matrix }
    }
}

/// `out ← A B + β out` for each pair of a stack.
fn products<T: Real>(stack: usize, a: Side<'_, T>, b: Side<'_, T>, beta: T, out: &mut [T]) {
    let len = out.len() / stack.max(1);
    for s in 0..stack {
        let (a, b) = (a.matrix(s), b.matrix(s));
        T::matmul(T::one(), a, b, beta, &mut MatMut::new(&mut out[s * len..][..len], a.rows(), b.cols()));
    }
}

impl<T: Real> Op<T> for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Self { stack, m, k, n } = *self;
        let (a, b) = (Side::new(saved.input(0), m, k), Side::new(saved.input(1), k, n));
        let dy = Side::new(dy.data(), m, n);
        dx.accumulate(0, |out, beta| products(stack, dy, b.t(), beta, out));
        dx.accumulate(1, |out, beta| products(stack, a.t(), dy, beta, out));
    }
}

impl<T: Real> Var<'_, T> {
    /// The matrix product: `[m, k] × [k, n]`, or for each of a stack `[s, m, k] × [s, k, n]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        let (op, mut y) = match (self.shape(), other.shape()) {
            (&[m, k], &[l, n]) if k == l => (Matmul { stack: 1, m, k, n }, self.tape().tensor(&[m, n])),
            (&[s, m, k], &[t, l, n]) if k == l && s == t => {
                (Matmul { stack: s, m, k, n }, self.tape().tensor(&[s, m, n]))
            }
            _ => panic!(
                "matmul: shapes {self} and {other} do not fit; they must be [m, k] and [k, n], or [s, m, k] and [s, k, n]"
            ),
        };
        let a = Side::new(self.data(), op.m, op.k);
        let b = Side::new(other.data(), op.k, op.n);
        products(op.stack, a, b, T::zero(), y.data_mut());
        self.tape().record(op, &[self, other], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let product = || crate::function!(|a, b| a.matmul(b));
    vec![
        Check::gradient("matmul", [Input::any(&[3, 4]), Input::any(&[4, 2])], product()),
        Check::gradient("matmul, stacked", [Input::any(&[2, 3, 4]), Input::any(&[2, 4, 2])], product()),
        Check::gradient("matmul, by itself", [Input::any(&[3, 3])], crate::function!(|x| x.matmul(x))),
    ]
}
