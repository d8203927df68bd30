//! yₗ = Σ x₀ … xₗ along an axis, dxₗ = Σ dyₗ … dyₙ: running sums from the first, and from the last.

use crate::check::{Check, Input};
use crate::kernels::scan::{From, running_sums};
use crate::scalar::Real;
use crate::shape::{Lanes, resolve_axis};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct CumulativeSum(Lanes);

impl<T: Real> Op<T> for CumulativeSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn vjp(&self, _: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        running_sums(From::Last, self.0, dy.data_mut());
        dx.add(0, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// Running sums along an axis: element l is the sum of elements 0 to l. The shape stays.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Self {
        let lanes = Lanes::along(self.shape(), resolve_axis("cumsum", axis, self.shape()));
        let mut y = self.tape().tensor(self.shape());
        y.data_mut().copy_from_slice(self.data());
        running_sums(From::First, lanes, y.data_mut());
        self.tape().record(CumulativeSum(lanes), &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[2, 3, 4])];
    vec![
        Check::gradient("cumsum, first axis", x(), crate::function!(|x| x.cumsum(0))),
        Check::gradient("cumsum, middle axis", x(), crate::function!(|x| x.cumsum(1))),
        Check::gradient("cumsum, last axis", x(), crate::function!(|x| x.cumsum(-1))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;
    use ndarray::{Axis, arr2};

    /// 1 on the diagonal and to its right: x U has running sums in its rows.
    const UPPER: [[f64; 3]; 3] = [[1.0, 1.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]];

    #[test]
    fn is_a_product_with_a_triangle_of_ones() {
        let composed = crate::function!(|x, u| x.matmul(u));
        let fused = crate::function!(|x, u| x.cumsum(1) + (u * 0.0).sum(..));
        // Both take the triangle as input, and differ in its gradient: compare that of x.
        let x = numbers(&[4, 3]);
        let u = arr2(&UPPER).into_dyn();
        let cotangent = numbers(&[4, 3]);
        let (a, da) = crate::check::vjp(&fused, &[x.clone(), u.clone()], &cotangent);
        let (b, db) = crate::check::vjp(&composed, &[x, u], &cotangent);
        assert!((a - b).iter().chain((&da[0] - &db[0]).iter()).all(|e| e.abs() <= 1e-14));
    }

    #[test]
    fn agrees_with_a_plain_loop_on_any_number_of_threads() {
        for shape in [[300, 170], [0, 3], [3, 0], [1, 1]] {
            let x = numbers(&shape);
            for axis in [0, 1] {
                let mut expected = x.clone();
                expected.accumulate_axis_inplace(Axis(axis), |&previous, x| *x += previous);
                for threads in [1, 2, 3] {
                    let y = with_threads(threads, || {
                        let tape = Tape::<f64>::new();
                        tape.constant(&x).cumsum(axis as isize).value().to_owned()
                    });
                    assert_eq!(y, expected);
                }
            }
        }
        let tape = Tape::<f64>::new();
        panics("cumsum: there is no axis 0 in shape []", || tape.scalar(1.0).cumsum(0));
        let twice = crate::function!(|x| x.cumsum(0) + x.cumsum(0));
        let scaled = crate::function!(|x| x.cumsum(0) * 2.0);
        agree(&twice, &scaled, &[numbers(&[5, 2])]);
    }
}
