//! The softplus: `x = ln(1 + eᶻ)`, positive, `log |det ∂x/∂z| = −Σ softplus(−z)`. Back: `z = x + ln(1 − e⁻ˣ)`, with
//! `−Σ ln(1 − e⁻ˣ)`. Negative points have no base point, and get NaN; 0 comes from z = −∞, with an infinite log-determinant, so that
//! a flow's density is NaN there too.

use crate::{Bijection, LogDet};
use evidence_autodiff::{Real, Var};

/// softplus, elementwise; data are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Softplus;

leafless!(Softplus);

impl<'t, T: Real> Bijection<'t, T> for Softplus {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        (z.softplus(), -LogDet::new((-z).softplus().sum(-1)))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let rest = (-(-x).expm1()).ln();
        (x + rest, -LogDet::new(rest.sum(-1)))
    }
}
