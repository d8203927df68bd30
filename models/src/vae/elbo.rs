//! The negative evidence lower bound of a batch: `β Σⱼ max(λ, KLⱼ) − E_q[log p(x | z)]`, one draw of z for each row.
//!
//! Under another prior than the standard normal, or with a posterior that is bent, the divergence is always sampled. Only where latents
//! are independent is it a sum over them.

use super::{Elbo, Kl, LatentNormal, Vae};
use crate::{Batch, Loss};
use evidence_autodiff::{Noise, Real, Var};

impl<'t, T: Real> Vae<Var<'t, T>> {
    pub(super) fn negative_elbo(
        &self,
        Elbo { kl, beta, free_bits }: Elbo,
        share: f64,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        let whole = |log_likelihood: Var<'t, T>, divergence: Var<'t, T>| Loss {
            total: divergence * (beta * share) - log_likelihood,
            parts: vec![("log-likelihood", log_likelihood), ("KL of the latents", divergence)],
        };
        let q = match (self.encode(batch.inputs), kl) {
            (LatentNormal::Diagonal(q), _) if self.is_closed() => q,
            (q @ LatentNormal::Full(_), Kl::Closed) if self.is_closed() => {
                let log_likelihood = self.log_likelihood(q.rsample(noise), batch.inputs).mean(..);
                return whole(log_likelihood, q.kl_to_standard().mean(..));
            }
            (q, _) => {
                let (z, log_q) = self.draw(q, 1, noise);
                let log_likelihood = self.log_likelihood(z, batch.inputs).mean(..);
                return whole(log_likelihood, (log_q - self.log_prior(z)).mean(..));
            }
        };
        let z = q.rsample(noise);
        let log_likelihood = self.log_likelihood(z, batch.inputs).mean(..);
        let (divergence, counted) = match kl {
            Kl::Sampled => {
                let standard = z.tape().scalar(0.0);
                let ratios = z.gaussian_log_prob(q.mean, q.log_scale)
                    - z.gaussian_log_prob(standard, standard);
                let whole = ratios.sum(-1).mean(..);
                (whole, whole)
            }
            Kl::Closed if free_bits == 0.0 => {
                let whole = q.kl_to_standard().mean(..);
                (whole, whole)
            }
            Kl::Closed => {
                // Of each row and latent.
                let each = q.kl_to_standard_each();
                let free = each.tape().scalar(free_bits);
                (each.sum(-1).mean(..), each.maximum(free).sum(-1).mean(..))
            }
        };
        let weight = beta * share;
        let counted = if weight == 1.0 { counted } else { counted * weight };
        Loss {
            total: counted - log_likelihood,
            parts: vec![("log-likelihood", log_likelihood), ("KL of the latents", divergence)],
        }
    }
}
