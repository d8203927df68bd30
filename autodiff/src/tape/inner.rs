//! A tape within a tape, for ops that record and differentiate on their own.
//!
//! The inner tape shares the outer one's pool and anomaly mode. Cotangents are not summed inside and then added: those
//! that are there already move in and out again, so that every sum has the order, and the bits, it would have had outside.

use super::{NodeId, Saved, Sink, Storage, Tape, Var};
use crate::scalar::Real;
use crate::tensor::Tensor;
use smallvec::SmallVec;

/// Variables handed to an inner tape.
pub(crate) type Vars<'t, T> = SmallVec<[Var<'t, T>; 4]>;

impl<T: Real> Tape<T> {
    /// An empty tape that shares this one's memory.
    pub(crate) fn inner(&self) -> Self {
        let inner = Self::with_pool(self.pool.clone());
        inner.watching.set(self.watching.get());
        inner
    }

    /// Leaves with the values and names of another tape's variables, one and the same leaf for one variable.
    ///
    /// Parameters and data are shared; what was computed is copied.
    pub(crate) fn import<'t>(
        &'t self,
        vars: &[Var<'_, T>],
        needs_gradient: impl Fn(usize) -> bool,
    ) -> Vars<'t, T> {
        let mut leaves = Vars::new();
        for (i, var) in vars.iter().enumerate() {
            let leaf = match vars[..i].iter().position(|earlier| earlier.id == var.id) {
                Some(same) => leaves[same],
                None => self.import_one(*var, needs_gradient(i)),
            };
            leaves.push(leaf);
        }
        leaves
    }

    fn import_one(&self, var: Var<'_, T>, needs_gradient: bool) -> Var<'_, T> {
        let node = var.tape.node(var.id);
        let storage = match &node.storage {
            Storage::Shared(array) => Storage::Shared(array.clone()),
            _ => {
                let mut buffer = self.pool.take(var.data().len());
                buffer.copy_from_slice(var.data());
                Storage::Owned(buffer)
            }
        };
        let name = node.name.borrow().clone();
        let (inputs, shape) = (super::Inputs::new(), node.shape.clone());
        self.push_node(Box::new(super::Leaf), inputs, shape, storage, needs_gradient, name)
    }

    /// The value of a node of an inner tape, which ends here: its memory goes back, its anomaly is passed on.
    pub(crate) fn adopt(&self, mut inner: Self, id: NodeId) -> Tensor<T> {
        self.adopt_anomaly(&inner);
        let mut value = {
            let shape = inner.node(id).shape.clone();
            let node = &mut inner.nodes.as_mut()[id as usize];
            match std::mem::replace(&mut node.storage, Storage::Alias(id)) {
                Storage::Owned(buffer) => return Tensor::from_parts(shape, buffer),
                storage => node.storage = storage,
            }
            self.tensor(&shape)
        };
        value.data_mut().copy_from_slice(inner.data(id));
        value
    }

    fn adopt_anomaly(&self, inner: &Self) {
        let mut first = self.anomaly.borrow_mut();
        if first.is_none() {
            *first = inner.anomaly();
        }
    }
}

impl<'a, T: Real> Saved<'a, T> {
    /// The inputs as variables of the outer tape.
    pub(crate) fn input_vars(self) -> Vars<'a, T> {
        let tape = self.tape;
        self.node.inputs.iter().map(|&id| Var { tape, id }).collect()
    }

    /// See [`Tape::inner`].
    pub(crate) fn inner_tape(self) -> Tape<T> {
        self.tape.inner()
    }
}

impl<T: Real> Sink<'_, T> {
    /// Pulls the cotangent `dy` of `output`, a value on an inner tape, back to the leaves of that tape, and adds what arrives
    /// there to the cotangents of the inputs they stand for.
    pub(crate) fn pull_back_through(
        &mut self,
        output: Var<'_, T>,
        dy: Tensor<T>,
        leaves: &[Var<'_, T>],
    ) {
        let inner = output.tape;
        let mut table = inner.table.take();
        table.resize_with(inner.len(), || None);
        for (i, leaf) in leaves.iter().enumerate() {
            // A leaf that stands for several inputs finds the slot already emptied.
            if let Some(cotangent) = self.table[self.inputs[i] as usize].take() {
                table[leaf.id as usize] = Some(cotangent);
            }
        }
        inner.pull_back_into(output.id, dy, &mut table);
        for (i, leaf) in leaves.iter().enumerate() {
            if let Some(cotangent) = table[leaf.id as usize].take() {
                self.table[self.inputs[i] as usize] = Some(cotangent);
            }
        }
        self.tape.adopt_anomaly(inner);
    }
}
