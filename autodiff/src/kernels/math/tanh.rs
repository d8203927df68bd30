//! `tanh(x) = (e²ˣ − 1) / (e²ˣ + 1)`.
//!
//! With `2|x| = k ln 2 + r` and `E = eʳ − 1`,
//!
//! ```text
//! tanh |x| = t / (t + 2),   t = e²ˣ − 1 = 2ᵏ E + (2ᵏ − 1)
//! ```
//!
//! One constant for ln 2 is enough: the error it leaves in `r` grows with `k`, while `tanh` flattens faster.
//! Backward: `d tanh x = (1 − tanh² x) dx`.

use super::exp::{ROUND_F32, ROUND_F64, expm1_reduced_f32, expm1_reduced_f64};
use std::f32::consts::{LN_2 as LN_2_F32, LOG2_E as LOG2_E_F32};
use std::f64::consts::{LN_2 as LN_2_F64, LOG2_E as LOG2_E_F64};

/// `tanh x`; worst error found 2.57 ulp. Keeps −0.
#[inline(always)]
pub fn tanh_f32(x: f32) -> f32 {
    const SHIFT: f32 = ROUND_F32 + 127.0;
    // Beyond 10 the result rounds to 1.
    let magnitude = if x.abs() > 10.0 { 10.0 } else { x.abs() };
    let twice = magnitude + magnitude;
    let shifted = twice.mul_add(LOG2_E_F32, SHIFT);
    let scale = f32::from_bits(shifted.to_bits() << 23);
    let e = expm1_reduced_f32((shifted - SHIFT).mul_add(-LN_2_F32, twice));
    let numerator = e.mul_add(scale, scale - 1.0);
    (numerator / (numerator + 2.0)).copysign(x)
}

/// `tanh x`; worst error found 2.47 ulp. Keeps −0.
#[inline(always)]
pub fn tanh_f64(x: f64) -> f64 {
    const SHIFT: f64 = ROUND_F64 + 1023.0;
    let magnitude = if x.abs() > 20.0 { 20.0 } else { x.abs() };
    let twice = magnitude + magnitude;
    let shifted = twice.mul_add(LOG2_E_F64, SHIFT);
    let scale = f64::from_bits(shifted.to_bits() << 52);
    let e = expm1_reduced_f64((shifted - SHIFT).mul_add(-LN_2_F64, twice));
    let numerator = e.mul_add(scale, scale - 1.0);
    (numerator / (numerator + 2.0)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::super::double_double::Dd;
    use super::super::sweep::{check_f32, check_f64, check_values_f32, check_values_f64};
    use super::*;

    #[test]
    fn tanh_f32_error_is_bounded() {
        check_f32(tanh_f32, f64::tanh, 4.0);
    }

    #[test]
    fn tanh_f64_error_is_bounded() {
        check_f64(tanh_f64, Dd::tanh, 300.0, 4.0);
    }

    #[test]
    fn tanh_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, 1.0),
            (-inf, -1.0),
            (nan, nan),
            (1e-45, 1e-45),
            (-1e-45, -1e-45),
            (f32::MAX, 1.0),
        ];
        check_values_f32(tanh_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, 1.0),
            (-inf, -1.0),
            (nan, nan),
            (5e-324, 5e-324),
            (-5e-324, -5e-324),
            (f64::MAX, 1.0),
        ];
        check_values_f64(tanh_f64, &table);
    }
}
