//! y = Σ x over an axis or over all, dx = dy repeated along what was summed.

use crate::check::{Check, Input};
use crate::kernels::reduce::sum_lanes;
use crate::scalar::Real;
use crate::shape::{Keep, Lanes, Reduce};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Sum(Lanes);

impl<T: Real> Op<T> for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mut d = dx.tensor(saved.input_shape(0));
        repeat(dy.data(), self.0, d.data_mut());
        dx.add(0, d);
    }
}

/// Repeats one number for each lane along it.
pub(super) fn repeat<T: Real>(y: &[T], lanes: Lanes, out: &mut [T]) {
    if lanes.inner == 1 {
        out.chunks_exact_mut(lanes.len.max(1)).zip(y).for_each(|(lane, &y)| lane.fill(y));
    } else if lanes.count() > 0 && lanes.len > 0 {
        let slabs = out.chunks_exact_mut(lanes.len * lanes.inner).zip(y.chunks_exact(lanes.inner));
        slabs.for_each(|(slab, y)| slab.chunks_exact_mut(lanes.inner).for_each(|row| row.copy_from_slice(y)));
    }
}

impl<'t, T: Real> Var<'t, T> {
    /// Σ x: over everything, `x.sum(..)`; over an axis, `x.sum(-1)`; keeping the axis, `x.sum(Keep(-1))`.
    ///
    /// The sum over nothing is 0.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn sum(self, over: impl Into<Reduce>) -> Self {
        let (lanes, shape) = over.into().resolve("sum", self.shape());
        let mut y = self.tape().tensor(&shape);
        sum_lanes(self.data(), lanes, y.data_mut());
        self.tape().record(Sum(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("sum", x(), crate::function!(|x| x.sum(..))),
        Check::gradient("sum, first axis", x(), crate::function!(|x| x.sum(0))),
        Check::gradient("sum, middle axis kept", x(), crate::function!(|x| x.sum(Keep(1)))),
        Check::gradient("sum, last axis", x(), crate::function!(|x| x.sum(-1))),
    ]
}
