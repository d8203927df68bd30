//! One pass over parameter, gradient and state, vectorised and cut among threads.
//!
//! An optimiser's arithmetic is a function of one coordinate: `(θ, state…) ← rule(g, (θ, state…))`. The loop is
//! here, once. For Adam in `f32` it moves 28 bytes a coordinate: θ, m, v read and written, g read.

use evidence_autodiff::Real;
use evidence_autodiff::kernels::simd::{Kernel, dispatch};
use evidence_autodiff::kernels::threads::{CHUNK, FORK_MIN_ELEMENTS, for_each_mut};
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

/// What a step reads and changes of one parameter: its gradient; the parameter, then its state.
pub(crate) type Leaf<'a, T, const N: usize> = (&'a [T], [&'a mut [T]; N]);

/// Applies `rule` to every coordinate of every leaf, all leaves cut among the threads together: a network has many that are
/// too small to share, and each fork has a slower end.
pub(crate) fn update<'a, T: Real, R: Rule<T, N>, const N: usize>(
    rule: R,
    leaves: impl Iterator<Item = Leaf<'a, T, N>>,
) {
    let mut pieces = Vec::new();
    let mut coordinates = 0;
    for (mut gradient, mut values) in leaves {
        coordinates += gradient.len();
        while !gradient.is_empty() {
            let len = gradient.len().min(CHUNK);
            let values =
                values.each_mut().map(|values| values.split_off_mut(..len).expect("of one length"));
            pieces.push((gradient.split_off(..len).expect("at most its length"), values));
        }
    }
    let piece = |_, (gradient, values): &mut Leaf<'a, T, N>| {
        let values = values.each_mut().map(std::mem::take);
        dispatch(Update { rule, gradient, values });
    };
    if coordinates < FORK_MIN_ELEMENTS {
        pieces.iter_mut().for_each(|leaf| piece(0, leaf));
    } else {
        for_each_mut(&mut pieces, piece);
    }
}
