//! An invertible map of single numbers, whose parameters someone else computes: what a coupling or an autoregressive network does to
//! each column. The transform alone knows its formula and its log-determinant.

use crate::LogDet;
use evidence_autodiff::{Real, Var};
use std::fmt::Debug;

/// Maps each element of `[n, k]` by a formula of its own parameters.
pub trait Transform: Clone + Debug + Send + Sync + 'static {
    /// How many parameters an element has.
    fn parameters(&self) -> usize;

    /// Which of `columns` columns a parameter belongs to: all columns' first parameters, then all their second, unless a transform
    /// says otherwise.
    fn column(&self, parameter: usize, columns: usize) -> usize {
        parameter % columns
    }

    /// The bound of its log-scale, if it has one; what would be built with one that is not a positive number is refused.
    fn bound(&self) -> Option<f64> {
        None
    }

    /// Base → data, given parameters `[n, k · parameters]`: the point, and the log-determinant of each row.
    fn forward<'t, T: Real>(
        &self,
        z: Var<'t, T>,
        parameters: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>);

    /// Data → base.
    fn inverse<'t, T: Real>(
        &self,
        x: Var<'t, T>,
        parameters: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>);
}

/// The bound that no log-scale can have.
pub(super) fn bad_bound(transform: &impl Transform) -> Option<f64> {
    transform.bound().filter(|&bound| !(bound > 0.0 && bound.is_finite()))
}
