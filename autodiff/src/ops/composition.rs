//! What the tests of fused ops share: a fused op against its composition from small ops.

use crate::check::{Function, vjp};
use crate::kernels::noise::Noise;
use ndarray::ArrayD;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Standard normal draws that depend on the shape alone.
pub(super) fn numbers(shape: &[usize]) -> ArrayD<f64> {
    let noise = shape.iter().fold(Noise::new(1), |noise, &size| noise.stream(size as u64));
    let mut array = ArrayD::zeros(shape);
    noise.fill_normal_f64(array.as_slice_mut().unwrap());
    array
}

/// Asserts that two functions have the same values and the same gradients, to 10⁻¹² of the largest.
#[track_caller]
pub(super) fn agree(fused: &impl Function, composed: &impl Function, inputs: &[ArrayD<f64>]) {
    let (value, _) = crate::check::jvp(composed, inputs, inputs);
    let cotangent = numbers(value.shape()) + 0.5;
    let (fused, fused_gradients) = vjp(fused, inputs, &cotangent);
    let (composed, composed_gradients) = vjp(composed, inputs, &cotangent);
    close(&fused, &composed, "values");
    for (i, (fused, composed)) in fused_gradients.iter().zip(&composed_gradients).enumerate() {
        close(fused, composed, &format!("gradient {i}"));
    }
}

#[track_caller]
fn close(a: &ArrayD<f64>, b: &ArrayD<f64>, what: &str) {
    assert_eq!(a.shape(), b.shape(), "{what}");
    let scale = b.iter().fold(1.0, |max: f64, b| max.max(b.abs()));
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-12 * scale, "{what}: {a} and {b}");
    }
}

/// Asserts that `work` panics with a message that has `expected` in it.
#[track_caller]
pub(super) fn panics<R>(expected: &str, work: impl FnOnce() -> R) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(work)) else {
        panic!("no panic, where one with \"{expected}\" was due")
    };
    let message = payload.downcast_ref::<String>().map(String::as_str);
    let message = message.or(payload.downcast_ref::<&str>().copied()).unwrap_or("not text");
    assert!(message.contains(expected), "\"{message}\" does not say \"{expected}\"");
}
