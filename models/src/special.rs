//! Special functions in `f64`: for constants of log-densities, for distribution functions, and for expectations under a Gamma.

use evidence_autodiff::{Real, Var};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// `ln(1 + u²)`, also where the square overflows: with a = max(|u|, 1) and b = min(|u|, 1), `2 ln a + ln(1 + (b/a)²)`.
pub(crate) fn ln_1p_square<T: Real>(u: Var<'_, T>) -> Var<'_, T> {
    let (size, one) = (u.abs(), u.tape().scalar(1.0));
    // At |u| = 1 the one takes the derivative of a, and so must not take that of b.
    let (a, b) = (size.maximum(one), one.minimum(size));
    (b / a).square().ln_1p() + a.ln() * 2.0
}

/// `ln Γ(x)` for x > 0, by Lanczos's series (g = 7, 9 terms): a relative error of some 1e-15, and near its zeros
/// 1 and 2 an absolute one.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // Euler's reflection: Γ(x) Γ(1 − x) = π / sin πx.
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let series: f64 = TERMS[1..].iter().zip(1..).map(|(c, i)| c / (x + f64::from(i))).sum();
    let t = x + G + 0.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + (TERMS[0] + series).ln()
}

/// `ψ(x) = d/dx ln Γ(x)` for x > 0: the recurrence `ψ(x) = ψ(x + 1) − 1/x` up to 10, and Stirling's series from there.
#[must_use]
pub fn digamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    // Bernoulli's numbers over 2k.
    let series =
        y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y / 132.0))));
    sum + x.ln() - 0.5 / x - series
}

/// The regularised incomplete beta function `I_x(a, b)`, by Lentz's continued fraction (Numerical Recipes, §6.4).
pub(crate) fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let log_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    if x < (a + 1.0) / (a + b + 2.0) {
        log_front.exp() * beta_fraction(x, a, b) / a
    } else {
        1.0 - log_front.exp() * beta_fraction(1.0 - x, b, a) / b
    }
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut sum = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut last = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / away(1.0 + numerator * d);
            c = away(1.0 + numerator / c);
            last = c * d;
            sum *= last;
        }
        if (last - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    sum
}

/// `P(a, x) = γ(a, x) / Γ(a)` for a > 0, by its series, or one less its continued fraction (Numerical Recipes, §6.2).
///
/// Both take some √a steps. From a = 10⁸ on it is the normal of Wilson and Hilferty (1931), `Φ(3√a ((x/a)^⅓ − 1 + 1/9a))`, whose error is
/// below 10⁻⁹ there.
pub(crate) fn incomplete_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if a >= 1e8 {
        let z = 3.0 * a.sqrt() * ((x / a).cbrt() - 1.0 + 1.0 / (9.0 * a));
        return 0.5 * (1.0 + Real::erf(z * FRAC_1_SQRT_2));
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    let steps = 200 + (20.0 * a.sqrt()) as usize;
    if x < a + 1.0 {
        let (mut n, mut term) = (a, 1.0 / a);
        let mut sum = term;
        for _ in 0..steps {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term <= sum * f64::EPSILON {
                break;
            }
        }
        return front * sum;
    }
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut product = d;
    for i in 1..steps {
        let i = i as f64;
        let numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        product *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    1.0 - front * product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gamma_function_has_its_known_values_and_recurrence() {
        let mut factorial = 1.0_f64;
        for n in 1..60 {
            assert!(
                (ln_gamma(f64::from(n)) - factorial.ln()).abs() <= 1e-13 * factorial.ln().max(1.0)
            );
            factorial *= f64::from(n);
        }
        assert!((ln_gamma(0.5) - 0.5 * PI.ln()).abs() <= 1e-14);
        for x in [1e-3, 0.2, 0.7, 3.3, 41.0, 1e5] {
            let step = ln_gamma(x + 1.0) - ln_gamma(x) - x.ln();
            assert!(step.abs() <= 1e-14 * ln_gamma(x).abs().max(10.0), "{x}: {step:e}");
        }
    }

    #[test]
    fn the_digamma_function_is_the_slope_of_ln_gamma() {
        for x in [0.01, 0.3, 1.0, 4.5, 9.99, 10.0, 300.0] {
            let h = 1e-4 * x;
            let slope = (ln_gamma(x + h) - ln_gamma(x - h)) / (2.0 * h);
            assert!(
                (digamma(x) - slope).abs() <= 1e-7 * slope.abs().max(1.0),
                "{x}: {}",
                digamma(x)
            );
        }
        // −γ.
        assert!((digamma(1.0) + 0.577_215_664_901_532_9).abs() <= 1e-13);
    }

    #[test]
    fn the_incomplete_beta_function_is_its_integral() {
        for (a, b) in [(0.5, 0.5), (1.0, 1.0), (2.5, 0.5), (4.0, 7.0)] {
            for x in [0.1_f64, 0.5, 0.8] {
                // t = u², which takes the singularity at 0 away.
                let (n, end) = (200_000, x.sqrt());
                let h = end / f64::from(n);
                let sum: f64 = (0..n)
                    .map(|i| {
                        let u = (f64::from(i) + 0.5) * h;
                        2.0 * u.powf(2.0 * a - 1.0) * (1.0 - u * u).powf(b - 1.0) * h
                    })
                    .sum();
                let whole = (ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)).exp();
                let found = incomplete_beta(x, a, b);
                assert!(
                    (found - sum / whole).abs() <= 1e-8,
                    "{a} {b} {x}: {found} {}",
                    sum / whole
                );
            }
        }
        assert_eq!([incomplete_beta(0.0, 2.0, 3.0), incomplete_beta(1.0, 2.0, 3.0)], [0.0, 1.0]);
    }

    /// Where one way of computing it takes over from the other, they agree.
    #[test]
    fn the_incomplete_gamma_function_goes_over_into_its_normal() {
        let (below, above) = (1e8_f64 * (1.0 - 1e-13), 1e8);
        for z in [-6.0, -2.0, -0.3, 0.0, 1.0, 4.0] {
            let x = 1e8 + z * 1e4;
            let (a, b) = (incomplete_gamma(below, x), incomplete_gamma(above, x));
            // The series' factor e^(a ln x − x − ln Γ(a)) is a difference of 2 · 10⁹, each rounded to some 10⁻⁷.
            assert!((a - b).abs() <= 2e-6, "{z}: {a} {b}");
        }
        for a in [1e12, 1e30, 1e300] {
            assert!((incomplete_gamma(a, a) - 0.5).abs() <= 1e-5, "{a:e}");
            assert_eq!([incomplete_gamma(a, 0.5 * a), incomplete_gamma(a, 2.0 * a)], [0.0, 1.0]);
        }
    }

    /// P(k + 1, λ) is the mass of a Poisson above k.
    #[test]
    fn the_incomplete_gamma_function_sums_poissons() {
        for rate in [0.01_f64, 1.0, 7.5, 300.0] {
            let (mut sum, mut largest) = (0.0, 0.0_f64);
            for k in 0..600 {
                let k = f64::from(k);
                sum += (k * rate.ln() - rate - ln_gamma(k + 1.0)).exp();
                largest = largest.max((1.0 - incomplete_gamma(k + 1.0, rate) - sum).abs());
            }
            assert!(largest <= 1e-11, "{rate}: {largest:e}");
        }
    }
}
