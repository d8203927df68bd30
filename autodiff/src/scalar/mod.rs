//! The scalars a tape can hold: `f32`, `f64`, and [`Dual`] numbers over either.
//!
//! Every op is written once, for any [`Real`]. Run over `f32` it trains; over `f64` it is checked; over
//! `Dual<f64>` it gives exact directional derivatives (forward mode) of the very same code, and of its backward
//! pass, which makes them the oracle of every vector-Jacobian product.

mod dual;
mod float;

pub use dual::Dual;

use crate::kernels::matmul::{Epilogue, MatMut, MatRef};
use crate::kernels::noise::Noise;
use num_traits::{One, Zero};
use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A real number, or a first-order perturbation of one.
///
/// The functions are this crate's own (see [`kernels::math`](crate::kernels::math)): branch-free polynomials that
/// vectorise, where the C library's are calls. Comparisons of dual numbers compare their values.
pub trait Real:
    Copy
    + Default
    + PartialEq
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + 'static
    + Zero
    + One
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
{
    /// Whether loops over slices of it gain from wider vectors.
    const VECTORISE: bool;

    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// The value, without its perturbation.
    fn to_f64(self) -> f64;
    /// Whether the value, and the perturbation of a dual number, are neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// `self · a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// √x.
    fn sqrt(self) -> Self;
    /// |x|, with derivative 0 at 0.
    fn abs(self) -> Self;
    /// eˣ.
    fn exp(self) -> Self;
    /// eˣ − 1, accurate near 0.
    fn expm1(self) -> Self;
    /// ln x.
    fn ln(self) -> Self;
    /// ln(1 + x), accurate near 0.
    fn ln_1p(self) -> Self;
    /// sin x.
    fn sin(self) -> Self;
    /// cos x.
    fn cos(self) -> Self;
    /// tanh x.
    fn tanh(self) -> Self;
    /// 1 / (1 + e⁻ˣ).
    fn sigmoid(self) -> Self;
    /// ln(1 + eˣ).
    fn softplus(self) -> Self;
    /// softplus and its derivative, the sigmoid, which have an exponential in common.
    #[inline(always)]
    fn softplus_sigmoid(self) -> (Self, Self) {
        (self.softplus(), self.sigmoid())
    }
    /// The error function 2/√π ∫₀ˣ e^(−t²) dt.
    fn erf(self) -> Self;
    /// xⁿ for a whole n, by repeated squaring.
    fn powi(self, n: i32) -> Self;
    /// xᵖ for a real p. NaN for x < 0 unless p is whole.
    fn powf(self, p: Self) -> Self;

    /// `C ← α A B + β C`; with β = 0, C is written without being read.
    fn matmul(
        alpha: Self,
        a: MatRef<'_, Self>,
        b: MatRef<'_, Self>,
        beta: Self,
        c: &mut MatMut<'_, Self>,
    ) {
        Self::matmul_with(alpha, a, b, beta, c, &());
    }

    /// `C ← f(α A B + β C)`, with an elementwise f applied to what was just computed.
    fn matmul_with<E: Epilogue<Self>>(
        alpha: Self,
        a: MatRef<'_, Self>,
        b: MatRef<'_, Self>,
        beta: Self,
        c: &mut MatMut<'_, Self>,
        f: &E,
    );

    /// Fills `out` with the standard normal draws `first, first + 1, …` of a stream of noise.
    ///
    /// A dual number gets the draw as its value and no perturbation, so that both see the same noise.
    fn fill_normal(noise: Noise, first: u64, out: &mut [Self]);

    /// The larger of two numbers; `other` when `self` is NaN.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    /// The smaller of two numbers; `other` when `self` is NaN.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    /// x².
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }
}
