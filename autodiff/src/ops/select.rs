//! y = a where the mask is not 0 and b where it is, da = dy and db = dy where they were taken and 0 elsewhere; all
//! three broadcast.

use crate::check::{Check, Input};
use crate::kernels::elementwise::{Alignment, put};
use crate::scalar::Real;
use crate::shape::{Shape, broadcast};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Select;

/// `out ← x` where the mask is, or is not, 0; with everything broadcast to the shape of `out`.
fn put_where<T: Real>(
    is_zero: bool,
    (mask, mask_shape): (&[T], &[usize]),
    (x, x_shape): (&[T], &[usize]),
    out: &mut Tensor<T>,
) {
    let alignment = Alignment::new(out.shape(), mask_shape, x_shape);
    put(is_zero, &alignment, mask, x, out.data_mut());
}

impl<T: Real> Op<T> for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mask = (saved.input(0), saved.input_shape(0));
        let zero = (&[T::zero()][..], &[][..]);
        if dx.needs(1) && dx.needs(2) {
            let mut da = dx.copy(&dy);
            put_where(true, mask, zero, &mut da);
            dx.add(1, da);
        }
        let i = if dx.needs(2) { 2 } else { 1 };
        put_where(i == 1, mask, zero, &mut dy);
        dx.add(i, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// With `self` as the mask: `a` where it is not 0, `b` where it is, elementwise, broadcast as in NumPy.
    ///
    /// The mask gets no gradient. What is not taken gets the cotangent 0, which does not hide an infinite derivative
    /// behind it (0 · ∞ is NaN): keep the argument of `mask.select(x.ln(), zero)` away from 0, by
    /// `mask.select(x, one).ln()` for instance.
    ///
    /// ```
    /// # use evidence_autodiff::Tape;
    /// # use ndarray::arr1;
    /// let tape = Tape::<f64>::new();
    /// let observed = tape.constant(arr1(&[1.0, 0.0, 1.0]));
    /// let x = tape.variable(arr1(&[1.0, f64::NAN, 3.0]));
    /// let loss = observed.select(x, tape.scalar(0.0)).sum(..);
    /// assert_eq!(loss.item(), 4.0);
    /// assert_eq!(loss.backward().get(x).unwrap().as_slice().unwrap(), [1.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the three shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn select(self, a: Self, b: Self) -> Self {
        let shape: Option<Shape> =
            broadcast(a.shape(), b.shape()).and_then(|shape| broadcast(self.shape(), &shape));
        let Some(shape) = shape else {
            panic!("select: a mask {self} and choices {a} and {b} do not broadcast (sizes must be equal, or 1)")
        };
        let mask = (self.data(), self.shape());
        let mut y = self.tape().tensor(&shape);
        put_where(false, mask, (a.data(), a.shape()), &mut y);
        put_where(true, mask, (b.data(), b.shape()), &mut y);
        self.tape().record(Select, &[self, a, b], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    // A mask of fixed draws is the same at every point of the check; about half of it is 0.
    let select = || {
        crate::function!(|a, b| {
            let mask = a.tape().normal(&[3, 4], crate::Noise::new(1)).relu();
            mask.select(a, b)
        })
    };
    vec![
        Check::stochastic_gradient("select", [Input::any(&[3, 4]), Input::any(&[3, 4])], select()),
        Check::stochastic_gradient("select, broadcast", [Input::any(&[2, 1, 4]), Input::any(&[3, 1])], select()),
        Check::stochastic_gradient("select, the mask broadcast", [Input::any(&[2, 3, 4]), Input::any(&[])], select()),
        Check::stochastic_gradient(
            "select, a constant",
            [Input::any(&[3, 4])],
            crate::function!(|x| {
                let (mask, zero) = (x.tape().normal(&[3, 4], crate::Noise::new(1)).relu(), x.tape().scalar(0.0));
                mask.select(x, zero) + mask.select(zero, x.square())
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::ops::testing::assert_refused;
    use ndarray::{arr1, arr2};

    #[test]
    fn any_number_but_zero_takes_the_first() {
        let tape = Tape::<f32>::new();
        let mask = tape.constant(arr1(&[0.0, -0.0, 1.0, -2.0, 1e-30, f32::NAN]));
        let y = mask.select(tape.scalar(1.0), tape.scalar(2.0));
        assert_eq!(y.data(), [2.0, 2.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_mask_of_rows_and_choices_that_are_a_column_and_a_row() {
        let tape = Tape::<f64>::new();
        let mask = tape.variable(arr2(&[[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]));
        let (a, b) = (tape.variable(arr2(&[[1.0], [2.0]])), tape.variable(arr1(&[10.0, 20.0, 30.0])));
        let y = mask.select(a, b);
        assert_eq!(y.value(), arr2(&[[1.0, 20.0, 1.0], [10.0, 20.0, 2.0]]).into_dyn());
        let gradients = y.sum(..).backward();
        assert_eq!(gradients.get(a).unwrap(), arr2(&[[2.0], [1.0]]).into_dyn());
        assert_eq!(gradients.get(b).unwrap(), arr1(&[1.0, 2.0, 0.0]).into_dyn());
        assert!(gradients.get(mask).is_none());
    }

    #[test]
    fn an_infinite_cotangent_does_not_reach_what_was_not_taken() {
        let tape = Tape::<f64>::new();
        let mask = tape.constant(arr1(&[1.0, 0.0]));
        let (a, b) = (tape.variable(arr1(&[1.0, 1.0])), tape.variable(arr1(&[1.0, 1.0])));
        let gradients = mask.select(a, b).vjp(arr1(&[f64::INFINITY, 2.0]));
        assert_eq!(gradients.get(a).unwrap().as_slice().unwrap(), [f64::INFINITY, 0.0]);
        assert_eq!(gradients.get(b).unwrap().as_slice().unwrap(), [0.0, 2.0]);
    }

    #[test]
    fn shapes_that_do_not_broadcast_are_refused() {
        for [mask, a, b] in [[&[2][..], &[3], &[3]], [&[3], &[2], &[3]], [&[1], &[2, 2], &[3]]] {
            let select = move || {
                let tape = Tape::<f64>::new();
                let [mask, a, b] = [(mask, "m"), (a, "a"), (b, "b")].map(|(shape, name)| tape.filled(shape, 1.0).named(name));
                let _ = mask.select(a, b);
            };
            let named = [(mask, "m"), (a, "a"), (b, "b")].map(|(shape, name)| format!("{shape:?} \"{name}\""));
            assert_refused(select, &["select: ", &named[0], &named[1], &named[2]]);
        }
    }
}
