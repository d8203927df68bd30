//! Dropout: in training `y = x ∘ m / (1 − p)`, m of zeros with probability p and ones; in evaluation `y = x`, the mean of the former.
//!
//! Which of the two is said by the call, and neither is the default. Prediction by Monte Carlo dropout (Gal and Ghahramani 2016) is
//! the training call with fresh noise.
//!
//! Source: Srivastava and others 2014, *Dropout*, section 10 (scaled in training).

use evidence_autodiff::{Noise, Real, Var};

/// Draws at a time, on the stack.
const BLOCK: usize = 512;

/// Leaves numbers out at random.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f64,
}

/// A rate that is no probability of leaving out some.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a dropout rate of {0}: it must be at least 0 and below 1")]
pub struct DropoutError(pub f64);

impl Dropout {
    /// Each number is left out with the probability `rate`.
    ///
    /// # Errors
    /// If the rate is not inside [0, 1).
    pub fn new(rate: f64) -> Result<Self, DropoutError> {
        if (0.0..1.0).contains(&rate) { Ok(Self { rate }) } else { Err(DropoutError(rate)) }
    }

    /// p.
    pub fn rate(self) -> f64 {
        self.rate
    }

    /// `x ∘ m / (1 − p)`, with a mask that is a function of the noise.
    #[must_use]
    pub fn forward_training<'t, T: Real>(self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        self.mask(x, noise, 1.0 / (1.0 - self.rate))
    }

    /// `x ∘ m`: numbers are left out, and the others stay what they are.
    #[must_use]
    pub fn masked<'t, T: Real>(self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        self.mask(x, noise, 1.0)
    }

    fn mask<'t, T: Real>(self, x: Var<'t, T>, noise: Noise, kept: f64) -> Var<'t, T> {
        let mut mask = x.tape().tensor(x.shape());
        let mut draws = [0.0; BLOCK];
        for (block, mask) in mask.data_mut().chunks_mut(BLOCK).enumerate() {
            let draws = &mut draws[..mask.len()];
            noise.uniform_range_f64((block * BLOCK) as u64, draws);
            for (m, &u) in mask.iter_mut().zip(&*draws) {
                *m = T::from_f64(if u < self.rate { 0.0 } else { kept });
            }
        }
        x * x.tape().batch(mask.view())
    }

    /// x.
    #[must_use]
    pub fn forward_evaluation<T: Real>(self, x: Var<'_, T>) -> Var<'_, T> {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Tape;

    #[test]
    fn leaves_out_its_share_and_keeps_the_mean() {
        let n = 40_000;
        for rate in [0.0, 0.1, 0.5, 0.9] {
            let tape = Tape::<f64>::new();
            let dropout = Dropout::new(rate).unwrap();
            let x = tape.filled(&[n], 1.0);
            let y = dropout.forward_training(x, Noise::new(3));
            let kept = 1.0 / (1.0 - rate);
            assert!(y.data().iter().all(|&y| y == 0.0 || y == kept), "{rate}");
            let left_out = y.data().iter().filter(|&&y| y == 0.0).count() as f64 / n as f64;
            // Four standard errors of a share of n.
            let error = 4.0 * (rate * (1.0 - rate) / n as f64).sqrt();
            assert!((left_out - rate).abs() <= error, "{rate}: {left_out}");
            assert_eq!(dropout.forward_evaluation(x).data(), x.data());
            let again = dropout.forward_training(x, Noise::new(3));
            assert_eq!(again.data(), y.data());
            let other = dropout.forward_training(x, Noise::new(4));
            assert_eq!(other.data() == y.data(), rate == 0.0);
            let masked = dropout.masked(x, Noise::new(3));
            assert!(masked.data().iter().zip(y.data()).all(|(m, y)| m * kept == *y), "{rate}");
        }
        for rate in [-0.1, 1.0, f64::NAN] {
            assert!(Dropout::new(rate).is_err(), "{rate}");
        }
    }
}
