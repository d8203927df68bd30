//! Reparametrised draws: `out ← mean + f(raw) · ε` with ε from a stream of noise.
//!
//! Draw i is a function of the stream and i alone, so the backward pass may draw it again, a block at a time in the
//! first-level cache: [`draw_backward`] does, and stores nothing.

use super::elementwise::Unary;
use super::noise::Noise;
use super::simd::{Kernel, dispatch};
use super::threads::{for_chunks_mut, for_chunks_mut2, map_chunks_mut};
use crate::scalar::Real;

/// Draws in a block, on the stack.
const BLOCK: usize = 512;
/// Running sums side by side.
const WIDTH: usize = 16;

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

/// What a draw's divergence from the prior adds up, and how it changes: of a mean and a raw scale. Mark the methods
/// `#[inline(always)]`.
pub trait Divergence<T>: Copy + Sync {
    /// The draw for a standard normal ε, and the element's term of the divergence in two: it is the first less the logarithm of the second.
    fn at(self, mean: T, raw: T, draw: T) -> (T, T, T);
    /// The cotangents of mean and raw scale, from that of the draw.
    fn back(self, mean: T, raw: T, draw: T, dy: T) -> (T, T);
}

/// Numbers that are multiplied for one logarithm.
const FACTORS: usize = 4;
/// So many of them between these stay among an f32's normal numbers.
const FACTOR_RANGE: [f64; 2] = [1e-9, 1e9];

/// `draws ← ε`, `out ← the draws`, and the sum of the divergence's terms, in one visit.
///
/// ε is kept here: a posterior's ε is read once more, beside four other arrays, and that costs 0.1 ns of a number where
/// drawing it again costs 0.7.
pub fn draw_and_sum<T: Real, D: Divergence<T>>(
    divergence: D,
    mean: &[T],
    raw: &[T],
    noise: Noise,
    [draws, out]: [&mut [T]; 2],
) -> T {
    struct Visit<'a, T, D>(D, &'a [T], &'a [T], &'a [T], &'a mut [T]);
    impl<T: Real, D: Divergence<T>> Kernel for Visit<'_, T, D> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = T;
        #[inline(always)]
        fn run(self) -> T {
            let Self(divergence, mean, raw, draws, out) = self;
            let [low, high] = FACTOR_RANGE.map(T::from_f64);
            let mut sums = [T::zero(); WIDTH];
            let len = out.len();
            let whole = len / (FACTORS * WIDTH) * (FACTORS * WIDTH);
            for group in (0..whole).step_by(FACTORS * WIDTH) {
                let mut product = [T::one(); WIDTH];
                let (mut least, mut most) = (product, product);
                for at in (group..group + FACTORS * WIDTH).step_by(WIDTH) {
                    let (mean, raw, draws) =
                        (&mean[at..at + WIDTH], &raw[at..at + WIDTH], &draws[at..at + WIDTH]);
                    let out = &mut out[at..at + WIDTH];
                    for i in 0..WIDTH {
                        let (y, term, factor) = divergence.at(mean[i], raw[i], draws[i]);
                        out[i] = y;
                        sums[i] += term;
                        product[i] *= factor;
                        least[i] = if factor < least[i] { factor } else { least[i] };
                        most[i] = if factor > most[i] { factor } else { most[i] };
                    }
                }
                if least.iter().all(|&x| x >= low) && most.iter().all(|&x| x <= high) {
                    for i in 0..WIDTH {
                        sums[i] -= product[i].ln();
                    }
                } else {
                    for i in group..group + FACTORS * WIDTH {
                        sums[i % WIDTH] -= divergence.at(mean[i], raw[i], draws[i]).2.ln();
                    }
                }
            }
            for i in whole..len {
                let (y, term, factor) = divergence.at(mean[i], raw[i], draws[i]);
                out[i] = y;
                sums[i % WIDTH] += term - factor.ln();
            }
            sums.into_iter().fold(T::zero(), |sum, x| sum + x)
        }
    }
    let chunk = |first: usize, [draws, out]: [&mut [T]; 2]| {
        let mut sum = T::zero();
        let blocks = draws.chunks_mut(BLOCK).zip(out.chunks_mut(BLOCK));
        for ((draws, out), first) in blocks.zip((first..).step_by(BLOCK)) {
            T::fill_normal(noise, first as u64, draws);
            let range = first..first + out.len();
            sum += dispatch(Visit(divergence, &mean[range.clone()], &raw[range], draws, out));
        }
        sum
    };
    map_chunks_mut([draws, out], chunk, |left, right| left + right)
}

/// `dy ← the cotangent of mean`, from that of the draw, and `d_raw ← that of raw`.
pub fn draw_and_sum_backward<T: Real, D: Divergence<T>>(
    divergence: D,
    [mean, raw, draws]: [&[T]; 3],
    dy: &mut [T],
    d_raw: &mut [T],
) {
    struct Back<'a, T, D>(D, [&'a [T]; 3], &'a mut [T], &'a mut [T]);
    impl<T: Real, D: Divergence<T>> Kernel for Back<'_, T, D> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Self(divergence, [mean, raw, draws], dy, d_raw) = self;
            let len = dy.len();
            let (mean, raw, draws, d_raw) =
                (&mean[..len], &raw[..len], &draws[..len], &mut d_raw[..len]);
            for i in 0..len {
                (dy[i], d_raw[i]) = divergence.back(mean[i], raw[i], draws[i], dy[i]);
            }
        }
    }
    for_chunks_mut2(dy, d_raw, |first, dy, d_raw| {
        let inputs = [mean, raw, draws].map(|input| &input[first..first + dy.len()]);
        dispatch(Back(divergence, inputs, dy, d_raw));
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
