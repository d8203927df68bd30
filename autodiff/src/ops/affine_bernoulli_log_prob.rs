//! y = Σ x·l − ln(1 + eˡ) over the last axis with logits l = H W + b, in nats: a Bernoulli decoder's last layer and its
//! [log-probability](super::bernoulli_log_prob) as one op.
//!
//! With the residual E = x − σ(l): dH = dy ⊙ (E Wᵀ), dW = (dy ⊙ H)ᵀ E, db = dyᵀ E, dx = dy ⊙ l, where dy weighs rows.
//!
//! The logits are the largest array of a decoder's step (3 MB for 50 draws of 20 images of 784 pixels). One visit sums y and
//! writes E in their place, with the exponential that softplus and σ share; the backward pass then weighs the rows of H and
//! dH, which are narrower, and E is only ever read. So a draw's weight that underflows makes no denormals in E either. The
//! logits are computed again where the targets need a gradient, which is rare.

use crate::check::{Check, Input};
use crate::kernels::map_sum::{Visit, map_sum_rows};
use crate::kernels::matmul::{MatMut, MatRef};
use crate::kernels::nary::{Layout, Step, pass};
use crate::kernels::reduce::weighted_sum_rows;
use crate::scalar::Real;
use crate::shape::{Shape, volume};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct AffineBernoulli<T> {
    rows: usize,
    inputs: usize,
    outputs: usize,
    /// E.
    residual: Tensor<T>,
}

/// The product without its bias becomes the residual; the term is x·l − softplus(l).
#[derive(Clone, Copy)]
struct ToResidual;

impl<T: Real> Visit<T> for ToResidual {
    #[inline(always)]
    fn at(self, product: T, x: T, bias: T) -> (T, T) {
        let l = product + bias;
        let (softplus, sigmoid) = l.softplus_sigmoid();
        (x - sigmoid, x * l - softplus)
    }
}

/// out ← dy · out.
#[derive(Clone, Copy)]
struct Weigh;

impl<T: Real> Step<T, 1> for Weigh {
    #[inline(always)]
    fn at(self, [dy]: [T; 1], out: &mut T) {
        *out *= dy;
    }
}

/// out ← dy · h.
#[derive(Clone, Copy)]
struct Weighed;

impl<T: Real> Step<T, 2> for Weighed {
    #[inline(always)]
    fn at(self, [h, dy]: [T; 2], out: &mut T) {
        *out = dy * h;
    }
}

/// dx ← dy · l, from the product without its bias.
#[derive(Clone, Copy)]
struct ToTargets;

impl<T: Real> Step<T, 2> for ToTargets {
    #[inline(always)]
    fn at(self, [bias, dy]: [T; 2], out: &mut T) {
        *out = dy * (*out + bias);
    }
}

impl<T: Real> Op<T> for AffineBernoulli<T> {
    fn name(&self) -> &'static str {
        "affine_bernoulli_log_prob"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Self { rows, inputs, outputs, ref residual } = *self;
        let (narrow, wide, each_row) = ([rows, inputs], [rows, outputs], [rows, 1]);
        let h = MatRef::new(saved.input(0), rows, inputs);
        let w = MatRef::new(saved.input(1), inputs, outputs);
        let e = MatRef::new(residual.data(), rows, outputs);
        let (zero, one) = (T::zero(), T::one());
        if dx.needs(0) {
            let mut dh = dx.tensor(saved.input_shape(0));
            T::matmul(one, e, w.t(), zero, &mut MatMut::new(dh.data_mut(), rows, inputs));
            pass(Weigh, &Layout::new(&narrow, [&each_row]), [dy.data()], dh.data_mut());
            dx.add(0, dh);
        }
        if dx.needs(1) {
            let mut weighed = dx.tensor(&narrow);
            let layout = Layout::new(&narrow, [&narrow, &each_row]);
            pass(Weighed, &layout, [saved.input(0), dy.data()], weighed.data_mut());
            let weighed = MatRef::new(weighed.data(), rows, inputs);
            dx.accumulate(1, |out, beta| {
                T::matmul(one, weighed.t(), e, beta, &mut MatMut::new(out, inputs, outputs));
            });
        }
        if dx.needs(2) {
            let mut db = dx.tensor(&[outputs]);
            weighted_sum_rows(residual.data(), dy.data(), db.data_mut());
            dx.add(2, db);
        }
        if dx.needs(3) {
            let mut logits = Shape::from_slice(saved.shape());
            logits.push(outputs);
            let mut d = dx.tensor(&logits);
            T::matmul(one, h, w, zero, &mut MatMut::new(d.data_mut(), rows, outputs));
            let layout = Layout::new(&wide, [&[outputs], &each_row]);
            pass(ToTargets, &layout, [saved.input(2), dy.data()], d.data_mut());
            dx.add(3, d);
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// `self.affine(w, b).bernoulli_log_prob(targets)` without keeping the logits: for h `[.., in]`, W `[in, d]`, b `[d]`
    /// and targets in [0, 1], `[.., d]` or without leading axes of h, the log-probabilities `[..]` in nats.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn affine_bernoulli_log_prob(self, w: Self, b: Self, targets: Self) -> Self {
        let (inputs, outputs) = match (self.shape(), w.shape(), b.shape()) {
            (&[.., k], &[l, m], &[n]) if k == l && m == n => (l, m),
            _ => panic!(
                "affine_bernoulli_log_prob: shapes h {self}, w {w} and b {b} do not fit; they must be [.., in], [in, d] and [d]"
            ),
        };
        let heads = &self.shape()[..self.shape().len() - 1];
        assert!(
            matches!(targets.shape(), [leading @ .., d] if *d == outputs && heads.ends_with(leading)),
            "affine_bernoulli_log_prob: h {self} and w {w} give {outputs} logits a row, which do not fit the targets \
             {targets}; these must be [.., d], and may lack leading axes"
        );
        let rows = volume(heads);
        let tape = self.tape();
        let (mut y, mut residual) = (tape.tensor(heads), tape.tensor(&[rows, outputs]));
        let h = MatRef::new(self.data(), rows, inputs);
        let w_matrix = MatRef::new(w.data(), inputs, outputs);
        let out = &mut MatMut::new(residual.data_mut(), rows, outputs);
        T::matmul(T::one(), h, w_matrix, T::zero(), out);
        map_sum_rows(ToResidual, residual.data_mut(), targets.data(), b.data(), y.data_mut());
        tape.record(AffineBernoulli { rows, inputs, outputs, residual }, &[self, w, b, targets], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let log_prob = || crate::function!(|h, w, b, x| h.affine_bernoulli_log_prob(w, b, x));
    let inputs = |h: &[usize], x: &[usize]| {
        [Input::any(h), Input::any(&[3, 4]), Input::any(&[4]), Input::between(x, 0.0, 1.0)]
    };
    vec![
        Check::gradient("affine_bernoulli_log_prob", inputs(&[5, 3], &[5, 4]), log_prob()),
        Check::gradient("affine_bernoulli_log_prob, one sample", inputs(&[3], &[4]), log_prob()),
        Check::gradient("affine_bernoulli_log_prob, draws", inputs(&[2, 5, 3], &[5, 4]), log_prob()),
        Check::gradient(
            "affine_bernoulli_log_prob, after other uses",
            inputs(&[5, 3], &[5, 4]),
            crate::function!(|h, w, b, x| {
                h.affine_bernoulli_log_prob(w, b, x) + (h.affine(w, b) * x).sum(-1)
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn is_a_layer_and_its_log_probability() {
        let fused = crate::function!(|h, w, b, x| h.affine_bernoulli_log_prob(w, b, x));
        let composed = crate::function!(|h, w, b, x| h.affine(w, b).bernoulli_log_prob(x));
        for (h, d, x) in [
            (&[3, 5][..], 4, &[3, 4][..]),
            (&[5], 4, &[4]),
            (&[2, 33, 5], 50, &[33, 50]),
            (&[2, 3, 8], 784, &[784]),
            (&[0, 3], 4, &[0, 4]),
            (&[2, 0], 4, &[2, 4]),
            (&[2, 3], 0, &[2, 0]),
        ] {
            let inputs = h[h.len() - 1];
            agree(&fused, &composed, &[numbers(h), numbers(&[inputs, d]), numbers(&[d]), numbers(x)]);
        }
    }

    #[test]
    fn has_the_same_bits_on_any_number_of_threads() {
        let run = |threads| {
            with_threads(threads, || {
                let tape = Tape::<f32>::new();
                let of = |shape: &[usize]| tape.variable(numbers(shape).mapv(|x| x as f32));
                let inputs = [of(&[20, 10, 30]), of(&[30, 300]), of(&[300]), of(&[10, 300])];
                let [h, w, b, x] = inputs;
                let y = h.affine_bernoulli_log_prob(w, b, x);
                let mut gradients = y.sum(..).backward();
                (y.value().to_owned(), inputs.map(|input| gradients.take(input).to_array()))
            })
        };
        let alone = run(1);
        assert!([2, 3].into_iter().all(|threads| run(threads) == alone));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        let log_prob = |h, b, x| of(h).affine_bernoulli_log_prob(of(&[4, 2]), of(b), of(x));
        panics("h [3, 5], w [4, 2] and b [2] do not fit", || log_prob(&[3, 5], &[2], &[3, 2]));
        panics("[in, d]", || log_prob(&[3, 4], &[3], &[3, 2]));
        panics("do not fit the targets [2, 2]", || log_prob(&[3, 4], &[2], &[2, 2]));
        panics("do not fit the targets []", || log_prob(&[3, 4], &[2], &[]));
    }
}
