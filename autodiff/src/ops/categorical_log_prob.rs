//! yᵢ = l[i, cᵢ] − ln Σⱼ exp l[i, j], in nats: the log-probability of the labels c under logits l `[n, c]`;
//! dl[i, j] = dyᵢ · ([j = cᵢ] − softmax(l)[i, j]). Logits may have leading axes that the labels lack: those of K draws meet one label.
//!
//! The shift by the row's maximum is computed again in the backward pass: two numbers a row, and no cancellation.

use super::logsumexp::{shifted_log_sum, shifted_sum};
use crate::check::{Check, Input};
use crate::kernels::lanes::layout;
use crate::kernels::nary::{Step, pass};
use crate::scalar::Real;
use crate::shape::Lanes;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use std::sync::Arc;

struct CategoricalLogProb {
    lanes: Lanes,
    labels: Arc<[usize]>,
}

/// dl ← −dy · e^(l − m) / s.
#[derive(Clone, Copy)]
struct Pull;

impl<T: Real> Step<T, 4> for Pull {
    #[inline(always)]
    fn at(self, [l, m, s, dy]: [T; 4], out: &mut T) {
        *out = -dy * ((l - m).exp() / s);
    }
}

impl<T: Real> Op<T> for CategoricalLogProb {
    fn name(&self) -> &'static str {
        "categorical_log_prob"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let (logits, lanes) = (saved.input(0), self.lanes);
        let (mut shift, mut sum) = (dx.tensor(dy.shape()), dx.tensor(dy.shape()));
        shifted_sum(logits, lanes, shift.data_mut(), sum.data_mut());
        let mut d = dx.tensor(saved.input_shape(0));
        let x = [logits, shift.data(), sum.data(), dy.data()];
        pass(Pull, &layout::<1, 4>(lanes), x, d.data_mut());
        for (row, (&label, &dy)) in self.labels.iter().cycle().zip(dy.data()).enumerate() {
            d.data_mut()[row * lanes.len + label] += dy;
        }
        dx.add(0, d);
    }
}

impl<T: Real> Var<'_, T> {
    /// The log-probability, in nats per sample, of labels under categorical variables with these logits: `[n, c]` gives
    /// `[n]`. Its negative mean is the cross-entropy.
    ///
    /// Logits `[.., n, c]` give `[.., n]`: the labels are those of the last `n`, or of as many of the innermost leading axes as there are
    /// labels for, and the same for all that lies outside. A `&[usize]` is copied; an `Arc<[usize]>` is shared.
    ///
    /// # Panics
    /// If this has no axis of rows, the labels are not one for each row of the innermost axes, or a label is beyond the columns.
    ///
    /// ```
    /// use evidence_autodiff::Tape;
    ///
    /// let tape = Tape::<f64>::new();
    /// let logits = tape.variable(ndarray::array![[0.0, 0.0], [0.0, 1000.0]]);
    /// let y = logits.categorical_log_prob([1, 0]);
    /// assert_eq!(y.data(), [0.5_f64.ln(), -1000.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn categorical_log_prob(self, labels: impl Into<Arc<[usize]>>) -> Self {
        let labels = labels.into();
        let Some((&classes, outer @ [.., _])) = self.shape().split_last() else {
            panic!("categorical_log_prob: logits {self} must be [.., n, c]")
        };
        let rows: usize = outer.iter().product();
        let fits = (0..outer.len()).any(|from| outer[from..].iter().product::<usize>() == labels.len());
        assert!(
            fits,
            "categorical_log_prob: {} labels for the {rows} rows of logits {self}",
            labels.len()
        );
        if let Some(row) = labels.iter().position(|&label| label >= classes) {
            let label = labels[row];
            panic!("categorical_log_prob: label {label} of row {row} is beyond the {classes} classes of {self}");
        }
        let lanes = Lanes::along(self.shape(), outer.len());
        let (mut y, mut log_sum) = (self.tape().tensor(outer), self.tape().tensor(outer));
        shifted_log_sum(self.data(), lanes, y.data_mut(), log_sum.data_mut());
        for (row, (y, &log_sum)) in y.data_mut().iter_mut().zip(log_sum.data()).enumerate() {
            *y = (self.data()[row * classes + labels[row % labels.len()]] - *y) - log_sum;
        }
        self.tape().record(CategoricalLogProb { lanes, labels }, &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient(
            "categorical_log_prob",
            [Input::any(&[3, 4])],
            crate::function!(|l| l.categorical_log_prob([2, 0, 2])),
        ),
        Check::gradient(
            "categorical_log_prob, two classes",
            [Input::any(&[1, 2])],
            crate::function!(|l| l.categorical_log_prob([1])),
        ),
        Check::gradient(
            "categorical_log_prob, draws",
            [Input::any(&[3, 2, 4])],
            crate::function!(|l| l.categorical_log_prob([1, 3])),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn is_log_softmax_at_the_labels() {
        let fused = crate::function!(|l| l.categorical_log_prob([1, 0, 2, 2, 1]));
        let composed = crate::function!(|l| l
            .log_softmax(1)
            .reshape(&[15])
            .gather_rows([1, 3, 8, 11, 13]));
        agree(&fused, &composed, &[numbers(&[5, 3])]);
    }

    #[test]
    fn draws_meet_the_same_labels() {
        let fused = crate::function!(|l| l.categorical_log_prob([1, 0, 2, 2, 1, 0]));
        let composed = crate::function!(|l| {
            let parts: Vec<_> = (0..4)
                .map(|k| l.slice(0, k..k + 1).reshape(&[6, 3]).categorical_log_prob([1, 0, 2, 2, 1, 0]))
                .collect();
            crate::Var::concat(&parts, 0).reshape(&[4, 2, 3])
        });
        agree(&fused, &composed, &[numbers(&[4, 2, 3, 3])]);
    }

    #[test]
    fn large_logits_and_impossible_classes() {
        let tape = Tape::<f64>::new();
        let minus = f64::NEG_INFINITY;
        let l = tape.variable(arr2(&[[1e4, 1e4], [-1e4, 1e4], [minus, 0.0], [minus, 0.0], [3.0, 3.0]]));
        let y = l.categorical_log_prob([0, 0, 0, 1, 0]);
        assert_eq!(y.data(), [0.5f64.ln(), -2e4, minus, 0.0, 0.5f64.ln()]);
        let gradient = y.sum(..).backward().take(l);
        assert_eq!(gradient.data(), [0.5, -0.5, 1.0, -1.0, 1.0, -1.0, 0.0, 0.0, 0.5, -0.5]);
        assert_eq!(tape.filled(&[0, 3], 0.0).categorical_log_prob([]).shape(), [0]);
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let l = tape.filled(&[2, 3], 0.0).named("l");
        panics("1 labels for the 2 rows of logits [2, 3] \"l\"", || l.categorical_log_prob([1]));
        panics("label 3 of row 1 is beyond the 3 classes", || l.categorical_log_prob([0, 3]));
        panics("must be [.., n, c]", || l.reshape(&[6]).categorical_log_prob([0]));
    }
}
