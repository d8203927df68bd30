//! y = eˣ / Σ eˣ along an axis, computed as e^(x − m) / Σ e^(x − m) with m = max x;
//! dx = y · (dy − Σ y · dy).

use super::logsumexp::shifted_sum;
use crate::check::{Check, Input};
use crate::kernels::lanes::{Operands, SumOf, Term, fold_lanes, layout};
use crate::kernels::nary::{Step, pass};
use crate::scalar::Real;
use crate::shape::{Lanes, Reduce};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Softmax(Lanes);

/// e^(x − m) / s.
#[derive(Clone, Copy)]
struct Normalise;

impl<T: Real> Step<T, 3> for Normalise {
    #[inline(always)]
    fn at(self, [x, m, s]: [T; 3], out: &mut T) {
        *out = (x - m).exp() / s;
    }
}

/// y · dy.
#[derive(Clone, Copy)]
struct Product;

impl<T: Real> Term<T> for Product {
    #[inline(always)]
    fn at(self, y: T, dy: T, _: T) -> T {
        y * dy
    }
}

/// dy ← y · (dy − mean).
#[derive(Clone, Copy)]
struct Centre;

impl<T: Real> Step<T, 2> for Centre {
    #[inline(always)]
    fn at(self, [y, mean]: [T; 2], dy: &mut T) {
        *dy = y * (*dy - mean);
    }
}

impl<T: Real> Op<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let y = saved.output();
        let mut mean = dx.tensor(&[self.0.count()]);
        let read = Operands { x: y, y: dy.data(), p: &[] };
        fold_lanes(SumOf(Product), read, self.0, mean.data_mut());
        pass(Centre, &layout::<1, 2>(self.0), [y, mean.data()], dy.data_mut());
        dx.add(0, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// eˣ / Σ eˣ along an axis, `x.softmax(-1)`, or over everything, `x.softmax(..)`; the shape stays.
    ///
    /// NaN where every element is −∞: no distribution has no support.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn softmax(self, over: impl Into<Reduce>) -> Self {
        let (lanes, _) = over.into().resolve("softmax", self.shape());
        let lane = || self.tape().tensor(&[lanes.count()]);
        let (mut shift, mut sum) = (lane(), lane());
        shifted_sum(self.data(), lanes, shift.data_mut(), sum.data_mut());
        let mut y = self.tape().tensor(self.shape());
        let x = [self.data(), shift.data(), sum.data()];
        pass(Normalise, &layout::<1, 3>(lanes), x, y.data_mut());
        self.tape().record(Softmax(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("softmax", x(), crate::function!(|x| x.softmax(..))),
        Check::gradient("softmax, first axis", x(), crate::function!(|x| x.softmax(0))),
        Check::gradient("softmax, middle axis", x(), crate::function!(|x| x.softmax(1))),
        Check::gradient("softmax, last axis", x(), crate::function!(|x| x.softmax(-1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers};
    use crate::shape::Keep;
    use crate::tape::Tape;
    use ndarray::arr1;

    #[test]
    fn is_an_exponential_over_its_sum() {
        for shape in [[4, 3], [1, 5], [33, 70], [0, 3]] {
            let x = [numbers(&shape)];
            let composed = crate::function!(|x| x.exp() / x.exp().sum(Keep(0)));
            agree(&crate::function!(|x| x.softmax(0)), &composed, &x);
            let composed = crate::function!(|x| x.exp() / x.exp().sum(Keep(1)));
            agree(&crate::function!(|x| x.softmax(1)), &composed, &x);
        }
    }

    #[test]
    fn neither_overflows_nor_underflows() {
        let tape = Tape::<f64>::new();
        let of = |x: &[f64]| tape.constant(arr1(x)).softmax(-1).data().to_vec();
        assert_eq!(of(&[1000.0, 1000.0]), [0.5, 0.5]);
        assert_eq!(of(&[-1000.0, -1000.0, 1000.0]), [0.0, 0.0, 1.0]);
        assert_eq!(of(&[f64::NEG_INFINITY, -1000.0]), [0.0, 1.0]);
        assert!(of(&[f64::NEG_INFINITY; 2]).iter().all(|y| y.is_nan()));
        assert_eq!(of(&[3.0]), [1.0]);
        assert!(of(&[]).is_empty());
    }
}
