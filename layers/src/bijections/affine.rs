//! A scale and a shift, with the log-scale `s = β tanh(r/β)` of an unconstrained r (RealNVP: Dinh and others 2017, eq. 7 and 8).
//!
//! From base to data: `x = z eˢ + t`, `log |det ∂x/∂z| = Σ s`. Back: `z = (x − t) e⁻ˢ`, with `−Σ s`.
//!
//! The log-scale is bounded smoothly (β = 1 unless set): a clamp would have no gradient beyond its edge, where here it dies out (in
//! `f32` it is 0 beyond 9 β), and no bound lets one step's overshoot run to infinity.

use super::Transform;
use crate::LogDet;
use evidence_autodiff::{Real, Var};

/// `x = z eˢ + t`, two parameters for each element: all log-scales, then all shifts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// β, the bound of the log-scale: a positive number.
    pub bound: f64,
}

impl Default for Affine {
    /// β = 1.
    fn default() -> Self {
        Self { bound: 1.0 }
    }
}

impl Affine {
    /// s and t.
    fn scale_and_shift<'t, T: Real>(&self, parameters: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let columns = parameters.size(1) / 2;
        let raw = parameters.slice(1, 0..columns);
        let shift = parameters.slice(1, columns..2 * columns);
        (raw.bounded(self.bound), shift)
    }
}

impl Transform for Affine {
    fn parameters(&self) -> usize {
        2
    }

    fn bound(&self) -> Option<f64> {
        Some(self.bound)
    }

    fn forward<'t, T: Real>(
        &self,
        z: Var<'t, T>,
        parameters: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let (log_scale, shift) = self.scale_and_shift(parameters);
        (z.coupling_affine(log_scale, shift), LogDet::new(log_scale.sum(-1)))
    }

    fn inverse<'t, T: Real>(
        &self,
        x: Var<'t, T>,
        parameters: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let (log_scale, shift) = self.scale_and_shift(parameters);
        (x.coupling_affine_inverse(log_scale, shift), -LogDet::new(log_scale.sum(-1)))
    }
}
