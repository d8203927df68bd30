//! The hyperbolic tangent: `x = tanh z` in (−1, 1), `log |det ∂x/∂z| = Σ 2 (ln 2 − z − softplus(−2z))`, which does not cancel for
//! large z as ln(1 − x²) does. Back: `z = ½ (ln(1 + x) − ln(1 − x))`, with `−Σ (ln(1 + x) + ln(1 − x))`.
//!
//! A number near ±1 has few digits left of its distance to it: in double precision |z| up to 9 comes back to 1e-9, in single up to 4.
//! Points outside of [−1, 1] have no base point, and get NaN. ±1 themselves come from infinite z, with an infinite log-determinant: a
//! flow's density is NaN there.

use crate::{Bijection, LogDet};
use evidence_autodiff::{Real, Var};

/// tanh, elementwise; data lie in (−1, 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tanh;

leafless!(Tanh);

impl<'t, T: Real> Bijection<'t, T> for Tanh {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let inside = std::f64::consts::LN_2 - z - (z * -2.0).softplus();
        (z.tanh(), LogDet::new(inside.sum(-1) * 2.0))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let (above, below) = (x.ln_1p(), (-x).ln_1p());
        ((above - below) * 0.5, -LogDet::new((above + below).sum(-1)))
    }
}
