//! y = min(a, b) with broadcasting, da = dy where a <= b, db = dy elsewhere.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Binary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Minimum;

impl<T: Real> Binary<T> for Minimum {
    const NAME: &'static str = "minimum";
    #[inline(always)]
    fn f(self, a: T, b: T) -> T {
        if a <= b {
            a
        } else if a > b {
            b
        } else {
            // One of them is NaN, and so is their sum.
            a + b
        }
    }
    #[inline(always)]
    fn da(self, a: T, b: T) -> T {
        if a > b { T::zero() } else { T::one() }
    }
    #[inline(always)]
    fn db(self, a: T, b: T) -> T {
        if a <= b { T::zero() } else { T::one() }
    }
}

impl<T: Real> Var<'_, T> {
    /// The smaller of two numbers, elementwise, broadcast as in NumPy; NaN if either is.
    ///
    /// Where they are equal, the derivative goes to the first: `x.minimum(other)` moves with x.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn minimum(self, other: Self) -> Self {
        self.combine(other, Minimum)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let minimum = || crate::function!(|a, b| a.minimum(b));
    vec![
        Check::gradient("minimum", [Input::any(&[3, 4]), Input::any(&[3, 4])], minimum()),
        Check::gradient("minimum, broadcast", [Input::any(&[2, 1, 4]), Input::any(&[3, 1])], minimum()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::{jvp, vjp};
    use ndarray::arr1;

    #[test]
    fn ties_go_to_the_first_also_for_dual_numbers() {
        let f = crate::function!(|a, b| a.minimum(b));
        let vector = |x: [f64; 3]| arr1(&x).into_dyn();
        let inputs = [vector([1.0, 2.0, 3.0]), vector([2.0, 2.0, 2.0])];
        let ones = vector([1.0; 3]);
        let (y, dx) = vjp(&f, &inputs, &ones);
        assert_eq!(y, vector([1.0, 2.0, 2.0]));
        assert_eq!(dx, [vector([1.0, 1.0, 0.0]), vector([0.0, 0.0, 1.0])]);
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
        for y in [nan.minimum(one), one.minimum(nan), nan.minimum(nan)] {
            assert!(y.item().is_nan());
        }
    }
}
