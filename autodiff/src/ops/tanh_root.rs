//! a where a + c tanh a = y, for c ≥ −1: the one number that a planar flow's inverse has to find.
//!
//! The left side rises with a, and |a − y| ≤ |c|: a root is bracketed, and Newton's steps are taken where they stay within the
//! bracket, which is halved where they do not. With t = tanh a, `da = (dy − t dc) / (1 + c (1 − t²))`.
//!
//! The search runs in double precision on values alone; the derivative of a last Newton step in the scalar itself is that of a dual
//! number. Of its value nothing is taken: rounded in single precision, it would be off by more than the root is.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Binary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct TanhRoot;

/// Bracketed Newton; halving alone would need some 60 steps.
fn root(y: f64, c: f64) -> f64 {
    let (mut low, mut high) = (y - c.abs(), y + c.abs());
    let mut a = y;
    for _ in 0..200 {
        let t = a.tanh();
        let excess = a + c * t - y;
        if excess > 0.0 {
            high = a;
        } else if excess < 0.0 {
            low = a;
        } else {
            // The root, or NaN.
            return if excess == 0.0 { a } else { f64::NAN };
        }
        let newton = a - excess / (1.0 + c * (1.0 - t * t));
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if next == a {
            break;
        }
        a = next;
    }
    a
}

/// 1 + c (1 − tanh² a), how fast the left side rises; near c = −1 and a = 0 as a sum of two small numbers, not a difference of large ones.
#[inline(always)]
fn slope<T: Real>(a: T, c: T) -> T {
    let t = a.tanh();
    t * t + (T::one() + c) * (T::one() - t * t)
}

fn solve<T: Real>(y: T, c: T) -> T {
    let a = T::from_f64(root(y.to_f64(), c.to_f64()));
    let rise = slope(a, c);
    let step = (a + c * a.tanh() - y) / rise;
    // At c = −1 and a = 0 it does not rise at all, and a is 0.
    if rise > T::zero() { a - (step - T::from_f64(step.to_f64())) } else { a }
}

impl<T: Real> Binary<T> for TanhRoot {
    const NAME: &'static str = "tanh_root";
    #[inline(always)]
    fn f(self, y: T, c: T) -> T {
        solve(y, c)
    }
    #[inline(always)]
    fn da(self, y: T, c: T) -> T {
        T::one() / slope(solve(y, c), c)
    }
    #[inline(always)]
    fn db(self, y: T, c: T) -> T {
        let a = solve(y, c);
        -a.tanh() / slope(a, c)
    }
}

impl<T: Real> Var<'_, T> {
    /// The a with `a + c tanh a` this, elementwise, broadcast as in NumPy. NaN where either is; where c is below −1 there may be three such
    /// numbers, and it is one of them.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn tanh_root(self, c: Self) -> Self {
        self.combine(c, TanhRoot)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let c = |shape: &[usize]| Input::between(shape, -0.8, 4.0);
    let solve = || crate::function!(|y, c| y.tanh_root(c));
    vec![
        Check::gradient("tanh_root", [Input::any(&[3, 4]), c(&[3, 4])], solve()),
        Check::gradient("tanh_root, broadcast", [Input::any(&[3, 4]), c(&[])], solve()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::tape::Tape;

    #[test]
    fn solves_its_equation_for_any_y_and_c() {
        let tape = Tape::<f64>::new();
        for c in [-1.0, -1.0 + 1e-9, -0.5, 0.0, 1e-3, 1.0, 50.0, 1e6] {
            for y in [-1e9, -30.0, -1.0, -1e-9, 0.0, 1e-3, 0.7, 4.0, 1e3] {
                let a = tape.scalar(y).tanh_root(tape.scalar(c)).item();
                let error = (a + c * a.tanh() - y).abs();
                assert!(error <= 1e-15 * (y.abs() + c.abs() + a.abs()) * 4.0, "{y}, {c}: {a}, off by {error:e}");
            }
        }
        // In single precision the root is the one of double precision, rounded.
        let single = Tape::<f32>::new();
        for c in [-0.999, -0.9, 0.5] {
            for y in [2.5e-5, 1e-3, 0.01, 0.7] {
                let (y, c) = (y as f32, c as f32);
                let found = f64::from(single.scalar(y.into()).tanh_root(single.scalar(c.into())).item());
                let truth = tape.scalar(y.into()).tanh_root(tape.scalar(c.into())).item();
                assert!((found / truth - 1.0).abs() < 1e-7, "{y}, {c}: {found} {truth}");
            }
        }
        // Where the curve is all but flat: 1 / (t² + (1 + c)(1 − t²)), with a² for the whole at c = −1.
        let (y, c) = (single.variable(ndarray::arr0(3.3e-13_f32)), single.scalar(-1.0));
        let a = y.tanh_root(c);
        let slope = f64::from(a.backward().take(y).data()[0]);
        let t = f64::from(a.item()).tanh();
        assert!((slope * t * t - 1.0).abs() < 1e-5, "{slope} at {t}");
        assert!(tape.scalar(f64::NAN).tanh_root(tape.scalar(0.5)).item().is_nan());
        assert!(tape.scalar(0.3).tanh_root(tape.scalar(f64::NAN)).item().is_nan());
    }
}
