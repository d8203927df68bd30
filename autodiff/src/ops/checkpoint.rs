//! y = f(x₁, x₂, …), dxᵢ = (∂f/∂xᵢ)ᵀ dy, with f evaluated a second time in the backward pass instead of kept.
//!
//! Memory for time: of all that f computes, only y stays. A chain of n ops cut into √n checkpoints needs the memory
//! of 2 √n values and the time of one more forward pass (Chen, Xu, Zhang & Guestrin 2016, arXiv:1604.06174).

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Tape, Var};
use crate::tensor::Tensor;

struct Checkpoint<F>(F);

impl<T, F> Op<T> for Checkpoint<F>
where
    T: Real,
    F: for<'a> Fn(&[Var<'a, T>]) -> Var<'a, T> + 'static,
{
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let inner = saved.inner_tape();
        let inputs = inner.import(&saved.input_vars(), |i| dx.needs(i));
        let output = (self.0)(&inputs);
        dx.pull_back_through(output, dy, &inputs);
    }
}

impl<T: Real> Tape<T> {
    /// The value of `f` at `inputs`, keeping nothing of what `f` computes on the way: the backward pass evaluates it
    /// again.
    ///
    /// The gradient is that of `f(inputs)`, bit for bit. `f` runs on a tape of its own, so that whatever gets a
    /// gradient must be among the inputs. It must be a function of them alone: the same value every time, which draws
    /// of a fixed [`Noise`](crate::Noise) are. Checkpoints may be nested.
    ///
    /// ```
    /// # use evidence_autodiff::Tape;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.variable(ndarray::arr1(&[0.0, 1.0]));
    /// let y = tape.checkpoint(&[x], |x| (x[0].exp() + x[0]).square()).sum(..);
    /// assert_eq!(y.backward().get(x).unwrap()[0], 4.0);
    /// ```
    ///
    /// # Panics
    /// If an input is on another tape, or `f` returns a value that is not on its own.
    #[must_use]
    #[track_caller]
    pub fn checkpoint<'t, F>(&'t self, inputs: &[Var<'t, T>], f: F) -> Var<'t, T>
    where
        F: for<'a> Fn(&[Var<'a, T>]) -> Var<'a, T> + 'static,
    {
        let inner = self.inner();
        let output = inner.own(f(&inner.import(inputs, |_| false)), "checkpoint");
        let value = self.adopt(inner, output);
        self.record(Checkpoint(f), inputs, value)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient(
            "checkpoint",
            [Input::any(&[3, 4]), Input::any(&[4, 2])],
            crate::function!(|x, w| x.tape().checkpoint(&[x, w], |v| v[0].matmul(v[1]).tanh())),
        ),
        Check::gradient(
            "checkpoint, nested, of one input twice",
            [Input::any(&[5])],
            crate::function!(|x| x.tape().checkpoint(&[x, x], |v| {
                let tape = v[0].tape();
                v[1] * tape.checkpoint(&[v[0].sin()], |u| u[0].exp() + u[0])
            })),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Noise, Tape, Tensor, Var};
    use ndarray::arr1;

    type Segment = for<'a> fn(&[Var<'a, f32>]) -> Var<'a, f32>;

    fn plain<'t>(inputs: &[Var<'t, f32>], f: Segment) -> Var<'t, f32> {
        f(inputs)
    }

    fn kept<'t>(inputs: &[Var<'t, f32>], f: Segment) -> Var<'t, f32> {
        inputs[0].tape().checkpoint(inputs, f)
    }

    type Cut = for<'t> fn(&[Var<'t, f32>], Segment) -> Var<'t, f32>;

    const N: usize = 1000;

    fn leaves(tape: &Tape<f32>) -> [Var<'_, f32>; 2] {
        [1, 2].map(|seed| {
            let mut x = vec![0.0; N];
            Noise::new(seed).fill_normal_f32(&mut x);
            tape.variable(ndarray::Array1::from(x))
        })
    }

    /// The gradients of both leaves, the bytes taken, and the value.
    fn gradients(
        cut: Cut,
        network: fn(Cut, [Var<'_, f32>; 2]) -> Var<'_, f32>,
    ) -> (Vec<Tensor<f32>>, usize, f32) {
        let tape = Tape::new();
        let leaves = leaves(&tape);
        let loss = network(cut, leaves).sum(..);
        let mut gradients = loss.backward();
        let taken = leaves.map(|leaf| gradients.take(leaf)).into();
        (taken, tape.allocated_bytes(), loss.item())
    }

    /// 96 ops in twelve segments, each segment using the second leaf several times.
    fn deep(cut: Cut, [mut x, w]: [Var<'_, f32>; 2]) -> Var<'_, f32> {
        for _ in 0..12 {
            x = cut(&[x, w], |v| {
                let (mut x, w) = (v[0], v[1]);
                for _ in 0..2 {
                    x = (x * w + w).tanh() - x.sigmoid();
                }
                x
            });
        }
        x
    }

    /// A checkpoint inside a checkpoint.
    fn nested(cut: Cut, leaves: [Var<'_, f32>; 2]) -> Var<'_, f32> {
        let outer: [Segment; 2] = [|v| branch(plain, v), |v| branch(kept, v)];
        let checkpoints = std::ptr::fn_addr_eq(cut, kept as Cut);
        cut(&leaves, outer[usize::from(checkpoints)]) * leaves[1]
    }

    fn branch<'t>(cut: Cut, v: &[Var<'t, f32>]) -> Var<'t, f32> {
        let inner = cut(v, |u| u[0].sin() * u[1]);
        cut(&[inner, v[1]], |u| (u[0] * u[1]).exp()) + v[1]
    }

    /// Draws inside a segment.
    fn noisy(cut: Cut, leaves: [Var<'_, f32>; 2]) -> Var<'_, f32> {
        cut(&leaves, |v| {
            let noise = v[0].tape().normal(v[0].shape(), Noise::new(7));
            (v[0] + v[1] * noise).square()
        })
    }

    /// The same leaf as both inputs, also used before and behind, so that the order of four contributions shows.
    fn shared(cut: Cut, [x, w]: [Var<'_, f32>; 2]) -> Var<'_, f32> {
        let before = x.sin() * w;
        cut(&[x, x, before], |v| v[0].exp() * v[1].cos() + v[2] * v[1]) * x.tanh() * w
    }

    /// One input handed through, another not used.
    fn idle(cut: Cut, leaves: [Var<'_, f32>; 2]) -> Var<'_, f32> {
        cut(&leaves, |v| v[0]) * leaves[0]
    }

    #[test]
    fn values_and_gradients_are_those_without_checkpoints_bit_for_bit() {
        for network in [deep, nested, noisy, shared, idle] {
            let ((expected, _, loss), (found, _, again)) =
                (gradients(plain, network), gradients(kept, network));
            assert_eq!(loss.to_bits(), again.to_bits());
            for (expected, found) in expected.iter().zip(&found) {
                assert_eq!(expected.data(), found.data());
            }
        }
    }

    #[test]
    fn a_deep_chain_takes_less_than_half_the_memory() {
        let ((_, all, _), (_, less, _)) = (gradients(plain, deep), gradients(kept, deep));
        assert!(2 * less <= all, "{less} bytes with checkpoints, {all} without");
    }

    #[test]
    fn a_second_step_takes_no_memory() {
        let mut tape = Tape::new();
        let mut bytes = Vec::new();
        for _ in 0..3 {
            let leaves = leaves(&tape);
            drop(deep(kept, leaves).sum(..).backward());
            bytes.push(tape.allocated_bytes());
            tape.reset();
        }
        assert_eq!(bytes[1], bytes[0]);
        assert_eq!(bytes[2], bytes[0]);
    }

    #[test]
    fn a_constant_result_needs_no_gradient_and_a_variable_not_used_gets_none() {
        let tape = Tape::<f64>::new();
        let (x, c) = (tape.variable(arr1(&[2.0])), tape.constant(arr1(&[3.0])));
        assert!(!tape.checkpoint(&[c], |v| v[0].exp()).needs_gradient());
        let y = tape.checkpoint(&[x, c], |v| v[1].square());
        assert_eq!(y.item(), 9.0);
        assert!(y.sum(..).backward().get(x).is_none());
    }

    #[test]
    fn an_anomaly_inside_is_named() {
        let tape = Tape::<f64>::new();
        tape.watch_anomalies(true);
        let x = tape.variable(arr1(&[-1.0])).named("x");
        let _ = tape.checkpoint(&[x], |v| v[0].ln().exp());
        let anomaly = tape.anomaly().expect("ln of a negative number");
        assert_eq!((anomaly.op, anomaly.variable.as_deref()), ("ln", Some("x")));
    }

    #[test]
    #[should_panic(expected = "checkpoint: its arguments are on different tapes")]
    fn an_input_on_another_tape_is_refused() {
        let (here, there) = (Tape::<f64>::new(), Tape::new());
        let _ = here.checkpoint(&[there.scalar(1.0)], |v| v[0]);
    }
}
