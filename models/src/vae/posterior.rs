//! What a normal posterior may be bent into: `z = f(z₀; h)`, `z₀ ~ N(μ(x), Σ(x))`, with
//! `log q(z | x) = log N(z₀; μ, Σ) − log |det ∂f/∂z₀|` (Rezende and Mohamed 2015).
//!
//! f is a chain of bijections; what it is told of x is h = (μ, ln σ), its context, σ the diagonal of Σ's factor. With inverse autoregressive layers (Kingma and others
//! 2016) a draw takes one pass of each.

use super::{Covariance, LatentNormal, ObjectiveError, Vae};
use evidence_autodiff::{Array, Noise, Real, Var};
use evidence_layers::{
    Affine, AnyBijection, Autoregressive, Chain, Columns, Direction, MadeError, Permutation,
};

impl<T: Real> Vae<Array<T>> {
    /// With a posterior bent by inverse autoregressive layers, the columns in reverse order from one to the next. They start as the
    /// identity. The divergence is sampled then.
    ///
    /// # Errors
    /// If a hidden layer has no units.
    pub fn with_inverse_autoregressive(
        self,
        layers: usize,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, MadeError> {
        let latents = self.decoder.inputs();
        let columns = Columns { width: latents, context: 2 * latents };
        let mut chain: Vec<AnyBijection<Array<T>>> = Vec::new();
        for i in 0..layers {
            if i > 0 {
                chain.push(Permutation::reversed(latents).into());
            }
            let (direction, noise) = (Direction::Inverse, noise.stream(i as u64));
            chain.push(
                Autoregressive::new(direction, Affine::default(), columns, hidden, noise)?.into(),
            );
        }
        Ok(Self { bend: Chain(chain), ..self })
    }
}

impl<P> Vae<P> {
    /// Whether the divergence has a closed form: from one normal to another.
    pub(super) fn is_closed(&self) -> bool {
        self.bend.0.is_empty() && matches!(self.prior, super::LatentPrior::StandardNormal)
    }

    /// Whether prior, posterior and objective go together.
    ///
    /// # Errors
    /// What does not go with what.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        use super::{Elbo, Objective, WeightGradient};
        self.objective.check()?;
        let bent = !self.bend.0.is_empty();
        match self.objective {
            Objective::Elbo(Elbo { free_bits, .. })
                if free_bits > 0.0
                    && !(self.is_closed() && self.covariance == Covariance::Diagonal) =>
            {
                Err(ObjectiveError::FreeBitsOfAll)
            }
            Objective::ImportanceWeighted {
                gradient: WeightGradient::DoublyReparametrised,
                ..
            } if bent => Err(ObjectiveError::BentTwice),
            _ if bent && matches!(self.prior, super::LatentPrior::Vamp(_)) => {
                Err(ObjectiveError::BentVamp)
            }
            _ => Ok(()),
        }
    }
}

impl<'t, T: Real> Vae<Var<'t, T>> {
    /// K draws for each row, `[K, n, l]`, and the log-density of each, `[K, n]`.
    pub(crate) fn draw(
        &self,
        q: LatentNormal<'t, T>,
        samples: usize,
        noise: Noise,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let (z, log_q) = q.rsample_with_log_prob(samples, noise);
        if self.bend.0.is_empty() {
            return (z, log_q);
        }
        use evidence_layers::Bijection;
        let &[k, n, latents] = z.shape() else { unreachable!("K draws of n rows") };
        let context = Var::concat(&[q.mean(), q.log_scale()], 1)
            .broadcast_to(&[k, n, 2 * latents])
            .reshape(&[k * n, 2 * latents]);
        let (z, log_det) = self.bend.forward_given(z.reshape(&[k * n, latents]), Some(context));
        (z.reshape(&[k, n, latents]), log_q - log_det.value().reshape(&[k, n]))
    }
}
