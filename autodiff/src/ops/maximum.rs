//! y = max(a, b) with broadcasting, da = dy where a >= b, db = dy elsewhere.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Binary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Maximum;

impl<T: Real> Binary<T> for Maximum {
    const NAME: &'static str = "maximum";
    #[inline(always)]
    fn f(self, a: T, b: T) -> T {
        if a >= b {
            a
        } else if a < b {
            b
        } else {
            // One of them is NaN, and so is their sum.
            a + b
        }
    }
    #[inline(always)]
    fn da(self, a: T, b: T) -> T {
        if a < b { T::zero() } else { T::one() }
    }
    #[inline(always)]
    fn db(self, a: T, b: T) -> T {
        if a >= b { T::zero() } else { T::one() }
    }
}

impl<T: Real> Var<'_, T> {
    /// The larger of two numbers, elementwise, broadcast as in NumPy; NaN if either is.
    ///
    /// Where they are equal, the derivative goes to the first: `x.maximum(other)` moves with x.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn maximum(self, other: Self) -> Self {
        self.combine(other, Maximum)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let maximum = || crate::function!(|a, b| a.maximum(b));
    vec![
        Check::gradient("maximum", [Input::any(&[3, 4]), Input::any(&[3, 4])], maximum()),
        Check::gradient("maximum, broadcast", [Input::any(&[2, 1, 4]), Input::any(&[3, 1])], maximum()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::{jvp, vjp};
    use ndarray::arr1;

    #[test]
    fn ties_go_to_the_first_also_for_dual_numbers() {
        let f = crate::function!(|a, b| a.maximum(b));
        let vector = |x: [f64; 3]| arr1(&x).into_dyn();
        let inputs = [vector([1.0, 2.0, 3.0]), vector([2.0, 2.0, 2.0])];
        let ones = vector([1.0; 3]);
        let (y, dx) = vjp(&f, &inputs, &ones);
        assert_eq!(y, vector([2.0, 2.0, 3.0]));
        assert_eq!(dx, [vector([0.0, 1.0, 1.0]), vector([1.0, 0.0, 0.0])]);
        for (i, dx) in dx.iter().enumerate() {
            let mut directions = [vector([0.0; 3]), vector([0.0; 3])];
            directions[i] = ones.clone();
            assert_eq!(&jvp(&f, &inputs, &directions).1, dx);
        }
    }

    #[test]
    fn not_a_number_on_either_side_comes_out() {
        let tape = crate::Tape::<f64>::new();
        let (nan, one) = (tape.scalar(f64::NAN), tape.scalar(1.0));
        for y in [nan.maximum(one), one.maximum(nan), nan.maximum(nan)] {
            assert!(y.item().is_nan());
        }
    }
}
