//! One pass over parameter, gradient and state, vectorised and cut among threads.
//!
//! An optimiser's arithmetic is a function of one coordinate: `(θ, state…) ← rule(g, (θ, state…))`. The loop is
//! here, once. For Adam in `f32` it moves 28 bytes a coordinate: θ, m, v read and written, g read.

use evidence_autodiff::Real;
use evidence_autodiff::kernels::simd::{Kernel, dispatch};
use evidence_autodiff::kernels::threads::for_chunks_mut_n;
use std::array::from_fn;

/// What an optimiser does to one coordinate, in which a step keeps `N` numbers: the parameter, and N − 1 of state.
pub trait Rule<T, const N: usize>: Copy + Send + Sync {
    /// The new parameter and state. Mark it `#[inline(always)]`: then it is compiled into the vectorised loop.
    fn apply(self, gradient: T, values: [T; N]) -> [T; N];
}

struct Update<'a, T, R, const N: usize> {
    rule: R,
    gradient: &'a [T],
    values: [&'a mut [T]; N],
}

impl<T: Real, R: Rule<T, N>, const N: usize> Kernel for Update<'_, T, R, N> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { rule, gradient, values } = self;
        let values = values.map(|values| &mut values[..gradient.len()]);
        for (i, &gradient) in gradient.iter().enumerate() {
            let updated = rule.apply(gradient, from_fn(|k| values[k][i]));
            for k in 0..N {
                values[k][i] = updated[k];
            }
        }
    }
}

/// Applies `rule` to every coordinate: `values` are the parameters, then their state.
pub(crate) fn update<T: Real, R: Rule<T, N>, const N: usize>(
    rule: R,
    gradient: &[T],
    values: [&mut [T]; N],
) {
    for_chunks_mut_n(values, |first, values| {
        let len = values.first().map_or(0, |values| values.len());
        dispatch(Update { rule, gradient: &gradient[first..first + len], values });
    });
}
