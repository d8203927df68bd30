//! The radial flow (Rezende and Mohamed 2015, section 4.1): `x = z + β̂ (z − z₀) / (α + r)`, `r = |z − z₀|`, which pushes points away
//! from a centre, or pulls them to it.
//!
//! With `α = softplus(α′)` and `β̂ = softplus(β′) − α` it is invertible (appendix A.2), and
//! `log |det ∂x/∂z| = (d − 1) ln(1 + β̂/(α + r)) + ln(1 + α β̂/(α + r)²)`.
//!
//! Back: `R = |x − z₀| = r (1 + β̂/(α + r))` is a quadratic in r, `r² + q r = α R` with `q = α + β̂ − R`, whose one root that is not
//! negative is taken in the form that does not cancel; then, with
//! `p = β̂/(α + r)`, `z = x − (x − z₀) p / (1 + p)`.

use super::check_width;
use crate::{Bijection, LogDet};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, zeros};

/// A radial bijection over `[n, d]`.
#[derive(Clone, Debug)]
pub struct Radial<P> {
    /// z₀, `[d]`.
    pub centre: P,
    /// α′, `[1]`.
    pub reach: P,
    /// β′, `[1]`.
    pub push: P,
}

impl<T: Real> Radial<Array<T>> {
    /// Over so many columns, around a random centre; it starts as the identity.
    pub fn new(width: usize, noise: Noise) -> Self {
        let mut centre = zeros::<T>(&[width]);
        T::fill_normal(noise, 0, centre.as_slice_mut().expect("fresh arrays are contiguous"));
        Self { centre, reach: zeros(&[1]), push: zeros(&[1]) }
    }
}

impl<P> Tree<P> for Radial<P> {
    type With<Q> = Radial<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Radial<Q> {
        Radial {
            centre: f(&path.field("centre"), &self.centre),
            reach: f(&path.field("reach"), &self.reach),
            push: f(&path.field("push"), &self.push),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { centre, reach, push } = self;
        out.extend([centre, reach, push]);
    }
}

/// |x| of each row, `[n, 1]`. The square is kept away from 0, where the root has no derivative.
fn length<T: Real>(x: Var<'_, T>) -> Var<'_, T> {
    let square = x.square().sum(-1).reshape(&[x.size(0), 1]);
    square.maximum(x.tape().scalar(1e-30)).sqrt()
}

impl<'t, T: Real> Radial<Var<'t, T>> {
    /// α and β̂, `[1]`.
    fn parameters(&self) -> (Var<'t, T>, Var<'t, T>) {
        let reach = self.reach.softplus();
        (reach, self.push.softplus() - reach)
    }

    /// β̂/(α + r), and the log-determinant, of lengths r `[n, 1]` in d dimensions.
    fn pull(&self, r: Var<'t, T>, d: usize) -> (Var<'t, T>, LogDet<'t, T>) {
        let (reach, push) = self.parameters();
        let pull = push / (reach + r);
        let along = (pull * reach / (reach + r)).ln_1p();
        (pull, LogDet::new((pull.ln_1p() * (d as f64 - 1.0) + along).sum(-1)))
    }
}

impl<'t, T: Real> Bijection<'t, T> for Radial<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Radial", self.centre.size(0), z);
        let from_centre = z - self.centre;
        let (pull, log_det) = self.pull(length(from_centre), z.size(1));
        (z + from_centre * pull, log_det)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Radial", self.centre.size(0), x);
        let from_centre = x - self.centre;
        let (reach, push) = self.parameters();
        let far = length(from_centre);
        let q = reach + push - far;
        let product = reach * far;
        let twice = q.abs() + (q.square() + product * 4.0).sqrt();
        let r = q.relu().select(product * 2.0 / twice, twice * 0.5);
        let (pull, log_det) = self.pull(r, x.size(1));
        (x - from_centre * (pull / (pull + 1.0)), -log_det)
    }
}
