//! The leaky rectifier as a bijection: `x = z` for z > 0 and `α z` elsewhere; `log |det ∂x/∂z| = (number of z ≤ 0) · ln α`.

use crate::{Bijection, LogDet};
use evidence_autodiff::{Real, Var};

/// A leaky rectifier of slope α, elementwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    slope: f64,
}

impl LeakyRelu {
    /// With the slope α below 0; `None` unless it is a positive number.
    pub fn new(slope: f64) -> Option<Self> {
        (slope > 0.0 && slope.is_finite()).then_some(Self { slope })
    }

    /// α.
    pub fn slope(self) -> f64 {
        self.slope
    }
}

leafless!(LeakyRelu);

/// `slope` where x is not positive, 1 elsewhere, and its logarithm summed over each row. NaN stays NaN.
fn bend<'t, T: Real>(x: Var<'t, T>, slope: f64) -> (Var<'t, T>, LogDet<'t, T>) {
    let tape = x.tape();
    let log_slopes = x.relu().select(tape.scalar(0.0), tape.scalar(slope.ln()));
    (x.leaky_relu(slope), LogDet::new(log_slopes.sum(-1)))
}

impl<'t, T: Real> Bijection<'t, T> for LeakyRelu {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        bend(z, self.slope)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        bend(x, 1.0 / self.slope)
    }
}

#[cfg(test)]
mod tests {
    use super::LeakyRelu;

    #[test]
    fn slopes_that_do_not_invert_are_refused() {
        for slope in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            assert_eq!(LeakyRelu::new(slope), None, "{slope}");
        }
        assert_eq!(LeakyRelu::new(0.1).unwrap().slope(), 0.1);
    }
}
