//! Autoregressive flows: column j is transformed by what the columns before it say.
//!
//! With θ = MADE(·), whose part for column j sees columns 0 … j − 1 only:
//!
//! * masked (MAF: Papamakarios and others 2017): `x_j = g(z_j; θ_j(x_{<j}))`, `z_j = g⁻¹(x_j; θ_j(x_{<j}))`. Densities take one pass of
//!   the network, **sampling goes column by column**;
//! * inverse (IAF: Kingma and others 2016): `x_j = g(z_j; θ_j(z_{<j}))`. Sampling takes one pass, **densities of given points go column
//!   by column**.
//!
//! Column by column no unit of the network is computed twice: the arithmetic is that of one pass, and as linear in d, but cut into d
//! parts that wait for each other. Memory is linear in d too, that of a gradient included, for which the network's products are computed
//! a second time. Each part copies what is known so far, columns and units: small beside a layer's product where it has many units for
//! each column, more than it where it has about one.
//!
//! The Jacobian is triangular: `log |det ∂x/∂z| = Σ ln |∂g/∂z_j|`. g is a [`Transform`]. Put a [`Permutation`](super::Permutation)
//! between two, so that the first column is not always the first.

use super::columnwise::Columnwise;
use super::transform::bad_bound;
use super::{Columns, Made, MadeError, Transform};
use crate::{Bijection, LogDet};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use std::sync::Arc;

/// Which direction takes a single pass of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Data → base: MAF.
    Masked,
    /// Base → data: IAF.
    Inverse,
}

/// An autoregressive bijection over `[n, d]`.
#[derive(Clone, Debug)]
pub struct Autoregressive<P, G> {
    /// From columns, and the context behind them, to each column's parameters.
    pub made: Made<P>,
    /// g.
    pub transform: G,
    /// Which direction is fast.
    pub direction: Direction,
    /// The numbers of columns: d, and those of the context.
    pub columns: Columns,
    /// Of each column, which outputs of the network are its parameters.
    places: Arc<[Arc<[usize]>]>,
}

impl<T: Real, G: Transform> Autoregressive<Array<T>, G> {
    /// With a transform and hidden layers of the given sizes; it starts with all parameters 0.
    ///
    /// # Errors
    /// If there are no columns, a hidden layer has no units, or the transform's bound is not a positive number.
    pub fn new(
        direction: Direction,
        transform: G,
        columns: impl Into<Columns>,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, MadeError> {
        if let Some(bound) = bad_bound(&transform) {
            return Err(MadeError::Bound(bound));
        }
        let columns = columns.into();
        let (d, outputs) = (columns.width, columns.width * transform.parameters());
        let column = |output| transform.column(output, d);
        let made = Made::new(columns, outputs, column, hidden, noise)?;
        let of = |j: usize| (0..outputs).filter(|&output| column(output) == j).collect();
        let places = (0..d).map(of).collect();
        Ok(Self { made, transform, direction, columns, places })
    }
}

impl<P, G: Transform> Tree<P> for Autoregressive<P, G> {
    type With<Q> = Autoregressive<Q, G>;

    fn map<Q>(
        &self,
        path: &Path<'_>,
        f: &mut dyn FnMut(&Path<'_>, &P) -> Q,
    ) -> Autoregressive<Q, G> {
        let Self { made, transform, direction, columns, places } = self;
        Autoregressive {
            made: made.map(path, f),
            transform: transform.clone(),
            direction: *direction,
            columns: *columns,
            places: places.clone(),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { made, transform: _, direction: _, columns: _, places: _ } = self;
        made.leaves_mut(out);
    }
}

/// One direction of a transform.
type Apply<'t, G, T> = fn(&G, Var<'t, T>, Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>);

impl<'t, T: Real, G: Transform> Autoregressive<Var<'t, T>, G> {
    #[track_caller]
    fn apply(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
        (fast, transform): (Direction, Apply<'t, G, T>),
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let context = self.columns.check("autoregressive", x, context);
        if self.direction == fast {
            return transform(&self.transform, x, self.made.forward(x, context));
        }
        let mut network = Columnwise::new(&self.made, x.tape(), x.size(0), context);
        let (mut found, mut total) = (Vec::with_capacity(self.columns.width), None);
        for (j, places) in self.places.iter().enumerate() {
            let parameters = network.outputs(places);
            let (y, log_det) = transform(&self.transform, x.slice(1, j..=j), parameters);
            network.learn(y);
            found.push(y);
            total = Some(total.map_or(log_det, |sum: LogDet<'t, T>| sum + log_det));
        }
        (Var::concat(&found, 1), total.unwrap_or_else(|| LogDet::zero(x)))
    }
}

impl<'t, T: Real, G: Transform> Bijection<'t, T> for Autoregressive<Var<'t, T>, G> {
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
        self.apply(z, context, (Direction::Inverse, G::forward))
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(x, context, (Direction::Masked, G::inverse))
    }
}
