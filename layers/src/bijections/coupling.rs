//! The coupling: some columns, untouched, decide how the others are transformed.
//!
//! From base to data, with the conditioning columns a, the others b, and θ = net(z_a, context):
//!
//! `x_a = z_a`, `x_b = g(z_b; θ)`, `log |det ∂x/∂z| = Σ ln |∂g/∂z_b|`.
//!
//! Back: `z_b = g⁻¹(x_b; θ)` with the same θ, since x_a = z_a. The Jacobian is triangular, so no determinant is computed, and
//! neither direction inverts the network. g is a [`Transform`]: [`Additive`] (NICE), [`Affine`] (RealNVP: Dinh and others 2017,
//! eq. 4–8) or a [`Spline`] (Durkan and others 2019).

use super::places::Places;
use super::transform::bad_bound;
use super::{Additive, Affine, Columns, Spline, Split, Transform};
use crate::{Activation, Bijection, Init, LogDet, Mlp};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};

/// A coupling over `[n, d]`.
#[derive(Clone, Debug)]
pub struct Coupling<P, G> {
    /// From the conditioning columns, and the context behind them, to the transform's parameters.
    pub conditioner: Mlp<P>,
    /// g.
    pub transform: G,
    /// The numbers of columns: d, and those of the context.
    pub columns: Columns,
    places: Places,
}

/// Scales and shifts.
pub type AffineCoupling<P> = Coupling<P, Affine>;
/// Shifts only: volumes stay.
pub type AdditiveCoupling<P> = Coupling<P, Additive>;
/// Rational-quadratic splines.
pub type SplineCoupling<P> = Coupling<P, Spline>;

/// A coupling that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CouplingError {
    /// A coupling needs a column to condition on and one to transform.
    #[error(
        "a coupling over {0} column(s): it needs at least one to condition on and one to transform; \
         for 1-D data use an elementwise bijection, or `Autoregressive` with splines, which learns a 1-D density, \
         or add a column of noise"
    )]
    TooNarrow(usize),
    /// The bound of the log-scale is not positive.
    #[error("a bound of {0} for a coupling's log-scale: it must be a positive number (1 is usual)")]
    Bound(f64),
    /// A mask of all ones, or of none.
    #[error(
        "{conditioning} of {width} columns condition: a coupling needs at least one to condition on and one to transform"
    )]
    Mask {
        /// Columns that condition.
        conditioning: usize,
        /// All columns.
        width: usize,
    },
    /// A mask of another length.
    #[error("a mask of {mask} columns for rows of {width}: give one mark for each column")]
    MaskLength {
        /// Of the mask.
        mask: usize,
        /// Of the rows.
        width: usize,
    },
}

impl<T: Real> AffineCoupling<Array<T>> {
    /// An affine coupling over `width` columns with hidden layers of the given sizes; it starts as the identity.
    ///
    /// # Errors
    /// As [`with`](Coupling::with).
    pub fn new(
        width: usize,
        split: Split,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, CouplingError> {
        Self::with(Affine::default(), width, split, hidden, noise)
    }

    /// With another bound β of the log-scale.
    ///
    /// # Errors
    /// If it is not a positive number.
    pub fn with_bound(self, bound: f64) -> Result<Self, CouplingError> {
        let transform = Affine { bound };
        match bad_bound(&transform) {
            Some(bound) => Err(CouplingError::Bound(bound)),
            None => Ok(Self { transform, ..self }),
        }
    }
}

impl<T: Real, G: Transform> Coupling<Array<T>, G> {
    /// A coupling with a transform, over a number of columns, with or without a context, and hidden layers of the given sizes; it
    /// starts with all parameters 0.
    ///
    /// ```
    /// use evidence_autodiff::{Array, Noise, Parameters, Tape};
    /// use evidence_layers::{Bijection, Columns, Spline, SplineCoupling, Split};
    ///
    /// // Three columns, each row of which is given two numbers more.
    /// let columns = Columns { width: 3, context: 2 };
    /// let spline = Spline::new(8, 4.0)?;
    /// let coupling = SplineCoupling::<Array<f64>>::with(spline, columns, Split::Even, &[16], Noise::new(0))?;
    /// let tape = Tape::new();
    /// let (x, context) = (tape.filled(&[5, 3], 0.5), tape.filled(&[5, 2], -1.0));
    /// let (z, log_det) = coupling.bind(&tape).inverse_given(x, Some(context));
    /// assert!(z.shape() == [5, 3] && log_det.value().shape() == [5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there are fewer than two columns, the split leaves none to condition on or none to transform, or the transform's bound is not
    /// a positive number.
    pub fn with(
        transform: G,
        columns: impl Into<Columns>,
        split: Split,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, CouplingError> {
        if let Some(bound) = bad_bound(&transform) {
            return Err(CouplingError::Bound(bound));
        }
        let columns = columns.into();
        let (places, [condition, transformed]) = Places::new(&split, columns.width)?;
        let outputs = transformed * transform.parameters();
        let sizes: Vec<usize> = [condition + columns.context]
            .into_iter()
            .chain(hidden.iter().copied())
            .chain([outputs])
            .collect();
        let mut conditioner = Mlp::new(&sizes, Activation::Relu, noise);
        if let Some(last) = conditioner.layers.last_mut() {
            last.weight = Init::Zeros.draw(last.weight.shape()[0], outputs, noise);
        }
        Ok(Self { conditioner, transform, columns, places })
    }
}

impl<P, G: Transform> Tree<P> for Coupling<P, G> {
    type With<Q> = Coupling<Q, G>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Coupling<Q, G> {
        let Self { conditioner, transform, columns, places } = self;
        Coupling {
            conditioner: conditioner.map(path, f),
            transform: transform.clone(),
            columns: *columns,
            places: places.clone(),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { conditioner, transform: _, columns: _, places: _ } = self;
        conditioner.leaves_mut(out);
    }
}

impl<'t, T: Real, G: Transform> Coupling<Var<'t, T>, G> {
    #[track_caller]
    fn apply(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
        transform: impl FnOnce(&G, Var<'t, T>, Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>),
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let context = self.columns.check("coupling", x, context);
        let (condition, x) = self.places.part(x);
        let seen = context.map_or(condition, |context| Var::concat(&[condition, context], 1));
        let (y, log_det) = transform(&self.transform, x, self.conditioner.forward(seen));
        (self.places.join(condition, y), log_det)
    }
}

impl<'t, T: Real, G: Transform> Bijection<'t, T> for Coupling<Var<'t, T>, G> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.forward_given(z, None)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.inverse_given(x, None)
    }

    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(z, context, G::forward)
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(x, context, G::inverse)
    }
}
