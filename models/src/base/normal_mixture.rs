//! A mixture of K normals with independent columns, all of it learned: `log p(z) = logsumexpₖ (ln πₖ + log N(z; μₖ, diag e^{2sₖ}))`, with
//! π the softmax of the logits. For data in separate pieces, which no continuous map of one normal makes.

use super::{Base, check_width, uniforms};
use evidence_autodiff::{Array, Noise, Path, Real, Tape, Tree, Var, zeros};

/// A mixture of normals.
#[derive(Clone, Debug)]
pub struct NormalMixture<P> {
    /// `[K]`.
    pub logits: P,
    /// μ, `[K, d]`.
    pub mean: P,
    /// s, `[K, d]`.
    pub log_scale: P,
}

/// A mixture that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mixture of no components: it needs at least one")]
pub struct NormalMixtureError;

impl<T: Real> NormalMixture<Array<T>> {
    /// K components of equal weight and scale 1 around random centres.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(components: usize, width: usize, noise: Noise) -> Result<Self, NormalMixtureError> {
        if components == 0 {
            return Err(NormalMixtureError);
        }
        let mut mean = zeros::<T>(&[components, width]);
        T::fill_normal(noise, 0, mean.as_slice_mut().expect("fresh arrays are contiguous"));
        Ok(Self { logits: zeros(&[components]), mean, log_scale: zeros(&[components, width]) })
    }
}

impl<P> Tree<P> for NormalMixture<P> {
    type With<Q> = NormalMixture<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> NormalMixture<Q> {
        NormalMixture {
            logits: f(&path.field("logits"), &self.logits),
            mean: f(&path.field("mean"), &self.mean),
            log_scale: f(&path.field("log_scale"), &self.log_scale),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { logits, mean, log_scale } = self;
        out.extend([logits, mean, log_scale]);
    }
}

impl<'t, T: Real> Base<'t, T> for NormalMixture<Var<'t, T>> {
    fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T> {
        check_width("NormalMixture", self.mean.size(1), z.size(-1));
        let each = z.reshape(&[z.size(0), 1, z.size(1)]);
        let inside = each.gaussian_log_prob(self.mean, self.log_scale).sum(-1);
        (inside + self.logits.log_softmax(-1)).logsumexp(-1)
    }

    /// Gradients reach means and scales, not the logits: which component a draw is of is no smooth function of them.
    fn sample(&self, tape: &'t Tape<T>, (n, d): (usize, usize), noise: Noise) -> Var<'t, T> {
        check_width("NormalMixture", self.mean.size(1), d);
        let weights = self.logits.softmax(-1);
        let choose = |&u: &f64| {
            let mut left = u;
            let component = weights.data().iter().position(|weight| {
                left -= weight.to_f64();
                left < 0.0
            });
            component.unwrap_or(weights.data().len() - 1)
        };
        let components: Vec<usize> = uniforms(n, noise.stream(0)).iter().map(choose).collect();
        let of = |parameter: Var<'t, T>| parameter.gather_rows(components.clone());
        tape.normal(&[n, d], noise.stream(1)) * of(self.log_scale).exp() + of(self.mean)
    }
}
