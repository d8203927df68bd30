//! The handle to a value on a tape.

use super::{NodeId, Tape};
use crate::scalar::Real;
use ndarray::ArrayViewD;
use std::fmt;

/// A value on a tape: a `Copy` handle, so that `x * x + b` just works.
///
/// Its methods are the ops; each is documented in its own file under `ops`.
#[derive(Clone, Copy)]
pub struct Var<'t, T: Real> {
    pub(crate) tape: &'t Tape<T>,
    pub(crate) id: NodeId,
}

impl<'t, T: Real> Var<'t, T> {
    /// The tape it is on.
    #[inline]
    pub fn tape(self) -> &'t Tape<T> {
        self.tape
    }

    /// Sizes of the axes, outermost first; empty for a scalar.
    #[inline]
    pub fn shape(self) -> &'t [usize] {
        &self.tape.node(self.id).shape
    }

    /// The size of an axis; a negative number counts from the last.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn size(self, axis: isize) -> usize {
        self.shape()[crate::shape::resolve_axis("size", axis, self.shape())]
    }

    /// The elements, last axis fastest.
    #[inline]
    pub fn data(self) -> &'t [T] {
        self.tape.data(self.id)
    }

    /// The value, as an ndarray view that lives as long as the tape's borrow.
    pub fn value(self) -> ArrayViewD<'t, T> {
        self.tape.view(self.id)
    }

    /// The value of a single element.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[track_caller]
    pub fn item(self) -> T {
        assert!(self.data().len() == 1, "item: {self} has {} elements, not one", self.data().len());
        self.data()[0]
    }

    /// Gives the value a name, which appears in error messages, anomaly reports and graphs.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.tape.rename(self.id, name);
        self
    }

    /// The name, if it has one: a parameter's path, or what [`named`](Var::named) gave.
    pub fn name(self) -> Option<String> {
        self.tape.name_of(self.id)
    }

    /// Whether a gradient flows through it.
    pub fn needs_gradient(self) -> bool {
        self.tape.node(self.id).needs_gradient
    }
}

/// Shape and name, for messages: `[3, 4] "encoder.0.weight"`.
impl<T: Real> fmt::Display for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shape())?;
        if let Some(name) = self.name() {
            write!(f, " \"{name}\"")?;
        }
        Ok(())
    }
}

impl<T: Real> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} = {:?}", self.value())
    }
}
