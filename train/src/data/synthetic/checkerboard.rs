//! The dark squares of a 4 × 4 checkerboard.
//!
//! ```text
//! squares: columns i, rows j ∈ {0, 1, 2, 3} with i + j even; side 2, the board is [−4, 4]²
//! x = (−4 + 2 (i + u₁), −4 + 2 (j + u₂)) + σ ε
//! (i, j) uniform over the 8 squares,  u ~ U[0, 1)²,  ε ~ N(0, I)
//! ```
//!
//! Without noise the density is 1/32 on the squares and 0 elsewhere, and its entropy is ln 32 = 3.4657 nats.

use super::{draw, jitter};
use crate::data::{DataError, Dataset};
use ndarray_rand::rand::Rng;
use rand_core::RngCore;

/// Draws `n` points of the checkerboard with noise `σ`: features `[n, 2]`, target `class`, the square (0 to
/// 7, two a column, from the left and from below).
///
/// # Errors
/// [`DataError::NoRows`] for `n = 0`, [`DataError::Noise`] for a negative or infinite noise.
pub fn checkerboard<R: RngCore + ?Sized>(
    n: usize,
    noise: f64,
    rng: &mut R,
) -> Result<Dataset, DataError> {
    draw(n, noise, rng, |rng| {
        let square = rng.random_range(0..8);
        let i = square / 2;
        let j = 2 * (square % 2) + i % 2;
        let place = |cell: usize, u: f64| -4.0 + 2.0 * (cell as f64 + u);
        let x = [place(i, rng.random()), place(j, rng.random())];
        (jitter(x, noise, rng), square)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn without_noise_the_dark_squares_are_filled_evenly_and_the_others_empty() {
        let n = 16_000;
        let data = checkerboard(n, 0.0, &mut StdRng::seed_from_u64(3)).unwrap();
        // A finer grid, so that a square filled in one half would be seen.
        let mut counts = [[0_u32; 8]; 8];
        for x in data.features().rows() {
            counts[(x[0] + 4.0).floor() as usize][(x[1] + 4.0).floor() as usize] += 1;
        }
        let share = 1.0 / 32.0;
        let error = (share * (1.0 - share) / n as f64).sqrt();
        for (i, column) in counts.iter().enumerate() {
            for (j, &count) in column.iter().enumerate() {
                let dark = (i / 2 + j / 2) % 2 == 0;
                let expected = if dark { share } else { 0.0 };
                let found = f64::from(count) / n as f64;
                let bound = if dark { 4.5 * error } else { 0.0 };
                assert!((found - expected).abs() <= bound, "cell ({i}, {j}): {found}");
            }
        }
    }
}
