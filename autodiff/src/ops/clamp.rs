//! y = min(max(x, low), high) for constant bounds, dx = dy where low ≤ x ≤ high and 0 elsewhere.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct Clamp {
    low: f64,
    high: f64,
}

impl<T: Real> Unary<T> for Clamp {
    const NAME: &'static str = "clamp";
    #[inline(always)]
    fn f(self, x: T) -> T {
        let (low, high) = (T::from_f64(self.low), T::from_f64(self.high));
        // NaN fails both comparisons and comes out.
        if x < low {
            low
        } else if x > high {
            high
        } else {
            x
        }
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        let inside = !(x < T::from_f64(self.low) || x > T::from_f64(self.high));
        if inside { T::one() } else { T::zero() }
    }
}

impl<T: Real> Var<'_, T> {
    /// x confined to [low, high], elementwise. The derivative is 1 between and at the bounds, and 0 beyond them.
    ///
    /// # Panics
    /// If low > high, or either is NaN.
    #[must_use]
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Self {
        assert!(low <= high, "clamp: {self} cannot be confined to [{low}, {high}], which is empty");
        self.apply(Clamp { low, high })
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("clamp", [Input::away_from_zero(&[3, 4])], crate::function!(|x| x.clamp(0.0, 1.0))),
        Check::gradient("clamp, from below", [Input::away_from_zero(&[3, 4])], crate::function!(|x| x.clamp(0.0, f64::INFINITY))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::{assert_points, assert_refused};

    #[test]
    fn the_derivative_at_the_bounds_is_one() {
        assert_points(&crate::function!(|x| x.clamp(-0.5, 2.0)), &[(-3.0, -0.5, 0.0), (-0.5, -0.5, 1.0), (2.0, 2.0, 1.0), (2.5, 2.0, 0.0)]);
    }

    #[test]
    fn bounds_out_of_order_are_refused() {
        for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::NAN)] {
            let clamp = move || {
                let _ = crate::Tape::<f64>::new().scalar(0.0).clamp(low, high);
            };
            assert_refused(clamp, &["clamp: ", &format!("[{low}, {high}]")]);
        }
    }
}
