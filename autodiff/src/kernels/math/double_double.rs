//! Test support: slow, honest references in double-double arithmetic (about 104 bits), by textbook series.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// An unevaluated sum `high + low`, `|low| ≤ ulp(high) / 2`.
#[derive(Clone, Copy, Debug)]
pub struct Dd {
    pub high: f64,
    pub low: f64,
}

const LN_2: [f64; 3] =
    [std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17, 5.707_708_438_416_212e-34];
const PI: [f64; 4] = [
    std::f64::consts::PI,
    1.224_646_799_147_353_2e-16,
    -2.994_769_809_718_339_7e-33,
    1.112_454_220_862_223_3e-49,
];
const TWO_OVER_SQRT_PI: Dd =
    Dd { high: std::f64::consts::FRAC_2_SQRT_PI, low: 1.533_545_961_316_588e-17 };

fn two_sum(a: f64, b: f64) -> Dd {
    let high = a + b;
    let b_part = high - a;
    Dd { high, low: (a - (high - b_part)) + (b - b_part) }
}

fn two_product(a: f64, b: f64) -> Dd {
    let high = a * b;
    Dd { high, low: a.mul_add(b, -high) }
}

impl From<f64> for Dd {
    fn from(x: f64) -> Self {
        Self { high: x, low: 0.0 }
    }
}

impl Add for Dd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let high = two_sum(self.high, other.high);
        let low = two_sum(self.low, other.low);
        let sum = two_sum(high.high, high.low + low.high);
        two_sum(sum.high, sum.low + low.low)
    }
}

impl Neg for Dd {
    type Output = Self;
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for Dd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Dd {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = two_product(self.high, other.high);
        two_sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Dd {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * first.into();
        let second = rest.high / other.high;
        let rest = rest - other * second.into();
        two_sum(first, second) + Self::from(rest.high / other.high)
    }
}

impl Dd {
    /// `2ᵏ x`, in two steps, so that only the last may underflow or overflow.
    fn scale(self, k: i32) -> Self {
        let (a, b) = (2f64.powi(k / 2), 2f64.powi(k - k / 2));
        Self { high: self.high * a * b, low: self.low * a * b }
    }

    /// `(k, eʳ − 1)` with `x = k ln 2 + r`.
    fn expm1_reduced(self) -> (i32, Self) {
        let k = (self.high / LN_2[0]).round();
        let r = LN_2.iter().fold(self, |r, &part| r - two_product(k, part));
        // eʳ − 1 from the series of r / 512, then nine doublings of the argument: E ← E (2 + E).
        let r = r * Self::from(1.0 / 512.0);
        let mut sum = Self::from(0.0);
        for n in (1..=14).rev() {
            sum = (sum + 1.0.into()) * r / f64::from(n).into();
        }
        for _ in 0..9 {
            sum = sum * (sum + 2.0.into());
        }
        (k as i32, sum)
    }

    pub fn exp(self) -> Self {
        let (k, e) = self.expm1_reduced();
        (e + 1.0.into()).scale(k)
    }

    pub fn expm1(self) -> Self {
        // The square no longer matters, and the series would underflow.
        if self.high.abs() < 1e-40 {
            return self;
        }
        let (k, e) = self.expm1_reduced();
        if k == 0 { e } else { e.scale(k) + (Self::from(1.0).scale(k) - 1.0.into()) }
    }

    /// `2 artanh(x / (2 + x))`, by its series near 0, by a Newton step from the library's value elsewhere.
    pub fn ln_1p(self) -> Self {
        if self.high.abs() < 1e-40 {
            return self;
        }
        if self.high.abs() > 0.4 {
            return (self + 1.0.into()).ln();
        }
        let s = self / (self + 2.0.into());
        let s2 = s * s;
        let mut sum = Self::from(0.0);
        for n in (0..32).rev() {
            sum = sum * s2 + Self::from(1.0) / Self::from(f64::from(2 * n + 1));
        }
        sum * s * 2.0.into()
    }

    pub fn ln(self) -> Self {
        if (self.high - 1.0).abs() < 0.3 {
            return (self - 1.0.into()).ln_1p();
        }
        // x e^−y underflows for large y: half of it at a time.
        let y = Self::from(self.high.ln());
        let half = (-y * 0.5.into()).exp();
        let e = self * half * half - 1.0.into();
        y + (e - e * e * 0.5.into())
    }

    pub fn tanh(self) -> Self {
        let t = (self * 2.0.into()).expm1();
        t / (t + 2.0.into())
    }

    pub fn sigmoid(self) -> Self {
        if self.high < 0.0 {
            let e = self.exp();
            return e / (e + 1.0.into());
        }
        Self::from(1.0) / ((-self).exp() + 1.0.into())
    }

    pub fn softplus(self) -> Self {
        let e = (if self.high < 0.0 { self } else { -self }).exp();
        e.ln_1p() + Self::from(self.high.max(0.0))
    }

    /// `sin(x + shift · π)`, by reduction modulo π and the Taylor series.
    fn sin_shifted(self, shift: f64) -> Self {
        let n = (self.high / PI[0] + shift).round();
        let r = PI.iter().fold(self, |r, &part| r - two_product(n - shift, part));
        let minus_r2 = -(r * r);
        let mut sum = Self::from(0.0);
        for k in (1..=18).rev() {
            let k = f64::from(k);
            sum = (sum + 1.0.into()) * minus_r2 / (2.0 * k * (2.0 * k + 1.0)).into();
        }
        let sin = sum * r + r;
        if n % 2.0 == 0.0 { sin } else { -sin }
    }

    pub fn sin(self) -> Self {
        self.sin_shifted(0.0)
    }

    pub fn cos(self) -> Self {
        self.sin_shifted(0.5)
    }

    /// `2x/√π e^−x² Σ (2x²)ⁿ / (1 · 3 · … · (2n + 1))`: every term is positive, nothing cancels.
    pub fn erf(self) -> Self {
        if self.high.abs() > 6.5 {
            return Self::from(self.high.signum());
        }
        let square = self * self;
        let (mut term, mut sum, mut n) = (Self::from(1.0), Self::from(1.0), 1.0);
        while term.high > 1e-34 * sum.high {
            term = term * square * Self::from(2.0) / Self::from(2.0 * n + 1.0);
            sum = sum + term;
            n += 1.0;
        }
        TWO_OVER_SQRT_PI * self * sum * (-square).exp()
    }
}
