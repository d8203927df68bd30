//! Images as densities: pixels are whole numbers, and a density on whole numbers can be as high as one likes.
//!
//! Uniform dequantisation (Uria and others 2013): `y = (x + u)/L` for levels 0 … L − 1 and u uniform on [0, 1). Then
//! `log P(x) ≥ E_u[log p(y)] − d ln L`, in nats (Theis and others 2016, section 3.1), and in bits per dimension, fewer being better:
//! `−(log p(y) − d ln L) / (d ln 2)`.

use evidence_autodiff::Noise;
use ndarray::{Array2, ArrayView2};
use std::f64::consts::LN_2;

/// Pixels of so many levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    levels: u32,
}

/// Numbers that are no pixels.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PixelsError {
    /// Too few levels.
    #[error("pixels of {0} levels: there are at least two")]
    Levels(u32),
    /// Not a whole number from 0 to L − 1.
    #[error("row {row}, column {column}: {value} is no pixel of {levels} levels; they are whole numbers from 0 to {}", levels - 1)]
    Value {
        /// Counted from 0.
        row: usize,
        /// Counted from 0.
        column: usize,
        /// What is there.
        value: f64,
        /// How many levels there are.
        levels: u32,
    },
}

impl Pixels {
    /// Of L levels: whole numbers from 0 to L − 1.
    ///
    /// # Errors
    /// With fewer than two.
    pub fn of_levels(levels: u32) -> Result<Self, PixelsError> {
        if levels < 2 { Err(PixelsError::Levels(levels)) } else { Ok(Self { levels }) }
    }

    /// `(x + u)/L`, in [0, 1): the same shape, u a function of the noise.
    ///
    /// # Errors
    /// At the first number that is no pixel.
    pub fn dequantise(
        self,
        x: ArrayView2<'_, f64>,
        noise: Noise,
    ) -> Result<Array2<f64>, PixelsError> {
        let mut y = Array2::zeros(x.dim());
        noise.fill_uniform_f64(y.as_slice_mut().expect("fresh arrays are contiguous"));
        let levels = f64::from(self.levels);
        for (((row, column), y), &value) in y.indexed_iter_mut().zip(&x) {
            if !(0.0..levels).contains(&value) || value.fract() != 0.0 {
                return Err(PixelsError::Value { row, column, value, levels: self.levels });
            }
            *y = (value + *y) / levels;
        }
        Ok(y)
    }

    /// Back to whole numbers: the level that a point of [0, 1) lies in; points outside get the nearest.
    pub fn quantise(self, y: ArrayView2<'_, f64>) -> Array2<f64> {
        let levels = f64::from(self.levels);
        y.mapv(|y| (y * levels).floor().clamp(0.0, levels - 1.0))
    }

    /// Bits per dimension of a log-density in nats of `dimensions` dequantised pixels.
    pub fn bits_per_dimension(self, log_density: f64, dimensions: usize) -> f64 {
        let d = dimensions as f64;
        (d * f64::from(self.levels).ln() - log_density) / (d * LN_2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flow, Uniform};
    use evidence_autodiff::{Array, Parameters, Tape, zeros};
    use evidence_layers::{AnyBijection, Chain, Inverse, ScaleShift, Sigmoid};
    use ndarray::arr2;

    #[test]
    fn pixels_come_back_and_noise_fills_their_cells() {
        let pixels = Pixels::of_levels(17).unwrap();
        let x = Array2::from_shape_fn((500, 17), |(_, level)| level as f64);
        let y = pixels.dequantise(x.view(), Noise::new(1)).unwrap();
        assert_eq!(pixels.quantise(y.view()), x);
        // Uniform there: to four standard errors, its mean is ½ and its variance 1/12.
        let within = &y * 17.0 - &x;
        let (mean, n) = (within.mean().unwrap(), 8500.0_f64);
        assert!((mean - 0.5).abs() < 4.0 / (12.0 * n).sqrt(), "{mean}");
        let variance = within.mapv(|u| (u - 0.5).powi(2)).mean().unwrap();
        assert!((variance - 1.0 / 12.0).abs() < 4.0 / (180.0 * n).sqrt(), "{variance}");
        let again = |seed| pixels.dequantise(x.view(), Noise::new(seed)).unwrap();
        assert!(again(1) == y && again(2) != y);
    }

    /// The uniform density knows nothing: as many bits as a level takes.
    #[test]
    fn a_uniform_density_takes_the_bits_of_its_levels() {
        for (levels, bits) in [(2, 1.0), (16, 4.0), (256, 8.0)] {
            let pixels = Pixels::of_levels(levels).unwrap();
            assert!((pixels.bits_per_dimension(0.0, 64) - bits).abs() < 1e-12);
        }
    }

    /// Of y with logit y = μ + a standard logistic number: `P(y ≤ t) = t / (t + (1 − t) e^μ)`, with the density `e^μ / (t + (1 − t) e^μ)²`.
    #[test]
    fn bits_are_those_of_the_probability_of_each_level() {
        let (mu, zero) = (1.5_f64, zeros::<f64>(&[1]));
        let shift = ScaleShift { log_scale: zero.clone(), shift: (zero + mu).into_shared() };
        let below = |t: f64| t / (t + (1.0 - t) * mu.exp());
        let log_density = |t: f64| mu - 2.0 * (t + (1.0 - t) * mu.exp()).ln();
        // A pixel a row, from uniform numbers by the logit, the shift and back.
        let chain: Chain<AnyBijection<Array<f64>>> = Chain(vec![
            Inverse(Sigmoid::default()).into(),
            shift.into(),
            Sigmoid::default().into(),
        ]);
        let flow = Flow { bijection: chain, base: Uniform };
        for levels in [17, 256] {
            let (pixels, d) = (Pixels::of_levels(levels).unwrap(), levels as usize);
            let x = Array2::from_shape_fn((d, 1), |(level, _)| level as f64);
            let y = pixels.dequantise(x.view(), Noise::new(2)).unwrap();
            let tape = Tape::new();
            let found = flow.bind_constant(&tape).log_prob(tape.constant(&y)).sum(..).item();
            let expected: f64 = y.iter().map(|&y| log_density(y)).sum();
            assert!((found - expected).abs() < 1e-10, "{levels}: {found} {expected}");
            // The density rises, so that within a level it is between those at the ends.
            let end = |level: f64| level / f64::from(levels);
            let ends = || x.iter().map(|&level| (end(level), end(level + 1.0)));
            let truth: f64 = ends().map(|(a, b)| -(below(b) - below(a)).log2()).sum();
            let spread: f64 = ends().map(|(a, b)| (log_density(b) - log_density(a)) / LN_2).sum();
            let bits = pixels.bits_per_dimension(found, d);
            assert!((bits - truth / d as f64).abs() <= spread / d as f64, "{levels}: {bits}");
            // What the density's sign would change is more than that.
            assert!(2.0 * found.abs() / LN_2 > 2.0 * spread, "{levels}: {found}");
        }
    }

    #[test]
    fn what_is_no_pixel_is_refused() {
        assert_eq!(Pixels::of_levels(1), Err(PixelsError::Levels(1)));
        let pixels = Pixels::of_levels(4).unwrap();
        for value in [-1.0, 4.0, 0.5, f64::NAN, f64::INFINITY] {
            let x = arr2(&[[0.0, 3.0], [1.0, value]]);
            let error = pixels.dequantise(x.view(), Noise::new(0)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("row 1, column 1: {value}")), "{error}");
        }
    }
}
