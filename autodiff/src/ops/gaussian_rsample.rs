//! z = μ + eˢ ε with ε ~ N(0, 1) and s = ln σ: a draw of a latent variable, differentiable in its mean and log-scale;
//! dμ = dz, ds = dz · ε · eˢ.
//!
//! As in [`rsample`](super::rsample), ε is drawn again in the backward pass.
//! Source: Kingma and Welling, *Auto-encoding variational Bayes*, 2014, section 2.4.

use super::rsample::reparametrised;
use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::kernels::noise::Noise;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Exp;

impl<T: Real> Unary<T> for Exp {
    const NAME: &'static str = "gaussian_rsample";
    #[inline(always)]
    fn f(self, log_scale: T) -> T {
        log_scale.exp()
    }
    #[inline(always)]
    fn df(self, _: T, scale: T) -> T {
        scale
    }
}

impl<T: Real> Var<'_, T> {
    /// A draw of N(mean, e^(2 log_scale)), elementwise: this is the mean, element i takes draw i of the stream.
    ///
    /// For k draws, [`broadcast_to`](Var::broadcast_to) `[k, n, d]` first: every draw has its own noise.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn gaussian_rsample(self, log_scale: Self, noise: Noise) -> Self {
        reparametrised(self, Exp, log_scale, noise)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::stochastic_gradient(
        "gaussian_rsample",
        [Input::any(&[3, 5]), Input::any(&[3, 5])],
        crate::function!(|m, s| m.gaussian_rsample(s, Noise::new(4))),
    )]
}

#[cfg(test)]
mod tests {
    use crate::kernels::noise::Noise;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn is_a_mean_and_a_scaled_normal() {
        let fused = crate::function!(|m, s| m.gaussian_rsample(s, Noise::new(8)));
        let composed = crate::function!(|m, s| m + s.exp() * m.tape().normal(m.shape(), Noise::new(8)));
        for shape in [&[3, 4][..], &[], &[0, 2], &[1025]] {
            agree(&fused, &composed, &[numbers(shape), 0.5 * numbers(shape)]);
        }
    }

    #[test]
    fn shapes_that_differ_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        panics("gaussian_rsample: shapes [2, 3] and [3] differ", || {
            of(&[2, 3]).gaussian_rsample(of(&[3]), Noise::new(0))
        });
    }
}
