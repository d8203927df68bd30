//! Anomaly mode: which op first made a NaN or an infinity.
//!
//! Checking every value costs a pass over it, so it is off by default. A training loop that meets a loss that is
//! not finite turns it on and repeats the step: noise is a function of the step, so the step repeats exactly.

use super::{NodeId, Storage, Tape};
use crate::scalar::Real;
use crate::tensor::Tensor;
use std::fmt;

/// A pass over the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Computing values.
    Forward,
    /// Computing cotangents.
    Backward,
}

/// The first value or cotangent that was not finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The op that made it.
    pub op: &'static str,
    /// The op's node on the tape.
    pub node: usize,
    /// The name of what is not finite, or failing that of the op's result or its named inputs.
    pub variable: Option<String>,
    /// Which pass made it.
    pub pass: Pass,
    /// Where in the array, counting elements with the last axis fastest.
    pub element: usize,
    /// The number itself, as text.
    pub value: String,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pass = match self.pass {
            Pass::Forward => "in the forward pass",
            Pass::Backward => "in the backward pass",
        };
        write!(f, "{pass}, op `{}` (node {}) first made {}", self.op, self.node, self.value)?;
        if let Some(name) = &self.variable {
            write!(f, " of \"{name}\"")?;
        }
        write!(f, " (element {})", self.element)
    }
}

impl<T: Real> Tape<T> {
    /// Turns anomaly mode on or off. [`anomaly`](Tape::anomaly) has what it found.
    pub fn watch_anomalies(&self, on: bool) {
        self.watching.set(on);
    }

    /// The first NaN or infinity since anomaly mode was turned on or the tape was reset.
    pub fn anomaly(&self) -> Option<Anomaly> {
        self.anomaly.borrow().clone()
    }

    pub(super) fn watch_forward(&self, id: NodeId) {
        self.look(id, id, self.data(id), Pass::Forward);
    }

    pub(super) fn watch_backward(&self, id: NodeId, table: &[Option<Tensor<T>>]) {
        for &input in &self.node(id).inputs {
            if let Some(cotangent) = &table[input as usize] {
                self.look(id, input, cotangent.data(), Pass::Backward);
            }
        }
    }

    fn look(&self, id: NodeId, of: NodeId, data: &[T], pass: Pass) {
        let mut first = self.anomaly.borrow_mut();
        if first.is_some() {
            return;
        }
        if let Some(element) = data.iter().position(|x| !x.is_finite()) {
            let named_input = || {
                let names: Vec<_> =
                    self.node(id).inputs.iter().filter_map(|&input| self.name_of(input)).collect();
                (!names.is_empty()).then(|| names.join("\", \""))
            };
            *first = Some(Anomaly {
                op: self.node(id).op.name(),
                node: id as usize,
                variable: self.name_of(of).or_else(named_input),
                pass,
                element,
                value: data[element].to_string(),
            });
        }
    }

    /// The node's own name, or that of the node whose elements it shares.
    pub(super) fn name_of(&self, id: NodeId) -> Option<String> {
        let node = self.node(id);
        let own = node.name.borrow().as_deref().map(str::to_owned);
        own.or_else(|| match node.storage {
            Storage::Alias(root) => self.name_of(root),
            _ => None,
        })
    }

    pub(super) fn rename(&self, id: NodeId, name: &str) {
        self.node(id).name.replace(Some(name.into()));
    }
}
