//! From random words to uniform and normal draws, by Box and Muller's map.
//!
//! With u, v uniform, r = √(−2 ln u) and θ = 2πv: r cos θ and r sin θ are independent standard normals.
//!
//! Angle and logarithm are polynomials on the interval that the words can reach. No word is rejected, so
//! the loops have no branches and draw i needs no other draw. The polynomials are Chebyshev fits of
//! −4 artanh(s)/s, sin(πx)/x and cos(πx), in s² and x², made with 60 digits. `mul_add`, division and square
//! root round the same on every machine, so the bits do not depend on the instruction set.
//!
//! Source: Box, Muller, "A note on the generation of random normal deviates", 1958.

use super::philox::{GROUP, LANES, Words};

/// A number type that words can be turned into, one group of words at a time.
///
/// Within a group, the draws made from word j of the blocks come before those made from word j + 1.
pub(super) trait Draw: Copy + Default + Send + Sync {
    /// Draws that one group of words gives.
    const PER_GROUP: usize;
    /// Uniform on [0, 1), with every bit of the mantissa random. Fills the first `PER_GROUP` elements.
    fn uniforms(words: &Words, out: &mut [Self; GROUP]);
    /// Standard normal. Fills the first `PER_GROUP` elements.
    fn normals(words: &Words, out: &mut [Self; GROUP]);
}

/// The value of a polynomial, coefficients from the constant term up.
macro_rules! polynomial {
    ($float:ident, $x:ident; $last:literal) => { $last };
    ($float:ident, $x:ident; $first:literal, $($rest:literal),+) => {
        $float::mul_add(polynomial!($float, $x; $($rest),+), $x, $first)
    };
}

macro_rules! box_muller {
    ($module:ident: $float:ident, $bits:ident, $mantissa:literal mantissa bits, bias $bias:literal,
     artanh [$($artanh:literal),+], sin [$($sin:literal),+], cos [$($cos:literal),+]) => {
        mod $module {
            /// −2 ln u for a normal number u in (0, 1]; never negative. Relative error below 3 ε.
            ///
            /// u = 2ᵉ(1 + f) with 1 + f in [√½, √2), s = f/(2 + f), ln(1 + f) = 2 artanh s.
            #[inline(always)]
            pub(super) fn minus_two_ln(u: $float) -> $float {
                const ONE: $bits = (1.0 as $float).to_bits();
                const ROOT: $bits = std::$float::consts::FRAC_1_SQRT_2.to_bits();
                let bits = u.to_bits().wrapping_add(ONE - ROOT);
                // As 32 bits: that converts in one instruction on every machine.
                let exponent = (bits >> $mantissa) as i32 - $bias;
                let mantissa = bits & ((1 << $mantissa) - 1);
                let f = <$float>::from_bits(mantissa + ROOT) - 1.0;
                let s = f / (2.0 + f);
                let t = s * s;
                let ln = s * polynomial!($float, t; $($artanh),+);
                (exponent as $float).mul_add(-2.0 * std::$float::consts::LN_2, ln)
            }

            /// (sin πx, cos πx) for x in [−½, ½]. Absolute error below 2 ε.
            #[inline(always)]
            pub(super) fn sin_cos_pi(x: $float) -> ($float, $float) {
                let t = x * x;
                let sin = polynomial!($float, t; $($sin),+).mul_add(t, std::$float::consts::PI);
                (x * sin, polynomial!($float, t; $($cos),+))
            }

            /// Two normals from u in (0, 1], the angle πx with x in [−½, ½], and the top bit of `sign`.
            ///
            /// The right half of the circle and a random sign of the cosine make the whole circle.
            #[inline(always)]
            pub(super) fn box_muller(u: $float, x: $float, sign: $bits) -> [$float; 2] {
                let r = minus_two_ln(u).sqrt();
                let (sin, cos) = sin_cos_pi(x);
                [<$float>::from_bits((r * cos).to_bits() ^ sign), r * sin]
            }
        }
    };
}

box_muller!(single: f32, u32, 23 mantissa bits, bias 127,
    artanh [-4.0, -1.3333364, -0.799497, -0.5984878],
    sin [-5.1677103, 2.5500774, -0.5982904, 0.07765591],
    cos [1.0, -4.934802, 4.058709, -1.335212, 0.23493707, -0.024395932]);

box_muller!(double: f64, u64, 52 mantissa bits, bias 1023,
    artanh [-4.0, -1.333333333333353, -0.7999999999860468, -0.5714285752128336,
        -0.44444394113452096, -0.36367263360458657, -0.3062505629672838, -0.2961942072131055],
    sin [-5.167712780049969, 2.5501640398773007, -0.5992645293189447,
        0.0821458865731029, -0.007370430505916944, 0.0004662998161898394,
        -2.1903497074626018e-5, 7.697826768224191e-7],
    cos [1.0, -4.934802200544676, 4.058712126416497, -1.335262768843447,
        0.23533063012953284, -0.025806888737002202, 0.0019295562724817132,
        -0.00010456655338748738, 4.149564353942586e-6]);

impl Draw for f32 {
    const PER_GROUP: usize = 4 * LANES;

    #[inline(always)]
    fn uniforms(words: &Words, out: &mut [f32; GROUP]) {
        for (word, out) in words.as_flattened().iter().zip(out) {
            *out = (word >> 8) as i32 as f32 * 2f32.powi(-24);
        }
    }

    /// u = (k + ½)/2³¹ with 31 random bits k, rounded: |z| reaches 6.66.
    /// x = (k + ½)/2³¹ with 31 random bits that include the sign; the last bit is the cosine's sign.
    #[inline(always)]
    fn normals(words: &Words, out: &mut [f32; GROUP]) {
        const UNIT: f32 = 1.0 / (1u32 << 31) as f32;
        for pair in 0..2 {
            let [radius, angle] = [&words[2 * pair], &words[2 * pair + 1]];
            for lane in 0..LANES {
                let u = ((radius[lane] >> 1) as i32 as f32).mul_add(UNIT, UNIT / 2.0);
                let x = ((angle[lane] as i32 >> 1) as f32).mul_add(UNIT, UNIT / 2.0);
                let z = single::box_muller(u, x, angle[lane] << 31);
                out[2 * pair * LANES + lane] = z[0];
                out[(2 * pair + 1) * LANES + lane] = z[1];
            }
        }
    }
}

/// A 32-bit word as a number, exactly, by operations that every instruction set has for vectors.
#[inline(always)]
fn to_f64(word: u64) -> f64 {
    const TWO_52: f64 = (1u64 << 52) as f64;
    f64::from_bits(TWO_52.to_bits() | word) - TWO_52
}

impl Draw for f64 {
    const PER_GROUP: usize = 2 * LANES;

    #[inline(always)]
    fn uniforms(words: &Words, out: &mut [f64; GROUP]) {
        for pair in 0..2 {
            for lane in 0..LANES {
                let [high, low] = [words[2 * pair][lane] as u64, words[2 * pair + 1][lane] as u64];
                out[pair * LANES + lane] =
                    to_f64(high).mul_add(UNIT_32, to_f64(low >> 11) * UNIT_53);
            }
        }
    }

    /// u = (k + ½)/2⁶⁴ with 64 random bits k, rounded: |z| reaches 9.49.
    /// x = (k + ½)/2⁶³ − ½ with 63 random bits k; the last bit is the cosine's sign.
    #[inline(always)]
    fn normals(words: &Words, out: &mut [f64; GROUP]) {
        for lane in 0..LANES {
            let word = [0, 1, 2, 3].map(|j| words[j][lane] as u64);
            let u = to_f64(word[1]).mul_add(UNIT_64, UNIT_64 / 2.0);
            let u = to_f64(word[0]).mul_add(UNIT_32, u);
            let x = to_f64(word[3] >> 1).mul_add(2.0 * UNIT_64, UNIT_64);
            let x = to_f64(word[2]).mul_add(UNIT_32, -0.5) + x;
            let z = double::box_muller(u, x, word[3] << 63);
            out[lane] = z[0];
            out[LANES + lane] = z[1];
        }
    }
}

const UNIT_32: f64 = 1.0 / (1u64 << 32) as f64;
const UNIT_53: f64 = 1.0 / (1u64 << 53) as f64;
const UNIT_64: f64 = UNIT_32 * UNIT_32;

#[cfg(test)]
mod tests {
    use super::*;

    /// Powers of two, the two sides of √½, all of (0, 1] evenly, and the numbers just below 1.
    fn radii() -> impl Iterator<Item = f32> {
        let root = std::f32::consts::FRAC_1_SQRT_2;
        let binades = (0..=32).flat_map(move |e| {
            [1.0, root, root.next_down(), 0.5f32.next_up()].map(|m| m * 2f32.powi(-e))
        });
        let below_one = (0..1000).map(|i| 1.0 - i as f32 * f32::EPSILON / 2.0);
        binades.chain(below_one).chain((1..=300_000).map(|i| i as f32 / 300_000.0))
    }

    #[test]
    fn logarithm_errs_by_less_than_three_epsilon() {
        let mut worst = [0f64; 2];
        for u in radii().filter(|&u| u < 1.0) {
            let exact = -2.0 * (u as f64).ln();
            let relative = (single::minus_two_ln(u) as f64 - exact).abs() / exact;
            worst[0] = worst[0].max(relative / f32::EPSILON as f64);
            // Not an f32, so that the low bits are in play. ln_1p knows numbers near 1 to full precision.
            let u = u as f64 * (1.0 - 1e-10);
            let exact = if u < 0.5 { -2.0 * u.ln() } else { -2.0 * (u - 1.0).ln_1p() };
            let relative = (double::minus_two_ln(u) - exact).abs() / exact;
            worst[1] = worst[1].max(relative / f64::EPSILON);
        }
        assert!(worst[0] < 3.0 && worst[1] < 3.0, "worst errors in epsilon: {worst:?}");
        assert_eq!(single::minus_two_ln(1.0), 0.0);
        assert_eq!(double::minus_two_ln(1.0), 0.0);
    }

    #[test]
    fn sine_and_cosine_err_by_less_than_two_epsilon() {
        let mut worst = [0f64; 2];
        for i in -150_000..=150_000 {
            let x = i as f64 / 300_000.0;
            let single = single::sin_cos_pi(x as f32);
            let double = double::sin_cos_pi(x);
            // Reduced to an eighth of a turn first, so that the reference errs by much less than ε.
            let reference = |x: f64| {
                let pi = std::f64::consts::PI;
                let rest = 0.5 - x.abs();
                let (sin, cos) = if x.abs() < 0.25 {
                    (pi * x.abs()).sin_cos()
                } else {
                    ((pi * rest).cos(), (pi * rest).sin())
                };
                (sin.copysign(x), cos)
            };
            let exact = reference(x as f32 as f64);
            let error = (single.0 as f64 - exact.0).abs().max((single.1 as f64 - exact.1).abs());
            worst[0] = worst[0].max(error / f32::EPSILON as f64);
            let exact = reference(x);
            let error = (double.0 - exact.0).abs().max((double.1 - exact.1).abs());
            worst[1] = worst[1].max(error / f64::EPSILON);
        }
        assert!(worst[0] < 2.0 && worst[1] < 2.0, "worst errors in epsilon: {worst:?}");
    }

    #[test]
    fn extreme_words_give_finite_draws_in_range() {
        let word = [0, 1, 2, (1 << 31) - 1, 1 << 31, u32::MAX - 1, u32::MAX];
        for code in 0..word.len().pow(4) {
            let mut words = [[0; LANES]; 4];
            for (j, row) in words.iter_mut().enumerate() {
                row.fill(word[code / word.len().pow(j as u32) % word.len()]);
            }
            let (mut single, mut double) = ([0.0f32; GROUP], [0.0f64; GROUP]);
            f32::normals(&words, &mut single);
            assert!(single.iter().all(|z| z.abs() < 6.7), "{words:x?}");
            f64::normals(&words, &mut double);
            assert!(double.iter().all(|z| z.abs() < 9.6), "{words:x?}");
            f32::uniforms(&words, &mut single);
            assert!(single.iter().all(|u| (0.0..1.0).contains(u)), "{words:x?}");
            f64::uniforms(&words, &mut double);
            assert!(double.iter().all(|u| (0.0..1.0).contains(u)), "{words:x?}");
        }
    }
}
