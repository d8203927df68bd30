//! Reparametrised draws: `out ← mean + f(raw) · ε` with ε from a stream of noise, never stored.
//!
//! Draw i is a function of the stream and i alone, so the backward pass draws it again, a block at a time in the
//! first-level cache: 0.7 ns a number, where writing it and reading it back from memory costs as much and the memory.

use super::elementwise::Unary;
use super::noise::Noise;
use super::simd::{Kernel, dispatch};
use super::threads::for_chunks_mut;
use crate::scalar::Real;

/// Draws in a block, on the stack.
const BLOCK: usize = 512;

/// `out ← mean + f(raw) · ε`.
pub fn draw<T: Real, F: Unary<T>>(f: F, mean: &[T], raw: &[T], noise: Noise, out: &mut [T]) {
    struct Draw<'a, T, F>(F, &'a [T], &'a [T], &'a [T], &'a mut [T]);
    impl<T: Real, F: Unary<T>> Kernel for Draw<'_, T, F> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Self(f, mean, raw, draws, out) = self;
            for (((out, &mean), &raw), &draw) in out.iter_mut().zip(mean).zip(raw).zip(draws) {
                *out = mean + f.f(raw) * draw;
            }
        }
    }
    for_blocks(noise, out, |first, draws, out| {
        let range = first..first + out.len();
        dispatch(Draw(f, &mean[range.clone()], &raw[range], draws, out));
    });
}

/// `dy ← dy · f′(raw) · ε`, the cotangent of `raw`. That of the mean is `dy` itself.
pub fn draw_backward<T: Real, F: Unary<T>>(f: F, raw: &[T], noise: Noise, dy: &mut [T]) {
    struct Back<'a, T, F>(F, &'a [T], &'a [T], &'a mut [T]);
    impl<T: Real, F: Unary<T>> Kernel for Back<'_, T, F> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Self(f, raw, draws, dy) = self;
            for ((dy, &raw), &draw) in dy.iter_mut().zip(raw).zip(draws) {
                *dy *= f.df(raw, f.f(raw)) * draw;
            }
        }
    }
    for_blocks(noise, dy, |first, draws, dy| {
        dispatch(Back(f, &raw[first..first + dy.len()], draws, dy));
    });
}

/// Calls `work(first, draws, block)` for blocks of `out`, with the draws of their elements.
fn for_blocks<T: Real>(noise: Noise, out: &mut [T], work: impl Fn(usize, &[T], &mut [T]) + Sync) {
    for_chunks_mut(out, |first, out| {
        let mut draws = [T::zero(); BLOCK];
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let first = first + block * BLOCK;
            let draws = &mut draws[..out.len()];
            T::fill_normal(noise, first as u64, draws);
            work(first, draws, out);
        }
    });
}
