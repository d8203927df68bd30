//! A coupling's affine transform and its inverse, elementwise: y = x eˢ + t and x = (y − t) e⁻ˢ.
//!
//! Forward: dx = dy · eˢ, ds = dy · x eˢ, dt = dy. Inverse: dy = dx · e⁻ˢ, ds = −dx · x, dt = −dx · e⁻ˢ.
//! Source: Dinh, Sohl-Dickstein and Bengio, *Density estimation using Real NVP*, 2017, equations 7 and 8.
//!
//! The log-determinant of a row is Σ s, of the inverse −Σ s. An op has one output, so s is an input here and not bounded
//! within: `s = raw.bounded(b)` is computed once and shared by the transform and by `s.sum(-1)`.

use super::nary::nary;
use crate::check::{Check, Input};
use crate::kernels::nary::Nary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Forward;

impl<T: Real> Nary<T, 3> for Forward {
    const NAME: &'static str = "coupling_affine";
    #[inline(always)]
    fn f(self, [x, log_scale, shift]: [T; 3]) -> T {
        x * log_scale.exp() + shift
    }
    #[inline(always)]
    fn d(self, i: usize, [x, log_scale, _]: [T; 3]) -> T {
        match i {
            0 => log_scale.exp(),
            1 => x * log_scale.exp(),
            _ => T::one(),
        }
    }
}

#[derive(Clone, Copy)]
struct Inverse;

impl<T: Real> Nary<T, 3> for Inverse {
    const NAME: &'static str = "coupling_affine_inverse";
    #[inline(always)]
    fn f(self, [y, log_scale, shift]: [T; 3]) -> T {
        (y - shift) * (-log_scale).exp()
    }
    #[inline(always)]
    fn d(self, i: usize, [y, log_scale, shift]: [T; 3]) -> T {
        let factor = (-log_scale).exp();
        match i {
            0 => factor,
            1 => (shift - y) * factor,
            _ => -factor,
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// x · e^log_scale + shift, elementwise, with x this. Its log-determinant is `log_scale.sum(-1)`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn coupling_affine(self, log_scale: Self, shift: Self) -> Self {
        nary(Forward, [self, log_scale, shift])
    }

    /// (y − shift) · e^(−log_scale), elementwise, with y this. Its log-determinant is `-log_scale.sum(-1)`.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn coupling_affine_inverse(self, log_scale: Self, shift: Self) -> Self {
        nary(Inverse, [self, log_scale, shift])
    }
}

pub(super) fn checks() -> Vec<Check> {
    let inputs = || [Input::any(&[3, 4]), Input::any(&[3, 4]), Input::any(&[3, 4])];
    vec![
        Check::gradient("coupling_affine", inputs(), crate::function!(|x, s, t| x.coupling_affine(s, t))),
        Check::gradient(
            "coupling_affine_inverse",
            inputs(),
            crate::function!(|y, s, t| y.coupling_affine_inverse(s, t)),
        ),
        Check::gradient(
            "coupling_affine, broadcast",
            [Input::any(&[3, 4]), Input::any(&[4]), Input::any(&[])],
            crate::function!(|x, s, t| x.coupling_affine(s, t)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::jacobian;
    use crate::ops::composition::{agree, numbers};
    use crate::tape::Tape;

    #[test]
    fn is_its_formula() {
        let forward = crate::function!(|x, s, t| x.coupling_affine(s, t));
        let inverse = crate::function!(|y, s, t| y.coupling_affine_inverse(s, t));
        for shape in [&[3, 4][..], &[0, 2], &[300, 7]] {
            let inputs = [numbers(shape), 0.5 * numbers(shape), numbers(shape) + 1.0];
            agree(&forward, &crate::function!(|x, s, t| x * s.exp() + t), &inputs);
            agree(&inverse, &crate::function!(|y, s, t| (y - t) / s.exp()), &inputs);
        }
    }

    #[test]
    fn the_inverse_undoes_it_and_the_log_determinant_is_that_of_the_jacobian() {
        let tape = Tape::<f64>::new();
        let inputs = [numbers(&[1, 6]), numbers(&[1, 6]).mapv(f64::sin), numbers(&[1, 6])];
        let [x, s, t] = inputs.each_ref().map(|x| tape.constant(x));
        let back = x.coupling_affine(s, t).coupling_affine_inverse(s, t);
        assert!((&back.value() - &x.value()).iter().all(|e| e.abs() <= 1e-14));
        let jacobian = jacobian(&crate::function!(|x, s, t| x.coupling_affine(s, t)), &inputs, 0);
        let log_det: f64 = jacobian.diag().iter().map(|d| d.abs().ln()).sum();
        assert!((log_det - s.sum(-1).item()).abs() <= 1e-13);
        assert!(jacobian.indexed_iter().all(|((i, j), &d)| i == j || d == 0.0));
    }
}
