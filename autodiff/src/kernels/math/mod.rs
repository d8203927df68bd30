//! Elementwise maths, branch-free, so that the compiler vectorises any loop that calls it.
//!
//! Every function is a plain scalar function without branches, tables or calls: bit tricks, selects and
//! polynomials in `mul_add`. Call them from the loop of a [`Kernel`](super::simd::Kernel) and the loop becomes
//! AVX-512 or AVX2 code; the results have the same bits on every instruction set. Outside of a dispatched kernel
//! they are right but slow on x86-64, because `mul_add` is a library call there.
//!
//! ```
//! use evidence_autodiff::kernels::math::exp_f32;
//! use evidence_autodiff::kernels::simd::{Kernel, dispatch};
//!
//! struct ExpInPlace<'a>(&'a mut [f32]);
//!
//! impl Kernel for ExpInPlace<'_> {
//!     type Output = ();
//!     #[inline(always)]
//!     fn run(self) {
//!         for x in self.0 {
//!             *x = exp_f32(*x);
//!         }
//!     }
//! }
//!
//! let mut x = [0.0, 1.0, f32::NEG_INFINITY];
//! dispatch(ExpInPlace(&mut x));
//! assert_eq!(x, [1.0, std::f32::consts::E, 0.0]);
//! ```
//!
//! # Errors
//!
//! In units in the last place of the exact result. f32: the worst of every bit pattern (exp, expm1, tanh,
//! sigmoid) or of every 101st, against f64. f64: the worst of about a million random points, whole range and
//! near 0, against double-double arithmetic. The tests repeat the sweep (thinner in debug builds); their bounds
//! are 2, for tanh, softplus, and softplus and sigmoid at once, 4.
//!
//! | function | f32 | f64 | | function | f32 | f64 |
//! |---|---|---|---|---|---|---|
//! | exp | 1.04 | 1.00 | | sigmoid | 2.00 | 2.00 |
//! | expm1 | 1.55 | 1.78 | | softplus | 2.57 | 2.56 |
//! | ln | 0.93 | 0.77 | | sin | 0.64 | 1.60 |
//! | ln_1p | 1.42 | 0.81 | | cos | 0.74 | 1.68 |
//! | tanh | 2.57 | 2.47 | | erf | 1.07 | 1.00 |
//!
//! NaN gives NaN; ±0, ±∞, denormal arguments and results, overflow and underflow follow IEEE 754 (C's annex F).
//! `sin` and `cos` take magnitudes up to [`TRIG_MAX_F32`] and [`TRIG_MAX_F64`] and give NaN beyond.
//!
//! Polynomials are minimax fits by Remez exchange in multiple precision; the coefficients are rounded one after
//! the other, lowest power first, and the remaining ones fitted again after each.

#[cfg(test)]
mod double_double;
mod erf;
mod exp;
mod ln;
mod sigmoid;
mod softplus;
#[cfg(test)]
mod sweep;
mod tanh;
mod trig;

pub use erf::{erf_f32, erf_f64};
pub use exp::{exp_f32, exp_f64, expm1_f32, expm1_f64};
pub use ln::{ln_1p_f32, ln_1p_f64, ln_f32, ln_f64};
pub use sigmoid::{sigmoid_f32, sigmoid_f64};
pub use softplus::{softplus_f32, softplus_f64, softplus_sigmoid_f32, softplus_sigmoid_f64};
pub use tanh::{tanh_f32, tanh_f64};
pub use trig::{TRIG_MAX_F32, TRIG_MAX_F64, cos_f32, cos_f64, sin_f32, sin_f64};

/// `c[0] + c[1] x + c[2] x² + …` by Horner's rule.
#[inline(always)]
fn poly_f32<const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, c[i]);
    }
    sum
}

/// `c[0] + c[1] x + c[2] x² + …` by Horner's rule.
#[inline(always)]
fn poly_f64<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, c[i]);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::{Isa, Kernel, dispatch_on};

    struct Map<'a, T, F> {
        x: &'a [T],
        y: &'a mut [T],
        f: F,
    }

    impl<T: Copy, F: Fn(T) -> T> Kernel for Map<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (y, &x) in self.y.iter_mut().zip(self.x) {
                *y = (self.f)(x);
            }
        }
    }

    #[inline(always)]
    fn both_f32(x: f32) -> f32 {
        let (softplus, sigmoid) = softplus_sigmoid_f32(x);
        softplus + sigmoid
    }

    #[inline(always)]
    fn both_f64(x: f64) -> f64 {
        let (softplus, sigmoid) = softplus_sigmoid_f64(x);
        softplus + sigmoid
    }

    /// Lengths that leave every remainder of a vector, values that reach every branch of the definitions.
    macro_rules! same_bits_on_every_isa {
        ($type:ty, $($f:ident),*) => {{
            let special = [0.0, -0.0, 1.0, -1.0, <$type>::INFINITY, <$type>::NEG_INFINITY, <$type>::NAN];
            let edges = [<$type>::MIN_POSITIVE, <$type>::MIN_POSITIVE / 8.0, <$type>::MAX, -720.0, -100.0, 88.5, 709.5];
            let grid = (0..60).map(|i| (i as $type - 30.0) * 0.37);
            let x: Vec<$type> = grid.chain(special).chain(edges).collect();
            $(for length in 0..=70.min(x.len()) {
                for start in [0, x.len() - length] {
                    let x = &x[start..start + length];
                    let run = |isa| {
                        let mut y = vec![0.0; length];
                        dispatch_on(isa, Map { x, y: &mut y, f: $f });
                        y
                    };
                    let portable = run(Isa::Portable);
                    for isa in [Isa::Avx2, Isa::Avx512] {
                        for ((x, a), b) in x.iter().zip(&portable).zip(run(isa)) {
                            let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                            assert!(same, "{}({x:e}) is {a:e} portably, {b:e} on {isa:?}", stringify!($f));
                        }
                    }
                }
            })*
        }};
    }

    #[test]
    fn f32_has_the_same_bits_on_every_isa() {
        same_bits_on_every_isa!(
            f32,
            exp_f32,
            expm1_f32,
            ln_f32,
            ln_1p_f32,
            tanh_f32,
            sigmoid_f32,
            softplus_f32,
            both_f32,
            sin_f32,
            cos_f32,
            erf_f32
        );
    }

    #[test]
    fn f64_has_the_same_bits_on_every_isa() {
        same_bits_on_every_isa!(
            f64,
            exp_f64,
            expm1_f64,
            ln_f64,
            ln_1p_f64,
            tanh_f64,
            sigmoid_f64,
            softplus_f64,
            both_f64,
            sin_f64,
            cos_f64,
            erf_f64
        );
    }
}
