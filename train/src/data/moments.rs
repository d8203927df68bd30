//! Mean and standard deviation of a column, in parts that can be put together.
//!
//! ```text
//! n = nₐ + n_b       δ = μ_b − μₐ       μ = μₐ + δ n_b / n       n s² = nₐ sₐ² + n_b s_b² + δ² nₐ n_b / n
//! ```
//!
//! (Chan, Golub and LeVeque 1983, *Algorithms for computing the sample variance*.) A part's own moments take two passes over its
//! values, which are in memory. Deviations are taken from the part's smallest value and divided by its range before they are
//! squared: columns around 1e200 or 1e-200 then neither overflow nor vanish, and a large offset costs no digits.

/// Moments of some values (divisor `n`), and their range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    count: f64,
    /// What the mean is measured from.
    origin: f64,
    /// The mean, from there.
    centre: f64,
    deviation: f64,
    low: f64,
    high: f64,
}

impl Moments {
    /// Of no values.
    pub const NONE: Self = Self {
        count: 0.0,
        origin: 0.0,
        centre: 0.0,
        deviation: 0.0,
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
    };

    /// Of the values given.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (low, high, count) = values
            .clone()
            .fold((f64::INFINITY, f64::NEG_INFINITY, 0_usize), |(low, high, count), x| {
                (low.min(x), high.max(x), count + 1)
            });
        if count == 0 {
            return Self::NONE;
        }
        let count = count as f64;
        let range = if high > low { high - low } else { 1.0 };
        let centre = values.clone().map(|x| (x - low) / range).sum::<f64>() / count;
        let variance = values.map(|x| ((x - low) / range - centre).powi(2)).sum::<f64>() / count;
        let (centre, deviation) = (range * centre, range * variance.sqrt());
        Self { count, origin: low, centre, deviation, low, high }
    }

    /// Of the values of both.
    pub fn with(self, other: Self) -> Self {
        if self.count == 0.0 || other.count == 0.0 {
            return if self.count == 0.0 { other } else { self };
        }
        let count = self.count + other.count;
        let delta = (other.origin - self.origin) + (other.centre - self.centre);
        let unit = self.deviation.max(other.deviation).max(delta.abs());
        let mut deviation = 0.0;
        if unit > 0.0 {
            let square = |x: f64| (x / unit).powi(2);
            let sum = self.count * square(self.deviation) + other.count * square(other.deviation);
            let between = square(delta) * self.count * (other.count / count);
            deviation = unit * ((sum + between) / count).sqrt();
        }
        Self {
            count,
            origin: self.origin,
            centre: self.centre + delta * (other.count / count),
            deviation,
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    /// The smallest and the largest value.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Mean and scale to standardise by; the range where it overflows, or where a value is no number.
    ///
    /// Values that are equal (to 8 units in the last place: what sums of equal numbers differ by) have scale 1, or their range if that is more. No values have
    /// mean 0 and scale 1.
    pub fn fitted(&self) -> Result<(f64, f64), (f64, f64)> {
        let Self { count, origin, centre, deviation, low, high } = *self;
        if count == 0.0 {
            return Ok((0.0, 1.0));
        }
        let range = high - low;
        if !range.is_finite() || centre.is_nan() {
            return Err((low, high));
        }
        if range <= 8.0 * f64::EPSILON * low.abs().max(high.abs()) {
            return Ok((low, range.max(1.0)));
        }
        Ok((origin + centre, if deviation.is_normal() { deviation } else { 1.0 }))
    }
}
