//! A shift, `x = z + t`; volumes stay, so the log-determinant is 0 (NICE: Dinh and others 2015, section 3.2).

use super::Transform;
use crate::LogDet;
use evidence_autodiff::{Real, Var};

/// `x = z + t`, one parameter for each element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Additive;

impl Transform for Additive {
    fn parameters(&self) -> usize {
        1
    }

    fn forward<'t, T: Real>(
        &self,
        z: Var<'t, T>,
        shift: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        (z + shift, LogDet::zero(z))
    }

    fn inverse<'t, T: Real>(
        &self,
        x: Var<'t, T>,
        shift: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        (x - shift, LogDet::zero(x))
    }
}
