//! Two spiral arms, one and a half turns each, the second the first turned by half a turn.
//!
//! ```text
//! t = 3π √u,  u ~ U[0, 1),  s = ±1 by a fair coin
//! x = (s/3) (−t cos t, t sin t) + σ ε,  ε ~ N(0, I)
//! ```
//!
//! The square root makes up for arms that get longer as they wind out (the arc element grows like `t dt`),
//! so the points are nearly uniform along an arm.

use super::{draw, jitter};
use crate::data::{DataError, Dataset};
use ndarray_rand::rand::Rng;
use rand_core::RngCore;
use std::f64::consts::PI;

/// Draws `n` points of the two spirals with noise `σ`: features `[n, 2]` within a radius of π, target
/// `class`, the arm (0 for `s = 1`, 1 for `s = −1`).
///
/// # Errors
/// [`DataError::NoRows`] for `n = 0`, [`DataError::Noise`] for a negative or infinite noise.
pub fn two_spirals<R: RngCore + ?Sized>(
    n: usize,
    noise: f64,
    rng: &mut R,
) -> Result<Dataset, DataError> {
    draw(n, noise, rng, |rng| {
        let arm = usize::from(rng.random::<bool>());
        let t = 3.0 * PI * rng.random::<f64>().sqrt();
        let r = if arm == 0 { t / 3.0 } else { -t / 3.0 };
        (jitter([-r * t.cos(), r * t.sin()], noise, rng), arm)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn without_noise_the_radius_tells_the_angle_and_its_square_is_uniform() {
        let n = 4_000;
        let data = two_spirals(n, 0.0, &mut StdRng::seed_from_u64(5)).unwrap();
        let mut square = 0.0;
        for (x, arm) in data.features().rows().into_iter().zip(data.classes().unwrap()) {
            let r = x[0].hypot(x[1]);
            let t = 3.0 * r;
            let sign = if arm == 0 { 1.0 } else { -1.0 };
            let expected = [-sign * r * t.cos(), sign * r * t.sin()];
            assert!((x[0] - expected[0]).abs() < 1e-12 && (x[1] - expected[1]).abs() < 1e-12);
            square += (r / PI).powi(2) / n as f64;
        }
        // (r/π)² = u: mean ½, standard deviation 1/√12.
        assert!((square - 0.5).abs() < 4.0 / (12.0 * n as f64).sqrt(), "{square}");
    }
}
