//! A draw w = μ + softplus(ρ) ε of N(μ, σ²) and its divergence Σ KL(N(μ, σ²) ‖ N(0, s²)) in nats, in one visit each way.
//!
//! With r = σ/s and t = μ/s, a term of the divergence is ½ (r² − 1 + t²) − ln r, and, k its cotangent and dw that of the draw,
//!
//! ```text
//! dμ = dw + k t/s          dρ = (dw ε + k (r − 1/r)/s) softplus′(ρ)
//! ```
//!
//! [`rsample`](Var::rsample) and [`kl_mean_field`](Var::kl_mean_field) do the same one after the other. But a posterior is larger
//! than a cache, and the two read the same numbers, take the same softplus, and add to the same cotangents: apart they
//! move 44 bytes a weight on the way back, together 24, of which 4 are ε's, kept from the way there, and dρ takes its place.
//!
//! An op has one output. The divergence is therefore a node of its own that depends on the draw: on the way back it comes first, and
//! leaves its cotangent where the draw's rule finds it.
//! Source: Blundell et al., *Weight uncertainty in neural networks*, 2015, section 3.2.

use crate::check::{Check, Input};
use crate::kernels::noise::Noise;
use crate::kernels::reparametrise::{Divergence, draw_and_sum, draw_and_sum_backward};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::cell::Cell;
use std::rc::Rc;

/// From N(0, s²).
#[derive(Clone, Copy)]
struct FromNormal<T> {
    /// 1/s.
    precision_root: T,
    /// The divergence's cotangent.
    k: T,
}

impl<T: Real> Divergence<T> for FromNormal<T> {
    #[inline(always)]
    fn at(self, mean: T, rho: T, draw: T) -> (T, T, T) {
        let sigma = rho.softplus();
        let (r, t) = (sigma * self.precision_root, mean * self.precision_root);
        (mean + sigma * draw, T::from_f64(0.5) * (r * r - T::one() + t * t), r)
    }

    #[inline(always)]
    fn back(self, mean: T, rho: T, draw: T, dw: T) -> (T, T) {
        let k = self.k * self.precision_root;
        let (sigma, slope) = rho.softplus_sigmoid();
        let r = sigma * self.precision_root;
        let d_mean = dw + k * (mean * self.precision_root);
        let d_rho = (dw * draw + k * (r - T::one() / r)) * slope;
        (d_mean, d_rho)
    }
}

/// The draw.
struct Draw<T: Real> {
    /// ε, until a backward pass leaves dρ in its place: a second one draws it again.
    draws: Cell<Option<Tensor<T>>>,
    noise: Noise,
    prior_scale: f64,
    cotangent_of_kl: Rc<Cell<T>>,
}

impl<T: Real> Op<T> for Draw<T> {
    fn name(&self) -> &'static str {
        "rsample_with_kl"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let precision_root = T::from_f64(1.0 / self.prior_scale);
        let from = FromNormal { precision_root, k: self.cotangent_of_kl.replace(T::zero()) };
        let mut d_rho = self.draws.take().unwrap_or_else(|| {
            let mut draws = dx.tensor(saved.shape());
            T::fill_normal(self.noise, 0, draws.data_mut());
            draws
        });
        let inputs = [saved.input(0), saved.input(1)];
        draw_and_sum_backward(from, inputs, [dy.data_mut(), d_rho.data_mut()]);
        dx.add(0, dy);
        dx.add(1, d_rho);
    }
}

/// The divergence of the draw that is its input.
struct Kl<T>(Rc<Cell<T>>);

impl<T: Real> Op<T> for Kl<T> {
    fn name(&self) -> &'static str {
        "kl_of_rsample"
    }

    fn vjp(&self, _: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        self.0.set(self.0.get() + dy.data()[0]);
        // The draw's rule runs even where nothing else depends on the draw.
        dx.accumulate(0, |out, beta| {
            if beta.is_zero() {
                out.fill(T::zero());
            }
        });
    }
}

impl<T: Real> Var<'_, T> {
    /// A draw of N(mean, softplus(rho)²), elementwise, as by [`rsample`](Var::rsample), and its divergence
    /// Σ KL(N(mean, softplus(rho)²) ‖ N(0, prior_scale²)), in nats, as by [`kl_mean_field`](Var::kl_mean_field): this is the mean.
    ///
    /// # Panics
    /// If the shapes differ, or the prior's scale is not positive.
    ///
    /// ```
    /// use evidence_autodiff::{Noise, Tape};
    ///
    /// let tape = Tape::<f64>::new();
    /// let mean = tape.variable(ndarray::array![0.0, 1.0, 2.0]);
    /// let rho = tape.variable(ndarray::array![-1.0, 0.0, 1.0]);
    /// let (w, kl) = mean.rsample_with_kl(rho, Noise::new(7), 0.5);
    /// assert_eq!(w.value(), mean.rsample(rho, Noise::new(7)).value());
    /// assert!((kl.item() - mean.kl_mean_field(rho, 0.5).item()).abs() <= 1e-12);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rsample_with_kl(self, rho: Self, noise: Noise, prior_scale: f64) -> (Self, Self) {
        assert!(
            self.shape() == rho.shape(),
            "rsample_with_kl: shapes {self} and {rho} differ; every element has a scale"
        );
        assert!(
            prior_scale > 0.0 && prior_scale.is_finite(),
            "rsample_with_kl: a prior scale of {prior_scale}; it must be positive and finite"
        );
        let (mut w, mut kl) = (self.tape().tensor(self.shape()), self.tape().tensor(&[]));
        let from = FromNormal { precision_root: T::from_f64(1.0 / prior_scale), k: T::zero() };
        let mut draws = self.tape().tensor(self.shape());
        let outs = [draws.data_mut(), w.data_mut()];
        kl.fill(draw_and_sum(from, self.data(), rho.data(), noise, outs));
        let cotangent_of_kl = Rc::new(Cell::new(T::zero()));
        let (draws, clone) = (Cell::new(Some(draws)), Rc::clone(&cotangent_of_kl));
        let draw = Draw { draws, noise, prior_scale, cotangent_of_kl: clone };
        let w = self.tape().record(draw, &[self, rho], w);
        (w, self.tape().record(Kl(cotangent_of_kl), &[w], kl))
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || Input::any(&[3, 5]);
    vec![
        Check::stochastic_gradient(
            "rsample_with_kl",
            [x(), x()],
            crate::function!(|m, r| {
                let (w, kl) = m.rsample_with_kl(r, Noise::new(3), 0.7);
                w * kl
            }),
        ),
        Check::stochastic_gradient(
            "rsample_with_kl, the draw alone",
            [x(), x()],
            crate::function!(|m, r| m.rsample_with_kl(r, Noise::new(3), 0.7).0),
        ),
        Check::gradient(
            "rsample_with_kl, the divergence alone",
            [x(), x()],
            crate::function!(|m, r| m.rsample_with_kl(r, Noise::new(3), 0.7).1),
        ),
        Check::stochastic_gradient(
            "rsample_with_kl, used twice and after other uses",
            [x(), x()],
            crate::function!(|m, r| {
                let (w, kl) = m.rsample_with_kl(r, Noise::new(3), 0.7);
                w * kl + kl.square() + m * r
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::kernels::noise::Noise;
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn is_a_draw_and_a_divergence() {
        let fused = crate::function!(|m, r| {
            let (w, kl) = m.rsample_with_kl(r, Noise::new(9).stream(2), 0.3);
            w.square() + kl
        });
        let composed = crate::function!(|m, r| {
            let (w, kl) = (m.rsample(r, Noise::new(9).stream(2)), m.kl_mean_field(r, 0.3));
            w.square() + kl
        });
        // Sizes around a block of draws, and around a chunk of work.
        for shape in [&[3, 4][..], &[], &[0, 2], &[1023], &[1025], &[20_000]] {
            agree(&fused, &composed, &[numbers(shape), 2.0 * numbers(shape)]);
        }
    }

    /// ln σ is taken of products of four, which f32 holds only where none is extreme.
    #[test]
    fn a_scale_far_from_the_priors_is_no_infinity() {
        for (rho, prior_scale) in [(-60.0, 1.0), (-3.0, 1e14), (1.0, 1e-14), (-60.0, 1e-12)] {
            let mut numbers = numbers(&[300]).mapv(|x| 0.1 * x - 1.0);
            // One of a product's factors, then all of them.
            for i in [70, 131, 147, 163, 179, 299] {
                numbers[[i]] = rho;
            }
            let tape = Tape::<f64>::new();
            let rho = tape.constant(numbers.clone());
            let exact = (rho * 0.0).kl_mean_field(rho, prior_scale).item();
            let tape = Tape::<f32>::new();
            let rho = tape.constant(numbers.mapv(|x| x as f32));
            let (_, kl) = (rho * 0.0).rsample_with_kl(rho, Noise::new(1), prior_scale);
            let kl = f64::from(kl.item());
            assert!((kl - exact).abs() <= 1e-5 * exact.abs(), "ρ {rho}: {kl}, not {exact}");
        }
    }

    #[test]
    fn a_second_backward_pass_finds_nothing_of_the_first() {
        let tape = Tape::<f64>::new();
        let (mean, rho) = (tape.filled(&[5], 0.4), tape.variable(numbers(&[5])));
        let (w, kl) = mean.rsample_with_kl(rho, Noise::new(1), 1.0);
        let gradient = || (w.sum(..) + kl).backward().take(rho).to_array();
        let first = gradient();
        assert_eq!(first, gradient());
        let alone = w.sum(..).backward().take(rho).to_array();
        let plain = mean.rsample(rho, Noise::new(1)).sum(..).backward().take(rho).to_array();
        assert!(alone.iter().zip(&plain).all(|(a, b)| (a - b).abs() <= 1e-15) && alone != first);
    }

    #[test]
    fn has_the_same_bits_on_any_number_of_threads() {
        let run = |threads| {
            with_threads(threads, || {
                let tape = Tape::<f32>::new();
                let x = tape.variable(numbers(&[150_001]).mapv(|x| x as f32));
                let (w, kl) = x.rsample_with_kl(x, Noise::new(1), 0.5);
                let gradient = (w.sum(..) + kl).backward().take(x).to_array();
                (kl.item().to_bits(), w.value().to_owned(), gradient)
            })
        };
        let alone = run(1);
        assert!([2, 3].into_iter().all(|threads| run(threads) == alone));
    }

    #[test]
    fn refuses_what_has_no_divergence() {
        let tape = Tape::<f64>::new();
        let with = |scale| tape.scalar(0.0).rsample_with_kl(tape.scalar(0.0), Noise::new(0), scale);
        panics("a prior scale of 0", || with(0.0));
        panics("a prior scale of NaN", || with(f64::NAN));
        panics("rsample_with_kl: shapes [2] and [] differ", || {
            tape.filled(&[2], 0.0).rsample_with_kl(tape.scalar(0.0), Noise::new(0), 1.0)
        });
    }
}
