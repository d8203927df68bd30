//! `ln(x)` and `ln_1p(x) = ln(1 + x)`.
//!
//! With `x = 2ᵏ m`, `√½ ≤ m < √2` and `f = m − 1` (exact),
//!
//! ```text
//! ln x = k ln 2 + ln(1 + f)
//! f32:  ln(1 + f) = f − f²/2 + f³ P(f)
//! f64:  ln(1 + f) = f − f²/2 + s (f²/2 + s² R(s²)),   s = f / (2 + f)
//! ```
//!
//! (the second from `ln(1 + f) = 2 artanh s`). Backward: `d ln x = dx / x`.

use super::exp::{LN_2_HIGH_F64, LN_2_LOW_F64};
use super::{poly_f32, poly_f64};
use std::f32::consts::LN_2 as LN_2_F32;

const SQRT_HALF_F32: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
const SQRT_HALF_F64: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
const ONE_F32: u32 = 1f32.to_bits();
const ONE_F64: u64 = 1f64.to_bits();

/// `(k + 127, m)` of a positive normal `x = 2ᵏ m`, `√½ ≤ m < √2`.
#[inline(always)]
fn split_f32(x: f32) -> (u32, f32) {
    let bits = x.to_bits().wrapping_add(ONE_F32 - SQRT_HALF_F32);
    (bits >> 23, f32::from_bits((bits & 0x007f_ffff) + SQRT_HALF_F32))
}

/// `(k + 1023, m)` of a positive normal `x = 2ᵏ m`, `√½ ≤ m < √2`.
#[inline(always)]
fn split_f64(x: f64) -> (u64, f64) {
    let bits = x.to_bits().wrapping_add(ONE_F64 - SQRT_HALF_F64);
    (bits >> 52, f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + SQRT_HALF_F64))
}

/// `k ln 2 + ln(1 + f)`, `√½ ≤ 1 + f < √2`.
#[inline(always)]
fn combine_f32(k: f32, f: f32) -> f32 {
    let p = poly_f32(
        f,
        [
            -0.5,
            0.333_333_3,
            -0.250_008_23,
            0.200_012_61,
            -0.166_233_18,
            0.142_009_03,
            -0.131_597_25,
            0.127_678_11,
            -7.643_847e-2,
        ],
    );
    let ln_m = (f * f).mul_add(p, f);
    // `LN_2` is within 0.05 ulp of ln 2, and so is the product: no second constant.
    k.mul_add(LN_2_F32, ln_m)
}

/// `k ln 2 + ln(1 + f)`, `√½ ≤ 1 + f < √2`.
#[inline(always)]
fn combine_f64(k: f64, f: f64) -> f64 {
    let s = f / (2.0 + f);
    let s2 = s * s;
    let r = poly_f64(
        s2,
        [
            0.666_666_666_666_673_4,
            0.399_999_999_994_164_25,
            0.285_714_287_421_131_4,
            0.222_221_985_935_428_22,
            0.181_835_635_578_571_44,
            0.153_140_646_070_808_38,
            0.147_958_535_455_061_44,
        ],
    );
    let half_square = 0.5 * f * f;
    let tail = s * s2.mul_add(r, half_square);
    let low = k.mul_add(LN_2_LOW_F64, tail);
    k.mul_add(LN_2_HIGH_F64, f - (half_square - low))
}

/// `2²³ + n` holds the integer `n` in its low bits: an exact conversion without a conversion instruction.
#[inline(always)]
fn to_f32(n: u32, subtract: f32) -> f32 {
    f32::from_bits(n | 0x4b00_0000) - (8_388_608.0 + subtract)
}

/// `2⁵² + n` holds the integer `n` in its low bits: an exact conversion without a conversion instruction.
#[inline(always)]
fn to_f64(n: u64, subtract: f64) -> f64 {
    f64::from_bits(n | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + subtract)
}

/// `2¹⁴⁹ x` of a positive denormal `x`: its bits are that integer.
#[inline(always)]
fn denormal_f32(x: f32) -> f32 {
    to_f32(x.to_bits(), 0.0)
}

/// `2¹⁰⁷⁴ x` of a positive denormal `x`: its bits are that integer.
#[inline(always)]
fn denormal_f64(x: f64) -> f64 {
    to_f64(x.to_bits(), 0.0)
}

/// `y`, except where `ln x` is special: −∞ at ±0, NaN below and at NaN, +∞ at +∞.
#[inline(always)]
fn special_f32(x: f32, y: f32) -> f32 {
    let bits = x.to_bits();
    // All bits set, a NaN, for negative numbers; +∞ and NaN stay.
    let other = f32::from_bits(bits | ((bits as i32) >> 31) as u32);
    let y = if bits < f32::INFINITY.to_bits() { y } else { other };
    if x == 0.0 { f32::NEG_INFINITY } else { y }
}

/// `ln x`: −∞ at ±0, NaN below; worst error found 0.93 ulp.
#[inline(always)]
pub fn ln_f32(x: f32) -> f32 {
    let denormal = x < f32::MIN_POSITIVE;
    let (k, m) = split_f32(if denormal { denormal_f32(x) } else { x });
    let k = to_f32(k, if denormal { 127.0 + 149.0 } else { 127.0 });
    special_f32(x, combine_f32(k, m - 1.0))
}

/// `y`, except where `ln x` is special: −∞ at ±0, NaN below and at NaN, +∞ at +∞.
#[inline(always)]
fn special_f64(x: f64, y: f64) -> f64 {
    let bits = x.to_bits();
    // All bits set, a NaN, for negative numbers; +∞ and NaN stay.
    let other = f64::from_bits(bits | ((bits as i64) >> 63) as u64);
    let y = if bits < f64::INFINITY.to_bits() { y } else { other };
    if x == 0.0 { f64::NEG_INFINITY } else { y }
}

/// `ln x`: −∞ at ±0, NaN below; worst error found 0.77 ulp.
#[inline(always)]
pub fn ln_f64(x: f64) -> f64 {
    let denormal = x < f64::MIN_POSITIVE;
    let (k, m) = split_f64(if denormal { denormal_f64(x) } else { x });
    let k = to_f64(k, if denormal { 1023.0 + 1074.0 } else { 1023.0 });
    special_f64(x, combine_f64(k, m - 1.0))
}

/// `ln(1 + x)`, without cancellation near 0; worst error found 1.42 ulp. −∞ at −1, NaN below, keeps −0.
#[inline(always)]
pub fn ln_1p_f32(x: f32) -> f32 {
    // 1 + x = u + c exactly (a two-sum); c joins f in units of 2ᵏ. Half the factor 2⁻ᵏ comes last, because
    // 2⁻ᵏ is not a normal number for the largest k.
    let u = 1.0 + x;
    let c = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) };
    let (k, m) = split_f32(u);
    let twice_inverse = f32::from_bits(255u32.wrapping_sub(k) << 23);
    let f = (c * twice_inverse).mul_add(0.5, m - 1.0);
    special_f32(u, combine_f32(to_f32(k, 127.0), f).copysign(x))
}

/// `ln(1 + x)`, without cancellation near 0; worst error found 0.81 ulp. −∞ at −1, NaN below, keeps −0.
#[inline(always)]
pub fn ln_1p_f64(x: f64) -> f64 {
    let u = 1.0 + x;
    let c = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) };
    let (k, m) = split_f64(u);
    let twice_inverse = f64::from_bits(2047u64.wrapping_sub(k) << 52);
    let f = (c * twice_inverse).mul_add(0.5, m - 1.0);
    special_f64(u, combine_f64(to_f64(k, 1023.0), f).copysign(x))
}

#[cfg(test)]
mod tests {
    use super::super::double_double::Dd;
    use super::super::sweep::{check_f32, check_f64, check_values_f32, check_values_f64};
    use super::*;

    #[test]
    fn ln_f32_error_is_bounded() {
        check_f32(ln_f32, |x| if x == 0.0 { f64::NEG_INFINITY } else { x.ln() }, 2.0);
    }

    #[test]
    fn ln_f64_error_is_bounded() {
        check_f64(ln_f64, Dd::ln, f64::MAX, 2.0);
    }

    #[test]
    fn ln_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, -inf),
            (-0.0, -inf),
            (1.0, 0.0),
            (inf, inf),
            (-inf, nan),
            (nan, nan),
            (-1e-45, nan),
            (-1.0, nan),
            (1e-45, -103.278_93),
        ];
        check_values_f32(ln_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, -inf),
            (-0.0, -inf),
            (1.0, 0.0),
            (inf, inf),
            (-inf, nan),
            (nan, nan),
            (-5e-324, nan),
            (-1.0, nan),
            (5e-324, -744.440_071_921_381_2),
        ];
        check_values_f64(ln_f64, &table);
    }

    #[test]
    fn ln_1p_f32_error_is_bounded() {
        check_f32(ln_1p_f32, f64::ln_1p, 2.0);
    }

    #[test]
    fn ln_1p_f64_error_is_bounded() {
        check_f64(ln_1p_f64, Dd::ln_1p, f64::MAX, 2.0);
    }

    #[test]
    fn ln_1p_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (-1.0, -inf),
            (inf, inf),
            (-inf, nan),
            (nan, nan),
            (-1.000_000_1, nan),
            (1e-45, 1e-45),
            (-1e-45, -1e-45),
        ];
        check_values_f32(ln_1p_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (-1.0, -inf),
            (inf, inf),
            (-inf, nan),
            (nan, nan),
            (-1.000_000_000_000_000_2, nan),
            (5e-324, 5e-324),
            (-5e-324, -5e-324),
        ];
        check_values_f64(ln_1p_f64, &table);
    }
}
