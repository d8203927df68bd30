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

/// Coordinates read before they are written.
const BLOCK: usize = 64;

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
        // Arrays of a power of two often begin at the same place of their pages. A read that looks like one from where something is
        // still being written must wait for it: a block is read whole before any of it is written.
        let whole = gradient.len() / BLOCK * BLOCK;
        for first in (0..whole).step_by(BLOCK) {
            let mut block: [[T; BLOCK]; N] =
                from_fn(|k| values[k][first..first + BLOCK].try_into().expect("a block"));
            for (i, &gradient) in gradient[first..first + BLOCK].iter().enumerate() {
                let updated = rule.apply(gradient, from_fn(|k| block[k][i]));
                for k in 0..N {
                    block[k][i] = updated[k];
                }
            }
            for k in 0..N {
                values[k][first..first + BLOCK].copy_from_slice(&block[k]);
            }
        }
        for i in whole..gradient.len() {
            let updated = rule.apply(gradient[i], from_fn(|k| values[k][i]));
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
