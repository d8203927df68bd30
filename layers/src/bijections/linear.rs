//! A learned invertible matrix, kept as its LU decomposition (Kingma and Dhariwal 2018, section 3.2): a permutation that is learned.
//!
//! For a column vector, `x = P L D U z`, with a fixed permutation P, L lower and U upper triangular with ones on their diagonals,
//! and D = diag(eˢ): `log |det ∂x/∂z| = Σ s`, at no cost, and the inverse is two substitutions. With all parameters 0 it is P. The
//! matrices of this form are those whose pivots, in the order of P, are positive: Kingma and Dhariwal keep a fixed sign for each, here
//! the sign of the determinant is that of P, and a reflection like −I has to come from elsewhere in a chain.

use super::Permutation;
use crate::{Bijection, LogDet};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Triangle, Var, zeros};

/// An invertible linear map over `[n, d]`.
#[derive(Clone, Debug)]
pub struct LuLinear<P> {
    /// L, `[d, d]`: below the diagonal; the rest is not read.
    pub lower: P,
    /// U, `[d, d]`: above the diagonal; the rest is not read.
    pub upper: P,
    /// s, `[d]`.
    pub log_scale: P,
    /// P.
    pub permutation: Permutation,
}

impl<T: Real> LuLinear<Array<T>> {
    /// Starts as a permutation.
    pub fn new(permutation: Permutation) -> Self {
        let d = permutation.columns().len();
        Self { lower: zeros(&[d, d]), upper: zeros(&[d, d]), log_scale: zeros(&[d]), permutation }
    }

    /// Starts as a random permutation of so many columns.
    pub fn random(width: usize, noise: Noise) -> Self {
        Self::new(Permutation::random(width, noise))
    }
}

impl<P> Tree<P> for LuLinear<P> {
    type With<Q> = LuLinear<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> LuLinear<Q> {
        LuLinear {
            lower: f(&path.field("lower"), &self.lower),
            upper: f(&path.field("upper"), &self.upper),
            log_scale: f(&path.field("log_scale"), &self.log_scale),
            permutation: self.permutation.clone(),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { lower, upper, log_scale, permutation: _ } = self;
        out.extend([lower, upper, log_scale]);
    }
}

impl<'t, T: Real> Bijection<'t, T> for LuLinear<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        // Rows are samples: the matrices stand behind, transposed.
        let u = z + z.matmul(self.upper.t().strictly_lower());
        let d = u * self.log_scale.exp();
        let l = d + d.matmul(self.lower.strictly_lower().t());
        (self.permutation.forward(l).0, LogDet::same(self.log_scale.sum(..), z))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let columns = self.permutation.inverse(x).0.t();
        let d = self.lower.triangular_solve(columns, Triangle::UnitLower);
        let scaled = d * (-self.log_scale).exp().reshape(&[self.log_scale.size(0), 1]);
        let z = self.upper.triangular_solve(scaled, Triangle::UnitUpper).t();
        (z, -LogDet::same(self.log_scale.sum(..), x))
    }
}
