//! y = (1/n) Σ (x − μ)² with μ = (1/n) Σ x, over an axis or over all n elements, in two passes;
//! dx = dy · 2 (x − μ) / n. The terms through μ cancel: Σ (x − μ) = 0.

use super::mean::means;
use crate::check::{Check, Input};
use crate::kernels::lanes::{Operands, SumOf, Term, fold_lanes, layout};
use crate::kernels::nary::{Step, pass};
use crate::scalar::Real;
use crate::shape::{Keep, Lanes, Reduce};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Variance(Lanes);

/// (x − μ)².
#[derive(Clone, Copy)]
struct Square;

impl<T: Real> Term<T> for Square {
    #[inline(always)]
    fn at(self, x: T, _: T, mean: T) -> T {
        (x - mean).square()
    }
}

/// dx ← dy · 2/n · (x − μ).
#[derive(Clone, Copy)]
struct Deviation<T>(T);

impl<T: Real> Step<T, 3> for Deviation<T> {
    #[inline(always)]
    fn at(self, [x, mean, dy]: [T; 3], out: &mut T) {
        *out = dy * self.0 * (x - mean);
    }
}

impl<T: Real> Op<T> for Variance {
    fn name(&self) -> &'static str {
        "variance"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let x = saved.input(0);
        let mut mean = dx.tensor(&[self.0.count()]);
        means(x, self.0, mean.data_mut());
        let mut d = dx.tensor(saved.input_shape(0));
        let factor = Deviation(T::from_f64(2.0 / self.0.len as f64));
        pass(factor, &layout::<1, 3>(self.0), [x, mean.data(), dy.data()], d.data_mut());
        dx.add(0, d);
    }
}

impl<T: Real> Var<'_, T> {
    /// The mean squared deviation from the mean: over everything, `x.variance(..)`; over an axis, `x.variance(0)`;
    /// keeping it, `x.variance(Keep(0))`.
    ///
    /// Divides by n, as a maximum-likelihood estimate does: multiply by n / (n − 1) for the unbiased one. The variance of
    /// one number is 0, that of nothing NaN.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn variance(self, over: impl Into<Reduce>) -> Self {
        let (lanes, shape) = over.into().resolve("variance", self.shape());
        let (mut mean, mut y) = (self.tape().tensor(&shape), self.tape().tensor(&shape));
        means(self.data(), lanes, mean.data_mut());
        let read = Operands { p: mean.data(), ..Operands::of(self.data()) };
        fold_lanes(SumOf(Square), read, lanes, y.data_mut());
        let n = T::from_f64(lanes.len as f64);
        y.data_mut().iter_mut().for_each(|sum| *sum /= n);
        self.tape().record(Variance(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("variance", x(), crate::function!(|x| x.variance(..))),
        Check::gradient("variance, first axis", x(), crate::function!(|x| x.variance(0))),
        Check::gradient("variance, middle axis kept", x(), crate::function!(|x| x.variance(Keep(1)))),
        Check::gradient("variance, last axis", x(), crate::function!(|x| x.variance(-1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers};
    use crate::shape::Keep;
    use crate::tape::Tape;
    use ndarray::arr1;

    #[test]
    fn is_the_mean_squared_deviation() {
        for shape in [[4, 3], [1, 5], [33, 70]] {
            let x = [numbers(&shape)];
            let composed = crate::function!(|x| {
                let centred = x - x.mean(Keep(0));
                (centred * centred).mean(0)
            });
            agree(&crate::function!(|x| x.variance(0)), &composed, &x);
            let composed = crate::function!(|x| {
                let centred = x - x.mean(Keep(1));
                (centred * centred).mean(1)
            });
            agree(&crate::function!(|x| x.variance(1)), &composed, &x);
        }
    }

    #[test]
    fn a_common_offset_does_not_cancel_it() {
        let tape = Tape::<f64>::new();
        let of = |x: &[f64]| tape.constant(arr1(x)).variance(..).item();
        assert_eq!(of(&[1e9, 1e9 + 2.0]), 1.0);
        assert_eq!(of(&[7.0]), 0.0);
        assert!(of(&[]).is_nan());
    }
}
