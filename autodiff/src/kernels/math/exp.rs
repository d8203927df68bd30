//! `exp(x) = eˣ` and `expm1(x) = eˣ − 1`.
//!
//! With `k` the integer nearest to `x / ln 2` and `r = x − k ln 2`, `|r| ≤ ln 2 / 2`,
//!
//! ```text
//! eˣ = 2ᵏ eʳ,   eʳ = 1 + r + r² q(r)
//! ```
//!
//! where `q` is the minimax polynomial for the relative error of `eʳ − 1` (Remez exchange, coefficients rounded
//! one after the other and the rest fitted again). Backward: `d eˣ = eˣ dx`.
//!
//! Adding 1.5 · 2²³ (f32) or 1.5 · 2⁵² (f64) rounds to an integer and leaves that integer in the low bits, so
//! that neither a `round` call nor a float-to-integer conversion is needed.

use super::{poly_f32, poly_f64};
use std::f32::consts::LOG2_E as LOG2_E_F32;
use std::f64::consts::LOG2_E as LOG2_E_F64;

/// The leading 15 bits of ln 2: its product with any exponent `k` is exact.
pub(super) const LN_2_HIGH_F32: f32 = 0.693_145_75;
/// The rest of ln 2.
pub(super) const LN_2_LOW_F32: f32 = 1.428_606_8e-6;
/// The leading 33 bits of ln 2: its product with any exponent `k` is exact.
pub(super) const LN_2_HIGH_F64: f64 = 0.693_147_180_369_123_8;
/// The rest of ln 2.
pub(super) const LN_2_LOW_F64: f64 = 1.908_214_929_270_587_7e-10;

/// Adding it rounds an f32 to an integer.
pub(super) const ROUND_F32: f32 = 12_582_912.0;
/// Adding it rounds an f64 to an integer.
pub(super) const ROUND_F64: f64 = 6_755_399_441_055_744.0;

/// `eʳ − 1` for `|r| ≤ ln 2 / 2`; relative error 2⁻²⁶ before rounding.
#[inline(always)]
pub(super) fn expm1_reduced_f32(r: f32) -> f32 {
    let q = poly_f32(r, [0.499_999_97, 0.166_665_39, 4.166_776e-2, 8.367_148e-3, 1.383_524_5e-3]);
    (r * r).mul_add(q, r)
}

/// `eʳ − 1` for `|r| ≤ ln 2 / 2`; relative error 2⁻⁶¹ before rounding.
#[inline(always)]
pub(super) fn expm1_reduced_f64(r: f64) -> f64 {
    let q = poly_f64(
        r,
        [
            0.5,
            0.166_666_666_666_666_77,
            0.041_666_666_666_666_69,
            0.008_333_333_333_321_08,
            0.001_388_888_888_885_812_4,
            0.000_198_412_698_881_267_9,
            2.480_158_740_459_441_2e-5,
            2.755_724_172_007_145_7e-6,
            2.755_718_297_573_834e-7,
            2.511_003_899_121_417e-8,
            2.094_941_376_138_111_4e-9,
        ],
    );
    (r * r).mul_add(q, r)
}

/// `x − k ln 2`.
#[inline(always)]
pub(super) fn reduce_f32(x: f32, k: f32) -> f32 {
    k.mul_add(-LN_2_LOW_F32, k.mul_add(-LN_2_HIGH_F32, x))
}

/// `x − k ln 2`.
#[inline(always)]
pub(super) fn reduce_f64(x: f64, k: f64) -> f64 {
    k.mul_add(-LN_2_LOW_F64, k.mul_add(-LN_2_HIGH_F64, x))
}

/// `eˣ` for `−104 ≤ x ≤ 89` or NaN; what it returns elsewhere is without meaning.
#[inline(always)]
pub(super) fn exp_in_range_f32(x: f32) -> f32 {
    // 2ᵏ is applied as two factors whose biased exponents sum to k + 254: each is a normal number even where
    // the result is denormal (then rounded once, by the last product) or overflows.
    const SHIFT: f32 = ROUND_F32 + 254.0;
    let shifted = x.mul_add(LOG2_E_F32, SHIFT);
    let r = reduce_f32(x, shifted - SHIFT);
    let sum = shifted.to_bits();
    let half = sum >> 1;
    let scale = f32::from_bits(half << 23);
    let rest = f32::from_bits(sum.wrapping_sub(half) << 23);
    expm1_reduced_f32(r).mul_add(scale, scale) * rest
}

/// `eˣ` for `−746 ≤ x ≤ 710` or NaN; what it returns elsewhere is without meaning.
#[inline(always)]
pub(super) fn exp_in_range_f64(x: f64) -> f64 {
    const SHIFT: f64 = ROUND_F64 + 2046.0;
    let shifted = x.mul_add(LOG2_E_F64, SHIFT);
    let r = reduce_f64(x, shifted - SHIFT);
    let sum = shifted.to_bits();
    let half = sum >> 1;
    let scale = f64::from_bits(half << 52);
    let rest = f64::from_bits(sum.wrapping_sub(half) << 52);
    expm1_reduced_f64(r).mul_add(scale, scale) * rest
}

/// `x` brought into `low ..= high`; NaN stays.
#[inline(always)]
pub(super) fn clamp_f32(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// `x` brought into `low ..= high`; NaN stays.
#[inline(always)]
pub(super) fn clamp_f64(x: f64, low: f64, high: f64) -> f64 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

/// `eˣ`; worst error found 1.04 ulp.
///
/// 0 below −103.98, denormal below −87.34, ∞ above 88.72.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    exp_in_range_f32(clamp_f32(x, -104.0, 89.0))
}

/// `eˣ`; worst error found 1.00 ulp.
///
/// 0 below −745.14, denormal below −708.40, ∞ above 709.78.
#[inline(always)]
pub fn exp_f64(x: f64) -> f64 {
    exp_in_range_f64(clamp_f64(x, -746.0, 710.0))
}

/// `eˣ − 1`, without cancellation near 0; worst error found 1.55 ulp. Keeps −0.
#[inline(always)]
pub fn expm1_f32(x: f32) -> f32 {
    // 2ᵏ (eʳ − 1) + (2ᵏ − 1), all halved, because 2ᵏ itself overflows before the result does.
    const SHIFT: f32 = ROUND_F32 + 126.0;
    let inside = clamp_f32(x, -20.0, 89.0);
    let shifted = inside.mul_add(LOG2_E_F32, SHIFT);
    let r = reduce_f32(inside, shifted - SHIFT);
    let half_scale = f32::from_bits(shifted.to_bits() << 23);
    let half = expm1_reduced_f32(r).mul_add(half_scale, half_scale - 0.5);
    // Keeps −0 and the last bit of denormals.
    if x.abs() < 5.960_464_5e-8 { x } else { half + half }
}

/// `eˣ − 1`, without cancellation near 0; worst error found 1.78 ulp. Keeps −0.
#[inline(always)]
pub fn expm1_f64(x: f64) -> f64 {
    const SHIFT: f64 = ROUND_F64 + 1022.0;
    let inside = clamp_f64(x, -40.0, 710.0);
    let shifted = inside.mul_add(LOG2_E_F64, SHIFT);
    let r = reduce_f64(inside, shifted - SHIFT);
    let half_scale = f64::from_bits(shifted.to_bits() << 52);
    let half = expm1_reduced_f64(r).mul_add(half_scale, half_scale - 0.5);
    if x.abs() < 1.110_223_024_625_156_5e-16 { x } else { half + half }
}

#[cfg(test)]
mod tests {
    use super::super::double_double::Dd;
    use super::super::sweep::{check_f32, check_f64, check_values_f32, check_values_f64};
    use super::*;

    #[test]
    fn exp_f32_error_is_bounded() {
        check_f32(exp_f32, f64::exp, 2.0);
    }

    #[test]
    fn exp_f64_error_is_bounded() {
        check_f64(exp_f64, Dd::exp, 760.0, 2.0);
    }

    #[test]
    fn exp_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 1.0),
            (-0.0, 1.0),
            (inf, inf),
            (-inf, 0.0),
            (nan, nan),
            (88.722_84, inf),
            (-104.0, 0.0),
            (-103.9, 1e-45),
            (f32::MAX, inf),
            (f32::MIN, 0.0),
            (1e-45, 1.0),
        ];
        check_values_f32(exp_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 1.0),
            (-0.0, 1.0),
            (inf, inf),
            (-inf, 0.0),
            (nan, nan),
            (709.782_712_893_384_1, inf),
            (-746.0, 0.0),
            (-745.1, 5e-324),
            (f64::MAX, inf),
            (f64::MIN, 0.0),
            (5e-324, 1.0),
        ];
        check_values_f64(exp_f64, &table);
    }

    #[test]
    fn expm1_f32_error_is_bounded() {
        check_f32(expm1_f32, f64::exp_m1, 2.0);
    }

    #[test]
    fn expm1_f64_error_is_bounded() {
        check_f64(expm1_f64, Dd::expm1, 709.0, 2.0);
    }

    #[test]
    fn expm1_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, inf),
            (-inf, -1.0),
            (nan, nan),
            (1e-45, 1e-45),
            (-1e-45, -1e-45),
            (88.722_84, inf),
            (-1e9, -1.0),
        ];
        check_values_f32(expm1_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, inf),
            (-inf, -1.0),
            (nan, nan),
            (5e-324, 5e-324),
            (-5e-324, -5e-324),
            (709.782_712_893_384_1, inf),
            (-1e9, -1.0),
        ];
        check_values_f64(expm1_f64, &table);
    }
}
