//! `erf(x) = 2/√π ∫₀ˣ e^−t² dt`.
//!
//! ```text
//! |x| small:  erf x = x + x P(x²)
//! |x| large:  erf |x| = 1 − e^L(|x|),   L a polynomial close to ln erfc
//! ```
//!
//! `L` is fitted for the relative error of `1 − e^L`, so it need not follow `ln erfc` where `erfc` has become
//! small. Backward: `d erf x = 2/√π e^−x² dx`.
//!
//! The exact GELU is `x Φ(x)` with `Φ(x) = ½ (1 + erf(x / √2))`.

use super::exp::{exp_in_range_f32, exp_in_range_f64};
use super::{poly_f32, poly_f64};

/// `erf x`; worst error found 1.07 ulp. Keeps −0.
#[inline(always)]
pub fn erf_f32(x: f32) -> f32 {
    let small = poly_f32(
        x * x,
        [
            0.128_379_17,
            -0.376_126_3,
            0.112_836_26,
            -2.685_573_5e-2,
            5.192_426e-3,
            -8.050_145e-4,
            7.998_807e-5,
        ],
    )
    .mul_add(x, x);
    // Beyond 3.93 the result rounds to 1.
    let magnitude = if x.abs() > 3.93 { 3.93 } else { x.abs() };
    let ln_erfc = poly_f32(
        magnitude,
        [
            -1.957_243e-4,
            -1.127_675_4,
            -0.637_182_65,
            -0.103_931_166,
            2.222_666e-2,
            -3.043_134_5e-3,
            1.959_266_2e-4,
        ],
    );
    let large = 1.0 - exp_in_range_f32(ln_erfc);
    if x.abs() < 0.925 { small } else { large.copysign(x) }
}

/// `erf x`; worst error found 1.00 ulp. Keeps −0.
#[inline(always)]
pub fn erf_f64(x: f64) -> f64 {
    let small = poly_f64(
        x * x,
        [
            0.128_379_167_095_512_6,
            -0.376_126_389_031_841,
            0.112_837_916_709_710_2,
            -0.026_866_170_647_982_38,
            0.005_223_977_651_581_504,
            -0.000_854_832_841_039_189,
            0.000_120_553_781_597_727_55,
            -1.492_656_758_176_069e-5,
            1.647_331_863_340_655_6e-6,
            -1.643_620_610_198_230_2e-7,
            1.485_325_459_559_353_7e-8,
            -1.023_396_637_793_546_7e-9,
        ],
    )
    .mul_add(x, x);
    // Beyond 5.93 the result rounds to 1.
    let magnitude = if x.abs() > 5.93 { 5.93 } else { x.abs() };
    let ln_erfc = poly_f64(
        magnitude - 1.0,
        [
            -1.849_605_509_933_248_2,
            -2.638_967_514_234_791_3,
            -0.843_107_256_358_487,
            -0.041_561_098_046_522_44,
            0.010_033_825_434_532_78,
            -0.001_977_903_022_352_474,
            0.000_237_324_702_110_580_63,
            2.627_044_893_249_952_7e-5,
            -2.714_144_689_205_081_7e-5,
            9.578_203_360_102_17e-6,
            -2.020_106_288_599_114_3e-6,
            1.043_476_828_360_314_6e-7,
            1.258_070_552_086_073_5e-7,
            -6.766_598_790_993_87e-8,
            2.137_134_250_200_883_6e-8,
            -4.824_353_799_174_676e-9,
            7.912_218_033_869_635e-10,
            -9.012_202_962_912_54e-11,
            6.381_004_461_879_818e-12,
            -2.111_316_694_901_907_7e-13,
        ],
    );
    let large = 1.0 - exp_in_range_f64(ln_erfc);
    if x.abs() < 0.9 { small } else { large.copysign(x) }
}

#[cfg(test)]
mod tests {
    use super::super::double_double::Dd;
    use super::super::sweep::{check_f32, check_f64, check_values_f32, check_values_f64};
    use super::*;

    #[test]
    fn erf_f32_error_is_bounded() {
        check_f32(erf_f32, erf_f64, 2.0);
    }

    #[test]
    fn erf_f64_error_is_bounded() {
        check_f64(erf_f64, Dd::erf, f64::MAX, 2.0);
    }

    #[test]
    fn erf_special_values() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, 1.0),
            (-inf, -1.0),
            (nan, nan),
            (1e-45, 1e-45),
            (f32::MAX, 1.0),
        ];
        check_values_f32(erf_f32, &table);
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        let table = [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, 1.0),
            (-inf, -1.0),
            (nan, nan),
            (5e-324, 5e-324),
            (f64::MAX, 1.0),
        ];
        check_values_f64(erf_f64, &table);
    }
}
