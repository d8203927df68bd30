//! Adam, and with a weight decay AdamW.
//!
//! ```text
//! m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
//! m̂ = m / (1 − β₁ᵗ)              v̂ = v / (1 − β₂ᵗ)
//! θ ← θ − r (m̂ / (√v̂ + ε) + λ θ)
//! ```
//!
//! r is the learning rate, t counts steps from 1, all of it is elementwise. λ = 0: Kingma & Ba, "Adam: a method
//! for stochastic optimization", ICLR 2015, algorithm 1. λ > 0: the decoupled decay of Loshchilov & Hutter,
//! "Decoupled weight decay regularization", ICLR 2019, algorithm 2, line 12, where r stands for their η α and
//! r λ for their η λ, as is usual today: the schedule and the learning rate scale both terms.

use crate::error::{decay_rate, epsilon, learning_rate, require};
use crate::{Memory, OptimError, Optimizer, Rule};
use evidence_autodiff::{Array, Real, Tensor, Tree};

/// Adam: steps of about the learning rate, whatever the gradient's scale.
///
/// Starts with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, λ = 0. Its state: `first_moment` and `second_moment`.
///
/// ```
/// use evidence_optim::Adam;
/// let adam = Adam::<f32>::new(1e-3)?;
/// let adamw = Adam::<f32>::new(1e-3)?.betas(0.9, 0.99)?.weight_decay(0.01)?;
/// assert!(Adam::<f32>::new(-1e-3).is_err());
/// # Ok::<(), evidence_optim::OptimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adam<T> {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    memory: Memory<T>,
}

impl<T: Real> Adam<T> {
    /// With a learning rate.
    ///
    /// # Errors
    /// When it is not positive and finite.
    pub fn new(rate: f64) -> Result<Self, OptimError> {
        Ok(Self {
            learning_rate: learning_rate::<T>(rate)?,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            memory: Memory::new(&["first_moment", "second_moment"]),
        })
    }

    /// The decay rates β₁ and β₂ of the two moments.
    ///
    /// # Errors
    /// When one is outside [0, 1).
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Result<Self, OptimError> {
        (self.beta1, self.beta2) = (decay_rate("beta1", beta1)?, decay_rate("beta2", beta2)?);
        Ok(self)
    }

    /// What is added to √v̂, in units of the gradient.
    ///
    /// # Errors
    /// When it is not finite, or below the smallest normal `f32`: a coordinate whose gradient is always 0 would
    /// be moved by 0/0.
    pub fn epsilon(mut self, value: f64) -> Result<Self, OptimError> {
        self.epsilon = epsilon(value)?;
        Ok(self)
    }

    /// The decoupled weight decay λ: each step takes the fraction r λ off every parameter, biases included.
    ///
    /// # Errors
    /// When r λ is outside [0, 1): from 1 on, the decay alone would swing about 0.
    pub fn weight_decay(mut self, lambda: f64) -> Result<Self, OptimError> {
        let inside = (0.0..1.0).contains(&(self.learning_rate * lambda));
        self.weight_decay =
            require("the weight decay", lambda, "at least 0 and below 1 / learning rate", inside)?;
        Ok(self)
    }
}

impl<T: Real> Optimizer<T> for Adam<T> {
    fn step<M: Tree<Array<T>>>(&mut self, parameters: &mut M, gradients: &mut M::With<Tensor<T>>) {
        let t = (self.memory.steps() + 1) as f64;
        let rate = self.learning_rate * self.memory.factor();
        let rule = AdamRule {
            beta1: T::from_f64(self.beta1),
            rest1: T::from_f64(1.0 - self.beta1),
            beta2: T::from_f64(self.beta2),
            rest2: T::from_f64(1.0 - self.beta2),
            rate: T::from_f64(rate / (1.0 - self.beta1.powf(t))),
            unbias: T::from_f64((1.0 - self.beta2.powf(t)).sqrt().recip()),
            epsilon: T::from_f64(self.epsilon),
            decay: T::from_f64(rate * self.weight_decay),
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

/// The numbers of one step.
///
/// Bias corrections are computed in `f64`: in `f32`, 1 − β₂ᵗ is off by a part in 10⁵ at t = 1.
#[derive(Clone, Copy)]
struct AdamRule<T> {
    beta1: T,
    /// 1 − β₁.
    rest1: T,
    beta2: T,
    /// 1 − β₂.
    rest2: T,
    /// r / (1 − β₁ᵗ).
    rate: T,
    /// 1 / √(1 − β₂ᵗ).
    unbias: T,
    epsilon: T,
    /// r λ. In `f32`, 1 − r λ would be 1 for less than 3·10⁻⁸, and off by a fifth at 10⁻⁷.
    decay: T,
}

impl<T: Real> Rule<T, 3> for AdamRule<T> {
    #[inline(always)]
    fn apply(self, g: T, [theta, m, v]: [T; 3]) -> [T; 3] {
        let m = self.beta1 * m + self.rest1 * g;
        let v = self.beta2 * v + self.rest2 * (g * g);
        let step = self.rate * m / (v.sqrt() * self.unbias + self.epsilon);
        [theta - (step + self.decay * theta), m, v]
    }
}
