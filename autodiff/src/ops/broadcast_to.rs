//! x repeated to a shape that it broadcasts to; dx is the sum of dy over what was repeated.

use crate::check::{Check, Input};
use crate::kernels::nary::{Layout, Step, pass};
use crate::scalar::Real;
use crate::shape::broadcast;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct BroadcastTo;

#[derive(Clone, Copy)]
struct Copied;

impl<T: Real> Step<T, 1> for Copied {
    #[inline(always)]
    fn at(self, [x]: [T; 1], out: &mut T) {
        *out = x;
    }
}

impl<T: Real> Op<T> for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn vjp(&self, _: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        dx.add(0, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// Repeats the array along new leading axes and axes of size 1, as NumPy's rule has it.
    ///
    /// Rarely needed: ops broadcast by themselves, without the copy.
    ///
    /// # Panics
    /// If this does not broadcast to the shape.
    #[must_use]
    #[track_caller]
    pub fn broadcast_to(self, shape: &[usize]) -> Self {
        assert!(
            broadcast(self.shape(), shape).as_deref() == Some(shape),
            "broadcast_to: {self} does not broadcast to {shape:?} (sizes must be equal, or its own 1)"
        );
        if shape == self.shape() {
            return self;
        }
        let mut y = self.tape().tensor(shape);
        let layout = Layout::new(shape, [self.shape()]);
        pass(Copied, &layout, [self.data()], y.data_mut());
        self.tape().record(BroadcastTo, &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient(
            "broadcast_to",
            [Input::any(&[3, 1])],
            crate::function!(|x| x.broadcast_to(&[2, 3, 4])),
        ),
        Check::gradient("broadcast_to, a number", [Input::any(&[])], crate::function!(|x| x.broadcast_to(&[4]))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn agrees_with_ndarray() {
        let tape = Tape::<f64>::new();
        let x = tape.constant(numbers(&[3, 1]));
        for shape in [&[3, 1][..], &[3, 4], &[2, 3, 4], &[0, 3, 4], &[3, 0]] {
            assert_eq!(x.broadcast_to(shape).value(), x.value().broadcast(shape).unwrap());
        }
        panics("broadcast_to: [3, 1] does not broadcast to [1, 4]", || x.broadcast_to(&[1, 4]));
        panics("does not broadcast to [3]", || x.broadcast_to(&[3]));
    }
}
