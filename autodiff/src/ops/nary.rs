//! The machinery of elementwise ops of three or four variables: y = f(x₀, …), dxᵢ = dy · ∂f/∂xᵢ, where an argument that
//! was broadcast gets the sum over the axes it was repeated along. One pass forward, one for each argument backward.

use crate::kernels::nary::{self, Layout, Nary, broadcast_all};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

/// f of arrays that broadcast as in NumPy.
///
/// # Panics
/// If they do not.
#[track_caller]
pub(super) fn nary<'t, T: Real, F: Nary<T, N>, const N: usize>(
    f: F,
    x: [Var<'t, T>; N],
) -> Var<'t, T> {
    let shapes = x.map(Var::shape);
    let Some(shape) = broadcast_all(shapes) else {
        let shapes = x.map(|x| x.to_string()).join(", ");
        panic!("{}: shapes {shapes} do not broadcast (sizes must be equal, or 1)", F::NAME)
    };
    let layout = Layout::new(&shape, shapes);
    let mut y = x[0].tape().tensor(&shape);
    nary::map(f, &layout, x.map(Var::data), y.data_mut());
    x[0].tape().record(Elementwise { f, layout }, &x, y)
}

struct Elementwise<F, const N: usize> {
    f: F,
    layout: Layout<N>,
}

impl<T: Real, F: Nary<T, N>, const N: usize> Op<T> for Elementwise<F, N> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let x = std::array::from_fn(|i| saved.input(i));
        let last = (0..N).rev().find(|&i| dx.needs(i));
        for i in (0..N).filter(|&i| Some(i) != last) {
            if dx.needs(i) {
                let mut d = dx.copy(&dy);
                nary::map_backward(self.f, i, &self.layout, x, d.data_mut());
                dx.add(i, d);
            }
        }
        if let Some(i) = last {
            let mut d = dy;
            nary::map_backward(self.f, i, &self.layout, x, d.data_mut());
            dx.add(i, d);
        }
    }
}
