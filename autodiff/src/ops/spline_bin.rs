//! One bin of a rational-quadratic spline, and how a row of unconstrained numbers becomes bins: the formulas of
//! [`rational_quadratic`](super::rational_quadratic), for single elements, with their cotangents by hand.

use crate::scalar::Real;

/// Bins that fit on the stack.
const MOST_BINS: usize = Knots::MOST_BINS;
const LEAST: f64 = Knots::LEAST;

/// What a rational-quadratic spline spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knots {
    /// The number of bins K, from 1 to [`Knots::MOST_BINS`].
    pub bins: usize,
    /// The spline maps ±bound to itself, and is the identity outside.
    pub bound: f64,
}

impl Knots {
    /// The most bins a spline can have.
    pub const MOST_BINS: usize = 32;

    /// The least width and height of a bin, as a share of the interval, and the least slope at a knot: what keeps both
    /// directions well conditioned (Durkan and others use the same).
    pub const LEAST: f64 = 1e-3;

    /// Numbers that one element's spline is made of: 3 K − 1.
    pub fn parameters(self) -> usize {
        3 * self.bins - 1
    }

    /// What a softmax's share p is as a length: `2 bound (LEAST + (1 − K LEAST) p)`.
    #[inline(always)]
    fn length<T: Real>(self) -> (T, T) {
        let whole = 2.0 * self.bound;
        (T::from_f64(whole * LEAST), T::from_f64(whole * (1.0 - self.bins as f64 * LEAST)))
    }

    /// What is added to a slope's parameter, so that 0 is the slope 1: softplus⁻¹(1 − LEAST).
    #[inline(always)]
    fn shift<T: Real>() -> T {
        // ln(e^0.999 − 1).
        T::from_f64(0.539_742_417_236_952_2)
    }
}

/// One element's shares of widths and of heights.
pub(super) struct Shares<T> {
    widths: [T; MOST_BINS],
    heights: [T; MOST_BINS],
}

/// A bin, and where it is.
#[derive(Clone, Copy)]
pub(super) struct Bin<T> {
    pub(super) index: usize,
    pub(super) x: T,
    pub(super) width: T,
    pub(super) y: T,
    pub(super) height: T,
    pub(super) left: T,
    pub(super) right: T,
    /// Where it ends.
    end: T,
}

/// Cotangents of a bin's numbers; those of x and y are of where it begins.
pub(super) struct BinCotangent<T> {
    pub(super) at: T,
    pub(super) x: T,
    pub(super) width: T,
    pub(super) y: T,
    pub(super) height: T,
    pub(super) left: T,
    pub(super) right: T,
}

#[inline(always)]
fn softmax<T: Real>(logits: &[T], out: &mut [T; MOST_BINS]) {
    let mut top = logits[0];
    for &logit in &logits[1..] {
        top = top.max(logit);
    }
    let out = &mut out[..logits.len()];
    for (out, &logit) in out.iter_mut().zip(logits) {
        *out = (logit - top).exp();
    }
    let mut sum = T::zero();
    for &share in out.iter() {
        sum += share;
    }
    let scale = T::one() / sum;
    for share in out {
        *share *= scale;
    }
}

impl<T: Real> Shares<T> {
    #[inline(always)]
    pub(super) fn new(knots: Knots, parameters: &[T]) -> Self {
        let mut shares = Self { widths: [T::zero(); MOST_BINS], heights: [T::zero(); MOST_BINS] };
        softmax(&parameters[..knots.bins], &mut shares.widths);
        softmax(&parameters[knots.bins..2 * knots.bins], &mut shares.heights);
        shares
    }

    /// The bin that holds x, or, `inverse`, y.
    #[inline(always)]
    pub(super) fn bin(&self, knots: Knots, parameters: &[T], point: T, inverse: bool) -> Bin<T> {
        let (least, scale) = knots.length::<T>();
        let low = -T::from_f64(knots.bound);
        let (mut index, mut x, mut y) = (0, low, low);
        let (mut width, mut height) = (T::zero(), T::zero());
        for i in 0..knots.bins {
            index = i;
            width = least + scale * self.widths[i];
            height = least + scale * self.heights[i];
            let beyond = if inverse { point >= y + height } else { point >= x + width };
            if i + 1 == knots.bins || !beyond {
                break;
            }
            x += width;
            y += height;
        }
        let mut end = x + width;
        if index + 1 == knots.bins {
            // The sum of lengths is the whole but for rounding: the last bin ends where the tail begins.
            let bound = T::from_f64(knots.bound);
            (width, height, end) = (bound - x, bound - y, bound);
        }
        let slope = |knot: usize| {
            if knot == 0 || knot == knots.bins {
                T::one()
            } else {
                let raw = parameters[2 * knots.bins + knot - 1];
                T::from_f64(LEAST) + (raw + Knots::shift()).softplus()
            }
        };
        Bin { index, x, width, y, height, left: slope(index), right: slope(index + 1), end }
    }
}

/// The parts of the formula at a point of a bin.
pub(super) struct Parts<T> {
    pub(super) u: T,
    pub(super) v: T,
    pub(super) s: T,
    pub(super) a: T,
    pub(super) b: T,
    pub(super) d: T,
}

impl<T: Real> Bin<T> {
    /// At a point, by its distance from the nearer end: that has all its digits.
    #[inline(always)]
    pub(super) fn at(self, x: T) -> Parts<T> {
        let (u, v) = ((x - self.x) / self.width, (self.end - x) / self.width);
        if u < v { self.parts(u, T::one() - u) } else { self.parts(T::one() - v, v) }
    }

    #[inline(always)]
    pub(super) fn parts(self, u: T, v: T) -> Parts<T> {
        let two = T::from_f64(2.0);
        let s = self.height / self.width;
        let uv = u * v;
        Parts {
            u,
            v,
            s,
            a: s * u * u + self.left * uv,
            b: self.right * u * u + two * s * uv + self.left * v * v,
            d: s * (u * u + v * v) + (self.left + self.right) * uv,
        }
    }

    /// u of the point that is mapped to y.
    #[inline(always)]
    pub(super) fn solve(self, y: T) -> T {
        let (one, two) = (T::one(), T::from_f64(2.0));
        let eta = ((y - self.y) / self.height).max(T::zero()).min(one);
        let s = self.height / self.width;
        let ends = self.left + self.right;
        let excess = ends - two * s;
        let root = ((self.left - eta * ends).square()
            + T::from_f64(4.0) * s * s * eta * (one - eta))
            .sqrt();
        let b = self.left - eta * excess;
        if b >= T::zero() {
            two * s * eta / (b + root)
        } else {
            (root - b) / (two * (s - self.left + eta * excess))
        }
    }
}

impl<T: Real> Parts<T> {
    /// ln of the slope.
    #[inline(always)]
    pub(super) fn log_slope(&self) -> T {
        (self.s.square() * self.b / self.d.square()).ln()
    }

    /// The slope.
    #[inline(always)]
    pub(super) fn slope(&self) -> T {
        let ratio = self.s / self.d;
        ratio * ratio * self.b
    }

    /// d ln slope / du.
    #[inline(always)]
    pub(super) fn log_slope_du(&self, bin: &Bin<T>) -> T {
        let two = T::from_f64(2.0);
        let side = self.v - self.u;
        let d = (bin.left + bin.right - two * self.s) * side;
        let b = two * (bin.right * self.u + self.s * side - bin.left * self.v);
        b / self.b - two * d / self.d
    }

    /// Cotangents for `cy` of y and `cl` of ln slope.
    #[inline(always)]
    pub(super) fn pull_back(&self, bin: &Bin<T>, cy: T, cl: T) -> BinCotangent<T> {
        let Self { u, v, s, a, b, d } = *self;
        let two = T::from_f64(2.0);
        let side = v - u;
        let ca = cy * bin.height / d;
        let cd = -(ca * a + two * cl) / d;
        let cb = cl / b;
        let du = ca * (two * s * u + bin.left * side)
            + cd * (bin.left + bin.right - two * s) * side
            + cb * two * (bin.right * u + s * side - bin.left * v);
        let ds = ca * u * u + cd * (u * u + v * v) + cb * two * u * v + two * cl / s;
        let at = du / bin.width;
        BinCotangent {
            at,
            x: -at,
            width: -(ds * s + du * u) / bin.width,
            y: cy,
            height: cy * a / d + ds / bin.width,
            left: (ca + cd) * u * v + cb * v * v,
            right: cd * u * v + cb * u * u,
        }
    }
}

/// From a bin's numbers back to the unconstrained ones.
#[inline(always)]
pub(super) fn parameter_cotangents<T: Real>(
    knots: Knots,
    shares: &Shares<T>,
    bin: &Bin<T>,
    cotangent: &BinCotangent<T>,
    parameters: &[T],
    dp: &mut [T],
) {
    let (bins, k) = (knots.bins, bin.index);
    let (_, scale) = knots.length::<T>();
    let (widths, rest) = dp.split_at_mut(bins);
    let (heights, slopes) = rest.split_at_mut(bins);
    // Bins before this one move where it begins.
    let lengths = [
        (widths, &shares.widths, cotangent.x, cotangent.width),
        (heights, &shares.heights, cotangent.y, cotangent.height),
    ];
    for (out, shares, before, own) in lengths {
        let mut mean = own * shares[k];
        for &share in &shares[..k] {
            mean += before * share;
        }
        for (i, out) in out.iter_mut().enumerate() {
            let through = if i < k {
                before
            } else if i == k {
                own
            } else {
                T::zero()
            };
            *out = scale * shares[i] * (through - mean);
        }
    }
    slopes.fill(T::zero());
    for (knot, d) in [(k, cotangent.left), (k + 1, cotangent.right)] {
        if knot > 0 && knot < bins {
            slopes[knot - 1] = d * (parameters[2 * bins + knot - 1] + Knots::shift()).sigmoid();
        }
    }
}
