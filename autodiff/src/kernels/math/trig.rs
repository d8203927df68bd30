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
//! One polynomial, no choice between two. π is subtracted in pieces (Cody and Waite): for f32 in f64 arithmetic,
//! for f64 as three constants; each product with `n` is exact in the fused multiply-add.
//!
//! **Range.** For `|x|` up to [`MAX_F32`] and [`MAX_F64`] the bounds hold; beyond, the result is NaN.
//! Backward: `d sin x = cos x dx`, `d cos x = −sin x dx`.

use super::exp::ROUND_F64;
use super::{poly_f32, poly_f64};
use std::f64::consts::{FRAC_1_PI, PI};

/// Largest magnitude that [`sin_f32`] and [`cos_f32`] take: 2⁴⁷, about 1.4e14.
pub const MAX_F32: f32 = 140_737_488_355_328.0;
/// Largest magnitude that [`sin_f64`] and [`cos_f64`] take: 2⁴⁵, about 3.5e13.
pub const MAX_F64: f64 = 35_184_372_088_832.0;

/// π − `PI`.
const PI_LOW: f64 = 1.224_646_799_147_353_2e-16;
/// π − `PI` − `PI_LOW`.
const PI_LOWEST: f64 = -2.994_769_809_718_339_7e-33;

/// `(−1)^parity · sin r`, `|r| ≤ π/2`; the parity is the lowest bit.
#[inline(always)]
fn signed_sin_f32(r: f32, parity: u32) -> f32 {
    let r2 = r * r;
    let p = poly_f32(r2, [-0.166_666_6, 8.333_069e-3, -1.980_976_8e-4, 2.606_052_5e-6]);
    let y = (r * r2).mul_add(p, r);
    f32::from_bits(y.to_bits() ^ (parity << 31))
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
    let y = (r * r2).mul_add(p, r);
    f64::from_bits(y.to_bits() ^ (parity << 63))
}

/// `x − n π`, in f64 exact enough for any f32 up to [`MAX_F32`].
#[inline(always)]
fn reduce_f32(x: f64, n: f64) -> f32 {
    n.mul_add(-PI_LOW, n.mul_add(-PI, x)) as f32
}

/// `x − n π`.
#[inline(always)]
fn reduce_f64(x: f64, n: f64) -> f64 {
    n.mul_add(-PI_LOWEST, n.mul_add(-PI_LOW, n.mul_add(-PI, x)))
}

/// `sin x`.
#[inline(always)]
pub fn sin_f32(x: f32) -> f32 {
    let wide = f64::from(x);
    let shifted = wide.mul_add(FRAC_1_PI, ROUND_F64);
    let r = reduce_f32(wide, shifted - ROUND_F64);
    let y = signed_sin_f32(r, shifted.to_bits() as u32);
    if x.abs() <= MAX_F32 { y } else { f32::NAN }
}

/// `sin x`.
#[inline(always)]
pub fn sin_f64(x: f64) -> f64 {
    let shifted = x.mul_add(FRAC_1_PI, ROUND_F64);
    let r = reduce_f64(x, shifted - ROUND_F64);
    let y = signed_sin_f64(r, shifted.to_bits());
    if x.abs() <= MAX_F64 { y } else { f64::NAN }
}

/// An odd rounding constant: it turns the parity of `n` into that of `n + 1`, the cosine's.
const ROUND_ODD_F64: f64 = ROUND_F64 + 1.0;

/// `cos x`.
#[inline(always)]
pub fn cos_f32(x: f32) -> f32 {
    let wide = f64::from(x);
    let shifted = wide.mul_add(FRAC_1_PI, -0.5) + ROUND_ODD_F64;
    let r = reduce_f32(wide, shifted - ROUND_ODD_F64 + 0.5);
    let y = signed_sin_f32(r, shifted.to_bits() as u32);
    if x.abs() <= MAX_F32 { y } else { f32::NAN }
}

/// `cos x`.
#[inline(always)]
pub fn cos_f64(x: f64) -> f64 {
    let shifted = x.mul_add(FRAC_1_PI, -0.5) + ROUND_ODD_F64;
    let r = reduce_f64(x, shifted - ROUND_ODD_F64 + 0.5);
    let y = signed_sin_f64(r, shifted.to_bits());
    if x.abs() <= MAX_F64 { y } else { f64::NAN }
}
