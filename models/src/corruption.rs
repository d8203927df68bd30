//! What is done to a row before it is encoded, so that its code must hold what rows have in common and not each pixel: the denoising
//! autoencoder (Vincent and others 2008) reconstructs x from a corrupted x̃.

use evidence_autodiff::{Noise, Real, Var};
use evidence_layers::Dropout;

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
            Self::Masking { share } if Dropout::new(share).is_err() => {
                Err(CorruptionError::Share(share))
            }
            _ => Ok(()),
        }
    }

    /// x̃, a function of the noise.
    ///
    /// # Panics
    /// If its number is out of range: see [`check`](Self::check).
    #[must_use]
    #[track_caller]
    pub fn apply<'t, T: Real>(self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        match self {
            Self::None => x,
            Self::Gaussian { scale } => x + x.tape().normal(x.shape(), noise) * scale,
            Self::Masking { share } => {
                Dropout::new(share).expect("`check` admitted it").masked(x, noise)
            }
        }
    }
}
