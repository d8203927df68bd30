//! What every optimiser does: step, follow a schedule, save and resume.

use crate::{Memory, OptimError};
use evidence_autodiff::{Array, Real, Tensor, Tree};

/// Moves parameters against their gradients, by a rule that may remember earlier ones.
///
/// One of your own is a [`Rule`](crate::Rule) for a coordinate and a [`Memory`] for the rest:
///
/// ```
/// use evidence_autodiff::{Array, Leaf, Real, Tape, Tensor, Tree};
/// use evidence_optim::{Memory, Optimizer, Rule};
///
/// /// θ ← θ − r·sign(g): every coordinate by the same amount.
/// struct SignDescent<T> {
///     rate: f64,
///     memory: Memory<T>,
/// }
///
/// #[derive(Clone, Copy)]
/// struct SignRule<T>(T);
///
/// impl<T: Real> Rule<T, 1> for SignRule<T> {
///     #[inline(always)]
///     fn apply(self, g: T, [theta]: [T; 1]) -> [T; 1] {
///         [if g > T::zero() { theta - self.0 } else { theta + self.0 }]
///     }
/// }
///
/// impl<T: Real> Optimizer<T> for SignDescent<T> {
///     fn step<M: Tree<Array<T>>>(&mut self, theta: &mut M, g: &mut M::With<Tensor<T>>) {
///         let rule = SignRule(T::from_f64(self.rate * self.memory.factor()));
///         self.memory.update(rule, theta, g);
///     }
///     fn memory(&self) -> &Memory<T> {
///         &self.memory
///     }
///     fn memory_mut(&mut self) -> &mut Memory<T> {
///         &mut self.memory
///     }
/// }
///
/// let mut optimizer = SignDescent { rate: 0.25, memory: Memory::new(&[]) };
/// let mut parameters = Leaf(ndarray::arr1(&[1.0, -1.0]).into_dyn().into_shared());
/// let tape = Tape::new();
/// let mut gradients = Leaf(tape.tensor(&[2]));
/// gradients.0.data_mut().copy_from_slice(&[3.0, -5.0]);
/// optimizer.step(&mut parameters, &mut gradients);
/// assert_eq!(parameters.0.as_slice().unwrap(), [0.75, -0.75]);
/// ```
pub trait Optimizer<T: Real> {
    /// One step. Parameters change in place; an array that somebody else holds (a tape not yet reset, a kept copy) is
    /// copied first, and theirs stays as it was.
    ///
    /// A NaN or infinity in the gradient is not looked for: it goes where the arithmetic takes it, and may
    /// stay in the state for good. A loop that wants to stop before looks at the loss, or at
    /// [`global_norm`](crate::global_norm).
    ///
    /// # Panics
    /// When gradients and parameters, or those of this step and of the first, differ in leaves or shapes.
    #[track_caller]
    fn step<M: Tree<Array<T>>>(&mut self, parameters: &mut M, gradients: &mut M::With<Tensor<T>>);

    /// What it remembers.
    fn memory(&self) -> &Memory<T>;

    /// What it remembers.
    fn memory_mut(&mut self) -> &mut Memory<T>;

    /// Steps taken so far, those before a resume included: the argument of a [schedule](crate::schedule).
    fn steps(&self) -> u64 {
        self.memory().steps()
    }

    /// Multiplies the configured learning rate by `factor`, from the next step on: what a [schedule](crate::schedule)
    /// returned. It does not accumulate, and is not saved.
    ///
    /// # Panics
    /// When `factor` is negative, infinite or NaN.
    #[track_caller]
    fn set_factor(&mut self, factor: f64) {
        self.memory_mut().set_factor(factor);
    }

    /// The step count and the state arrays, by name, for a checkpoint. Copies nothing.
    ///
    /// With the parameters, and the same hyperparameters, training resumes with the same bits.
    fn state(&self) -> Vec<(String, Array<T>)> {
        self.memory().state()
    }

    /// Replaces the state by a saved one, for a model of the shape of `parameters`. The order of names is free.
    ///
    /// # Errors
    /// Strict: [`OptimError::State`] names what is missing, surplus (or double) and misshapen, [`OptimError::Steps`] a step count that is
    /// none. Nothing is changed then.
    fn load_state<M: Tree<Array<T>>>(
        &mut self,
        state: Vec<(String, Array<T>)>,
        parameters: &M,
    ) -> Result<(), OptimError> {
        self.memory_mut().load(state, parameters)
    }
}
