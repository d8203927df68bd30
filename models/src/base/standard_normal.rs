//! N(0, I): `log p(z) = −½ |z|² − d/2 ln 2π`.

use super::Base;
use evidence_autodiff::{Noise, Path, Real, Tape, Tree, Var};
use evidence_layers::standard_normal_log_prob;

/// A standard normal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StandardNormal;

impl<P> Tree<P> for StandardNormal {
    type With<Q> = Self;

    fn map<Q>(&self, _: &Path<'_>, _: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self {
        *self
    }

    fn leaves_mut<'a>(&'a mut self, _: &mut Vec<&'a mut P>) {}
}

impl<'t, T: Real> Base<'t, T> for StandardNormal {
    fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T> {
        standard_normal_log_prob(z)
    }

    fn sample(&self, tape: &'t Tape<T>, (n, d): (usize, usize), noise: Noise) -> Var<'t, T> {
        tape.normal(&[n, d], noise)
    }
}
