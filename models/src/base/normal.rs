//! N(μ, diag e²ˢ) with learned means and log-scales: `log p(z) = Σ −½ ((z − μ) e⁻ˢ)² − s − ½ ln 2π`.

use super::{Base, check_width};
use evidence_autodiff::{Array, Noise, Path, Real, Tape, Tree, Var, zeros};

/// A normal with independent columns, the same for every row.
#[derive(Clone, Debug)]
pub struct Normal<P> {
    /// μ, `[d]`.
    pub mean: P,
    /// s, `[d]`.
    pub log_scale: P,
}

impl<T: Real> Normal<Array<T>> {
    /// Starts as the standard normal.
    pub fn standard(width: usize) -> Self {
        Self { mean: zeros(&[width]), log_scale: zeros(&[width]) }
    }
}

impl<P> Tree<P> for Normal<P> {
    type With<Q> = Normal<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Normal<Q> {
        Normal {
            mean: f(&path.field("mean"), &self.mean),
            log_scale: f(&path.field("log_scale"), &self.log_scale),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { mean, log_scale } = self;
        out.extend([mean, log_scale]);
    }
}

impl<'t, T: Real> Base<'t, T> for Normal<Var<'t, T>> {
    fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T> {
        check_width("Normal", self.mean.size(0), z.size(-1));
        z.gaussian_log_prob(self.mean, self.log_scale).sum(-1)
    }

    /// Reparametrised: gradients reach μ and s.
    fn sample(&self, tape: &'t Tape<T>, (n, d): (usize, usize), noise: Noise) -> Var<'t, T> {
        check_width("Normal", self.mean.size(0), d);
        tape.normal(&[n, d], noise) * self.log_scale.exp() + self.mean
    }
}
