//! What a mixture is made of: the mean, variance, density and distribution function of one draw's likelihood.

use crate::likelihood::student_constant;
use crate::special::{incomplete_beta, incomplete_gamma, ln_gamma};
use evidence_autodiff::Real;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// The family of a mixture's components, each with a location and (but for counts) a scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// N(m, σ²).
    Normal,
    /// Student's t around m, in units of σ.
    StudentT {
        /// ν.
        freedom: f64,
    },
    /// Counts with the rate m; there is no scale.
    Poisson,
}

impl Family {
    /// The variance of a component: `σ²`, `σ² ν/(ν − 2)` (without bound for ν ≤ 2), the rate.
    pub(super) fn variance(self, location: f64, scale: f64) -> f64 {
        match self {
            Self::Normal => scale * scale,
            Self::StudentT { freedom } if freedom > 2.0 => {
                scale * scale * freedom / (freedom - 2.0)
            }
            Self::StudentT { .. } => f64::INFINITY,
            Self::Poisson => location,
        }
    }

    /// The part of a component's log-density that does not depend on y; with [`exponent`](Self::exponent), all of it.
    pub(super) fn constant(self, scale: f64) -> f64 {
        match self {
            Self::Normal => -(scale * TAU.sqrt()).ln(),
            Self::StudentT { freedom } => student_constant(freedom) - scale.ln(),
            Self::Poisson => 0.0,
        }
    }

    /// The part that does.
    pub(super) fn exponent(self, y: f64, location: f64, scale: f64) -> f64 {
        let z = (y - location) / scale;
        match self {
            Self::Normal => -0.5 * z.powi(2),
            Self::StudentT { freedom } => -0.5 * (freedom + 1.0) * (z * z / freedom).ln_1p(),
            Self::Poisson if y < 0.0 || y.fract() != 0.0 => f64::NEG_INFINITY,
            Self::Poisson => {
                let power = if y == 0.0 { 0.0 } else { y * location.ln() };
                power - location - ln_gamma(y + 1.0)
            }
        }
    }

    /// The mass at and below y.
    pub(super) fn below(self, y: f64, location: f64, scale: f64) -> f64 {
        let z = (y - location) / scale;
        match self {
            Self::Normal => 0.5 * (1.0 + Real::erf(z * FRAC_1_SQRT_2)),
            // There the incomplete beta function has lost six digits, and a normal is as near.
            Self::StudentT { freedom } if freedom > 1e9 => Self::Normal.below(y, location, scale),
            Self::StudentT { freedom } => {
                let tail = 0.5 * incomplete_beta(freedom / (freedom + z * z), 0.5 * freedom, 0.5);
                if z > 0.0 { 1.0 - tail } else { tail }
            }
            Self::Poisson if y < 0.0 => 0.0,
            Self::Poisson => 1.0 - incomplete_gamma(y.floor() + 1.0, location),
        }
    }
}
