//! `sigmoid(x) = 1 / (1 + e⁻ˣ)`, the logistic function.
//!
//! With `−x = k ln 2 + r` and `E = eʳ − 1`, one division and no rounding of `e⁻ˣ` on the way:
//!
//! ```text
//! sigmoid(x) = c / ((c 2ᵏ E + c) + c 2ᵏ),   c = 2⁻²⁴ (f32), 2⁻⁵³ (f64)
//! ```
//!
//! The common factor `c` keeps `2ᵏ` finite where the result is denormal. Backward:
//! `d sigmoid(x) = sigmoid(x) (1 − sigmoid(x)) dx`.

use super::exp::{
    ROUND_F32, ROUND_F64, clamp_f32, clamp_f64, expm1_reduced_f32, expm1_reduced_f64, reduce_f32,
    reduce_f64,
};
use std::f32::consts::LOG2_E as LOG2_E_F32;
use std::f64::consts::LOG2_E as LOG2_E_F64;

/// `1 / (1 + e⁻ˣ)`; worst error found 2.00 ulp, also where the result is small or denormal.
#[inline(always)]
pub fn sigmoid_f32(x: f32) -> f32 {
    const C: f32 = f32::EPSILON / 2.0;
    const SHIFT: f32 = ROUND_F32 + 127.0 - 24.0;
    // Beyond 30 the result rounds to 1, beyond −104 to 0.
    let minus_x = clamp_f32(-x, -30.0, 104.0);
    let shifted = minus_x.mul_add(LOG2_E_F32, SHIFT);
    let scale = f32::from_bits(shifted.to_bits() << 23);
    let e = expm1_reduced_f32(reduce_f32(minus_x, shifted - SHIFT));
    C / (e.mul_add(scale, C) + scale)
}

/// `1 / (1 + e⁻ˣ)`; worst error found 2.00 ulp, also where the result is small or denormal.
#[inline(always)]
pub fn sigmoid_f64(x: f64) -> f64 {
    const C: f64 = f64::EPSILON / 2.0;
    const SHIFT: f64 = ROUND_F64 + 1023.0 - 53.0;
    let minus_x = clamp_f64(-x, -60.0, 746.0);
    let shifted = minus_x.mul_add(LOG2_E_F64, SHIFT);
    let scale = f64::from_bits(shifted.to_bits() << 52);
    let e = expm1_reduced_f64(reduce_f64(minus_x, shifted - SHIFT));
    C / (e.mul_add(scale, C) + scale)
}

#[cfg(test)]
mod tests {
    use super::super::double_double::Dd;
    use super::super::sweep::{check_f32, check_f64, check_values_f32, check_values_f64};
    use super::*;

    #[test]
    fn sigmoid_f32_error_is_bounded() {
        check_f32(
            sigmoid_f32,
            |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) },
            2.0,
        );
    }

    #[test]
    fn sigmoid_f64_error_is_bounded() {
        check_f64(sigmoid_f64, Dd::sigmoid, 760.0, 2.0);
    }

    #[test]
    fn sigmoid_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 0.5),
            (-0.0, 0.5),
            (inf, 1.0),
            (-inf, 0.0),
            (nan, nan),
            (-103.9, 1e-45),
            (f32::MIN, 0.0),
        ];
        check_values_f32(sigmoid_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 0.5),
            (-0.0, 0.5),
            (inf, 1.0),
            (-inf, 0.0),
            (nan, nan),
            (-745.1, 5e-324),
            (f64::MIN, 0.0),
        ];
        check_values_f64(sigmoid_f64, &table);
    }
}
