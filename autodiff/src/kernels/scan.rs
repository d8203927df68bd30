//! Running sums along lanes, in place and in order.

use super::lanes::for_slabs_mut;
use super::simd::{Kernel, dispatch};
use crate::scalar::Real;
use crate::shape::Lanes;

/// Which end of a lane a running sum starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// xₗ ← Σ x₀ … xₗ.
    First,
    /// xₗ ← Σ xₗ … xₙ: the adjoint.
    Last,
}

/// Replaces the elements of each lane by their running sums.
pub fn running_sums<T: Real>(from: From, lanes: Lanes, x: &mut [T]) {
    if !x.is_empty() {
        let Lanes { len, inner, .. } = lanes;
        for_slabs_mut(x, len * inner, |_, x| dispatch(RunningSums { from, len, inner, x }));
    }
}

struct RunningSums<'a, T> {
    from: From,
    len: usize,
    inner: usize,
    x: &'a mut [T],
}

impl<T: Real> Kernel for RunningSums<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { from, len, inner, x } = self;
        for slab in x.chunks_exact_mut(len * inner) {
            match from {
                // A sum in a register: one through memory waits for each store.
                From::First if inner == 1 => add_up(slab.iter_mut()),
                From::Last if inner == 1 => add_up(slab.iter_mut().rev()),
                From::First => {
                    for row in 1..len {
                        let (done, rest) = slab.split_at_mut(row * inner);
                        add(&mut rest[..inner], &done[(row - 1) * inner..]);
                    }
                }
                From::Last => {
                    for row in (1..len).rev() {
                        let (rest, done) = slab.split_at_mut(row * inner);
                        add(&mut rest[(row - 1) * inner..], &done[..inner]);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn add<T: Real>(sum: &mut [T], x: &[T]) {
    for (sum, &x) in sum.iter_mut().zip(x) {
        *sum += x;
    }
}

#[inline(always)]
fn add_up<'a, T: Real>(lane: impl Iterator<Item = &'a mut T>) {
    let mut sum = T::zero();
    for x in lane {
        sum += *x;
        *x = sum;
    }
}
