//! y = ln Σ eˣ over an axis or over all, computed as m + ln s with m = max x and s = Σ e^(x − m), which cannot overflow;
//! dx = dy · e^(x − m) / s, whose weights add up to 1 also where y is so large that ln s is lost in it.

use crate::check::{Check, Input};
use crate::kernels::elementwise::add_assign;
use crate::kernels::lanes::{Max, Operands, SumOf, Term, fold_lanes, layout};
use crate::kernels::nary::{Layout, Step, pass};
use crate::scalar::Real;
use crate::shape::{Keep, Lanes, Reduce};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

/// e^(x − p).
#[derive(Clone, Copy)]
struct Shifted;

impl<T: Real> Term<T> for Shifted {
    #[inline(always)]
    fn at(self, x: T, _: T, p: T) -> T {
        (x - p).exp()
    }
}

/// For each lane, `shift ← max x` and `sum ← Σ e^(x − shift)`: `ln Σ eˣ = shift + ln sum`.
///
/// An infinite maximum is replaced by 0, so that a lane of −∞ has the sum 0, and one with +∞ the sum +∞.
pub(super) fn shifted_sum<T: Real>(x: &[T], lanes: Lanes, shift: &mut [T], sum: &mut [T]) {
    fold_lanes(Max, Operands::of(x), lanes, shift);
    for shift in &mut *shift {
        if !shift.is_finite() {
            *shift = T::zero();
        }
    }
    fold_lanes(SumOf(Shifted), Operands { x, y: x, p: shift }, lanes, sum);
}

/// [`shifted_sum`] with the logarithms of the sums: `ln Σ eˣ = shift + log_sum`.
pub(super) fn shifted_log_sum<T: Real>(x: &[T], lanes: Lanes, shift: &mut [T], log_sum: &mut [T]) {
    shifted_sum(x, lanes, shift, log_sum);
    pass(Ln, &Layout::same(log_sum.len()), [], log_sum);
}

/// x ← ln x.
#[derive(Clone, Copy)]
struct Ln;

impl<T: Real> Step<T, 0> for Ln {
    #[inline(always)]
    fn at(self, []: [T; 0], x: &mut T) {
        *x = x.ln();
    }
}

struct LogSumExp(Lanes);

/// dx ← dy · e^(x − m) / s: the softmax weights. A lane that is all −∞ has none, and its gradient is 0.
#[derive(Clone, Copy)]
struct Weigh;

impl<T: Real> Step<T, 4> for Weigh {
    #[inline(always)]
    fn at(self, [x, shift, sum, dy]: [T; 4], out: &mut T) {
        *out = if sum == T::zero() { sum } else { dy * ((x - shift).exp() / sum) };
    }
}

impl<T: Real> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "logsumexp"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let (mut shift, mut sum) = (dx.tensor(dy.shape()), dx.tensor(dy.shape()));
        shifted_sum(saved.input(0), self.0, shift.data_mut(), sum.data_mut());
        let mut d = dx.tensor(saved.input_shape(0));
        let x = [saved.input(0), shift.data(), sum.data(), dy.data()];
        pass(Weigh, &layout::<1, 4>(self.0), x, d.data_mut());
        dx.add(0, d);
    }
}

impl<T: Real> Var<'_, T> {
    /// ln Σ eˣ: over everything, `x.logsumexp(..)`; along an axis, `x.logsumexp(0)`; keeping it, `x.logsumexp(Keep(0))`.
    ///
    /// −∞ over nothing, and where every element is −∞ (with gradient 0); ∞, with a gradient of NaN, where one is ∞.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn logsumexp(self, over: impl Into<Reduce>) -> Self {
        let (lanes, shape) = over.into().resolve("logsumexp", self.shape());
        let (mut y, mut log_sum) = (self.tape().tensor(&shape), self.tape().tensor(&shape));
        shifted_log_sum(self.data(), lanes, y.data_mut(), log_sum.data_mut());
        add_assign(y.data_mut(), log_sum.data());
        self.tape().record(LogSumExp(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("logsumexp", x(), crate::function!(|x| x.logsumexp(..))),
        Check::gradient("logsumexp, first axis", x(), crate::function!(|x| x.logsumexp(0))),
        Check::gradient("logsumexp, middle axis kept", x(), crate::function!(|x| x.logsumexp(Keep(1)))),
        Check::gradient("logsumexp, last axis", x(), crate::function!(|x| x.logsumexp(-1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers};
    use crate::tape::Tape;
    use ndarray::arr1;
    use std::f64::consts::LN_2;

    const MINUS: f64 = f64::NEG_INFINITY;

    #[test]
    fn is_the_logarithm_of_a_sum() {
        for shape in [[4, 3], [1, 5], [33, 70]] {
            let x = [numbers(&shape)];
            agree(&crate::function!(|x| x.logsumexp(0)), &crate::function!(|x| x.exp().sum(0).ln()), &x);
            agree(&crate::function!(|x| x.logsumexp(1)), &crate::function!(|x| x.exp().sum(1).ln()), &x);
        }
    }

    #[test]
    fn neither_overflows_nor_underflows() {
        let tape = Tape::<f64>::new();
        let table: [(&[f64], f64, &[f64]); 8] = [
            (&[1000.0, 1000.0], 1000.0 + LN_2, &[0.5, 0.5]),
            (&[-1000.0, -1000.0], -1000.0 + LN_2, &[0.5, 0.5]),
            (&[1000.0, -1000.0], 1000.0, &[1.0, 0.0]),
            (&[MINUS, 2.0], 2.0, &[0.0, 1.0]),
            (&[MINUS, MINUS], MINUS, &[0.0, 0.0]),
            (&[], MINUS, &[]),
            (&[-3.0], -3.0, &[1.0]),
            (&[1e300, 1e300], 1e300, &[0.5, 0.5]),
        ];
        for (x, value, weights) in table {
            let x = tape.variable(arr1(x));
            let y = x.logsumexp(..);
            assert_eq!(y.item(), value, "{x:?}");
            let gradient = y.backward().take(x);
            for (g, w) in gradient.data().iter().zip(weights) {
                assert!((g - w).abs() <= 1e-12, "{x:?}: {gradient:?}");
            }
        }
        // Weights add up to 1 also where the logarithm of the sum is less than a rounding of the maximum.
        let single = Tape::<f32>::new();
        for (offset, n) in [(1e4, 2), (1e5, 3), (3e7, 2)] {
            let x = single.variable(ndarray::Array1::from_elem(n, offset));
            let weights = x.logsumexp(..).backward().take(x);
            let sum: f32 = weights.data().iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{offset}: {sum}");
        }
        let infinite = tape.constant(arr1(&[1.0, f64::INFINITY])).logsumexp(..);
        assert_eq!(infinite.item(), f64::INFINITY);
        assert!(tape.constant(arr1(&[1.0, f64::NAN])).logsumexp(..).item().is_nan());
    }
}
