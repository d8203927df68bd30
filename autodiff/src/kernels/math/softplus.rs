//! `softplus(x) = ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)`.
//!
//! With `e = e^−|x| ∈ (0, 1]` and `w = 2e / (2 + e)`, `ln(1 + e) = 2 artanh(w / 2) = w + w³ P(w²)`.
//! Backward: `d softplus(x) = sigmoid(x) dx`.

use super::sigmoid::{exp_minus_abs_f32, exp_minus_abs_f64};
use super::{poly_f32, poly_f64};

/// `ln(1 + eˣ)`, nats when `x` is a logit.
#[inline(always)]
pub fn softplus_f32(x: f32) -> f32 {
    let e = exp_minus_abs_f32(x);
    let w = (e + e) / (2.0 + e);
    let w2 = w * w;
    let p = poly_f32(w2, [8.333_301_5e-2, 1.250_679_7e-2, 2.187_356_1e-3, 5.474_622_6e-4]);
    (if x > 0.0 { x } else { 0.0 }) + (w * w2).mul_add(p, w)
}

/// `ln(1 + eˣ)`, nats when `x` is a logit.
#[inline(always)]
pub fn softplus_f64(x: f64) -> f64 {
    let e = exp_minus_abs_f64(x);
    let w = (e + e) / (2.0 + e);
    let w2 = w * w;
    let p = poly_f64(
        w2,
        [
            0.083_333_333_333_332_88,
            0.012_500_000_000_048_823,
            0.002_232_142_855_308_938,
            0.000_434_027_811_806_921_9,
            8.877_804_728_574_034e-5,
            1.878_241_810_534_447_5e-5,
            4.059_145_911_532_028e-6,
            9.236_013_213_109_624e-7,
            1.590_948_009_809_774_2e-7,
            8.114_224_027_157_902e-8,
        ],
    );
    (if x > 0.0 { x } else { 0.0 }) + (w * w2).mul_add(p, w)
}
