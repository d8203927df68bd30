//! Dual numbers `a + b ε` with `ε² = 0`: forward-mode differentiation.
//!
//! `f(a + b ε) = f(a) + f′(a) b ε`, so that evaluating any function at `x + v ε` gives the directional derivative
//! `J v` exactly (no step size, no cancellation). Over a tape, the backward pass of dual numbers gives `∇f + H v ε`:
//! Hessian-vector products come from the rules that are already there.

use super::{Real, float::powi};
use crate::kernels::matmul::{Epilogue, MatMut, MatRef};
use crate::kernels::noise::Noise;
use num_traits::{One, Zero};
use std::fmt;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A value and its derivative along one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual<T> {
    /// The value a.
    pub value: T,
    /// The derivative b.
    pub derivative: T,
}

impl<T: Real> Dual<T> {
    /// `value + derivative ε`.
    #[inline(always)]
    pub fn new(value: T, derivative: T) -> Self {
        Self { value, derivative }
    }

    /// The chain rule: a function's value and its derivative at `self.value`.
    #[inline(always)]
    fn chain(self, value: T, slope: T) -> Self {
        Self::new(value, slope * self.derivative)
    }
}

impl<T: PartialEq> PartialEq for Dual<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: PartialOrd> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: fmt::Display> fmt::Display for Dual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {}ε", self.value, self.derivative)
    }
}

impl<T: Real> Add for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        Self::new(self.value + o.value, self.derivative + o.derivative)
    }
}

impl<T: Real> Sub for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        Self::new(self.value - o.value, self.derivative - o.derivative)
    }
}

impl<T: Real> Mul for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        Self::new(self.value * o.value, self.derivative * o.value + self.value * o.derivative)
    }
}

impl<T: Real> Div for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn div(self, o: Self) -> Self {
        let quotient = self.value / o.value;
        Self::new(quotient, (self.derivative - quotient * o.derivative) / o.value)
    }
}

impl<T: Real> Neg for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.value, -self.derivative)
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl<T: Real> $trait for Dual<T> {
            #[inline(always)]
            fn $method(&mut self, o: Self) {
                *self = *self $op o;
            }
        }
    )*};
}
assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

impl<T: Real> Zero for Dual<T> {
    fn zero() -> Self {
        Self::new(T::zero(), T::zero())
    }
    fn is_zero(&self) -> bool {
        self.value.is_zero() && self.derivative.is_zero()
    }
}

impl<T: Real> One for Dual<T> {
    fn one() -> Self {
        Self::new(T::one(), T::zero())
    }
}

impl<T: Real> Real for Dual<T> {
    const VECTORISE: bool = false;

    fn from_f64(x: f64) -> Self {
        Self::new(T::from_f64(x), T::zero())
    }
    fn to_f64(self) -> f64 {
        self.value.to_f64()
    }
    fn is_finite(self) -> bool {
        self.value.is_finite() && self.derivative.is_finite()
    }
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, T::from_f64(0.5) / root)
    }
    fn abs(self) -> Self {
        let zero = T::zero();
        let sign = if self.value > zero {
            T::one()
        } else if self.value < zero {
            -T::one()
        } else {
            zero
        };
        self.chain(self.value.abs(), sign)
    }
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e)
    }
    fn expm1(self) -> Self {
        self.chain(self.value.expm1(), self.value.exp())
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), T::one() / self.value)
    }
    fn ln_1p(self) -> Self {
        self.chain(self.value.ln_1p(), T::one() / (T::one() + self.value))
    }
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        self.chain(t, T::one() - t * t)
    }
    fn sigmoid(self) -> Self {
        let s = self.value.sigmoid();
        self.chain(s, s * (-self.value).sigmoid())
    }
    fn softplus(self) -> Self {
        self.chain(self.value.softplus(), self.value.sigmoid())
    }
    fn erf(self) -> Self {
        let slope = T::from_f64(std::f64::consts::FRAC_2_SQRT_PI) * (-self.value.square()).exp();
        self.chain(self.value.erf(), slope)
    }
    fn powi(self, n: i32) -> Self {
        powi(self, n)
    }
    fn powf(self, p: Self) -> Self {
        // The second term is the derivative in the exponent; a constant exponent must not make NaN of ln x at x ≤ 0.
        let value = self.value.powf(p.value);
        let mut derivative = p.value * self.value.powf(p.value - T::one()) * self.derivative;
        if !p.derivative.is_zero() {
            derivative += value * self.value.ln() * p.derivative;
        }
        Self::new(value, derivative)
    }

    /// `(A + A′ε)(B + B′ε) = AB + (A′B + AB′)ε`: three real products.
    fn matmul_with<E: Epilogue<Self>>(
        alpha: Self,
        a: MatRef<'_, Self>,
        b: MatRef<'_, Self>,
        beta: Self,
        c: &mut MatMut<'_, Self>,
        f: &E,
    ) {
        let (m, n) = (a.rows(), b.cols());
        let (av, ad) = parts(a);
        let (bv, bd) = parts(b);
        let (av, ad) = (MatRef::new(&av, m, a.cols()), MatRef::new(&ad, m, a.cols()));
        let (bv, bd) = (MatRef::new(&bv, b.rows(), n), MatRef::new(&bd, b.rows(), n));
        let (mut value, mut derivative) = (vec![T::zero(); m * n], vec![T::zero(); m * n]);
        let (one, zero) = (T::one(), T::zero());
        T::matmul(one, av, bv, zero, &mut MatMut::new(&mut value, m, n));
        T::matmul(one, ad, bv, zero, &mut MatMut::new(&mut derivative, m, n));
        T::matmul(one, av, bd, one, &mut MatMut::new(&mut derivative, m, n));
        for i in 0..m {
            for (j, out) in c.row_mut(i).iter_mut().enumerate() {
                let product = alpha * Self::new(value[i * n + j], derivative[i * n + j]);
                *out = if beta.is_zero() { product } else { product + beta * *out };
            }
            f.apply(i, 0, c.row_mut(i));
        }
    }

    fn fill_normal(noise: Noise, first: u64, out: &mut [Self]) {
        let mut values = vec![T::zero(); out.len()];
        T::fill_normal(noise, first, &mut values);
        for (out, value) in out.iter_mut().zip(values) {
            *out = Self::new(value, T::zero());
        }
    }
}

/// Values and derivatives of a matrix, each row-major.
fn parts<T: Real>(a: MatRef<'_, Dual<T>>) -> (Vec<T>, Vec<T>) {
    let entries = (0..a.rows()).flat_map(|i| (0..a.cols()).map(move |j| a.at(i, j)));
    entries.map(|x| (x.value, x.derivative)).unzip()
}
