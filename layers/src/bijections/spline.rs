//! The rational-quadratic spline of neural spline flows (Durkan and others 2019): K bins between ±bound, each a ratio of two
//! quadratics, continuous with its slope; the identity outside.
//!
//! Data → base evaluates the spline, base → data inverts it, which is a quadratic in closed form: training runs in the cheaper
//! direction. Formulas and slopes are at [`Var::rational_quadratic`]; the log-determinant of a row is the sum of ln slope.

use super::Transform;
use crate::LogDet;
use evidence_autodiff::{Knots, Real, Var};

/// A rational-quadratic spline, 3 K − 1 parameters for each element: K widths, K heights, K − 1 inner slopes. Zeros are the identity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spline(Knots);

/// A spline that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplineError {
    /// Too few bins, or too many.
    #[error("a spline of {0} bins: it has from 1 to {most} (8 is usual)", most = Knots::MOST_BINS)]
    Bins(usize),
    /// The interval has no length.
    #[error(
        "a spline over ±{0}: its bound must be a positive number (4 is usual for standardised data)"
    )]
    Bound(f64),
    /// Other numbers of knots or slopes than the spline has.
    #[error("{given} {what} for a spline of {bins} bins: give {expected}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there were.
        given: usize,
        /// How many there should be.
        expected: usize,
        /// Of the spline.
        bins: usize,
    },
    /// Knots that do not increase, or too slowly.
    #[error("{axis} knots {first} and {second}, numbers {index} and {next}: knots must increase, by at least {least}", next = index + 1)]
    Knots {
        /// x or y.
        axis: char,
        /// Counted from 0.
        index: usize,
        /// The one.
        first: f64,
        /// The next.
        second: f64,
        /// The least distance.
        least: f64,
    },
    /// The outer knots are not where the spline ends.
    #[error(
        "the {axis} knots reach from {first} to {last}: a spline over ±{bound} begins and ends there"
    )]
    Ends {
        /// x or y.
        axis: char,
        /// The first knot.
        first: f64,
        /// The last knot.
        last: f64,
        /// Of the spline.
        bound: f64,
    },
    /// A slope that is not steep enough.
    #[error("the slope {slope} at inner knot {index}: slopes must be above {least}", least = Knots::LEAST)]
    Slope {
        /// Counted from 1: the outer ones are 1.
        index: usize,
        /// What was given.
        slope: f64,
    },
}

impl Spline {
    /// A spline of so many bins over ±bound.
    ///
    /// # Errors
    /// If there are no bins or more than [`Knots::MOST_BINS`], or the bound is not a positive number.
    pub fn new(bins: usize, bound: f64) -> Result<Self, SplineError> {
        if !(1..=Knots::MOST_BINS).contains(&bins) {
            return Err(SplineError::Bins(bins));
        }
        if !(bound > 0.0 && bound.is_finite()) {
            return Err(SplineError::Bound(bound));
        }
        Ok(Self(Knots { bins, bound }))
    }

    /// Bins and interval.
    pub fn knots(&self) -> Knots {
        self.0
    }

    /// The parameters of the spline, data → base, through knots (xₖ, yₖ), k = 0 … K, with the given slopes at the inner ones.
    ///
    /// # Errors
    /// If there are not K + 1 knots and K − 1 slopes, the outer knots are not at ±bound, knots do not increase by at least
    /// [`Knots::LEAST`] of the interval, or a slope is not above it.
    ///
    /// ```
    /// use evidence_layers::{Spline, SplineError, Transform};
    /// use evidence_autodiff::Tape;
    ///
    /// let spline = Spline::new(2, 1.0)?;
    /// let parameters = spline.through(&[-1.0, 0.5, 1.0], &[-1.0, -0.2, 1.0], &[0.7])?;
    /// let tape = Tape::<f64>::new();
    /// let x = tape.constant(ndarray::array![[0.5]]);
    /// let (z, log_det) = spline.inverse(x, tape.constant(ndarray::Array2::from_shape_vec((1, 5), parameters).unwrap()));
    /// assert!((z.item() + 0.2).abs() < 1e-12 && (log_det.value().item() - 0.7_f64.ln()).abs() < 1e-9);
    /// assert!(matches!(spline.through(&[-1.0, 2.0, 1.0], &[-1.0, 0.0, 1.0], &[1.0]), Err(SplineError::Knots { .. })));
    /// # Ok::<(), SplineError>(())
    /// ```
    pub fn through(&self, x: &[f64], y: &[f64], slopes: &[f64]) -> Result<Vec<f64>, SplineError> {
        let Knots { bins, bound } = self.0;
        let mut parameters = Vec::with_capacity(self.0.parameters());
        for (axis, what, knots) in [('x', "x knots", x), ('y', "y knots", y)] {
            if knots.len() != bins + 1 {
                return Err(SplineError::Count {
                    what,
                    given: knots.len(),
                    expected: bins + 1,
                    bins,
                });
            }
            let least = 2.0 * bound * Knots::LEAST;
            for (index, pair) in knots.windows(2).enumerate() {
                let (first, second) = (pair[0], pair[1]);
                let gap = second - first;
                if gap < least || gap.is_nan() {
                    return Err(SplineError::Knots { axis, index, first, second, least });
                }
            }
            let (first, last) = (knots[0], knots[bins]);
            if (first + bound).abs() > 1e-12 * bound || (last - bound).abs() > 1e-12 * bound {
                return Err(SplineError::Ends { axis, first, last, bound });
            }
            // The share whose length is the bin's; a share of 0 is far down the softmax.
            let share =
                |pair: &[f64]| ((pair[1] - pair[0] - least) / (2.0 * bound)).max(1e-300).ln();
            parameters.extend(knots.windows(2).map(share));
        }
        if slopes.len() + 1 != bins {
            return Err(SplineError::Count {
                what: "slopes",
                given: slopes.len(),
                expected: bins - 1,
                bins,
            });
        }
        // softplus⁻¹(δ − LEAST), less the shift that makes 0 the slope 1.
        let raw = |slope: f64| (slope - Knots::LEAST).exp_m1().ln();
        for (i, &slope) in slopes.iter().enumerate() {
            if !(slope > Knots::LEAST && slope.is_finite()) {
                return Err(SplineError::Slope { index: i + 1, slope });
            }
            let raw_slope = if slope > 30.0 { slope - Knots::LEAST } else { raw(slope) };
            parameters.push(raw_slope - raw(1.0));
        }
        Ok(parameters)
    }
}

impl Transform for Spline {
    fn parameters(&self) -> usize {
        self.0.parameters()
    }

    /// A column's parameters stand side by side.
    fn column(&self, parameter: usize, _: usize) -> usize {
        parameter / self.parameters()
    }

    fn forward<'t, T: Real>(
        &self,
        z: Var<'t, T>,
        parameters: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let (x, log_slope) = z.rational_quadratic_inverse(parameters, self.0);
        (x, LogDet::new(log_slope.sum(-1)))
    }

    fn inverse<'t, T: Real>(
        &self,
        x: Var<'t, T>,
        parameters: Var<'t, T>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let (z, log_slope) = x.rational_quadratic(parameters, self.0);
        (z, LogDet::new(log_slope.sum(-1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Tape;
    use ndarray::Array2;

    #[test]
    fn splines_that_cannot_be_are_refused() {
        let spline = Spline::new(3, 2.0).unwrap();
        let (x, y, slopes) = ([-2.0, -1.0, 0.5, 2.0], [-2.0, 0.0, 0.1, 2.0], [0.5, 3.0]);
        assert!(spline.through(&x, &y, &slopes).is_ok());
        let nan = f64::NAN;
        type Case<'a> = (Result<(), SplineError>, &'a str);
        let through = |x: &[f64], y: &[f64], slopes: &[f64]| spline.through(x, y, slopes).map(drop);
        let cases: [Case<'_>; 12] = [
            (Spline::new(0, 2.0).map(drop), "0 bins: it has from 1 to 32"),
            (Spline::new(33, 2.0).map(drop), "33 bins"),
            (Spline::new(8, 0.0).map(drop), "must be a positive number"),
            (Spline::new(8, nan).map(drop), "must be a positive number"),
            (through(&x[1..], &y, &slopes), "3 x knots for a spline of 3 bins: give 4"),
            (
                through(&[-2.0, 0.5, -1.0, 2.0], &y, &slopes),
                "x knots 0.5 and -1, numbers 1 and 2: knots must increase",
            ),
            (through(&x, &[-2.0, 0.0, 0.0, 2.0], &slopes), "y knots 0 and 0"),
            (through(&x, &[-2.0, nan, 0.0, 2.0], &slopes), "y knots -2 and NaN"),
            (through(&[-1.9, -1.0, 0.5, 2.0], &y, &slopes), "reach from -1.9 to 2"),
            (through(&x, &y, &slopes[1..]), "1 slopes for a spline of 3 bins: give 2"),
            (through(&x, &y, &[0.5, 0.0]), "the slope 0 at inner knot 2"),
            (through(&x, &y, &[nan, 1.0]), "the slope NaN at inner knot 1"),
        ];
        for (result, reason) in cases {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn goes_through_its_knots_with_its_slopes() {
        let spline = Spline::new(4, 3.0).unwrap();
        let (x, y) = ([-3.0, -2.9, 0.0, 1.0, 3.0], [-3.0, -1.0, -0.5, 2.0, 3.0]);
        let slopes = [0.01, 1.0, 50.0];
        let parameters = spline.through(&x, &y, &slopes).unwrap();
        let tape = Tape::<f64>::new();
        let p = Array2::from_shape_fn((3, parameters.len()), |(_, j)| parameters[j]);
        let at = tape.constant(Array2::from_shape_fn((3, 1), |(i, _)| x[i + 1]));
        let (z, _) = spline.inverse(at, tape.constant(&p));
        let (_, log_slope) = at.rational_quadratic(tape.constant(p), spline.knots());
        for i in 0..3 {
            assert!((z.data()[i] - y[i + 1]).abs() < 1e-11, "{}", z.data()[i]);
            let slope = log_slope.data()[i].exp();
            assert!((slope / slopes[i] - 1.0).abs() < 1e-9, "{slope} for {}", slopes[i]);
        }
    }
}
