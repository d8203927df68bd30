//! Student's t with ν degrees of freedom in every column: heavy tails, so that a far point costs a logarithm, not a square.
//!
//! `log p(z) = Σ ln Γ((ν + 1)/2) − ln Γ(ν/2) − ½ ln νπ − (ν + 1)/2 · ln(1 + z²/ν)`.
//! Draws: `√(ν (u^(−2/ν) − 1)) cos 2πv` for uniform u and v (Bailey, *Polar generation of random variates with the t-distribution*, 1994).

use super::{Base, constant, uniforms};
use crate::likelihood::student_constant;
use crate::special::ln_1p_square;
use evidence_autodiff::{Noise, Path, Real, Tape, Tree, Var};
use std::f64::consts::TAU;

/// Independent Student-t columns, of scale 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StudentT {
    degrees: f64,
    /// `ln Γ((ν + 1)/2) − ln Γ(ν/2) − ½ ln νπ`.
    log_top: f64,
}

/// Degrees of freedom that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "{0} degrees of freedom for a Student-t: they must be a positive number (3 to 10 is usual)"
)]
pub struct StudentTError(f64);

impl StudentT {
    /// With ν degrees of freedom.
    ///
    /// # Errors
    /// If they are not a positive number.
    pub fn new(degrees: f64) -> Result<Self, StudentTError> {
        if !(degrees > 0.0 && degrees.is_finite()) {
            return Err(StudentTError(degrees));
        }
        Ok(Self { degrees, log_top: student_constant(degrees) })
    }
}

impl<P> Tree<P> for StudentT {
    type With<Q> = Self;

    fn map<Q>(&self, _: &Path<'_>, _: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self {
        *self
    }

    fn leaves_mut<'a>(&'a mut self, _: &mut Vec<&'a mut P>) {}
}

impl<'t, T: Real> Base<'t, T> for StudentT {
    fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T> {
        let tails = ln_1p_square(z * self.degrees.sqrt().recip()).sum(-1);
        tails * (-0.5 * (self.degrees + 1.0)) + self.log_top * z.size(-1) as f64
    }

    fn sample(&self, tape: &'t Tape<T>, (n, d): (usize, usize), noise: Noise) -> Var<'t, T> {
        let (u, v) = (uniforms(n * d, noise.stream(0)), uniforms(n * d, noise.stream(1)));
        let draw = |(u, v): (f64, f64)| {
            (self.degrees * (u.ln() * -2.0 / self.degrees).exp_m1()).sqrt() * (TAU * v).cos()
        };
        let draws: Vec<f64> = u.into_iter().zip(v).map(draw).collect();
        constant(tape, (n, d), &draws)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The derivative is −(ν + 1) z / (ν + z²), also where |z| = √ν and where a square would overflow.
    #[test]
    fn a_far_point_costs_a_logarithm() {
        for z in [0.0, 0.3, 2.0, -2.0, 1e10, -1e25, 3e38_f32] {
            let tape = Tape::<f32>::new();
            let at = tape.variable(ndarray::arr2(&[[z]]));
            let log_p = StudentT::new(4.0).unwrap().log_prob(at);
            let slope = log_p.sum(..).backward().take(at).data()[0];
            let (z, log_p) = (f64::from(z), f64::from(log_p.data()[0]));
            let truth = student_constant(4.0) - 2.5 * (z * z / 4.0).ln_1p();
            assert!((log_p - truth).abs() <= 1e-6 * truth.abs(), "{z}: {log_p}, not {truth}");
            let steep = -5.0 * z / (4.0 + z * z);
            assert!((f64::from(slope) - steep).abs() <= 1e-6 * steep.abs(), "{z}: {slope} {steep}");
        }
    }

    #[test]
    fn degrees_that_cannot_be_are_refused() {
        for degrees in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(StudentT::new(degrees).is_err(), "{degrees}");
        }
    }
}
