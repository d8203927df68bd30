//! The planar flow (Rezende and Mohamed 2015, section 4.1): `x = z + û tanh(wᵀz + b)`, which pushes points across a plane.
//!
//! It is invertible where wᵀû > −1, so with the stored u: `û = u + (c − wᵀu) w / |w|²`, for which
//! `wᵀû = c = softplus(wᵀu + ln(e − 1)) − 1` (appendix A.1, shifted so that u = 0 is the identity). `log |det ∂x/∂z| = ln(1 + c (1 − tanh² a))`, `a = wᵀz + b`.
//!
//! Back: a solves `a + c tanh a = wᵀx + b`, one number for each row, found by bracketed Newton steps
//! ([`Var::tanh_root`]); then `z = x − û tanh a`.

use crate::{Bijection, Init, LogDet};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, zeros};

/// From where on softplus is its argument.
const LINE: f64 = 40.0;

/// A planar bijection over `[n, d]`.
#[derive(Clone, Debug)]
pub struct Planar<P> {
    /// w, `[d, 1]`: not all zero.
    pub weight: P,
    /// u, `[1, d]`.
    pub push: P,
    /// b, `[1]`.
    pub bias: P,
}

impl<T: Real> Planar<Array<T>> {
    /// Over so many columns, with a plane of random direction and hardly a push.
    pub fn new(width: usize, noise: Noise) -> Self {
        Self {
            weight: Init::Normal(1.0 / (width.max(1) as f64).sqrt()).draw(
                width,
                1,
                noise.stream(0),
            ),
            push: Init::Normal(0.01).draw(1, width, noise.stream(1)),
            bias: zeros(&[1]),
        }
    }
}

impl<P> Tree<P> for Planar<P> {
    type With<Q> = Planar<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Planar<Q> {
        Planar {
            weight: f(&path.field("weight"), &self.weight),
            push: f(&path.field("push"), &self.push),
            bias: f(&path.field("bias"), &self.bias),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { weight, push, bias } = self;
        out.extend([weight, push, bias]);
    }
}

impl<'t, T: Real> Planar<Var<'t, T>> {
    /// û `[1, d]`, c and wᵀu, `[1, 1]`.
    fn push(&self) -> (Var<'t, T>, Var<'t, T>, Var<'t, T>) {
        let product = self.push.matmul(self.weight);
        // softplus(p + ln(e − 1)) − 1 without its difference, which near the identity would be of rounding alone. Far out, where the
        // exponential would overflow, it is a line to the last bit.
        let far = (product - LINE).relu();
        let c = ((product - far).expm1() * -(-1_f64).exp_m1()).ln_1p() + far;
        let push = self.push + (c - product) * self.weight.t() / self.weight.square().sum(..);
        (push, c, product)
    }

    /// ln(1 + c (1 − tanh² a)) for each row.
    fn log_det(t: Var<'t, T>, c: Var<'t, T>, product: Var<'t, T>) -> LogDet<'t, T> {
        let slope = 1.0 - t.square();
        let log_det = if c.item() < T::from_f64(-0.5) {
            // Near c = −1, where the map is all but folded, 1 + c would be of rounding alone: t² + (1 + c)(1 − t²) is not.
            let rest = (product + 1_f64.exp_m1().ln()).softplus();
            (t.square() + slope * rest).ln()
        } else {
            (slope * c).ln_1p()
        };
        LogDet::new(log_det.sum(-1))
    }
}

impl<'t, T: Real> Bijection<'t, T> for Planar<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let (push, c, product) = self.push();
        let t = (z.matmul(self.weight) + self.bias).tanh();
        (z + t * push, Self::log_det(t, c, product))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let (push, c, product) = self.push();
        let t = (x.matmul(self.weight) + self.bias).tanh_root(c).tanh();
        (x - t * push, -Self::log_det(t, c, product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::{Parameters, Tape};

    fn on_the_plane<T: Real>(u: f64) -> f64 {
        let mut planar = Planar::<Array<T>>::new(1, Noise::new(0));
        planar.weight.fill(T::one());
        planar.push.fill(T::from_f64(u));
        let tape = Tape::<T>::new();
        let (_, log_det) = planar.bind(&tape).forward(tape.filled(&[1, 1], 0.0));
        log_det.value().data()[0].to_f64()
    }

    /// There the determinant is 1 + c = ln(1 + (e − 1) e^(wᵀu)).
    #[test]
    fn a_map_that_is_all_but_folded_has_its_log_determinant() {
        for u in [3.0_f64, 0.0, -0.5, -1.0, -2.0, -14.0, -18.0, -36.0, -60.0] {
            let truth = (1_f64.exp_m1() * u.exp()).ln_1p().ln();
            for (found, bound) in [(on_the_plane::<f64>(u), 1e-14), (on_the_plane::<f32>(u), 1e-6)]
            {
                let off = (found - truth).abs();
                assert!(off <= bound * truth.abs().max(1.0), "{u}: {found}, not {truth}");
            }
        }
    }
}
