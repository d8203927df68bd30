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

use super::exp::{LN_2_LOW_F32, LN_2_LOW_F64};
use super::{poly_f32, poly_f64};
use std::f32::consts::LN_2 as LN_2_F32;
use std::f64::consts::LN_2 as LN_2_F64;

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
    k.mul_add(LN_2_F32, k.mul_add(LN_2_LOW_F32, ln_m))
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
    k.mul_add(LN_2_F64, f - (half_square - low))
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

/// `ln x`: −∞ at ±0, NaN below.
#[inline(always)]
pub fn ln_f32(x: f32) -> f32 {
    let denormal = x < f32::MIN_POSITIVE;
    let (k, m) = split_f32(if denormal { x * 8_388_608.0 } else { x });
    let k = to_f32(k, if denormal { 127.0 + 23.0 } else { 127.0 });
    let y = combine_f32(k, m - 1.0);
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x < 0.0 { f32::NAN } else { y };
    if x == 0.0 { f32::NEG_INFINITY } else { y }
}

/// `ln x`: −∞ at ±0, NaN below.
#[inline(always)]
pub fn ln_f64(x: f64) -> f64 {
    let denormal = x < f64::MIN_POSITIVE;
    let (k, m) = split_f64(if denormal { x * 18_014_398_509_481_984.0 } else { x });
    let k = to_f64(k, if denormal { 1023.0 + 54.0 } else { 1023.0 });
    let y = combine_f64(k, m - 1.0);
    let y = if x < f64::INFINITY { y } else { x };
    let y = if x < 0.0 { f64::NAN } else { y };
    if x == 0.0 { f64::NEG_INFINITY } else { y }
}

/// `ln(1 + x)`, without cancellation near 0: −∞ at −1, NaN below.
#[inline(always)]
pub fn ln_1p_f32(x: f32) -> f32 {
    // 1 + x = u + c exactly (a two-sum); c joins f in units of 2ᵏ. Half the factor 2⁻ᵏ comes last, because
    // 2⁻ᵏ is not a normal number for the largest k.
    let u = 1.0 + x;
    let c = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) };
    let (k, m) = split_f32(u);
    let twice_inverse = f32::from_bits(255u32.wrapping_sub(k) << 23);
    let f = (c * twice_inverse).mul_add(0.5, m - 1.0);
    let y = combine_f32(to_f32(k, 127.0), f).copysign(x);
    let y = if x < f32::INFINITY { y } else { x };
    let y = if x < -1.0 { f32::NAN } else { y };
    if x == -1.0 { f32::NEG_INFINITY } else { y }
}

/// `ln(1 + x)`, without cancellation near 0: −∞ at −1, NaN below.
#[inline(always)]
pub fn ln_1p_f64(x: f64) -> f64 {
    let u = 1.0 + x;
    let c = if x < 1.0 { x - (u - 1.0) } else { 1.0 - (u - x) };
    let (k, m) = split_f64(u);
    let twice_inverse = f64::from_bits(2047u64.wrapping_sub(k) << 52);
    let f = (c * twice_inverse).mul_add(0.5, m - 1.0);
    let y = combine_f64(to_f64(k, 1023.0), f).copysign(x);
    let y = if x < f64::INFINITY { y } else { x };
    let y = if x < -1.0 { f64::NAN } else { y };
    if x == -1.0 { f64::NEG_INFINITY } else { y }
}
