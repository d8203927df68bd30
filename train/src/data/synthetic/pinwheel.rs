//! Five blades of a pinwheel: long Gaussians, bent by a turn that grows with the distance along them.
//!
//! ```text
//! a = 1 + 0.3 ε₁,  b = σ ε₂,  ε ~ N(0, I)            along and across a blade
//! θ = 2πk/5 + ¼ exp(a),  k uniform over 0 … 4
//! x = 2 (a cos θ − b sin θ, a sin θ + b cos θ)
//! ```
//!
//! Source: M. Johnson and others, "Composing graphical models with neural networks", NIPS 2016, with σ = 0.05;
//! scaled by 2 and with σ = 0.1 as is usual for flows. The blades may turn the other way elsewhere.

use super::{draw, normal};
use crate::data::{DataError, Dataset};
use ndarray_rand::rand::Rng;
use rand_core::RngCore;
use std::f64::consts::TAU;

/// Draws `n` points of the pinwheel with standard deviation `noise` across a blade (before the scaling by
/// 2): features `[n, 2]`, target `class`, the blade (0 to 4).
///
/// # Errors
/// [`DataError::NoRows`] for `n = 0`, [`DataError::Noise`] for a negative or infinite noise.
pub fn pinwheel<R: RngCore + ?Sized>(
    n: usize,
    noise: f64,
    rng: &mut R,
) -> Result<Dataset, DataError> {
    draw(n, noise, rng, |rng| {
        let k = rng.random_range(0..5);
        let (along, across) = (1.0 + 0.3 * normal(rng), noise * normal(rng));
        let (sin, cos) = (TAU * k as f64 / 5.0 + 0.25 * along.exp()).sin_cos();
        ([2.0 * (along * cos - across * sin), 2.0 * (along * sin + across * cos)], k)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    /// Undoing the turn gives back a Gaussian around (1, 0). Without noise the turn can be undone exactly:
    /// |x| = 2|a|.
    #[test]
    fn without_noise_unbent_blades_are_one_segment_of_the_right_law() {
        let n = 8_000;
        let data = pinwheel(n, 0.0, &mut StdRng::seed_from_u64(6)).unwrap();
        let (mut sum, mut squares) = (0.0, 0.0);
        for (x, k) in data.features().rows().into_iter().zip(data.classes().unwrap()) {
            let (x, y) = (x[0] / 2.0, x[1] / 2.0);
            let unbent = |a: f64| {
                let (sin, cos) = (TAU * k as f64 / 5.0 + 0.25 * a.exp()).sin_cos();
                [cos * x + sin * y - a, cos * y - sin * x]
            };
            // a < 0 (3 in 10,000) is the branch on the other side of the middle.
            let r = x.hypot(y);
            let a = [r, -r].into_iter().find(|&a| unbent(a).iter().all(|d| d.abs() < 1e-12));
            let a = a.expect("the point lies on its blade");
            sum += a / n as f64;
            squares += (a - 1.0).powi(2) / n as f64;
        }
        assert!((sum - 1.0).abs() < 4.0 * 0.3 / (n as f64).sqrt(), "mean {sum}");
        assert!((squares.sqrt() - 0.3).abs() < 4.0 * 0.3 / (2.0 * n as f64).sqrt(), "{squares}");
    }

    #[test]
    fn noise_is_across_the_blade_and_scaled_by_two() {
        let n = 4_000;
        let drawn = |noise| pinwheel(n, noise, &mut StdRng::seed_from_u64(7)).unwrap();
        let shift =
            (drawn(0.1).features() - drawn(0.0).features()).mapv(|d| d * d).sum() / n as f64;
        let expected = (2.0_f64 * 0.1).powi(2);
        assert!((shift / expected - 1.0).abs() < 4.0 * (2.0 / n as f64).sqrt(), "{shift}");
    }
}
