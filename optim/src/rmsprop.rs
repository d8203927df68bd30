//! RMSprop: the gradient over its own running size.
//!
//! ```text
//! v ← α v + (1 − α) g²          θ ← θ − r g / (√v + ε)
//! ```
//!
//! Elementwise, r the learning rate. Tieleman & Hinton, "Lecture 6.5: rmsprop", Neural Networks for Machine
//! Learning, 2012; ε, which the slide leaves out, is added outside the root. v starts at 0 and is not corrected
//! for it: with α = 0.99 the first step is ten times the learning rate.

use crate::error::{decay_rate, epsilon, learning_rate};
use crate::{Memory, OptimError, Optimizer, Rule};
use evidence_autodiff::{Array, Real, Tensor, Tree};

/// RMSprop. Starts with α = 0.99, ε = 10⁻⁸. Its state: `mean_square`.
#[derive(Clone, Debug)]
pub struct RmsProp<T> {
    learning_rate: f64,
    alpha: f64,
    epsilon: f64,
    memory: Memory<T>,
}

impl<T: Real> RmsProp<T> {
    /// With a learning rate.
    ///
    /// # Errors
    /// When it is not positive and finite.
    pub fn new(rate: f64) -> Result<Self, OptimError> {
        Ok(Self {
            learning_rate: learning_rate::<T>(rate)?,
            alpha: 0.99,
            epsilon: 1e-8,
            memory: Memory::new(&["mean_square"]),
        })
    }

    /// The decay rate α of the running mean square.
    ///
    /// # Errors
    /// When it is outside [0, 1).
    pub fn alpha(mut self, alpha: f64) -> Result<Self, OptimError> {
        self.alpha = decay_rate("alpha", alpha)?;
        Ok(self)
    }

    /// What is added to √v, in units of the gradient.
    ///
    /// # Errors
    /// When it is not finite, or below the smallest normal `f32`: a coordinate whose gradient is always 0 would
    /// be moved by 0/0.
    pub fn epsilon(mut self, value: f64) -> Result<Self, OptimError> {
        self.epsilon = epsilon(value)?;
        Ok(self)
    }
}

impl<T: Real> Optimizer<T> for RmsProp<T> {
    fn step<M: Tree<Array<T>>>(&mut self, parameters: &mut M, gradients: &mut M::With<Tensor<T>>) {
        let rule = RmsPropRule {
            alpha: T::from_f64(self.alpha),
            rest: T::from_f64(1.0 - self.alpha),
            epsilon: T::from_f64(self.epsilon),
            rate: T::from_f64(self.learning_rate * self.memory.factor()),
        };
        self.memory.update(rule, parameters, gradients);
    }

    fn memory(&self) -> &Memory<T> {
        &self.memory
    }

    fn memory_mut(&mut self) -> &mut Memory<T> {
        &mut self.memory
    }
}

#[derive(Clone, Copy)]
struct RmsPropRule<T> {
    alpha: T,
    /// 1 − α.
    rest: T,
    epsilon: T,
    rate: T,
}

impl<T: Real> Rule<T, 2> for RmsPropRule<T> {
    #[inline(always)]
    fn apply(self, g: T, [theta, v]: [T; 2]) -> [T; 2] {
        let v = self.alpha * v + self.rest * (g * g);
        [theta - self.rate * g / (v.sqrt() + self.epsilon), v]
    }
}
