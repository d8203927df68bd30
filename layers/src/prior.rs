//! Priors: what is believed of every weight before any data, independently of the others.
//!
//! | prior | `log p(w)` of a weight, in nats |
//! | --- | --- |
//! | normal, s fixed or learned | `−½ w²/s² − ln s − ½ ln 2π` |
//! | Laplace | `−|w|/b − ln 2b` |
//! | two normals | `ln(π N(w; 0, s₁²) + (1 − π) N(w; 0, s₂²))`, s₁ > s₂ |
//! | horseshoe-like | `ln ln(1 + 1/(z² + β²)) − ln 2πτ(√(1 + β²) − β)`, `z = w/τ`, β = 10⁻³ |
//!
//! The mixture (Blundell and others 2015, eq. 7) is computed as `ln π N₁ + softplus(ln (1 − π) N₂ − ln π N₁)`: nothing underflows where
//! the narrow normal has scale e⁻⁸, and the wide one, which has the larger exponent there, keeps its digits.
//!
//! The horseshoe's density (Carvalho, Polson and Scott 2010) has no closed form. The one of Bhadra and others (2019, eq. 3),
//! `ln(1 + τ²/w²) / 2πτ`, has one, with the same pole at 0 and the same tails, those of a Cauchy; it is a scale mixture of normals too.
//! Here the pole is rounded at |w| = βτ, since a bias begins at 0 exactly, and a point mass may end there; with
//! `∫ ln((w² + a²)/(w² + b²)) dw = 2π(a − b)` it still integrates to one. As the logarithm it is `ln softplus(−ln(z² + β²))`.

use evidence_autodiff::{Array, Path, Real, Tree, Var};
use ndarray::ArrayD;
use std::f64::consts::TAU;

/// `½ ln 2π`.
pub(crate) const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// β, where the pole of the horseshoe-like prior is rounded.
const ROUNDED: f64 = 1e-3;

/// `p(w)`, the same for every weight of a tree.
#[derive(Clone, Debug)]
pub enum Prior<P> {
    /// N(0, s²).
    Normal {
        /// s.
        scale: f64,
    },
    /// N(0, s²) with an s that is learned as a number, by the evidence: the bound rises where s fits the weights (MacKay 1992).
    ///
    /// Not for a point mass: with no volume to lose, weights and s that shrink together have a density without bound.
    Learned {
        /// ln s, a scalar.
        log_scale: P,
    },
    /// Laplace(0, b), of standard deviation √2 b: most weights near 0, a few far from it.
    Laplace {
        /// b.
        scale: f64,
    },
    /// Two normals around 0: a wide one for the few weights that matter, a narrow one for the rest.
    TwoNormals {
        /// π, the wide one's share.
        wide_share: f64,
        /// s₁.
        wide: f64,
        /// s₂ < s₁.
        narrow: f64,
    },
    /// Horseshoe-like: a peak at 0 that shrinks small weights to nothing, and tails so heavy that large ones are left alone.
    Horseshoe {
        /// τ, the size from which on weights are large.
        scale: f64,
    },
}

/// A prior that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PriorError {
    /// A scale.
    #[error("a prior scale of {0}; it must be positive and finite")]
    Scale(f64),
    /// A share.
    #[error("the wide normal's share of a prior is {0}; it must be between 0 and 1")]
    Share(f64),
    /// Scales the wrong way round.
    #[error("a prior of two normals with scales {wide} and {narrow}: the first must be the larger")]
    Order {
        /// The first.
        wide: f64,
        /// The second.
        narrow: f64,
    },
}

fn positive(scale: f64) -> Result<f64, PriorError> {
    if scale > 0.0 && scale.is_finite() { Ok(scale) } else { Err(PriorError::Scale(scale)) }
}

impl<T: Real> Prior<Array<T>> {
    /// N(0, scale²).
    ///
    /// # Errors
    /// If the scale is not positive and finite.
    pub fn normal(scale: f64) -> Result<Self, PriorError> {
        Ok(Self::Normal { scale: positive(scale)? })
    }

    /// N(0, s²), with s learned from `scale` on.
    ///
    /// # Errors
    /// If the scale is not positive and finite.
    pub fn learned(scale: f64) -> Result<Self, PriorError> {
        let log_scale = T::from_f64(positive(scale)?.ln());
        Ok(Self::Learned { log_scale: ArrayD::from_elem(&[][..], log_scale).into_shared() })
    }

    /// Laplace(0, scale).
    ///
    /// # Errors
    /// If the scale is not positive and finite.
    pub fn laplace(scale: f64) -> Result<Self, PriorError> {
        Ok(Self::Laplace { scale: positive(scale)? })
    }

    /// A mixture of N(0, wide²), with the share given, and N(0, narrow²).
    ///
    /// # Errors
    /// If a scale is not positive and finite, the share is not inside (0, 1), or `wide` is not the larger scale.
    pub fn two_normals(wide_share: f64, wide: f64, narrow: f64) -> Result<Self, PriorError> {
        let (wide, narrow) = (positive(wide)?, positive(narrow)?);
        if !(wide_share > 0.0 && wide_share < 1.0) {
            return Err(PriorError::Share(wide_share));
        }
        if wide <= narrow {
            return Err(PriorError::Order { wide, narrow });
        }
        Ok(Self::TwoNormals { wide_share, wide, narrow })
    }

    /// Horseshoe-like, of the scale τ.
    ///
    /// # Errors
    /// If the scale is not positive and finite.
    pub fn horseshoe(scale: f64) -> Result<Self, PriorError> {
        Ok(Self::Horseshoe { scale: positive(scale)? })
    }
}

impl<P> Tree<P> for Prior<P> {
    type With<Q> = Prior<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Prior<Q> {
        match *self {
            Self::Normal { scale } => Prior::Normal { scale },
            Self::Learned { ref log_scale } => {
                Prior::Learned { log_scale: f(&path.field("log_scale"), log_scale) }
            }
            Self::Laplace { scale } => Prior::Laplace { scale },
            Self::TwoNormals { wide_share, wide, narrow } => {
                Prior::TwoNormals { wide_share, wide, narrow }
            }
            Self::Horseshoe { scale } => Prior::Horseshoe { scale },
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        match self {
            Self::Learned { log_scale } => out.push(log_scale),
            Self::Normal { scale: _ }
            | Self::Laplace { scale: _ }
            | Self::Horseshoe { scale: _ } => {}
            Self::TwoNormals { wide_share: _, wide: _, narrow: _ } => {}
        }
    }
}

impl<'t, T: Real> Prior<Var<'t, T>> {
    /// `Σ log p(w)` over all elements, a scalar, in nats.
    #[must_use]
    pub fn log_prob(&self, w: Var<'t, T>) -> Var<'t, T> {
        let n = w.data().len() as f64;
        match *self {
            Self::Normal { scale } => {
                w.square().sum(..) * (-0.5 / (scale * scale)) - n * (scale.ln() + HALF_LN_TAU)
            }
            Self::Learned { log_scale } => {
                w.square().sum(..) * (log_scale * -2.0).exp() * -0.5
                    - log_scale * n
                    - n * HALF_LN_TAU
            }
            Self::Laplace { scale } => w.abs().sum(..) * (-1.0 / scale) - n * (2.0 * scale).ln(),
            Self::TwoNormals { wide_share, wide, narrow } => {
                let square = w.square();
                let normal = |share: f64, scale: f64| {
                    square * (-0.5 / (scale * scale)) + (share.ln() - scale.ln() - HALF_LN_TAU)
                };
                let (wide, narrow) = (normal(wide_share, wide), normal(1.0 - wide_share, narrow));
                (wide + (narrow - wide).softplus()).sum(..)
            }
            Self::Horseshoe { scale } => {
                let z = w.square() * (1.0 / (scale * scale)) + ROUNDED * ROUNDED;
                let whole = TAU * scale * (1.0_f64.hypot(ROUNDED) - ROUNDED);
                (-z.ln()).softplus().ln().sum(..) - n * whole.ln()
            }
        }
    }
}

impl<P> Prior<P> {
    /// Whether its divergence from a normal posterior has no closed form here, so that draws must stand for it.
    pub fn needs_draws(&self) -> bool {
        matches!(self, Self::TwoNormals { .. } | Self::Horseshoe { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::{Parameters, Tape};

    fn all() -> [(&'static str, Prior<Array<f64>>); 6] {
        [
            ("normal", Prior::normal(0.7).unwrap()),
            ("learned", Prior::learned(1.3).unwrap()),
            ("laplace", Prior::laplace(0.4).unwrap()),
            ("two normals", Prior::two_normals(0.25, 1.0, 0.1).unwrap()),
            (
                "two normals, one very narrow",
                Prior::two_normals(0.5, 1.0, (-8.0_f64).exp()).unwrap(),
            ),
            ("horseshoe", Prior::horseshoe(0.3).unwrap()),
        ]
    }

    #[test]
    fn densities_integrate_to_one() {
        for (name, prior) in all() {
            let tape = Tape::new();
            let prior = prior.bind_constant(&tape);
            // Steps that grow with the distance from 0: the narrow normal has a width of e⁻⁸, and beyond x a horseshoe still has τ/πx.
            let edges: Vec<f64> = (0..=30_000).map(|i| 1e-6 * 1.001_f64.powi(i) - 1e-6).collect();
            let half: f64 = edges
                .windows(2)
                .map(|edge| {
                    let middle = tape.scalar(0.5 * (edge[0] + edge[1]));
                    prior.log_prob(middle).item().exp() * (edge[1] - edge[0])
                })
                .sum();
            assert!((2.0 * half - 1.0).abs() <= 1e-4, "{name}: {}", 2.0 * half);
        }
    }

    #[test]
    fn a_narrow_normal_of_scale_e_to_the_minus_8_does_not_underflow() {
        let tape = Tape::<f32>::new();
        let prior = Prior::two_normals(0.5, 1.0, (-8.0_f64).exp()).unwrap().bind_constant(&tape);
        for w in [0.0_f64, 1e-5, 3e-4, 1e-2, 1.0, 30.0] {
            let value = f64::from(prior.log_prob(tape.scalar(w)).item());
            let normal = |s: f64| (0.5_f64 / s).ln() - 0.5 * (w / s).powi(2) - HALF_LN_TAU;
            let (a, b) = (normal(1.0), normal((-8.0_f64).exp()));
            let exact = a.max(b) + (-(a - b).abs()).exp().ln_1p();
            assert!(
                (value - exact).abs() <= 1e-5 * exact.abs().max(1.0),
                "{w}: {value}, not {exact}"
            );
        }
    }

    #[test]
    fn a_horseshoe_has_a_peak_at_zero_and_tails_that_let_large_weights_be() {
        let tape = Tape::<f32>::new();
        let tau = 0.1;
        let prior = Prior::horseshoe(tau).unwrap().bind(&tape);
        let exact = |w: f64| {
            let z = (w / tau).powi(2) + ROUNDED * ROUNDED;
            (z.recip().ln_1p() / (TAU * tau * (1.0_f64.hypot(ROUNDED) - ROUNDED))).ln()
        };
        for w in [0.0, 1e-7, 1e-4, 0.05, 0.1, 3.0, 1e6] {
            let value = f64::from(prior.log_prob(tape.scalar(w)).item());
            assert!((value - exact(w)).abs() <= 1e-5 * exact(w).abs().max(1.0), "{w}: {value}");
        }
        // What pulls a weight back, d ln p/dw, falls as 2/w far out, where a normal's grows.
        for w in [10.0, 1e3, 1e5] {
            let x = tape.variable(ndarray::arr0(w as f32));
            let pull = prior.log_prob(x).backward().take(x).data()[0];
            assert!((f64::from(pull) * w + 2.0).abs() <= 1e-3, "{w}: {pull}");
        }
        // Where a bias begins, the pull is none, and finite.
        let x = tape.variable(ndarray::arr0(0.0_f32));
        assert_eq!(prior.log_prob(x).backward().take(x).data()[0], 0.0);
    }

    #[test]
    fn what_is_no_prior_is_refused() {
        type P = Prior<Array<f64>>;
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            for prior in [
                P::normal(scale),
                P::learned(scale),
                P::laplace(scale),
                P::horseshoe(scale),
                P::two_normals(0.5, scale, 0.1),
            ] {
                assert!(matches!(prior, Err(PriorError::Scale(_))), "{scale}");
            }
        }
        for share in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(
                matches!(P::two_normals(share, 1.0, 0.1), Err(PriorError::Share(_))),
                "{share}"
            );
        }
        assert!(matches!(P::two_normals(0.5, 0.1, 1.0), Err(PriorError::Order { .. })));
    }
}
