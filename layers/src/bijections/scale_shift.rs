//! A learned scale and shift of each column: `x = z eˢ + t`, `log |det ∂x/∂z| = Σ s`; back `z = (x − t) e⁻ˢ`, with `−Σ s`.

use super::check_width;
use crate::{Bijection, LogDet};
use evidence_autodiff::{Array, Path, Real, Tree, Var, zeros};

/// An elementwise affine map over `[n, d]`, the same for every row.
#[derive(Clone, Debug)]
pub struct ScaleShift<P> {
    /// s, `[d]`.
    pub log_scale: P,
    /// t, `[d]`.
    pub shift: P,
}

impl<T: Real> ScaleShift<Array<T>> {
    /// The identity over so many columns, to be learned.
    pub fn identity(width: usize) -> Self {
        Self { log_scale: zeros(&[width]), shift: zeros(&[width]) }
    }
}

impl<P> Tree<P> for ScaleShift<P> {
    type With<Q> = ScaleShift<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> ScaleShift<Q> {
        ScaleShift {
            log_scale: f(&path.field("log_scale"), &self.log_scale),
            shift: f(&path.field("shift"), &self.shift),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { log_scale, shift } = self;
        out.extend([log_scale, shift]);
    }
}

impl<'t, T: Real> Bijection<'t, T> for ScaleShift<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("ScaleShift", self.log_scale.size(0), z);
        let x = z.coupling_affine(self.log_scale, self.shift);
        (x, LogDet::same(self.log_scale.sum(..), z))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("ScaleShift", self.log_scale.size(0), x);
        let z = x.coupling_affine_inverse(self.log_scale, self.shift);
        (z, -LogDet::same(self.log_scale.sum(..), x))
    }
}
