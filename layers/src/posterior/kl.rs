//! Divergences of posteriors from priors: always a sum over all weights, in nats.
//!
//! With each weight's mean μ and variance v, `½ ln det Σ`, and d weights, for any normal q:
//!
//! ```text
//! KL(q ‖ N(0, s²))       = d ln s − d/2 + Σ (μ² + v) / 2s² − ½ ln det Σ
//! KL(q ‖ Laplace(0, b))  = d ln 2b − d/2 (1 + ln 2π) + Σ E|w| / b − ½ ln det Σ
//! E|w|                   = √v (2 φ(t) + 2 t Φ(t)) − μ,   t = μ / √v
//! KL(q ‖ p)              ≈ −d/2 (1 + ln 2π) − ½ ln det Σ − Σ log p(w),   w a draw of q
//! ```
//!
//! The last is for the mixture of two normals and the horseshoe: the posterior's entropy is exact, and only `E log p(w)` is left to the draw. A point mass has no
//! density; its term is `−Σ log p(w)`, which makes the bound the log of the joint density: MAP.

use super::Posterior;
use crate::mean_field::leaves;
use crate::prior::{HALF_LN_TAU, Prior};
use evidence_autodiff::{Real, Tree, Var};

/// `E|w|` of N(mean, variance), elementwise.
fn expected_size<'t, T: Real>(mean: Var<'t, T>, variance: Var<'t, T>) -> Var<'t, T> {
    let scale = variance.sqrt();
    let t = mean / scale;
    let density = (t.square() * -0.5 - HALF_LN_TAU).exp();
    // t Φ(t) is the exact gelu.
    scale * (density + t.gelu()) * 2.0 - mean
}

fn sum<'t, T: Real>(parts: impl Iterator<Item = Var<'t, T>>) -> Var<'t, T> {
    parts.reduce(|sum, part| sum + part).expect("a tree of parameters has a leaf")
}

impl<'t, T: Real, M: Tree<Var<'t, T>>> Posterior<M, Var<'t, T>> {
    /// KL(q ‖ p) of all weights together, in nats; where it has no closed form, by the draw given.
    #[must_use]
    pub fn kl<D: Tree<Var<'t, T>>>(
        &self,
        prior: &Prior<Var<'t, T>>,
        draw: impl FnOnce() -> D,
    ) -> Var<'t, T> {
        sum(self.kl_parts(prior, draw).into_iter())
    }

    /// The same in parts whose sum it is: leaf by leaf, where the weights are independent.
    #[must_use]
    pub fn kl_parts<D: Tree<Var<'t, T>>>(
        &self,
        prior: &Prior<Var<'t, T>>,
        draw: impl FnOnce() -> D,
    ) -> Vec<Var<'t, T>> {
        let (half_log_det, marginals) = match (self, prior) {
            (Self::MeanField(q), Prior::Normal { scale }) => return q.kl_parts(*scale),
            (Self::PointMass(mean), _) => {
                return leaves(mean).into_iter().map(|w| -prior.log_prob(w)).collect();
            }
            _ => (self.half_log_det().expect("a density"), self.marginals()),
        };
        let d: usize = marginals.iter().map(|(mean, _)| mean.data().len()).sum();
        let d = d as f64;
        let moments = || {
            let each = marginals.iter().map(|(mean, variance)| {
                let variance = variance.expect("a density has variances");
                (mean.square() + variance).sum(..)
            });
            sum(each)
        };
        vec![match *prior {
            Prior::Normal { scale } => {
                moments() * (0.5 / (scale * scale)) - half_log_det + d * (scale.ln() - 0.5)
            }
            Prior::Learned { log_scale } => {
                moments() * (log_scale * -2.0).exp() * 0.5 + log_scale * d - half_log_det - 0.5 * d
            }
            Prior::Laplace { scale } => {
                let sizes = marginals.iter().map(|(mean, variance)| {
                    expected_size(*mean, variance.expect("a density has variances")).sum(..)
                });
                sum(sizes) * (1.0 / scale) - half_log_det
                    + d * ((2.0 * scale).ln() - 0.5 - HALF_LN_TAU)
            }
            Prior::TwoNormals { .. } | Prior::Horseshoe { .. } => {
                let drawn = leaves(&draw()).into_iter().map(|w| prior.log_prob(w));
                -sum(drawn) - half_log_det - d * (0.5 + HALF_LN_TAU)
            }
        }]
    }
}
