//! Stochastic gradient descent: plain, with momentum, or with Nesterov's.
//!
//! ```text
//! plain      θ ← θ − r g
//! momentum   b ← μ b + g          θ ← θ − r b
//! Nesterov   b ← μ b + g          θ ← θ − r (g + μ b)
//! ```
//!
//! r is the learning rate, b starts at 0. Sutskever, Martens, Dahl & Hinton, "On the importance of initialization
//! and momentum in deep learning", ICML 2013, equations 1–4, with velocity −r b, so that a change of r acts at
//! once; Nesterov's in the variable θ + μ·velocity, where the gradient is taken, as is usual today.

use crate::error::{decay_rate, learning_rate};
use crate::{Memory, OptimError, Optimizer, Rule};
use evidence_autodiff::{Array, Real, Tensor, Tree};

/// Stochastic gradient descent. Starts without momentum. Its state: `momentum`, or none.
///
/// ```
/// use evidence_optim::Sgd;
/// let plain = Sgd::<f32>::new(0.1)?;
/// let heavy = Sgd::<f32>::new(0.1)?.momentum(0.9)?;
/// let nesterov = Sgd::<f32>::new(0.1)?.nesterov(0.9)?;
/// # Ok::<(), evidence_optim::OptimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sgd<T> {
    learning_rate: f64,
    kind: Kind,
    memory: Memory<T>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    Momentum(f64),
    Nesterov(f64),
}

impl<T: Real> Sgd<T> {
    /// With a learning rate, without momentum.
    ///
    /// # Errors
    /// When it is not positive and finite.
    pub fn new(rate: f64) -> Result<Self, OptimError> {
        let learning_rate = learning_rate::<T>(rate)?;
        Ok(Self { learning_rate, kind: Kind::Plain, memory: Memory::new(&[]) })
    }

    /// With momentum μ; forgets what an earlier step left.
    ///
    /// # Errors
    /// When it is outside [0, 1).
    pub fn momentum(self, mu: f64) -> Result<Self, OptimError> {
        let kind = Kind::Momentum(decay_rate("the momentum", mu)?);
        Ok(Self { kind, memory: Memory::new(&["momentum"]), ..self })
    }

    /// With Nesterov's momentum μ; forgets what an earlier step left.
    ///
    /// # Errors
    /// When it is outside [0, 1).
    pub fn nesterov(self, mu: f64) -> Result<Self, OptimError> {
        let kind = Kind::Nesterov(decay_rate("the momentum", mu)?);
        Ok(Self { kind, memory: Memory::new(&["momentum"]), ..self })
    }
}

impl<T: Real> Optimizer<T> for Sgd<T> {
    fn step<M: Tree<Array<T>>>(&mut self, parameters: &mut M, gradients: &mut M::With<Tensor<T>>) {
        let rate = T::from_f64(self.learning_rate * self.memory.factor());
        match self.kind {
            Kind::Plain => self.memory.update(Plain(rate), parameters, gradients),
            Kind::Momentum(mu) => {
                self.memory.update(Momentum(rate, T::from_f64(mu)), parameters, gradients);
            }
            Kind::Nesterov(mu) => {
                self.memory.update(Nesterov(rate, T::from_f64(mu)), parameters, gradients);
            }
        }
    }

    fn memory(&self) -> &Memory<T> {
        &self.memory
    }

    fn memory_mut(&mut self) -> &mut Memory<T> {
        &mut self.memory
    }
}

/// r.
#[derive(Clone, Copy)]
struct Plain<T>(T);

impl<T: Real> Rule<T, 1> for Plain<T> {
    #[inline(always)]
    fn apply(self, g: T, [theta]: [T; 1]) -> [T; 1] {
        [theta - self.0 * g]
    }
}

/// r and μ.
#[derive(Clone, Copy)]
struct Momentum<T>(T, T);

impl<T: Real> Rule<T, 2> for Momentum<T> {
    #[inline(always)]
    fn apply(self, g: T, [theta, b]: [T; 2]) -> [T; 2] {
        let b = self.1 * b + g;
        [theta - self.0 * b, b]
    }
}

/// r and μ.
#[derive(Clone, Copy)]
struct Nesterov<T>(T, T);

impl<T: Real> Rule<T, 2> for Nesterov<T> {
    #[inline(always)]
    fn apply(self, g: T, [theta, b]: [T; 2]) -> [T; 2] {
        let b = self.1 * b + g;
        [theta - self.0 * (g + self.1 * b), b]
    }
}
