//! Uniform on the unit cube: `log p(z) = 0` within [0, 1]ᵈ and −∞ elsewhere.
//!
//! Its density has no gradient: a bijection behind it must map the cube to itself or to all of space, as the logit does.

use super::{Base, constant, uniforms};
use evidence_autodiff::{Noise, Path, Real, Tape, Tree, Var};

/// Uniform on the unit cube.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uniform;

impl<P> Tree<P> for Uniform {
    type With<Q> = Self;

    fn map<Q>(&self, _: &Path<'_>, _: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self {
        *self
    }

    fn leaves_mut<'a>(&'a mut self, _: &mut Vec<&'a mut P>) {}
}

impl<'t, T: Real> Base<'t, T> for Uniform {
    fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T> {
        let row = |z: &[T]| {
            let (zero, one) = (T::zero(), T::one());
            // A NaN is in no cube and out of none.
            if z.iter().any(|z| z.to_f64().is_nan()) {
                f64::NAN
            } else if z.iter().any(|&z| z < zero || z > one) {
                f64::NEG_INFINITY
            } else {
                0.0
            }
        };
        let values: Vec<f64> = z.data().chunks(z.size(-1).max(1)).map(row).collect();
        constant(z.tape(), (values.len(), 1), &values).reshape(&[z.size(0)])
    }

    fn sample(&self, tape: &'t Tape<T>, (n, d): (usize, usize), noise: Noise) -> Var<'t, T> {
        constant(tape, (n, d), &uniforms(n * d, noise))
    }
}
