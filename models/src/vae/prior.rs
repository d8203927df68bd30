//! What the latents are believed to be before any data: p(z).
//!
//! | prior | `log p(z)` of a row, in nats |
//! | --- | --- |
//! | standard normal | `log N(z; 0, I)` |
//! | VampPrior (Tomczak and Welling 2018) | `ln 1/C Σ_c q(z \| u_c)`: a mixture of the posteriors of C made-up rows u, which are learned |
//! | flow | `log N(f⁻¹(z); 0, I) + log \|det ∂f⁻¹/∂z\|` |
//!
//! The best prior of a VAE is its posterior averaged over the data; the last two come closer to it than a normal that knows of no data.

use super::Vae;
use crate::Flow;
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, zeros};
use evidence_layers::{AnyBijection, Chain, standard_normal_log_prob};
use std::sync::Arc;

/// p(z).
#[derive(Clone, Debug, Default)]
pub enum LatentPrior<P> {
    /// N(0, I).
    #[default]
    StandardNormal,
    /// A mixture of the posteriors of made-up rows, `[C, d]`, in the data's scaled units.
    Vamp(P),
    /// A learned density.
    Flow(Flow<Chain<AnyBijection<P>>>),
}

impl<T: Real> LatentPrior<Array<T>> {
    /// A mixture of C posteriors, of rows drawn around `centre` at first.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn vamp(components: usize, width: usize, centre: f64, spread: f64, noise: Noise) -> Self {
        assert!(components > 0, "VampPrior: a mixture of 0 posteriors; ask for at least one");
        let mut rows = zeros(&[components, width]);
        T::fill_normal(noise, 0, rows.as_slice_mut().expect("fresh arrays are contiguous"));
        rows.mapv_inplace(|z| T::from_f64(centre) + z * T::from_f64(spread));
        Self::Vamp(rows)
    }
}

impl<P> Tree<P> for LatentPrior<P> {
    type With<Q> = LatentPrior<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> LatentPrior<Q> {
        match self {
            Self::StandardNormal => LatentPrior::StandardNormal,
            Self::Vamp(rows) => LatentPrior::Vamp(f(&path.field("rows"), rows)),
            Self::Flow(flow) => LatentPrior::Flow(flow.map(&path.field("flow"), f)),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        match self {
            Self::StandardNormal => {}
            Self::Vamp(rows) => out.push(rows),
            Self::Flow(flow) => flow.leaves_mut(out),
        }
    }
}

impl<'t, T: Real> Vae<Var<'t, T>> {
    /// log p(z) of each latent point: `[.., l]` to `[..]`, in nats.
    #[must_use]
    #[track_caller]
    pub fn log_prior(&self, z: Var<'t, T>) -> Var<'t, T> {
        match &self.prior {
            LatentPrior::StandardNormal => standard_normal_log_prob(z),
            LatentPrior::Vamp(rows) => {
                let q = self.encode(*rows);
                let (latents, outer) = z.shape().split_last().expect("latents have an axis");
                let z = z.reshape(&[outer, &[1, *latents]].concat());
                q.log_prob(z).logsumexp(-1) - (rows.size(0) as f64).ln()
            }
            LatentPrior::Flow(flow) => {
                let (latents, outer) = z.shape().split_last().expect("latents have an axis");
                let rows: usize = outer.iter().product();
                flow.log_prob(z.reshape(&[rows, *latents])).reshape(outer)
            }
        }
    }

    /// n draws of z, `[n, l]`.
    #[must_use]
    pub fn sample_prior(&self, n: usize, noise: Noise) -> Var<'t, T> {
        let first = self.decoder.layers.first().expect("a decoder has a layer").weight;
        let (tape, latents) = (first.tape(), self.latent_columns());
        match &self.prior {
            LatentPrior::StandardNormal => tape.normal(&[n, latents], noise),
            LatentPrior::Flow(flow) => flow.sample(tape, (n, latents), noise),
            LatentPrior::Vamp(rows) => {
                let mut which = vec![0.0; n];
                noise.stream(0).fill_uniform_f64(&mut which);
                let components = rows.size(0);
                let which: Arc<[usize]> = which
                    .into_iter()
                    .map(|u| ((u * components as f64) as usize).min(components - 1))
                    .collect();
                let q = self.encode(*rows);
                q.map(|parameter| parameter.gather_rows(which.clone())).rsample(noise.stream(1))
            }
        }
    }
}
