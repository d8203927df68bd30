//! [`Real`] for `f32` and `f64`: names bound to this crate's kernels.

use super::Real;
use crate::kernels::math;
use crate::kernels::matmul::{self, Epilogue, MatMut, MatRef};
use crate::kernels::noise::Noise;

macro_rules! real_for_float {
    ($t:ident, $normal:ident, $exp:ident, $expm1:ident, $ln:ident, $ln_1p:ident, $sin:ident, $cos:ident, $tanh:ident,
     $sigmoid:ident, $softplus:ident, $softplus_sigmoid:ident, $erf:ident) => {
        impl Real for $t {
            const VECTORISE: bool = true;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$t>::is_finite(self)
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                <$t>::mul_add(self, a, b)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                math::$exp(self)
            }
            #[inline(always)]
            fn expm1(self) -> Self {
                math::$expm1(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                math::$ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                math::$ln_1p(self)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                math::$sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                math::$cos(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                math::$tanh(self)
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                math::$sigmoid(self)
            }
            #[inline(always)]
            fn softplus(self) -> Self {
                math::$softplus(self)
            }
            #[inline(always)]
            fn softplus_sigmoid(self) -> (Self, Self) {
                math::$softplus_sigmoid(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                math::$erf(self)
            }
            #[inline(always)]
            fn powi(self, n: i32) -> Self {
                powi(self, n)
            }
            #[inline(always)]
            fn powf(self, p: Self) -> Self {
                // The C library's pow keeps its accuracy for large p ln x, which exp(p ln x) loses.
                <$t>::powf(self, p)
            }
            fn matmul_with<E: Epilogue<Self>>(
                alpha: Self,
                a: MatRef<'_, Self>,
                b: MatRef<'_, Self>,
                beta: Self,
                c: &mut MatMut<'_, Self>,
                f: &E,
            ) {
                matmul::matmul_with(alpha, a, b, beta, c, f);
            }
            fn fill_normal(noise: Noise, first: u64, out: &mut [Self]) {
                noise.$normal(first, out);
            }
        }
    };
}

real_for_float!(
    f32,
    normal_range_f32,
    exp_f32,
    expm1_f32,
    ln_f32,
    ln_1p_f32,
    sin_f32,
    cos_f32,
    tanh_f32,
    sigmoid_f32,
    softplus_f32,
    softplus_sigmoid_f32,
    erf_f32
);
real_for_float!(
    f64,
    normal_range_f64,
    exp_f64,
    expm1_f64,
    ln_f64,
    ln_1p_f64,
    sin_f64,
    cos_f64,
    tanh_f64,
    sigmoid_f64,
    softplus_f64,
    softplus_sigmoid_f64,
    erf_f64
);

/// Repeated squaring: at most 2 log₂ |n| products.
#[inline(always)]
pub(super) fn powi<T: Real>(x: T, n: i32) -> T {
    let (mut base, mut result, mut left) = (x, T::one(), n.unsigned_abs());
    while left > 0 {
        if left & 1 == 1 {
            result *= base;
        }
        base *= base;
        left >>= 1;
    }
    if n < 0 { T::one() / result } else { result }
}
