//! y = Σ x·l − ln(1 + eˡ) over the last axis, in nats: the log-probability of independent coins x with logits l,
//! ln p(x) = Σ x ln σ(l) + (1 − x) ln(1 − σ(l)), in a form that neither overflows nor takes the logarithm of 0.
//!
//! dl = dy · (x − σ(l)), dx = dy · l. One pass, with no array of the terms.

use crate::check::{Check, Input};
use crate::kernels::lanes::{Operands, SumOf, Term, fold_lanes};
use crate::kernels::nary::{Layout, Step, pass};
use crate::scalar::Real;
use crate::shape::{Lanes, Shape};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct BernoulliLogProb;

/// x·l − softplus(l).
#[derive(Clone, Copy)]
struct LogProb;

impl<T: Real> Term<T> for LogProb {
    #[inline(always)]
    fn at(self, l: T, x: T, _: T) -> T {
        x * l - l.softplus()
    }
}

/// dl ← dy · (x − σ(l)).
#[derive(Clone, Copy)]
struct ToLogits;

impl<T: Real> Step<T, 3> for ToLogits {
    #[inline(always)]
    fn at(self, [l, x, dy]: [T; 3], out: &mut T) {
        *out = dy * (x - l.sigmoid());
    }
}

/// dx ← dy · l.
#[derive(Clone, Copy)]
struct ToTargets;

impl<T: Real> Step<T, 3> for ToTargets {
    #[inline(always)]
    fn at(self, [l, _, dy]: [T; 3], out: &mut T) {
        *out = dy * l;
    }
}

impl<T: Real> Op<T> for BernoulliLogProb {
    fn name(&self) -> &'static str {
        "bernoulli_log_prob"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let shape = saved.input_shape(0);
        let mut lanes = Shape::from_slice(shape);
        *lanes.last_mut().expect("logits have a last axis") = 1;
        let layout = Layout::new(shape, [shape, saved.input_shape(1), &lanes]);
        let x = [saved.input(0), saved.input(1), dy.data()];
        if dx.needs(0) {
            let mut d = dx.tensor(shape);
            pass(ToLogits, &layout, x, d.data_mut());
            dx.add(0, d);
        }
        if dx.needs(1) {
            let mut d = dx.tensor(shape);
            pass(ToTargets, &layout, x, d.data_mut());
            dx.add(1, d);
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// The log-probability, in nats per sample, of targets in [0, 1] under independent Bernoulli variables with these
    /// logits, summed over the last axis: `[.., d]` gives `[..]`.
    ///
    /// Targets have the logits' shape, or lack leading axes: logits `[k, n, d]` of k draws meet targets `[n, d]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn bernoulli_log_prob(self, targets: Self) -> Self {
        assert!(
            !targets.shape().is_empty() && self.shape().ends_with(targets.shape()),
            "bernoulli_log_prob: logits {self} and targets {targets} do not fit; \
             they must be [.., n, d] and [.., n, d], where the targets may lack leading axes"
        );
        let lanes = Lanes::along(self.shape(), self.shape().len() - 1);
        let mut y = self.tape().tensor(&self.shape()[..self.shape().len() - 1]);
        let read = Operands { x: self.data(), y: targets.data(), p: &[] };
        fold_lanes(SumOf(LogProb), read, lanes, y.data_mut());
        self.tape().record(BernoulliLogProb, &[self, targets], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let log_prob = || crate::function!(|l, x| l.bernoulli_log_prob(x));
    let inputs = |l: &[usize], x: &[usize]| [Input::any(l), Input::between(x, 0.0, 1.0)];
    vec![
        Check::gradient("bernoulli_log_prob", inputs(&[3, 4], &[3, 4]), log_prob()),
        Check::gradient("bernoulli_log_prob, one sample", inputs(&[4], &[4]), log_prob()),
        Check::gradient("bernoulli_log_prob, draws", inputs(&[2, 3, 4], &[3, 4]), log_prob()),
        Check::gradient("bernoulli_log_prob, one target", inputs(&[2, 3, 4], &[4]), log_prob()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;
    use ndarray::arr2;
    use std::f64::consts::LN_2;

    #[test]
    fn is_a_sum_of_coins() {
        let fused = crate::function!(|l, x| l.bernoulli_log_prob(x));
        let composed = crate::function!(|l, x| (x * l - l.softplus()).sum(-1));
        for (l, x) in [
            (&[3, 4][..], &[3, 4][..]),
            (&[5], &[5]),
            (&[2, 33, 50], &[33, 50]),
            (&[2, 3, 784], &[784]),
            (&[0, 4], &[0, 4]),
            (&[2, 0], &[2, 0]),
        ] {
            agree(&fused, &composed, &[numbers(l), numbers(x)]);
        }
    }

    #[test]
    fn certain_coins_cost_nothing_and_wrong_ones_their_logit() {
        let tape = Tape::<f64>::new();
        let l = tape.variable(arr2(&[[1000.0], [1000.0], [-1000.0], [-1000.0], [0.0]]));
        let x = tape.constant(arr2(&[[1.0], [0.0], [1.0], [0.0], [0.5]]));
        let y = l.bernoulli_log_prob(x);
        assert_eq!(y.data(), [0.0, -1000.0, -1000.0, 0.0, -LN_2]);
        assert_eq!(y.sum(..).backward().take(l).data(), [0.0, -1.0, 1.0, 0.0, 0.0]);
        assert!(y.sum(..).backward().get(x).is_none(), "targets get no gradient unless they need one");
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        panics("logits [3, 4] and targets [4, 3] do not fit", || of(&[3, 4]).bernoulli_log_prob(of(&[4, 3])));
        panics("bernoulli_log_prob: logits [] and targets []", || of(&[]).bernoulli_log_prob(of(&[])));
        panics("targets [1, 4]", || of(&[3, 4]).bernoulli_log_prob(of(&[1, 4])));
    }
}
