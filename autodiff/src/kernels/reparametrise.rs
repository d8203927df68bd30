//! Reparametrised draws: `out ← mean + f(raw) · ε` with ε from a stream of noise.
//!
//! Draw i is a function of the stream and i alone, so the backward pass may draw it again, a block at a time in the
//! first-level cache: [`draw_backward`] does, and stores nothing.

use super::elementwise::Unary;
use super::noise::Noise;
use super::simd::{Kernel, dispatch};
use super::threads::{for_chunks_mut, for_chunks_mut_n, map_chunks_mut};
use crate::scalar::Real;

/// Draws in a block, on the stack.
const BLOCK: usize = 1024;
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
/// ε is kept here: a posterior's ε is read once more, beside three other arrays, and that costs 0.1 ns of a number where
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
            for first in (0..whole).step_by(FACTORS * WIDTH) {
                let group = first..first + FACTORS * WIDTH;
                let (mean, raw, draws) =
                    (&mean[group.clone()], &raw[group.clone()], &draws[group.clone()]);
                let out = &mut out[group];
                let (mut products, mut inside) = ([T::one(); WIDTH], [0; WIDTH]);
                // A lane's factors one after the other: its numbers then stay in registers, which across lanes they do not.
                for lane in 0..WIDTH {
                    let (mut sum, mut product) = (sums[lane], T::one());
                    let (mut least, mut most) = (product, product);
                    for i in (0..FACTORS).map(|k| k * WIDTH + lane) {
                        let (y, term, factor) = divergence.at(mean[i], raw[i], draws[i]);
                        out[i] = y;
                        sum += term;
                        product *= factor;
                        least = if factor < least { factor } else { least };
                        most = if factor > most { factor } else { most };
                    }
                    (sums[lane], products[lane]) = (sum, product);
                    inside[lane] = u32::from(least >= low) & u32::from(most <= high);
                }
                if inside.iter().fold(1, |all, &one| all & one) == 1 {
                    for lane in 0..WIDTH {
                        sums[lane] -= products[lane].ln();
                    }
                } else {
                    for i in 0..FACTORS * WIDTH {
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

/// `dy ← the cotangent of mean`, from that of the draw, and `draws ← that of raw`, over ε: one array less to bring from memory.
pub fn draw_and_sum_backward<T: Real, D: Divergence<T>>(
    divergence: D,
    [mean, raw]: [&[T]; 2],
    [dy, draws]: [&mut [T]; 2],
) {
    struct Back<'a, T, D>(D, [&'a [T]; 2], [&'a mut [T]; 2]);
    impl<T: Real, D: Divergence<T>> Kernel for Back<'_, T, D> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Self(divergence, [mean, raw], [dy, draws]) = self;
            let len = dy.len();
            let (mean, raw, draws) = (&mean[..len], &raw[..len], &mut draws[..len]);
            for i in 0..len {
                (dy[i], draws[i]) = divergence.back(mean[i], raw[i], draws[i], dy[i]);
            }
        }
    }
    for_chunks_mut_n([dy, draws], |first, outs| {
        let inputs = [mean, raw].map(|input| &input[first..first + outs[0].len()]);
        dispatch(Back(divergence, inputs, outs));
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
