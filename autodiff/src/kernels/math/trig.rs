//! `sin(x)` and `cos(x)`, `x` in radians.
//!
//! With `n` the integer nearest to `x / π` (to `x / π − ½` for the cosine) and `|r| ≤ π/2`,
//!
//! ```text
//! sin x = (−1)ⁿ sin r,      r = x − n π
//! cos x = (−1)ⁿ⁺¹ sin r,    r = x − (n + ½) π
//! sin r = r + r³ P(r²)
//! ```
//!
//! One polynomial, no choice between two. π is subtracted in pieces (Cody and Waite), no product with `n` rounded in
//! the fused multiply-add. The f32 functions work in f64 throughout: the reduction needs it, and the polynomial
//! then costs little more and rounds once.
//!
//! **Range.** For `|x|` up to [`TRIG_MAX_F32`] and [`TRIG_MAX_F64`] the bounds hold; beyond, the result is
//! NaN. (A call of the library for larger ones would be a branch, which stops vectorisation; neighbouring f32 are
//! there 10⁷ radians apart.)
//! Backward: `d sin x = cos x dx`, `d cos x = −sin x dx`.

use super::exp::ROUND_F64;
use super::poly_f64;
use std::f64::consts::{FRAC_1_PI, PI};

/// Largest magnitude that [`sin_f32`] and [`cos_f32`] take: 2⁴⁷, about 1.4e14.
pub const TRIG_MAX_F32: f32 = 140_737_488_355_328.0;
/// Largest magnitude that [`sin_f64`] and [`cos_f64`] take: 2⁴⁵, about 3.5e13.
pub const TRIG_MAX_F64: f64 = 35_184_372_088_832.0;

/// π − `PI`, rounded down: with positive constants `0 · constant` never turns −0 into +0.
const PI_LOW: f64 = 1.224_646_799_147_353e-16;
/// π − `PI` − `PI_LOW`.
const PI_LOWEST: f64 = 2.165_713_347_843_829e-32;

/// `(−1)^parity · sin r` to f32 precision, `|r| ≤ π/2`; the parity is the lowest bit.
#[inline(always)]
fn signed_sin_f32(r: f64, parity: u64) -> f32 {
    let r2 = r * r;
    let p = poly_f64(
        r2,
        [
            -0.166_666_595_455_303_55,
            8.333_066_105_375_6e-3,
            -1.980_959_149_224_351e-4,
            2.605_753_262_927_429_3e-6,
        ],
    );
    let y = r * r2.mul_add(p, 1.0);
    f64::from_bits(y.to_bits() ^ (parity << 63)) as f32
}

/// `(−1)^parity · sin r`, `|r| ≤ π/2`; the parity is the lowest bit.
#[inline(always)]
fn signed_sin_f64(r: f64, parity: u64) -> f64 {
    let r2 = r * r;
    let p = poly_f64(
        r2,
        [
            -0.166_666_666_666_666_66,
            0.008_333_333_333_333_207,
            -0.000_198_412_698_412_124_8,
            2.755_731_921_157_139e-6,
            -2.505_210_690_500_972_8e-8,
            1.605_894_105_864_635_8e-10,
            -7.643_021_552_922_869e-13,
            2.721_449_306_335_612e-15,
        ],
    );
    let magnitude = (r * r2).mul_add(p, r).abs();
    // Rounding must not leave [−1, 1], nor −0 become +0.
    let y = if magnitude > 1.0 { 1.0 } else { magnitude }.copysign(r);
    f64::from_bits(y.to_bits() ^ (parity << 63))
}

/// `x − n π` with a relative error of about 2⁻⁵², however close to 0.
#[inline(always)]
fn reduce(x: f64, n: f64) -> f64 {
    n.mul_add(-PI_LOWEST, reduce_coarse(x, n))
}

/// `x − n π` with an absolute error of `n` · 2⁻¹⁰⁵: enough for f32, none of which comes that close to 0.
#[inline(always)]
fn reduce_coarse(x: f64, n: f64) -> f64 {
    n.mul_add(-PI_LOW, n.mul_add(-PI, x))
}

/// `sin x`, `x` in radians; worst error found 0.64 ulp, never beyond ±1. NaN beyond [`TRIG_MAX_F32`].
#[inline(always)]
pub fn sin_f32(x: f32) -> f32 {
    let wide = f64::from(x);
    let shifted = wide.mul_add(FRAC_1_PI, ROUND_F64);
    let r = reduce_coarse(wide, shifted - ROUND_F64);
    let y = signed_sin_f32(r, shifted.to_bits());
    if x.abs() <= TRIG_MAX_F32 { y } else { f32::NAN }
}

/// `sin x`, `x` in radians; worst error found 1.60 ulp, never beyond ±1. NaN beyond [`TRIG_MAX_F64`].
#[inline(always)]
pub fn sin_f64(x: f64) -> f64 {
    let shifted = x.mul_add(FRAC_1_PI, ROUND_F64);
    let r = reduce(x, shifted - ROUND_F64);
    let y = signed_sin_f64(r, shifted.to_bits());
    if x.abs() <= TRIG_MAX_F64 { y } else { f64::NAN }
}

/// An odd rounding constant: it turns the parity of `n` into that of `n + 1`, the cosine's.
const ROUND_ODD_F64: f64 = ROUND_F64 + 1.0;

/// `cos x`, `x` in radians; worst error found 0.74 ulp, never beyond ±1. NaN beyond [`TRIG_MAX_F32`].
#[inline(always)]
pub fn cos_f32(x: f32) -> f32 {
    let wide = f64::from(x);
    let shifted = wide.mul_add(FRAC_1_PI, -0.5) + ROUND_ODD_F64;
    let r = reduce_coarse(wide, shifted - ROUND_ODD_F64 + 0.5);
    let y = signed_sin_f32(r, shifted.to_bits());
    if x.abs() <= TRIG_MAX_F32 { y } else { f32::NAN }
}

/// `cos x`, `x` in radians; worst error found 1.68 ulp, never beyond ±1. NaN beyond [`TRIG_MAX_F64`].
#[inline(always)]
pub fn cos_f64(x: f64) -> f64 {
    let shifted = x.mul_add(FRAC_1_PI, -0.5) + ROUND_ODD_F64;
    let r = reduce(x, shifted - ROUND_ODD_F64 + 0.5);
    let y = signed_sin_f64(r, shifted.to_bits());
    if x.abs() <= TRIG_MAX_F64 { y } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::super::double_double::Dd;
    use super::super::sweep::{check_f32, check_f64, check_values_f32, check_values_f64};
    use super::*;

    #[test]
    fn sin_f32_error_is_bounded() {
        check_f32(sin_f32, |x| if x.abs() > TRIG_MAX_F32.into() { f64::NAN } else { x.sin() }, 2.0);
    }

    #[test]
    fn sin_f64_error_is_bounded() {
        check_f64(sin_f64, Dd::sin, TRIG_MAX_F64, 2.0);
    }

    #[test]
    fn cos_f32_error_is_bounded() {
        check_f32(cos_f32, |x| if x.abs() > TRIG_MAX_F32.into() { f64::NAN } else { x.cos() }, 2.0);
    }

    #[test]
    fn cos_f64_error_is_bounded() {
        check_f64(cos_f64, Dd::cos, TRIG_MAX_F64, 2.0);
    }

    #[test]
    fn sin_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, nan),
            (-inf, nan),
            (nan, nan),
            (1e-45, 1e-45),
            (-1e-45, -1e-45),
            (TRIG_MAX_F32 * 1.01, nan),
        ];
        check_values_f32(sin_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, nan),
            (-inf, nan),
            (nan, nan),
            (5e-324, 5e-324),
            (-5e-324, -5e-324),
            (TRIG_MAX_F64 * 1.01, nan),
        ];
        check_values_f64(sin_f64, &table);
    }

    #[test]
    fn cos_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 1.0),
            (-0.0, 1.0),
            (inf, nan),
            (-inf, nan),
            (nan, nan),
            (1e-45, 1.0),
            (-TRIG_MAX_F32 * 1.01, nan),
        ];
        check_values_f32(cos_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 1.0),
            (-0.0, 1.0),
            (inf, nan),
            (-inf, nan),
            (nan, nan),
            (5e-324, 1.0),
            (-TRIG_MAX_F64 * 1.01, nan),
        ];
        check_values_f64(cos_f64, &table);
    }

    /// `√(1 − s²)` and `arcsin s` of a sine just beyond 1 would be NaN.
    #[test]
    fn never_beyond_one() {
        for n in -2000..2000 {
            for offset in -20..20 {
                let x = f64::from(n) * std::f64::consts::FRAC_PI_2 + f64::from(offset) * 1e-9;
                assert!(sin_f64(x).abs() <= 1.0 && cos_f64(x).abs() <= 1.0, "at {x:e}");
                let x = x as f32 + offset as f32 * 1e-4;
                assert!(sin_f32(x).abs() <= 1.0 && cos_f32(x).abs() <= 1.0, "at {x:e}");
            }
        }
    }
}
