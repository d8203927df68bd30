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
