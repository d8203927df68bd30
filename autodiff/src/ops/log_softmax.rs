//! y = x − ln Σ eˣ along an axis, computed as (x − m) − ln Σ e^(x − m) with m = max x;
//! dx = dy − eʸ · Σ dy.

use super::logsumexp::shifted_log_sum;
use crate::check::{Check, Input};
use crate::kernels::lanes::layout;
use crate::kernels::nary::{Step, pass};
use crate::kernels::reduce::sum_lanes;
use crate::scalar::Real;
use crate::shape::{Lanes, Reduce};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct LogSoftmax(Lanes);

/// (x − m) − l: m first, so that a large common shift of the logits costs no accuracy.
#[derive(Clone, Copy)]
struct Shift;

impl<T: Real> Step<T, 3> for Shift {
    #[inline(always)]
    fn at(self, [x, m, l]: [T; 3], out: &mut T) {
        *out = (x - m) - l;
    }
}

/// dy ← dy − eʸ · total.
#[derive(Clone, Copy)]
struct Centre;

impl<T: Real> Step<T, 2> for Centre {
    #[inline(always)]
    fn at(self, [y, total]: [T; 2], dy: &mut T) {
        *dy -= y.exp() * total;
    }
}

impl<T: Real> Op<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mut total = dx.tensor(&[self.0.count()]);
        sum_lanes(dy.data(), self.0, total.data_mut());
        pass(Centre, &layout::<1, 2>(self.0), [saved.output(), total.data()], dy.data_mut());
        dx.add(0, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// x − ln Σ eˣ along an axis, `x.log_softmax(-1)`, or over everything, `x.log_softmax(..)`; the shape stays.
    ///
    /// Log-probabilities in nats. NaN where every element is −∞.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn log_softmax(self, over: impl Into<Reduce>) -> Self {
        let (lanes, _) = over.into().resolve("log_softmax", self.shape());
        let lane = || self.tape().tensor(&[lanes.count()]);
        let (mut shift, mut log_sum) = (lane(), lane());
        shifted_log_sum(self.data(), lanes, shift.data_mut(), log_sum.data_mut());
        let mut y = self.tape().tensor(self.shape());
        let x = [self.data(), shift.data(), log_sum.data()];
        pass(Shift, &layout::<1, 3>(lanes), x, y.data_mut());
        self.tape().record(LogSoftmax(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("log_softmax", x(), crate::function!(|x| x.log_softmax(..))),
        Check::gradient("log_softmax, first axis", x(), crate::function!(|x| x.log_softmax(0))),
        Check::gradient("log_softmax, middle axis", x(), crate::function!(|x| x.log_softmax(1))),
        Check::gradient("log_softmax, last axis", x(), crate::function!(|x| x.log_softmax(-1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers};
    use crate::shape::Keep;
    use crate::tape::Tape;
    use ndarray::arr1;
    use std::f64::consts::LN_2;

    #[test]
    fn is_the_argument_less_its_logsumexp() {
        for shape in [[4, 3], [1, 5], [33, 70], [0, 3]] {
            let x = [numbers(&shape)];
            let composed = crate::function!(|x| x - x.exp().sum(Keep(0)).ln());
            agree(&crate::function!(|x| x.log_softmax(0)), &composed, &x);
            let composed = crate::function!(|x| x - x.exp().sum(Keep(1)).ln());
            agree(&crate::function!(|x| x.log_softmax(1)), &composed, &x);
        }
    }

    #[test]
    fn neither_overflows_nor_loses_accuracy() {
        let tape = Tape::<f64>::new();
        let of = |x: &[f64]| tape.constant(arr1(x)).log_softmax(-1).data().to_vec();
        assert_eq!(of(&[1000.0, 1000.0]), [-LN_2, -LN_2]);
        assert_eq!(of(&[1e15, 1e15]), [-LN_2, -LN_2]);
        assert_eq!(of(&[-1000.0, 1000.0]), [-2000.0, 0.0]);
        assert_eq!(of(&[f64::NEG_INFINITY, 5.0]), [f64::NEG_INFINITY, 0.0]);
        assert!(of(&[f64::NEG_INFINITY; 2]).iter().all(|y| y.is_nan()));
        assert!(of(&[]).is_empty());
    }
}
