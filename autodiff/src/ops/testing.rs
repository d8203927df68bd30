//! What the ops' tests share: values and derivatives at single points, and messages of panics.

use crate::check::{Function, jvp, vjp};
use crate::scalar::Real;
use ndarray::arr0;

/// A point, the value there and the derivative there.
pub(super) type Row = (f64, f64, f64);

/// Asserts values and derivatives at points where they are known, in f64 and f32; that dual numbers give the same
/// derivatives, which at a kink a gradient check cannot see; and that the table holds for NaN, which must come out.
#[track_caller]
pub(super) fn assert_points(function: &impl Function, table: &[Row]) {
    points::<f64>(function, table, 1e-14);
    points::<f32>(function, table, 1e-6);
}

#[track_caller]
fn points<T: Real>(function: &impl Function, table: &[Row], tolerance: f64) {
    let one = || [arr0(T::one()).into_dyn()];
    let at = |x: f64| {
        let x = [arr0(T::from_f64(x)).into_dyn()];
        let (y, dx) = vjp(function, &x, &one()[0]);
        let (_, forward) = jvp(function, &x, &one());
        (y[[]].to_f64(), dx[0][[]].to_f64(), forward[[]].to_f64())
    };
    // Relative, since tails are small; equality for infinities.
    let close = |a: f64, b: f64| a == b || (a - b).abs() <= tolerance * b.abs();
    for &(x, y, dy) in table {
        let (value, backward, forward) = at(x);
        assert!(close(value, y), "f({x}) = {value:e}, not {y:e}");
        assert!(close(backward, dy), "f'({x}) = {backward:e}, not {dy:e}");
        assert!(close(forward, dy), "f'({x}) = {forward:e} by dual numbers, not {dy:e}");
    }
    assert!(at(f64::NAN).0.is_nan(), "NaN was swallowed: {}", at(f64::NAN).0);
}

/// Asserts that `work` panics with a message that contains each of `parts`.
#[track_caller]
pub(super) fn assert_refused(work: impl FnOnce() + std::panic::UnwindSafe, parts: &[&str]) {
    let payload = std::panic::catch_unwind(work).expect_err("it should have been refused");
    let message = payload.downcast::<String>().map(|text| *text).unwrap_or_default();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}
