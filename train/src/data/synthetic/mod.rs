//! Points in the plane, drawn from a formula: the usual tests of a density model.
//!
//! Each generator takes the number of points, the standard deviation `noise` of the Gaussian noise on each
//! coordinate (0 for none; in [`pinwheel`](fn@pinwheel) it is across the blade), and a random generator.
//! Points are independent and identically distributed; their class, where there is one, is the target
//! column `class`.

mod checkerboard;
mod eight_gaussians;
mod pinwheel;
mod two_moons;
mod two_spirals;

pub use checkerboard::checkerboard;
pub use eight_gaussians::{EightGaussians, eight_gaussians};
pub use pinwheel::pinwheel;
pub use two_moons::{TwoMoons, two_moons};
pub use two_spirals::two_spirals;

use super::{DataError, Dataset};
use ndarray::Array2;
use ndarray_rand::rand::Rng;
use ndarray_rand::rand_distr::StandardNormal;
use rand_core::RngCore;

/// Draws `n` points, each with its class.
fn draw<R: RngCore + ?Sized>(
    n: usize,
    noise: f64,
    rng: &mut R,
    mut point: impl FnMut(&mut R) -> ([f64; 2], usize),
) -> Result<Dataset, DataError> {
    if n == 0 {
        return Err(DataError::NoRows { purpose: "draw" });
    }
    // Written so that NaN fails too.
    if !(noise >= 0.0 && noise.is_finite()) {
        return Err(DataError::Noise { noise, bound: "0 or above" });
    }
    let mut features = Array2::zeros((n, 2));
    let mut classes = Array2::zeros((n, 1));
    for i in 0..n {
        let ([x, y], class) = point(rng);
        features[[i, 0]] = x;
        features[[i, 1]] = y;
        classes[[i, 0]] = class as f64;
    }
    Dataset::new(features, Some(classes))?.with_names(["x", "y"], ["class"])
}

/// Refuses a noise for which there is no density, or whose variance no `f64` holds.
fn positive(noise: f64) -> Result<f64, DataError> {
    if noise > 0.0 && (noise * noise).is_normal() {
        Ok(noise)
    } else {
        Err(DataError::Noise {
            noise,
            bound: "above 0, whose square an f64 holds (without noise there is no density)",
        })
    }
}

/// A draw from `N(0, 1)`.
fn normal<R: RngCore + ?Sized>(rng: &mut R) -> f64 {
    rng.sample(StandardNormal)
}

/// `x + σ ε`, `ε ~ N(0, I)`.
fn jitter<R: RngCore + ?Sized>([x, y]: [f64; 2], noise: f64, rng: &mut R) -> [f64; 2] {
    [x + noise * normal(rng), y + noise * normal(rng)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    type Generator = fn(usize, f64, &mut StdRng) -> Result<Dataset, DataError>;

    /// Every generator, with its number of classes.
    const ALL: [(&str, Generator, usize); 5] = [
        ("two_moons", two_moons, 2),
        ("eight_gaussians", eight_gaussians, 8),
        ("checkerboard", checkerboard, 8),
        ("two_spirals", two_spirals, 2),
        ("pinwheel", pinwheel, 5),
    ];

    #[test]
    fn the_seed_decides_and_longer_draws_begin_alike() {
        for (name, generate, _) in ALL {
            let drawn = |n, seed| generate(n, 0.1, &mut StdRng::seed_from_u64(seed)).unwrap();
            let first: Vec<usize> = (0..50).collect();
            assert_eq!(drawn(50, 1), drawn(80, 1).select(&first).unwrap(), "{name}");
            assert_ne!(drawn(50, 1), drawn(50, 2), "{name}");
        }
    }

    #[test]
    fn classes_are_equally_likely() {
        let n = 20_000;
        for (name, generate, k) in ALL {
            let data = generate(n, 0.1, &mut StdRng::seed_from_u64(1)).unwrap();
            assert_eq!(data.features().dim(), (n, 2));
            let classes = data.classes().unwrap();
            let share = 1.0 / k as f64;
            let error = (share * (1.0 - share) / n as f64).sqrt();
            let mut seen = 0;
            for class in 0..k {
                let count = classes.iter().filter(|&&c| c == class).count();
                assert!(
                    (count as f64 / n as f64 - share).abs() < 4.0 * error,
                    "{name}, {class}: {count}"
                );
                seen += count;
            }
            assert_eq!(seen, n, "{name} has no other class");
        }
    }

    #[test]
    fn bad_input_is_refused() {
        for (name, generate, _) in ALL {
            let rng = &mut StdRng::seed_from_u64(1);
            assert_eq!(generate(0, 0.1, rng), Err(DataError::NoRows { purpose: "draw" }), "{name}");
            for noise in [-0.1, f64::INFINITY] {
                let error = DataError::Noise { noise, bound: "0 or above" };
                assert_eq!(generate(5, noise, rng), Err(error), "{name}");
            }
            assert!(generate(5, f64::NAN, rng).is_err(), "{name}");
            assert!(generate(1, 0.0, rng).is_ok(), "{name}");
            assert!(
                matches!(generate(5, f64::MAX, rng), Ok(_) | Err(DataError::NotFinite { .. })),
                "{name}"
            );
        }
        for noise in [0.0, -1.0, 1e-200, 1e200, f64::INFINITY, f64::NAN] {
            assert!(
                TwoMoons::new(noise).is_err() && EightGaussians::new(noise).is_err(),
                "{noise}"
            );
        }
    }
}
