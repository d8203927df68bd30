//! `softplus(x) = ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)`.
//!
//! With `e = e^−|x| ∈ (0, 1]` and `w = 2e / (2 + e)`, `ln(1 + e) = 2 artanh(w / 2) = w + w³ P(w²)`.
//! Backward: `d softplus(x) = sigmoid(x) dx`.

use super::exp::{exp_in_range_f32, exp_in_range_f64};
use super::{poly_f32, poly_f64};

/// P.
const LN_1P_F64: [f64; 10] = [
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
];

/// `ln(1 + eˣ)`, in nats when `x` is a logit; worst error found 2.57 ulp, also in the tail.
#[inline(always)]
pub fn softplus_f32(x: f32) -> f32 {
    let e = exp_in_range_f32(-if x.abs() > 104.0 { 104.0 } else { x.abs() });
    from_w_f32(x, (e + e) / (2.0 + e))
}

/// `(softplus(x), sigmoid(x))`: one exponential, and one division for both; worst errors found 2.89 and 2.40 ulp.
#[inline(always)]
pub fn softplus_sigmoid_f32(x: f32) -> (f32, f32) {
    let e = exp_in_range_f32(-if x.abs() > 104.0 { 104.0 } else { x.abs() });
    let (one, two) = (1.0 + e, 2.0 + e);
    let inverse = 1.0 / (one * two);
    let w = quotient_f32(e + e, two, inverse * one);
    let sigmoid = quotient_f32(if x > 0.0 { 1.0 } else { e }, one, inverse * two);
    (from_w_f32(x, w), sigmoid)
}

/// `a / b`, from a `1 / b` that was rounded more than once: one step of Newton's removes what that cost.
#[inline(always)]
fn quotient_f32(a: f32, b: f32, inverse: f32) -> f32 {
    let q = a * inverse;
    (-q).mul_add(b, a).mul_add(inverse, q)
}

#[inline(always)]
fn from_w_f32(x: f32, w: f32) -> f32 {
    let w2 = w * w;
    let p = poly_f32(w2, [8.333_301_5e-2, 1.250_679_7e-2, 2.187_356_1e-3, 5.474_622_6e-4]);
    (if x > 0.0 { x } else { 0.0 }) + (w * w2).mul_add(p, w)
}

/// `ln(1 + eˣ)`, in nats when `x` is a logit; worst error found 2.56 ulp, also in the tail.
#[inline(always)]
pub fn softplus_f64(x: f64) -> f64 {
    let e = exp_in_range_f64(-if x.abs() > 746.0 { 746.0 } else { x.abs() });
    from_w_f64(x, (e + e) / (2.0 + e))
}

/// `(softplus(x), sigmoid(x))`: one exponential, and one division for both; worst errors found 2.56 and 2.14 ulp.
#[inline(always)]
pub fn softplus_sigmoid_f64(x: f64) -> (f64, f64) {
    let e = exp_in_range_f64(-if x.abs() > 746.0 { 746.0 } else { x.abs() });
    let (one, two) = (1.0 + e, 2.0 + e);
    let inverse = 1.0 / (one * two);
    let w = quotient_f64(e + e, two, inverse * one);
    let sigmoid = quotient_f64(if x > 0.0 { 1.0 } else { e }, one, inverse * two);
    (from_w_f64(x, w), sigmoid)
}

/// `a / b`, from a `1 / b` that was rounded more than once: one step of Newton's removes what that cost.
#[inline(always)]
fn quotient_f64(a: f64, b: f64, inverse: f64) -> f64 {
    let q = a * inverse;
    (-q).mul_add(b, a).mul_add(inverse, q)
}

#[inline(always)]
fn from_w_f64(x: f64, w: f64) -> f64 {
    let w2 = w * w;
    let p = poly_f64(w2, LN_1P_F64);
    (if x > 0.0 { x } else { 0.0 }) + (w * w2).mul_add(p, w)
}

#[cfg(test)]
mod tests {
    use super::super::double_double::Dd;
    use super::super::sigmoid::sigmoid_f32;
    use super::super::sweep::{
        check_between_f32, check_f32, check_f64, check_values_f32, check_values_f64,
    };
    use super::*;

    #[test]
    fn softplus_f32_error_is_bounded() {
        check_f32(softplus_f32, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), 4.0);
    }

    #[test]
    fn softplus_f64_error_is_bounded() {
        check_f64(softplus_f64, Dd::softplus, 760.0, 4.0);
    }

    #[test]
    fn both_at_once_have_bounded_errors() {
        let sigmoid =
            |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        check_f32(|x| softplus_sigmoid_f32(x).0, softplus, 4.0);
        check_f32(|x| softplus_sigmoid_f32(x).1, sigmoid, 4.0);
        check_f64(|x| softplus_sigmoid_f64(x).0, Dd::softplus, 760.0, 4.0);
        check_f64(|x| softplus_sigmoid_f64(x).1, Dd::sigmoid, 760.0, 4.0);
        // Where a quotient that is not corrected is off by more than 4 ulp: hardly anywhere else.
        let ends = [-0.446_165_74, -3.453_853_4];
        check_between_f32(|x| softplus_sigmoid_f32(x).0, softplus, ends, 4.0);
        check_between_f32(|x| softplus_sigmoid_f32(x).1, sigmoid, ends, 4.0);
    }

    #[test]
    fn both_at_once_have_the_special_values_of_each() {
        for x in [0.0, f32::INFINITY, -f32::INFINITY, f32::NAN, -103.9, f32::MAX] {
            let close = |a: f32, b: f32| a == b || (a.is_nan() && b.is_nan());
            let (softplus, sigmoid) = softplus_sigmoid_f32(x);
            assert!(close(softplus, softplus_f32(x)) && close(sigmoid, sigmoid_f32(x)), "{x}");
            let (softplus, sigmoid) = softplus_sigmoid_f64(x.into());
            assert!(softplus.is_nan() == x.is_nan() && sigmoid.is_nan() == x.is_nan(), "{x}");
        }
        for x in [f64::INFINITY, f64::MAX] {
            assert_eq!((softplus_sigmoid_f64(x), softplus_sigmoid_f64(-x)), ((x, 1.0), (0.0, 0.0)));
        }
    }

    #[test]
    fn softplus_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, std::f32::consts::LN_2),
            (inf, inf),
            (-inf, 0.0),
            (nan, nan),
            (-103.9, 1e-45),
            (f32::MAX, f32::MAX),
        ];
        check_values_f32(softplus_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, std::f64::consts::LN_2),
            (inf, inf),
            (-inf, 0.0),
            (nan, nan),
            (-745.1, 5e-324),
            (f64::MAX, f64::MAX),
        ];
        check_values_f64(softplus_f64, &table);
    }
}
