//! Two interleaved half circles.
//!
//! ```text
//! outer moon, class 0:  c(t) = (cos t, sin t)
//! inner moon, class 1:  c(t) = (1 − cos t, ½ − sin t)
//! x = c(t) + σ ε,  t ~ U[0, π],  ε ~ N(0, I),  a fair coin for the moon
//!
//! p(x) = ½ a(x₁, x₂) + ½ a(1 − x₁, ½ − x₂)
//! a(x) = (1/π) ∫₀^π N(x; (cos t, sin t), σ² I) dt
//! ```
//!
//! The arcs are those of scikit-learn's `make_moons`, which spaces `t` evenly and gives each moon exactly
//! half of the points; here both are drawn, so the points are independent draws from `p`.
//!
//! With `x = r (cos φ, sin φ)` the integrand is `exp(−(r − 1)²/2σ² − κ sin²((t − φ)/2)) / 2πσ²`,
//! `κ = 2r/σ²`. It rises and falls once in `t` at the angle `φ`, or, when `φ` is off the arc, has a peak at
//! each end. Cut at the peak, or between the two, both pieces fall from one end to the other; each is
//! integrated over the stretch on which it falls by 36 nats, and so costs the same for any noise.

use super::{draw, jitter, positive};
use crate::data::quadrature::integrate;
use crate::data::{DataError, Dataset, Density2d};
use ndarray_rand::rand::Rng;
use rand_core::RngCore;
use std::f64::consts::{LN_2, PI, TAU};

/// Draws `n` points of the two moons with noise `σ`: features `[n, 2]`, target `class` (0 outer, 1 inner).
///
/// ```
/// use evidence_train::data::two_moons;
/// use ndarray_rand::rand::{SeedableRng, rngs::StdRng};
///
/// let moons = two_moons(500, 0.05, &mut StdRng::seed_from_u64(1))?;
/// assert_eq!(moons.features().dim(), (500, 2));
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::NoRows`] for `n = 0`, [`DataError::Noise`] for a negative or infinite noise.
pub fn two_moons<R: RngCore + ?Sized>(
    n: usize,
    noise: f64,
    rng: &mut R,
) -> Result<Dataset, DataError> {
    draw(n, noise, rng, |rng| {
        let class = usize::from(rng.random::<bool>());
        let (sin, cos) = (PI * rng.random::<f64>()).sin_cos();
        let on_arc = if class == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] };
        (jitter(on_arc, noise, rng), class)
    })
}

/// The density that [`two_moons`] draws from, by quadrature.
///
/// ```
/// use evidence_train::data::{Density2d, TwoMoons};
///
/// let entropy = TwoMoons::new(0.05)?.entropy();       // no flow has a lower expected NLL
/// assert!((entropy - 0.28923).abs() < 1e-5);        // nats
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoMoons {
    noise: f64,
}

impl TwoMoons {
    /// The density for noise `σ`.
    ///
    /// # Errors
    /// [`DataError::Noise`] unless the noise is above 0 and its square is a normal `f64`.
    pub fn new(noise: f64) -> Result<Self, DataError> {
        Ok(Self { noise: positive(noise)? })
    }

    /// `ln a(x)`: one half circle from angle 0 to π.
    fn log_arc(&self, [x, y]: [f64; 2]) -> f64 {
        let (r, angle, variance) = (x.hypot(y), y.atan2(x), self.noise * self.noise);
        let kappa = 2.0 * r / variance;
        // For each piece, the angle between x and its near end, and its length.
        let pieces = if angle >= 0.0 {
            [(0.0, angle), (0.0, PI - angle)]
        } else {
            [(-angle, PI + angle), (PI + angle, -angle)]
        };
        let [a, b] = pieces.map(|(gap, length)| log_piece(kappa, gap, length));
        log_add_exp(a, b) - (r - 1.0).powi(2) / (2.0 * variance) - (PI * TAU * variance).ln()
    }
}

/// `ln ∫ exp(−κ sin²(u/2)) du` for `u` from `gap` to `gap + length ≤ π`.
///
/// With `u = gap + s`, the fall since the near end is
/// `κ (sin²(u/2) − sin²(gap/2)) = κ sin(gap + s/2) sin(s/2)`; the product form, here and in solving for the
/// reach, loses no digits however far away `x` is.
fn log_piece(kappa: f64, gap: f64, length: f64) -> f64 {
    let (sin, cos) = gap.sin_cos();
    let (near, near_cos) = (gap / 2.0).sin_cos();
    let drop = 36.0 / kappa;
    let far = near * near + drop;
    let reach = if far < 1.0 {
        let denominator = far.sqrt() * near_cos + near * (1.0 - far).sqrt();
        2.0 * (drop / denominator).min(1.0).asin()
    } else {
        PI
    };
    let integral = integrate(0.0, reach.min(length), 6, |s| {
        let (half_sin, half_cos) = (s / 2.0).sin_cos();
        (-kappa * half_sin * (sin * half_cos + cos * half_sin)).exp()
    });
    integral.ln() - kappa * near * near
}

/// `ln(eᵃ + eᵇ)`, for `−∞` too.
fn log_add_exp(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

impl Density2d for TwoMoons {
    fn log_prob_at(&self, [x, y]: [f64; 2]) -> f64 {
        log_add_exp(self.log_arc([x, y]), self.log_arc([1.0 - x, 0.5 - y])) - LN_2
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        let pad = 9.0 * self.noise;
        [[-1.0 - pad, -0.5 - pad], [2.0 + pad, 1.0 + pad]]
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
    use std::f64::consts::E;

    #[test]
    fn density_laws() {
        for noise in [0.05, 0.2, 1.0] {
            let samples = two_moons(20_000, noise, &mut StdRng::seed_from_u64(11)).unwrap();
            let density = TwoMoons::new(noise).unwrap();
            laws::hold(&format!("two moons, noise {noise}"), &density, samples.features().view());
        }
    }

    #[test]
    fn without_noise_points_lie_on_their_arc() {
        let moons = two_moons(1_000, 0.0, &mut StdRng::seed_from_u64(2)).unwrap();
        for (x, class) in moons.features().rows().into_iter().zip(moons.classes().unwrap()) {
            let [x, y] = if class == 0 { [x[0], x[1]] } else { [1.0 - x[0], 0.5 - x[1]] };
            assert!((x.hypot(y) - 1.0).abs() < 1e-14 && y >= -1e-15, "({x}, {y}) of class {class}");
        }
    }

    /// The windowed integral against a brute one, near, on, inside and far from the arcs, and past their
    /// ends.
    #[test]
    fn log_prob_equals_a_fine_sum_over_both_arcs() {
        let points = [
            [0.0, 1.0],
            [1.0, 0.0],
            [1.02, -0.1],
            [0.0, 0.0],
            [0.5, 0.25],
            [-1.0, -0.2],
            [0.0, -1.0],
            [2.1, 0.6],
            [1.0, -0.5],
            [3.0, 3.0],
            [-1.0, 0.0],
            [1e-9, 0.0],
            [-2.0, -1e-300],
        ];
        for noise in [0.03, 0.05, 0.3, 2.0] {
            let density = TwoMoons::new(noise).unwrap();
            for [x, y] in points {
                let exponent = |t: f64, x: f64, y: f64| {
                    -((x - t.cos()).powi(2) + (y - t.sin()).powi(2)) / (2.0 * noise * noise)
                };
                let both = |t: f64, top: f64| {
                    (exponent(t, x, y) - top).exp() + (exponent(t, 1.0 - x, 0.5 - y) - top).exp()
                };
                let top = (0..=4_000)
                    .map(|i| PI * f64::from(i) / 4_000.0)
                    .map(|t| exponent(t, x, y).max(exponent(t, 1.0 - x, 0.5 - y)))
                    .fold(f64::NEG_INFINITY, f64::max);
                let brute = integrate(0.0, PI, 20_000, |t| both(t, top)).ln() + top
                    - (TAU * TAU * noise * noise).ln();
                let found = density.log_prob_at([x, y]);
                assert!(
                    (found - brute).abs() < 1e-9 * brute.abs().max(1.0),
                    "σ {noise}, ({x}, {y}): {found} for {brute}"
                );
            }
        }
    }

    /// Thin arcs of total length 2π: H → ln 2π + ½ ln 2πeσ², with an end correction that shrinks with σ.
    #[test]
    fn entropy_approaches_that_of_thin_curves() {
        let excess = |noise: f64| {
            TwoMoons::new(noise).unwrap().entropy()
                - TAU.ln()
                - 0.5 * (TAU * E * noise * noise).ln()
        };
        let (coarse, fine) = (excess(0.02), excess(0.01));
        assert!(fine > 0.0 && (coarse / fine - 2.0).abs() < 0.02, "{coarse} then {fine}");
    }

    #[test]
    fn far_away_and_odd_points_have_a_value() {
        let density = TwoMoons::new(0.05).unwrap();
        for x in [[1e8, -1e8], [-1e150, 0.0], [0.0, 0.0], [1.0, 0.5], [0.5, -1e100]] {
            assert!(density.log_prob_at(x).is_finite(), "{x:?}");
        }
    }

    #[test]
    #[should_panic(expected = "points of 3 columns")]
    fn points_in_space_panic() {
        TwoMoons::new(0.1).unwrap().log_prob(ndarray::Array2::zeros((2, 3)).view());
    }
}
