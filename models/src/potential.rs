//! The four potentials of Rezende and Mohamed (2015, table 1): densities `p̃(x) = e^−U(x)` in the plane that no normal resembles.
//!
//! With `w₁ = sin(πx₁/2)`, `w₂ = 3 exp(−½ ((x₁ − 1)/0.6)²)`, `w₃ = 3 σ((x₁ − 1)/0.3)`:
//!
//! * U₁ = ½ ((|x| − 2)/0.4)² − ln(exp(−½ ((x₁ − 2)/0.6)²) + exp(−½ ((x₁ + 2)/0.6)²))
//! * U₂ = ½ ((x₂ − w₁)/0.4)²
//! * U₃ = −ln(exp(−½ ((x₂ − w₁)/0.35)²) + exp(−½ ((x₂ − w₁ + w₂)/0.35)²))
//! * U₄ = −ln(exp(−½ ((x₂ − w₁)/0.4)²) + exp(−½ ((x₂ − w₁ + w₃)/0.35)²))
//!
//! As printed, U₂ to U₄ do not confine x₁, and their normalisers are infinite; the paper shows them within |x₁| ≤ 4. Here each of the
//! three has walls there, `½ (max(|x₁| − 4, 0)/0.4)²`, which leave the inside as it is.

use evidence_autodiff::{Real, Var};
use std::f64::consts::FRAC_PI_2;

/// Where the walls of U₂ to U₄ begin.
const WALL: f64 = 4.0;
/// How soft they are.
const SOFTNESS: f64 = 0.4;

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Potential {
    /// U₁: a ring of two arcs.
    Ring,
    /// U₂: a wave.
    Wave,
    /// U₃: a wave that parts and comes together again.
    Parting,
    /// U₄: a wave that forks.
    Fork,
}

impl Potential {
    /// All four, in the paper's order.
    pub const ALL: [Self; 4] = [Self::Ring, Self::Wave, Self::Parting, Self::Fork];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ring => "U1, ring",
            Self::Wave => "U2, wave",
            Self::Parting => "U3, parting wave",
            Self::Fork => "U4, forked wave",
        }
    }

    /// `log p̃ = −U` of rows `[n, 2]`, `[n]`, in nats.
    ///
    /// # Panics
    /// If the rows have not two columns.
    #[must_use]
    #[track_caller]
    pub fn log_density<T: Real>(self, x: Var<'_, T>) -> Var<'_, T> {
        assert!(x.shape().len() == 2 && x.size(1) == 2, "Potential: {x} is no rows of two columns");
        let (first, second) = (x.slice(1, 0..1), x.slice(1, 1..2));
        let log_sum = |a, b| Var::concat(&[a, b], 1).logsumexp(-1);
        if self == Self::Ring {
            let radius = x.square().sum(-1).maximum(x.tape().scalar(1e-30)).sqrt();
            let arcs = log_sum(bell(first - 2.0, 0.6), bell(first + 2.0, 0.6));
            return bell(radius - 2.0, 0.4) + arcs;
        }
        let walls = bell((first.abs() - WALL).relu(), SOFTNESS).sum(-1);
        let wave = second - (first * FRAC_PI_2).sin();
        walls
            + match self {
                Self::Ring | Self::Wave => bell(wave, 0.4).sum(-1),
                Self::Parting => {
                    let apart = bell(first - 1.0, 0.6).exp() * 3.0;
                    log_sum(bell(wave, 0.35), bell(wave + apart, 0.35))
                }
                Self::Fork => {
                    let apart = ((first - 1.0) * (1.0 / 0.3)).sigmoid() * 3.0;
                    log_sum(bell(wave, 0.4), bell(wave + apart, 0.35))
                }
            }
    }

    /// ln Z by the trapezoid rule on a grid finer than half of the smallest width, in nats: exact to some ten digits.
    pub fn log_normaliser(self) -> f64 {
        let (side, cells) = (8.0, 400);
        let step = 2.0 * side / cells as f64;
        let tape = evidence_autodiff::Tape::<f64>::new();
        let points = ndarray::Array2::from_shape_fn((cells * cells, 2), |(at, axis)| {
            step * (if axis == 0 { at / cells } else { at % cells }) as f64 - side
        });
        self.log_density(tape.constant(points)).logsumexp(..).item() + 2.0 * step.ln()
    }
}

/// `−½ (x/scale)²`.
fn bell<T: Real>(x: Var<'_, T>, scale: f64) -> Var<'_, T> {
    (x * (1.0 / scale)).square() * -0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Tape;
    use ndarray::arr2;
    use std::f64::consts::TAU;

    /// Those that are Gaussians in x₂ at every x₁, one or two, have a known integral.
    #[test]
    fn normalisers_are_those_of_the_walls_and_the_widths() {
        let walls = 2.0 * WALL + SOFTNESS * TAU.sqrt();
        for (potential, widths) in [
            (Potential::Wave, 0.4),
            (Potential::Parting, 0.35 + 0.35),
            (Potential::Fork, 0.4 + 0.35),
        ] {
            let (found, truth) = (potential.log_normaliser(), (walls * widths * TAU.sqrt()).ln());
            assert!((found - truth).abs() < 1e-12, "{}: {found} {truth}", potential.name());
        }
    }

    #[test]
    fn potentials_are_their_formulas() {
        let points = [[0.3, -1.2], [2.0, 0.1], [-2.2, 0.4], [4.5, 1.0], [1.0, -3.0]];
        let tape = Tape::<f64>::new();
        for potential in Potential::ALL {
            let found = potential.log_density(tape.constant(arr2(&points)));
            for (found, [x, y]) in found.data().iter().zip(points) {
                let bell = |x: f64, scale: f64| (-0.5 * (x / scale).powi(2)).exp();
                let walls = if x.abs() > 4.0 { bell(x.abs() - 4.0, 0.4) } else { 1.0 };
                let wave = y - (FRAC_PI_2 * x).sin();
                let density = match potential {
                    Potential::Ring => {
                        bell(x.hypot(y) - 2.0, 0.4) * (bell(x - 2.0, 0.6) + bell(x + 2.0, 0.6))
                    }
                    Potential::Wave => walls * bell(wave, 0.4),
                    Potential::Parting => {
                        walls * (bell(wave, 0.35) + bell(wave + 3.0 * bell(x - 1.0, 0.6), 0.35))
                    }
                    Potential::Fork => {
                        let apart = 3.0 / (1.0 + (-(x - 1.0) / 0.3).exp());
                        walls * (bell(wave, 0.4) + bell(wave + apart, 0.35))
                    }
                };
                assert!(
                    (found - density.ln()).abs() < 1e-10 * density.ln().abs().max(1.0),
                    "{}",
                    potential.name()
                );
            }
        }
    }
}
