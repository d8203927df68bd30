//! Eight Gaussians on a circle of radius 2.
//!
//! ```text
//! μₖ = 2 (cos kπ/4, sin kπ/4),  k = 0 … 7
//! x = μₖ + σ ε,  k uniform,  ε ~ N(0, I)
//! p(x) = ⅛ Σₖ N(x; μₖ, σ² I)
//! ```

use super::{draw, jitter, positive};
use crate::data::{DataError, Dataset, Density2d};
use ndarray_rand::rand::Rng;
use rand_core::RngCore;
use std::f64::consts::{FRAC_PI_4, TAU};

const RADIUS: f64 = 2.0;

fn centre(k: usize) -> [f64; 2] {
    let (sin, cos) = (FRAC_PI_4 * k as f64).sin_cos();
    [RADIUS * cos, RADIUS * sin]
}

/// Draws `n` points of the eight Gaussians with standard deviation `noise`: features `[n, 2]`, target
/// `class` (0 to 7, counter-clockwise from the right).
///
/// # Errors
/// [`DataError::NoRows`] for `n = 0`, [`DataError::Noise`] for a negative or infinite noise.
pub fn eight_gaussians<R: RngCore + ?Sized>(
    n: usize,
    noise: f64,
    rng: &mut R,
) -> Result<Dataset, DataError> {
    draw(n, noise, rng, |rng| {
        let k = rng.random_range(0..8);
        (jitter(centre(k), noise, rng), k)
    })
}

/// The density that [`eight_gaussians`] draws from, in closed form; its entropy by quadrature.
///
/// ```
/// use evidence_train::data::{Density2d, EightGaussians};
/// use std::f64::consts::{E, TAU};
///
/// // Far apart, the entropy is that of the choice and of one Gaussian: ln 8 + ln 2πeσ².
/// let entropy = EightGaussians::new(0.1)?.entropy();
/// assert!((entropy - (8.0_f64.ln() + (TAU * E * 0.01).ln())).abs() < 1e-6);
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EightGaussians {
    noise: f64,
}

impl EightGaussians {
    /// The density for standard deviation `noise` of each Gaussian.
    ///
    /// # Errors
    /// [`DataError::Noise`] unless the noise is above 0 and its square is a normal `f64`.
    pub fn new(noise: f64) -> Result<Self, DataError> {
        Ok(Self { noise: positive(noise)? })
    }
}

impl Density2d for EightGaussians {
    fn log_prob_at(&self, [x, y]: [f64; 2]) -> f64 {
        let variance = self.noise * self.noise;
        let exponents: [f64; 8] = std::array::from_fn(|k| {
            let [cx, cy] = centre(k);
            -((x - cx).powi(2) + (y - cy).powi(2)) / (2.0 * variance)
        });
        let top = exponents.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = exponents.iter().map(|e| (e - top).exp()).sum();
        top + sum.ln() - (8.0 * TAU * variance).ln()
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        let side = RADIUS + 9.0 * self.noise;
        [[-side; 2], [side; 2]]
    }

    fn length_scale(&self) -> f64 {
        self.noise
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::density::laws;
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn density_laws() {
        for noise in [0.1, 0.35, 3.0] {
            let samples = eight_gaussians(20_000, noise, &mut StdRng::seed_from_u64(4)).unwrap();
            let density = EightGaussians::new(noise).unwrap();
            laws::hold(&format!("eight Gaussians, σ {noise}"), &density, samples.features().view());
        }
    }

    #[test]
    fn without_noise_points_are_the_centres() {
        let data = eight_gaussians(100, 0.0, &mut StdRng::seed_from_u64(2)).unwrap();
        for (x, class) in data.features().rows().into_iter().zip(data.classes().unwrap()) {
            let angle = x[1].atan2(x[0]).rem_euclid(TAU);
            assert!((x[0].hypot(x[1]) - RADIUS).abs() < 1e-14);
            assert_eq!((angle / FRAC_PI_4).round() as usize % 8, class);
        }
    }

    /// The ring looks the same after an eighth of a turn.
    #[test]
    fn density_has_the_symmetry_of_the_ring() {
        let density = EightGaussians::new(0.35).unwrap();
        let (sin, cos) = FRAC_PI_4.sin_cos();
        for [x, y] in [[0.3, 1.1], [2.0, 0.0], [-5.0, 0.7]] {
            let turned = [cos * x - sin * y, sin * x + cos * y];
            let (a, b) = (density.log_prob_at([x, y]), density.log_prob_at(turned));
            assert!((a - b).abs() < 1e-12 * a.abs().max(1.0), "{a} and {b}");
        }
    }
}
