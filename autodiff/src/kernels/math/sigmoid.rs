//! `sigmoid(x) = 1 / (1 + e⁻ˣ)`, the logistic function.
//!
//! With `e = e^−|x|`, which cannot overflow, it is `1 / (1 + e)` for `x ≥ 0` and `e / (1 + e)` below: no
//! cancellation on either side. Backward: `d sigmoid(x) = sigmoid(x) (1 − sigmoid(x)) dx`.

use super::exp::{exp_in_range_f32, exp_in_range_f64};

/// `e^−|x|`.
#[inline(always)]
pub(super) fn exp_minus_abs_f32(x: f32) -> f32 {
    exp_in_range_f32(-if x.abs() > 104.0 { 104.0 } else { x.abs() })
}

/// `e^−|x|`.
#[inline(always)]
pub(super) fn exp_minus_abs_f64(x: f64) -> f64 {
    exp_in_range_f64(-if x.abs() > 746.0 { 746.0 } else { x.abs() })
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub fn sigmoid_f32(x: f32) -> f32 {
    let e = exp_minus_abs_f32(x);
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub fn sigmoid_f64(x: f64) -> f64 {
    let e = exp_minus_abs_f64(x);
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}
