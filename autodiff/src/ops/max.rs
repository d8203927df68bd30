//! y = max x over an axis or over all; dx = dy at the first maximum of the lane, 0 elsewhere.
//!
//! At a tie the maximum is not differentiable; the first maximum's one-sided derivative is a subgradient, and picking
//! one keeps the gradient's sum equal to dy.

use crate::check::{Check, Input};
use crate::kernels::lanes::{Max as Maximum, Operands, fold_lanes, is_nan};
use crate::scalar::Real;
use crate::shape::{Keep, Lanes, Reduce};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Max(Lanes);

impl<T: Real> Op<T> for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Lanes { len, inner, .. } = self.0;
        let x = saved.input(0);
        let mut d = dx.tensor(saved.input_shape(0));
        d.fill(T::zero());
        for (lane, (&y, &dy)) in saved.output().iter().zip(dy.data()).enumerate() {
            let mut lane = (0..len).map(|l| (lane / inner * len + l) * inner + lane % inner);
            if let Some(first) = lane.find(|&at| x[at] == y || is_nan(x[at])) {
                d.data_mut()[first] = dy;
            }
        }
        dx.add(0, d);
    }
}

impl<T: Real> Var<'_, T> {
    /// The largest element: of everything, `x.max(..)`; along an axis, `x.max(-1)`; keeping it, `x.max(Keep(-1))`.
    ///
    /// The gradient goes to the first maximum of each lane. NaN where there is one.
    ///
    /// # Panics
    /// If there is no such axis, or it is empty: nothing has no maximum.
    #[must_use]
    #[track_caller]
    pub fn max(self, over: impl Into<Reduce>) -> Self {
        let (lanes, shape) = over.into().resolve("max", self.shape());
        assert!(
            lanes.len > 0 || lanes.count() == 0,
            "max: {self} has no elements along what is reduced, and nothing has no maximum"
        );
        let mut y = self.tape().tensor(&shape);
        fold_lanes(Maximum, Operands::of(self.data()), lanes, y.data_mut());
        self.tape().record(Max(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("max", x(), crate::function!(|x| x.max(..))),
        Check::gradient("max, first axis", x(), crate::function!(|x| x.max(0))),
        Check::gradient("max, middle axis kept", x(), crate::function!(|x| x.max(Keep(1)))),
        Check::gradient("max, last axis", x(), crate::function!(|x| x.max(-1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::panics;
    use crate::tape::Tape;
    use ndarray::{arr1, arr2};

    #[test]
    fn the_first_maximum_gets_the_gradient() {
        let tape = Tape::<f64>::new();
        let x = tape.variable(arr2(&[[1.0, 3.0, 3.0], [3.0, -1.0, 3.0]]));
        for (y, expected) in [
            (x.max(1), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]),
            (x.max(0), [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]),
            (x.max(..), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
        ] {
            let gradient = y.sum(..).backward().take(x);
            assert_eq!(gradient.data(), expected);
        }
    }

    #[test]
    fn infinities_nan_and_nothing() {
        let tape = Tape::<f64>::new();
        let row = |x: &[f64]| tape.constant(arr1(x)).max(..).item();
        assert_eq!(row(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
        assert_eq!(row(&[1.0, f64::INFINITY]), f64::INFINITY);
        assert!(row(&[1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(tape.filled(&[0, 3], 1.0).max(1).shape(), [0]);
        panics("max: [3, 0] has no elements", || tape.filled(&[3, 0], 1.0).max(1));
        panics("max: there is no axis -2 in shape [3]", || tape.filled(&[3], 1.0).max(-2));
    }
}
