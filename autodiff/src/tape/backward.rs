//! The backward pass: cotangents flow from the last node to the first.
//!
//! For a scalar L at node n, the cotangent of node i is ∂L/∂vᵢ. Node n starts with 1; every node, in reverse order,
//! hands its cotangent to its op, which adds `Jᵀ dy` to the cotangents of its inputs. Cotangents of interior nodes return to
//! the pool as soon as they have been used; those of the leaves are the gradients.

use super::{Node, NodeId, Saved, Tape, Var};
use crate::kernels::{elementwise, reduce};
use crate::scalar::Real;
use crate::shape::same;
use crate::tensor::{IntoArray, Tensor};

impl<'t, T: Real> Var<'t, T> {
    /// The gradients of this scalar with respect to every [`variable`](Tape::variable) and parameter it depends on.
    ///
    /// # Panics
    /// If this is not a single number: sum it, or say with [`vjp`](Var::vjp) how its elements weigh.
    #[track_caller]
    pub fn backward(self) -> Gradients<'t, T> {
        assert!(
            self.data().len() == 1,
            "backward: {self} is not a single number; reduce it (`.sum(..)`, `.mean(..)`) or use `vjp` with a cotangent"
        );
        let mut seed = self.tape.tensor(self.shape());
        seed.fill(T::one());
        self.tape.pull_back(self.id, seed)
    }

    /// The vector-Jacobian product `Jᵀ dy` for a given cotangent of this value.
    ///
    /// # Panics
    /// If the cotangent has another shape than this value.
    #[track_caller]
    pub fn vjp(self, cotangent: impl IntoArray<T>) -> Gradients<'t, T> {
        let cotangent = cotangent.into_array();
        assert!(
            cotangent.shape() == self.shape(),
            "vjp: a cotangent of shape {:?} for a value of shape {self}",
            cotangent.shape()
        );
        let mut seed = self.tape.tensor(self.shape());
        seed.view_mut().assign(&cotangent);
        self.tape.pull_back(self.id, seed)
    }
}

impl<T: Real> Tape<T> {
    fn pull_back(&self, last: NodeId, seed: Tensor<T>) -> Gradients<'_, T> {
        let mut table = self.table.take();
        table.resize_with(last as usize + 1, || None);
        self.pull_back_into(last, seed, &mut table);
        Gradients { tape: self, table }
    }

    /// The walk, from cotangents that may be there already.
    pub(super) fn pull_back_into(
        &self,
        last: NodeId,
        seed: Tensor<T>,
        table: &mut [Option<Tensor<T>>],
    ) {
        match &mut table[last as usize] {
            None => table[last as usize] = Some(seed),
            Some(sum) => elementwise::add_assign(sum.data_mut(), seed.data()),
        }
        for id in (0..=last).rev() {
            let node = self.node(id);
            if !node.needs_gradient {
                table[id as usize] = None;
            } else if !node.inputs.is_empty()
                && let Some(dy) = table[id as usize].take()
            {
                let mut sink = Sink { tape: self, inputs: &node.inputs, table };
                node.op.vjp(Saved { tape: self, node, id }, dy, &mut sink);
                if self.watching.get() {
                    self.watch_backward(id, table);
                }
            }
        }
    }
}

/// Where an op's backward rule puts the cotangents of its inputs.
pub struct Sink<'a, T: Real> {
    pub(super) tape: &'a Tape<T>,
    pub(super) inputs: &'a [NodeId],
    pub(super) table: &'a mut [Option<Tensor<T>>],
}

impl<T: Real> Sink<'_, T> {
    fn node(&self, i: usize) -> &Node<T> {
        self.tape.node(self.inputs[i])
    }

    /// Whether input i wants a cotangent. What is not wanted need not be computed, and is dropped if it is added.
    #[inline]
    pub fn needs(&self, i: usize) -> bool {
        self.node(i).needs_gradient
    }

    /// Memory from the tape's pool, with unspecified contents.
    #[inline]
    pub fn tensor(&self, shape: &[usize]) -> Tensor<T> {
        self.tape.tensor(shape)
    }

    /// [Adds](Sink::add) a cotangent that is still wanted: for a rule that passes it to two inputs. It is copied only where
    /// nothing has arrived yet.
    ///
    /// # Panics
    /// As [`add`](Sink::add) does.
    pub fn add_copy(&mut self, i: usize, contribution: &Tensor<T>) {
        let input = self.tape.node(self.inputs[i]);
        if !input.needs_gradient {
            return;
        }
        match &mut self.table[self.inputs[i] as usize] {
            Some(sum) if same(contribution.shape(), &input.shape) => {
                elementwise::add_assign(sum.data_mut(), contribution.data());
            }
            _ => {
                let copy = self.copy(contribution);
                self.add(i, copy);
            }
        }
    }

    /// A copy of a cotangent, for a rule that changes it differently for two inputs.
    pub fn copy(&self, of: &Tensor<T>) -> Tensor<T> {
        let mut copy = self.tensor(of.shape());
        copy.data_mut().copy_from_slice(of.data());
        copy
    }

    /// Adds to the cotangent of input i. The first contribution is moved in, later ones are added to it.
    ///
    /// A contribution of a shape that the input was broadcast to is summed over the broadcast axes.
    ///
    /// # Panics
    /// If the contribution's shape is not one that the input's shape broadcasts to.
    #[inline]
    pub fn add(&mut self, i: usize, contribution: Tensor<T>) {
        let input = self.node(i);
        if !input.needs_gradient {
            return;
        }
        if !same(contribution.shape(), &input.shape) {
            return self.add_unbroadcast(i, contribution);
        }
        let slot = &mut self.table[self.inputs[i] as usize];
        match slot {
            None => *slot = Some(contribution),
            Some(sum) => elementwise::add_assign(sum.data_mut(), contribution.data()),
        }
    }

    /// Lets `write(out, β)` put `contribution + β · out` straight into the cotangent of input i: β is 0 for the
    /// first contribution, whose `out` has unspecified contents, and 1 for later ones.
    pub fn accumulate(&mut self, i: usize, write: impl FnOnce(&mut [T], T)) {
        if !self.needs(i) {
            return;
        }
        let tape = self.tape;
        let id = self.inputs[i];
        match &mut self.table[id as usize] {
            Some(sum) => write(sum.data_mut(), T::one()),
            slot => write(slot.insert(tape.tensor(&tape.node(id).shape)).data_mut(), T::zero()),
        }
    }

    /// Undoes a broadcast, the only place that does: the adjoint of repeating an element is a sum.
    #[inline(never)]
    fn add_unbroadcast(&mut self, i: usize, contribution: Tensor<T>) {
        let shape = &self.node(i).shape;
        let mut sum = self.tensor(shape);
        reduce::sum_to(contribution.data(), contribution.shape(), sum.data_mut(), shape);
        self.add(i, sum);
    }
}

/// The gradients that a backward pass found.
pub struct Gradients<'t, T: Real> {
    tape: &'t Tape<T>,
    table: Vec<Option<Tensor<T>>>,
}

impl<'t, T: Real> Gradients<'t, T> {
    /// The gradient with respect to a variable or parameter, or `None` where the result does not depend on it, as it does on no constant.
    ///
    /// # Panics
    /// If the value was computed from variables: its gradient was passed on to them, and is not kept. If it is on another tape.
    #[track_caller]
    pub fn get(&self, var: Var<'t, T>) -> Option<ndarray::ArrayViewD<'_, T>> {
        self.expect_leaf(var);
        self.table.get(var.id as usize)?.as_ref().map(Tensor::view)
    }

    /// Moves the gradient with respect to a variable or parameter out; zeros where the result does not depend on it.
    ///
    /// # Panics
    /// As [`get`](Self::get) does.
    #[track_caller]
    pub fn take(&mut self, var: Var<'t, T>) -> Tensor<T> {
        self.expect_leaf(var);
        let found = self.table.get_mut(var.id as usize).and_then(Option::take);
        found.unwrap_or_else(|| {
            let mut zeros = self.tape.tensor(var.shape());
            zeros.fill(T::zero());
            zeros
        })
    }

    #[track_caller]
    fn expect_leaf(&self, var: Var<'t, T>) {
        let node = self.tape.node(self.tape.own(var, "gradient"));
        assert!(
            !node.needs_gradient || node.inputs.is_empty(),
            "gradient: {var} was computed, and its gradient passed on to what it was computed from; ask for that of a variable"
        );
    }
}

impl<T: Real> Drop for Gradients<'_, T> {
    fn drop(&mut self) {
        self.table.clear();
        self.tape.table.replace(std::mem::take(&mut self.table));
    }
}
