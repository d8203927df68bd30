//! Bijections, stated once: `forward` maps **base → data**, `inverse` maps data → base.
//!
//! With x = f(z), `log p(x) = log p_z(f⁻¹(x)) + log |det ∂f⁻¹/∂x|`. Both directions return the point and the
//! log-determinant of their own Jacobian, one number per row: no method throws half of it away, and none returns the other
//! direction's sign.

use evidence_autodiff::{Real, Var};
use std::ops::{Add, Neg, Sub};

/// An invertible map between rows, `[n, d]` to `[n, d]`, with the log-determinant of its Jacobian.
///
/// A row with a NaN has one in its image or for its log-determinant; other rows do not notice.
///
/// One of your own, beside one of this crate's, measured at your points by [`examine`](crate::examine):
///
/// ```
/// use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var};
/// use evidence_layers::{AffineCoupling, Bijection, LogDet, Split, examine};
///
/// /// x = eᶻ in every column, for positive data: `log |det ∂x/∂z| = Σ z`.
/// struct Exp;
///
/// /// Without parameters.
/// impl<P> Tree<P> for Exp {
///     type With<Q> = Exp;
///
///     fn map<Q>(&self, _: &Path<'_>, _: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Exp {
///         Exp
///     }
///
///     fn leaves_mut<'a>(&'a mut self, _: &mut Vec<&'a mut P>) {}
/// }
///
/// impl<'t, T: Real> Bijection<'t, T> for Exp {
///     fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
///         (z.exp(), LogDet::new(z.sum(-1)))
///     }
///
///     fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
///         let z = x.ln();
///         (z, -LogDet::new(z.sum(-1)))
///     }
/// }
///
/// let coupling = AffineCoupling::<Array<f64>>::new(2, Split::First, &[8], Noise::new(0))?;
/// let both = (coupling, Exp); // from base to data: the coupling first
/// let tape = Tape::new();
/// let points = ndarray::array![[0.3, 1.0], [5.0, 2.0]];
/// for point in examine(&both.bind_constant(&tape), &tape, points.view()) {
///     assert!(point.round_trip < 1e-12 && point.log_det_error() < 1e-12);
/// }
/// # Ok::<(), evidence_layers::CouplingError>(())
/// ```
pub trait Bijection<'t, T: Real> {
    /// Base → data: `x = f(z)` and `log |det ∂f/∂z|`.
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>);

    /// Data → base: `z = f⁻¹(x)` and `log |det ∂f⁻¹/∂x|`, which is minus the forward one at z.
    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>);

    /// [`forward`](Self::forward), for each row given its own context `[n, c]`: `x = f(z; context)`.
    ///
    /// What needs no context takes no notice of it, so that conditional and other bijections may stand in one chain.
    ///
    /// # Panics
    /// If the bijection needs a context and there is none, or not one of its width.
    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let _ = context;
        self.forward(z)
    }

    /// [`inverse`](Self::inverse), for each row given its own context `[n, c]`.
    ///
    /// # Panics
    /// As [`forward_given`](Self::forward_given) does.
    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let _ = context;
        self.inverse(x)
    }
}

/// `log |det J|` for each row, `[n]`, in nats. A type of its own, so that it is added and subtracted and not mistaken
/// for a log-density.
#[derive(Clone, Copy, Debug)]
pub struct LogDet<'t, T: Real>(Var<'t, T>);

impl<'t, T: Real> LogDet<'t, T> {
    /// From its value for each row.
    ///
    /// # Panics
    /// If the value is not `[n]`.
    #[track_caller]
    pub fn new(value: Var<'t, T>) -> Self {
        assert!(value.shape().len() == 1, "LogDet: {value} is not one number per row");
        Self(value)
    }

    /// Zero for each row of `x`: what keeps volumes.
    pub fn zero(x: Var<'t, T>) -> Self {
        Self(x.tape().filled(&[x.size(0)], 0.0))
    }

    /// The same for each row of `x`: a single number, as of a linear map.
    pub(crate) fn same(value: Var<'t, T>, x: Var<'t, T>) -> Self {
        Self(value.broadcast_to(&[x.size(0)]))
    }

    /// The value for each row, `[n]`.
    pub fn value(self) -> Var<'t, T> {
        self.0
    }
}

impl<T: Real> Add for LogDet<'_, T> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl<T: Real> Sub for LogDet<'_, T> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl<T: Real> Neg for LogDet<'_, T> {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
