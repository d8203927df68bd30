//! What is done to a row before it is encoded, so that its code must hold what rows have in common and not each pixel: the denoising
//! autoencoder (Vincent and others 2008) reconstructs x from a corrupted x̃.

use evidence_autodiff::{Noise, Real, Var};

/// x̃ given x.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Corruption {
    /// x itself.
    #[default]
    None,
    /// `x + s ε`, ε standard normal.
    Gaussian {
        /// s, in the scaled columns' unit.
        scale: f64,
    },
    /// Each column 0 with a probability, alone and in each row.
    Masking {
        /// The probability.
        share: f64,
    },
}

/// A corruption that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CorruptionError {
    /// The noise.
    #[error("rows corrupted by a noise of scale {0}; it must be 0 or more, and finite")]
    Scale(f64),
    /// The share.
    #[error("a share of {0} of all columns masked; it is from 0 to less than 1")]
    Share(f64),
}

impl Corruption {
    /// Whether its number is in range.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(self) -> Result<(), CorruptionError> {
        match self {
            Self::Gaussian { scale } if !(scale >= 0.0 && scale.is_finite()) => {
                Err(CorruptionError::Scale(scale))
            }
            Self::Masking { share } if !(0.0..1.0).contains(&share) => {
                Err(CorruptionError::Share(share))
            }
            _ => Ok(()),
        }
    }

    /// x̃, a function of the noise.
    #[must_use]
    pub fn apply<'t, T: Real>(self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        match self {
            Self::None => x,
            Self::Gaussian { scale } => x + x.tape().normal(x.shape(), noise) * scale,
            Self::Masking { share } => {
                let mut draws = vec![0.0_f64; x.data().len()];
                noise.fill_uniform_f64(&mut draws);
                let mut keep = x.tape().tensor(x.shape());
                for (keep, u) in keep.data_mut().iter_mut().zip(draws) {
                    *keep = if u < share { T::zero() } else { T::one() };
                }
                x * x.tape().batch(keep.view())
            }
        }
    }
}
