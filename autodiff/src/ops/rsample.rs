//! w = μ + softplus(ρ) ε with ε ~ N(0, 1): a draw of a weight, differentiable in its mean and scale;
//! dμ = dw, dρ = dw · ε · σ(ρ).
//!
//! ε is a function of the noise's name and the element's number, so the backward pass draws it again, block by block:
//! neither ε nor σ = softplus(ρ) is ever stored.
//! Source: Blundell et al., *Weight uncertainty in neural networks*, 2015, section 3.2.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::kernels::noise::Noise;
use crate::kernels::reparametrise::{draw, draw_backward};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

#[derive(Clone, Copy)]
struct Softplus;

impl<T: Real> Unary<T> for Softplus {
    const NAME: &'static str = "rsample";
    #[inline(always)]
    fn f(self, rho: T) -> T {
        rho.softplus()
    }
    #[inline(always)]
    fn df(self, rho: T, _: T) -> T {
        rho.sigmoid()
    }
}

/// A draw whose scale is a function of a free parameter.
struct Draw<F> {
    scale: F,
    noise: Noise,
}

impl<T: Real, F: Unary<T>> Op<T> for Draw<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mut dy = dy;
        if dx.needs(0) && dx.needs(1) {
            let copy = dx.copy(&dy);
            dx.add(0, copy);
        } else if dx.needs(0) {
            return dx.add(0, dy);
        }
        draw_backward(self.scale, saved.input(1), self.noise, dy.data_mut());
        dx.add(1, dy);
    }
}

/// `mean + f(raw) · ε`, element i with draw i of the stream.
///
/// # Panics
/// If the shapes differ.
#[track_caller]
pub(super) fn reparametrised<'t, T: Real, F: Unary<T>>(
    mean: Var<'t, T>,
    scale: F,
    raw: Var<'t, T>,
    noise: Noise,
) -> Var<'t, T> {
    let name = F::NAME;
    assert!(mean.shape() == raw.shape(), "{name}: shapes {mean} and {raw} differ; every element has a scale");
    let mut y = mean.tape().tensor(mean.shape());
    draw(scale, mean.data(), raw.data(), noise, y.data_mut());
    mean.tape().record(Draw { scale, noise }, &[mean, raw], y)
}

impl<T: Real> Var<'_, T> {
    /// A draw of N(mean, softplus(rho)²), elementwise: this is the mean, element i takes draw i of the stream.
    ///
    /// # Panics
    /// If the shapes differ.
    ///
    /// ```
    /// use evidence_autodiff::{Noise, Tape};
    ///
    /// let tape = Tape::<f64>::new();
    /// let mean = tape.variable(ndarray::array![0.0, 1.0, 2.0]);
    /// let rho = tape.variable(ndarray::array![-1.0, 0.0, 1.0]);
    /// let noise = Noise::new(7).stream(0);
    /// let w = mean.rsample(rho, noise);
    /// // The same noise gives the same draw.
    /// assert_eq!(w.value(), mean.rsample(rho, noise).value());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rsample(self, rho: Self, noise: Noise) -> Self {
        reparametrised(self, Softplus, rho, noise)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || Input::any(&[3, 5]);
    vec![
        Check::stochastic_gradient("rsample", [x(), x()], crate::function!(|m, r| m.rsample(r, Noise::new(3)))),
        Check::stochastic_gradient("rsample, by itself", [x()], crate::function!(|x| x.rsample(x, Noise::new(3)))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::kernels::noise::Noise;
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn is_a_mean_and_a_scaled_normal() {
        let fused = crate::function!(|m, r| m.rsample(r, Noise::new(9).stream(2)));
        let composed = crate::function!(|m, r| {
            m + r.softplus() * m.tape().normal(m.shape(), Noise::new(9).stream(2))
        });
        // Sizes around a block of draws, and around a chunk of work.
        for shape in [&[3, 4][..], &[], &[0, 2], &[1023], &[1025], &[20_000]] {
            agree(&fused, &composed, &[numbers(shape), 2.0 * numbers(shape)]);
        }
    }

    #[test]
    fn has_the_same_bits_on_any_number_of_threads() {
        let draw = |threads| {
            with_threads(threads, || {
                let tape = Tape::<f32>::new();
                let x = tape.variable(numbers(&[150_001]).mapv(|x| x as f32));
                let y = x.rsample(x, Noise::new(1));
                let gradient = y.sum(..).backward().take(x).to_array();
                (y.value().to_owned(), gradient)
            })
        };
        let alone = draw(1);
        assert!([2, 3].into_iter().all(|threads| draw(threads) == alone));
    }

    #[test]
    fn has_the_moments_asked_for() {
        const N: usize = 100_000;
        let tape = Tape::<f64>::new();
        let (mean, rho) = (tape.filled(&[N], 1.5), tape.filled(&[N], 0.3));
        let w = mean.rsample(rho, Noise::new(5));
        let scale = 0.3f64.exp().ln_1p();
        // Four standard errors: σ/√N, and √2 σ²/√N.
        let root = (N as f64).sqrt();
        assert!((w.mean(..).item() - 1.5).abs() <= 4.0 * scale / root);
        assert!((w.variance(..).item() - scale * scale).abs() <= 4.0 * 2f64.sqrt() * scale * scale / root);
        panics("rsample: shapes [2] and [3] differ", || {
            tape.filled(&[2], 0.0).rsample(tape.filled(&[3], 0.0), Noise::new(0))
        });
    }
}
