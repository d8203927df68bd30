//! y = (1/n) Σ x over an axis or over all n elements, dx = dy / n repeated along what was averaged.

use crate::check::{Check, Input};
use crate::kernels::lanes::layout;
use crate::kernels::nary::{Step, pass};
use crate::kernels::reduce::sum_lanes;
use crate::scalar::Real;
use crate::shape::{Keep, Lanes, Reduce};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Mean(Lanes);

/// dx ← dy / n.
#[derive(Clone, Copy)]
struct Share<T>(T);

impl<T: Real> Step<T, 1> for Share<T> {
    #[inline(always)]
    fn at(self, [dy]: [T; 1], out: &mut T) {
        *out = dy * self.0;
    }
}

impl<T: Real> Op<T> for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mut d = dx.tensor(saved.input_shape(0));
        let share = Share(T::one() / T::from_f64(self.0.len as f64));
        pass(share, &layout::<0, 1>(self.0), [dy.data()], d.data_mut());
        dx.add(0, d);
    }
}

/// `out ← the mean of each lane`.
pub(super) fn means<T: Real>(x: &[T], lanes: Lanes, out: &mut [T]) {
    sum_lanes(x, lanes, out);
    let n = T::from_f64(lanes.len as f64);
    out.iter_mut().for_each(|mean| *mean /= n);
}

impl<T: Real> Var<'_, T> {
    /// The arithmetic mean: over everything, `x.mean(..)`; over an axis, `x.mean(-1)`; keeping it, `x.mean(Keep(-1))`.
    ///
    /// The mean of nothing is NaN.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn mean(self, over: impl Into<Reduce>) -> Self {
        let (lanes, shape) = over.into().resolve("mean", self.shape());
        let mut y = self.tape().tensor(&shape);
        means(self.data(), lanes, y.data_mut());
        self.tape().record(Mean(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("mean", x(), crate::function!(|x| x.mean(..))),
        Check::gradient("mean, first axis", x(), crate::function!(|x| x.mean(0))),
        Check::gradient("mean, middle axis kept", x(), crate::function!(|x| x.mean(Keep(1)))),
        Check::gradient("mean, last axis", x(), crate::function!(|x| x.mean(-1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;
    use ndarray::arr2;

    #[test]
    fn is_a_sum_over_a_count() {
        let composed = crate::function!(|x| x.sum(1) * 1.0 / 3.0);
        agree(&crate::function!(|x| x.mean(1)), &composed, &[numbers(&[2, 3, 4])]);
        let tape = Tape::<f64>::new();
        assert_eq!(tape.constant(arr2(&[[1.0, 2.0], [3.0, 6.0]])).mean(..).item(), 3.0);
    }

    #[test]
    fn the_mean_of_nothing_is_nan_and_of_one_is_itself() {
        let tape = Tape::<f64>::new();
        assert!(tape.filled(&[2, 0], 1.0).mean(1).data().iter().all(|x| x.is_nan()));
        assert_eq!(tape.filled(&[0, 2], 1.0).mean(1).shape(), [0]);
        assert_eq!(tape.filled(&[], 7.0).mean(..).item(), 7.0);
        panics("mean: there is no axis 2 in shape [2, 3]", || tape.filled(&[2, 3], 1.0).mean(2));
    }
}
