//! `tanh(x) = (e²ˣ − 1) / (e²ˣ + 1)`.
//!
//! With `2|x| = k ln 2 + r` and `E = eʳ − 1`,
//!
//! ```text
//! tanh |x| = (2ᵏ E + (2ᵏ − 1)) / (2ᵏ E + (2ᵏ + 1))
//! ```
//!
//! Backward: `d tanh x = (1 − tanh² x) dx`.

use super::exp::{
    ROUND_F32, ROUND_F64, expm1_reduced_f32, expm1_reduced_f64, reduce_f32, reduce_f64,
};
use std::f32::consts::LOG2_E as LOG2_E_F32;
use std::f64::consts::LOG2_E as LOG2_E_F64;

/// `tanh x`.
#[inline(always)]
pub fn tanh_f32(x: f32) -> f32 {
    const SHIFT: f32 = ROUND_F32 + 127.0;
    // Beyond 10 the result rounds to 1.
    let magnitude = if x.abs() > 10.0 { 10.0 } else { x.abs() };
    let twice = magnitude + magnitude;
    let shifted = twice.mul_add(LOG2_E_F32, SHIFT);
    let scale = f32::from_bits(shifted.to_bits() << 23);
    let e = expm1_reduced_f32(reduce_f32(twice, shifted - SHIFT));
    (e.mul_add(scale, scale - 1.0) / e.mul_add(scale, scale + 1.0)).copysign(x)
}

/// `tanh x`.
#[inline(always)]
pub fn tanh_f64(x: f64) -> f64 {
    const SHIFT: f64 = ROUND_F64 + 1023.0;
    let magnitude = if x.abs() > 20.0 { 20.0 } else { x.abs() };
    let twice = magnitude + magnitude;
    let shifted = twice.mul_add(LOG2_E_F64, SHIFT);
    let scale = f64::from_bits(shifted.to_bits() << 52);
    let e = expm1_reduced_f64(reduce_f64(twice, shifted - SHIFT));
    (e.mul_add(scale, scale - 1.0) / e.mul_add(scale, scale + 1.0)).copysign(x)
}
