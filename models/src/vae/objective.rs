//! What a VAE may be fitted by.
//!
//! | objective | of a row, in nats |
//! | --- | --- |
//! | ELBO | `E_q[log p(x \| z)] − KL(q(z \| x) ‖ p(z))` (Kingma and Welling 2014) |
//! | β | `E_q[log p(x \| z)] − β KL` (Higgins and others 2017) |
//! | free bits | `E_q[log p(x \| z)] − Σⱼ max(λ, KLⱼ)`: λ nats of each latent cost nothing (Kingma and others 2016, appendix C.8) |
//! | importance weighted | `log 1/K Σₖ p(x, zₖ) / q(zₖ \| x)` (Burda and others 2016) |

/// What is maximised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// The evidence lower bound, and its relatives.
    Elbo(Elbo),
    /// The bound of K draws.
    ImportanceWeighted {
        /// K.
        draws: usize,
        /// How the encoder's gradient is made.
        gradient: WeightGradient,
    },
}

impl Default for Objective {
    fn default() -> Self {
        Self::Elbo(Elbo::default())
    }
}

/// The evidence lower bound, its divergence weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elbo {
    /// How the divergence is computed.
    pub kl: Kl,
    /// β, what a nat of it costs. At 1 the objective is the evidence lower bound. Above it is a looser bound of log p(x), under which latents that
    /// are as the prior would have them count for more; below it is none, and reconstructions do.
    pub beta: f64,
    /// λ, nats of each latent and each row that cost nothing, and are not rewarded either.
    ///
    /// Of each row, where Kingma and others take the mean over the minibatch: so the loss stays a mean over rows, whatever batch they
    /// come in.
    pub free_bits: f64,
}

impl Default for Elbo {
    /// The bound itself, its divergence in closed form.
    fn default() -> Self {
        Self { kl: Kl::Closed, beta: 1.0, free_bits: 0.0 }
    }
}

/// How KL(q(z | x) ‖ p(z)) is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kl {
    /// `½ Σ (σ² + μ² − 1) − Σ ln σ`, and `½ Σ f²` of what is below the diagonal of a full covariance's factor.
    Closed,
    /// `log q(z | x) − log p(z)` at the draw that is decoded.
    Sampled,
}

/// How the encoder learns from an importance weighted bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightGradient {
    /// As the bound is written: its signal drowns in noise as K grows (Rainforth and others 2018).
    Pathwise,
    /// Reparametrised twice (Tucker and others 2019): the same gradient in expectation, with less noise.
    DoublyReparametrised,
}

/// An objective that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ObjectiveError {
    /// No draws.
    #[error(
        "an importance weighted bound of 0 draws; it is a mean over them: ask for at least one"
    )]
    NoDraws,
    /// β.
    #[error("β is {0}; it must be positive and finite (1 is the evidence lower bound)")]
    Beta(f64),
    /// Free bits.
    #[error("{0} nats free in each latent; they must be 0 or more, and finite")]
    FreeBits(f64),
    /// A threshold of a single draw's ratio.
    #[error(
        "free bits are a threshold of the divergence itself, which one draw does not tell: take it in closed form"
    )]
    FreeBitsSampled,
    /// No divergence of each latent.
    #[error(
        "free bits are of each latent's own divergence, which only the standard normal prior and the diagonal posterior have"
    )]
    FreeBitsOfAll,
    /// A density that would have to be computed backwards.
    #[error("a bent posterior has no doubly reparametrised gradient here: take the pathwise one")]
    BentTwice,
    /// The same.
    #[error(
        "a mixture of posteriors takes the density of any point under each of them: leave the posterior diagonal"
    )]
    BentVamp,
}

impl Objective {
    /// Whether its numbers are in range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        match *self {
            Self::ImportanceWeighted { draws: 0, .. } => Err(ObjectiveError::NoDraws),
            Self::ImportanceWeighted { .. } => Ok(()),
            Self::Elbo(Elbo { beta, .. }) if !(beta > 0.0 && beta.is_finite()) => {
                Err(ObjectiveError::Beta(beta))
            }
            Self::Elbo(Elbo { free_bits, .. }) if !(free_bits >= 0.0 && free_bits.is_finite()) => {
                Err(ObjectiveError::FreeBits(free_bits))
            }
            // E max(λ, k) ≥ max(λ, E k): of sampled ratios k it would be another objective.
            Self::Elbo(Elbo { kl: Kl::Sampled, free_bits, .. }) if free_bits > 0.0 => {
                Err(ObjectiveError::FreeBitsSampled)
            }
            Self::Elbo(_) => Ok(()),
        }
    }
}
