//! The affine coupling of RealNVP (Dinh and others 2017, eq. 4–8): half of the columns, untouched, decide how the
//! other half is scaled and shifted.
//!
//! From base to data, with `(r, t) = net(z_a)` and the log-scale `s = β tanh(r/β)`:
//!
//! `x_a = z_a`, `x_b = z_b · eˢ + t`, `log |det ∂x/∂z| = Σ s`.
//!
//! Back: `z_b = (x_b − t) · e⁻ˢ`, with `−Σ s`. The Jacobian is triangular, so no determinant is computed, and
//! neither direction inverts the network. The log-scale is bounded smoothly (β = 1 unless set): a clamp would have no gradient
//! beyond its edge, and no bound lets one step's overshoot run to infinity.

use crate::{Activation, Bijection, Init, LogDet, Mlp};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};

/// Which columns condition, and which are transformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The first ⌊d/2⌋ condition, the others are transformed.
    First,
    /// The last ⌈d/2⌉ condition, the others are transformed.
    Second,
}

/// An affine coupling over `[n, d]`.
#[derive(Clone, Debug)]
pub struct AffineCoupling<P> {
    /// From the conditioning columns to log-scales and shifts, side by side.
    pub conditioner: Mlp<P>,
    /// Which columns condition.
    pub conditions: Half,
    /// The number of columns d.
    pub width: usize,
    /// β, the bound of the log-scale.
    pub bound: f64,
}

/// A coupling that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CouplingError {
    /// A coupling needs a column to condition on and one to transform.
    #[error(
        "a coupling over {0} column(s): it needs at least one to condition on and one to transform; \
         for 1-D data use an elementwise bijection, or add a column of noise"
    )]
    TooNarrow(usize),
    /// The bound of the log-scale is not positive.
    #[error("a bound of {0} for a coupling's log-scale: it must be a positive number (1 is usual)")]
    Bound(f64),
}

impl<T: Real> AffineCoupling<Array<T>> {
    /// A coupling over `width` columns with hidden layers of the given sizes; it starts as the identity.
    ///
    /// # Errors
    /// If there are fewer than two columns.
    pub fn new(
        width: usize,
        conditions: Half,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, CouplingError> {
        if width < 2 {
            return Err(CouplingError::TooNarrow(width));
        }
        let (condition, transform) = widths(width, conditions);
        let sizes: Vec<usize> =
            [condition].into_iter().chain(hidden.iter().copied()).chain([2 * transform]).collect();
        let mut conditioner = Mlp::new(&sizes, Activation::Relu, noise);
        if let Some(last) = conditioner.layers.last_mut() {
            last.weight = Init::Zeros.draw(last.weight.shape()[0], 2 * transform, noise);
        }
        Ok(Self { conditioner, conditions, width, bound: 1.0 })
    }

    /// With another bound β of the log-scale.
    ///
    /// # Errors
    /// If it is not a positive number.
    pub fn with_bound(self, bound: f64) -> Result<Self, CouplingError> {
        if bound > 0.0 && bound.is_finite() {
            Ok(Self { bound, ..self })
        } else {
            Err(CouplingError::Bound(bound))
        }
    }
}

/// The numbers of conditioning and of transformed columns.
fn widths(width: usize, conditions: Half) -> (usize, usize) {
    let first = width / 2;
    match conditions {
        Half::First => (first, width - first),
        Half::Second => (width - first, first),
    }
}

impl<P> Tree<P> for AffineCoupling<P> {
    type With<Q> = AffineCoupling<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> AffineCoupling<Q> {
        let Self { conditioner, conditions, width, bound } = self;
        AffineCoupling {
            conditioner: conditioner.map(path, f),
            conditions: *conditions,
            width: *width,
            bound: *bound,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { conditioner, conditions: _, width: _, bound: _ } = self;
        conditioner.leaves_mut(out);
    }
}

impl<'t, T: Real> AffineCoupling<Var<'t, T>> {
    /// Conditioning columns, transformed columns.
    #[track_caller]
    fn halves(&self, x: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        assert!(
            x.shape().len() == 2 && x.size(1) == self.width,
            "coupling: {x} does not have rows of {} columns",
            self.width
        );
        let first = self.width / 2;
        let (left, right) = (x.slice(1, 0..first), x.slice(1, first..self.width));
        match self.conditions {
            Half::First => (left, right),
            Half::Second => (right, left),
        }
    }

    fn whole(&self, conditioning: Var<'t, T>, transformed: Var<'t, T>) -> Var<'t, T> {
        match self.conditions {
            Half::First => Var::concat(&[conditioning, transformed], 1),
            Half::Second => Var::concat(&[transformed, conditioning], 1),
        }
    }

    /// The log-scale s and the shift t that the conditioning columns ask for.
    fn scale_and_shift(&self, conditioning: Var<'t, T>) -> (Var<'t, T>, Var<'t, T>) {
        let parameters = self.conditioner.forward(conditioning);
        let (_, transformed) = widths(self.width, self.conditions);
        let raw = parameters.slice(1, 0..transformed);
        let shift = parameters.slice(1, transformed..2 * transformed);
        (raw.bounded(self.bound), shift)
    }
}

impl<'t, T: Real> Bijection<'t, T> for AffineCoupling<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let (condition, z) = self.halves(z);
        let (log_scale, shift) = self.scale_and_shift(condition);
        (self.whole(condition, z.coupling_affine(log_scale, shift)), LogDet::new(log_scale.sum(-1)))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let (condition, x) = self.halves(x);
        let (log_scale, shift) = self.scale_and_shift(condition);
        (
            self.whole(condition, x.coupling_affine_inverse(log_scale, shift)),
            -LogDet::new(log_scale.sum(-1)),
        )
    }
}
