//! The radial flow (Rezende and Mohamed 2015, section 4.1): `x = z + β̂ (z − z₀) / (α + r)`, `r = |z − z₀|`, which pushes points away
//! from a centre, or pulls them to it.
//!
//! With `α = softplus(α′)`, `s = softplus(β′)` and `β̂ = s − α` it is invertible (appendix A.2). A length r comes out as `R = σ r` with
//! `σ = 1 + β̂/(α + r) = (r + s)/(α + r)`, and
//! `log |det ∂x/∂z| = (d − 1) ln σ + ln((r + α σ)/(α + r))`, the last of which is the paper's `ln(1 + α β̂/(α + r)²)`.
//!
//! Back: `r² + q r = α R` with `q = s − R`, whose one root that is not negative is taken in the form that does not cancel; then
//! `z = z₀ + (x − z₀)/σ`. Where points hardly move, that is `z + (z − z₀)(σ − 1)` and `x + (x − z₀)(1/σ − 1)`: there the sum around
//! the centre would leave its gradient to a difference of two large ones.

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

/// `ln(b/a)` of positive numbers whose difference b − a is known to more digits than they tell.
fn ln_ratio<'t, T: Real>(
    a: Var<'t, T>,
    b: Var<'t, T>,
    difference: Var<'t, T>,
    shrinks: bool,
) -> Var<'t, T> {
    // By ln(1 + x) of an x that is not negative: near −1 it would be of rounding alone.
    if shrinks { -(-difference / b).ln_1p() } else { (difference / a).ln_1p() }
}

impl<'t, T: Real> Radial<Var<'t, T>> {
    /// α and s, `[1]`.
    fn parameters(&self) -> (Var<'t, T>, Var<'t, T>) {
        (self.reach.softplus(), self.push.softplus())
    }

    /// σ − 1 and σ, and the log-determinant, of lengths r `[n, 1]` in d dimensions.
    fn stretch(&self, r: Var<'t, T>, d: usize) -> ([Var<'t, T>; 2], LogDet<'t, T>) {
        let (reach, inner) = self.parameters();
        let push = inner - reach;
        let shrinks = push.item() < T::zero();
        let (from, to) = (reach + r, inner + r);
        let stretch = to / from;
        let across = ln_ratio(from, to, push, shrinks);
        let along = ln_ratio(from, r + reach * stretch, push * reach / from, shrinks);
        ([push / from, stretch], LogDet::new((across * (d as f64 - 1.0) + along).sum(-1)))
    }
}

/// One of two forms of a point that moves by a share of its distance from the centre: the first where that is less than a half.
fn moved<'t, T: Real>(share: Var<'t, T>, [near, far]: [Var<'t, T>; 2]) -> Var<'t, T> {
    (0.5 - share.abs()).relu().select(near, far)
}

impl<'t, T: Real> Bijection<'t, T> for Radial<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Radial", self.centre.size(0), z);
        let from_centre = z - self.centre;
        let ([share, stretch], log_det) = self.stretch(length(from_centre), z.size(1));
        let forms = [z + from_centre * share, self.centre + from_centre * stretch];
        (moved(share, forms), log_det)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Radial", self.centre.size(0), x);
        let from_centre = x - self.centre;
        let (reach, inner) = self.parameters();
        let far = length(from_centre);
        let q = inner - far;
        let product = reach * far;
        let twice = q.abs() + (q.square() + product * 4.0).sqrt();
        let r = q.relu().select(product * 2.0 / twice, twice * 0.5);
        let ([share, stretch], log_det) = self.stretch(r, x.size(1));
        let share = -share / stretch;
        let forms = [x + from_centre * share, self.centre + from_centre / stretch];
        (moved(share, forms), -log_det)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::{Parameters, Tape};

    /// Of a point on an axis, at a distance from the centre: how far it comes out, and the log-determinant.
    fn at<T: Real>(push: f64, distance: f64, forward: bool) -> [f64; 2] {
        let mut radial = Radial::<Array<T>>::new(3, Noise::new(0));
        radial.centre.fill(T::zero());
        radial.push.fill(T::from_f64(push));
        let tape = Tape::<T>::new();
        let mut point = zeros::<T>(&[1, 3]);
        point[[0, 1]] = T::from_f64(distance);
        let (point, radial) = (tape.constant(point), radial.bind(&tape));
        let (image, log_det) = if forward { radial.forward(point) } else { radial.inverse(point) };
        [image.data()[1].to_f64(), log_det.value().data()[0].to_f64()]
    }

    #[test]
    fn strong_pulls_and_pushes_keep_their_digits_in_both_precisions() {
        let alpha = std::f64::consts::LN_2;
        for push in [-20.0_f64, -8.0, -1.0, 0.0, 1.0, 8.0, 20.0] {
            let s = push.exp().ln_1p();
            for r in [1e-6, 1e-3, 0.1, 1.0, 10.0, 1000.0] {
                let (moved, far) = (r * (r + s) / (alpha + r), alpha + r);
                let along = (r * (r + 2.0 * alpha) + alpha * s) / (far * far);
                let log_det = 2.0 * ((r + s) / far).ln() + along.ln();
                for (forward, from, truth) in
                    [(true, r, [moved, log_det]), (false, moved, [r, -log_det])]
                {
                    let near = |found: [f64; 2], bound: f64| {
                        let apart = (found[0] / truth[0] - 1.0).abs();
                        let off = (found[1] - truth[1]).abs() / truth[1].abs().max(1.0);
                        assert!(
                            apart <= bound && off <= bound,
                            "{push}, {from}: {found:?}, not {truth:?}"
                        );
                    };
                    near(at::<f64>(push, from, forward), 1e-14);
                    near(at::<f32>(push, from, forward), 1e-6);
                }
            }
        }
    }
}
