//! Gradients kept within bounds, and their norm.
//!
//! ```text
//! by norm    g ← g · min(1, c / ‖g‖),   ‖g‖ = √Σ g² over all leaves
//! by value   g ← min(max(g, −c), c)
//! ```
//!
//! By norm: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
//! algorithm 1. Squares are summed in `f64` (in `f32` a square overflows from 1.8·10¹⁹ on), within a leaf in the order that its
//! length sets, then leaf by leaf: the same bits on any number of threads.

use evidence_autodiff::kernels::elementwise::scale;
use evidence_autodiff::kernels::simd::{Kernel, dispatch};
use evidence_autodiff::kernels::threads::{for_chunks_mut, map_reduce};
use evidence_autodiff::{Real, Tensor, Tree};

/// ‖g‖ over all leaves.
///
/// Not finite when an element is not (or, in `f64`, exceeds about 10¹⁵⁴): a cheap check before a step.
///
/// It is `&mut` because that is how trees give their leaves; nothing changes.
pub fn global_norm<T: Real, G: Tree<Tensor<T>>>(gradients: &mut G) -> f64 {
    norm(&leaves(gradients))
}

/// Scales all leaves by one factor so that ‖g‖ is at most `max_norm`; returns ‖g‖ as it was.
///
/// Smaller gradients keep their bits. So do gradients whose norm is not finite, which no factor could mend: look at
/// what is returned.
///
/// # Panics
/// When `max_norm` is not positive.
///
/// ```
/// use evidence_autodiff::{Leaf, Tape};
/// use evidence_optim::clip_by_global_norm;
///
/// let tape = Tape::<f32>::new();
/// let w = tape.variable(ndarray::arr1(&[3.0, 4.0]));
/// let mut gradients = (w * w).sum(..).backward().of(&Leaf(w));
/// assert_eq!(clip_by_global_norm(&mut gradients, 5.0), 10.0);
/// assert_eq!(gradients.0.data(), [3.0, 4.0]);
/// ```
#[track_caller]
pub fn clip_by_global_norm<T: Real, G: Tree<Tensor<T>>>(gradients: &mut G, max_norm: f64) -> f64 {
    assert!(max_norm > 0.0, "gradients clipped to a norm of {max_norm}: choose a positive one");
    let leaves = leaves(gradients);
    let norm = norm(&leaves);
    if norm > max_norm && norm.is_finite() {
        let factor = T::from_f64(max_norm / norm);
        leaves.into_iter().for_each(|leaf| scale(leaf.data_mut(), factor));
    }
    norm
}

/// Puts every element into [−limit, limit]; a NaN stays one.
///
/// # Panics
/// When `limit` is not positive.
#[track_caller]
pub fn clip_by_value<T: Real, G: Tree<Tensor<T>>>(gradients: &mut G, limit: f64) {
    assert!(limit > 0.0, "gradients clipped to ±{limit}: choose a positive limit");
    let limit = T::from_f64(limit);
    for leaf in leaves(gradients) {
        for_chunks_mut(leaf.data_mut(), |_, part| dispatch(Clip(part, limit)));
    }
}

fn leaves<T: Real, G: Tree<Tensor<T>>>(gradients: &mut G) -> Vec<&mut Tensor<T>> {
    let mut leaves = Vec::new();
    gradients.leaves_mut(&mut leaves);
    leaves
}

fn norm<T: Real>(leaves: &[&mut Tensor<T>]) -> f64 {
    let squares = |x: &[T]| {
        map_reduce(x.len(), |range| dispatch(SumOfSquares(&x[range])), |left, right| left + right)
    };
    leaves.iter().map(|leaf| squares(leaf.data())).sum::<f64>().sqrt()
}

/// Running sums side by side: two AVX-512 registers of `f64`, so that additions need not wait for each other.
const WIDTH: usize = 16;

struct SumOfSquares<'a, T>(&'a [T]);

impl<T: Real> Kernel for SumOfSquares<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0; WIDTH];
        let (whole, rest) = self.0.as_chunks::<WIDTH>();
        for part in whole {
            for (sum, x) in sums.iter_mut().zip(part) {
                let x = x.to_f64();
                *sum += x * x;
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            let x = x.to_f64();
            *sum += x * x;
        }
        sums.iter().sum()
    }
}

struct Clip<'a, T>(&'a mut [T], T);

impl<T: Real> Kernel for Clip<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self(gradient, limit) = self;
        for g in gradient {
            // In these two comparisons a NaN is neither above nor below.
            *g = if *g > limit { limit } else { *g };
            *g = if *g < -limit { -limit } else { *g };
        }
    }
}
