//! y = b tanh(x / b): x near 0, never beyond ±b, and smooth where a clamp has an edge; dx = dy · (1 − (y/b)²), which dies out with
//! |x|: it is 0 beyond 9 b in `f32`, and beyond 19 b in `f64`.
//!
//! What keeps a flow's log-scales in bounds.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

/// The bound, and one over it.
#[derive(Clone, Copy)]
struct Bounded {
    bound: f64,
    inverse: f64,
}

impl<T: Real> Unary<T> for Bounded {
    const NAME: &'static str = "bounded";
    #[inline(always)]
    fn f(self, x: T) -> T {
        T::from_f64(self.bound) * (x * T::from_f64(self.inverse)).tanh()
    }
    #[inline(always)]
    fn df(self, _: T, y: T) -> T {
        let tanh = y * T::from_f64(self.inverse);
        T::one() - tanh * tanh
    }
}

impl<T: Real> Var<'_, T> {
    /// Brings every element smoothly into ±bound: bound · tanh(x / bound).
    ///
    /// # Panics
    /// If the bound is not positive and finite.
    #[must_use]
    #[track_caller]
    pub fn bounded(self, bound: f64) -> Self {
        assert!(bound > 0.0 && bound.is_finite(), "bounded: a bound of {bound}; it must be positive and finite");
        self.apply(Bounded { bound, inverse: 1.0 / bound })
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("bounded", [Input::any(&[3, 4])], crate::function!(|x| x.bounded(1.5)))]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::Tape;
    use ndarray::arr1;

    #[test]
    fn is_a_scaled_tanh() {
        let composed = crate::function!(|x| (x / 3.0).tanh() * 3.0);
        agree(&crate::function!(|x| x.bounded(3.0)), &composed, &[2.0 * numbers(&[5, 7])]);
        let tape = Tape::<f64>::new();
        assert_eq!(tape.constant(arr1(&[-1e9, 0.0, 1e9])).bounded(2.0).data(), [-2.0, 0.0, 2.0]);
        panics("bounded: a bound of -1", || tape.scalar(0.0).bounded(-1.0));
    }
}
