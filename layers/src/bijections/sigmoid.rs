//! The logistic function, whose inverse is the logit: `x = (σ(z) − m) / (1 − 2m)`, in (0, 1) for a margin m = 0.
//!
//! `log |det ∂x/∂z| = −Σ (softplus(z) + softplus(−z) + ln(1 − 2m))`. Back, with `y = m + (1 − 2m) x`: `z = ln y − ln(1 − y)`, with
//! `−Σ (ln y + ln(1 − y) − ln(1 − 2m))`.
//!
//! A margin keeps data that touch 0 or 1, as pixels do, at finite z (Dinh and others 2017, section 4.1). Points that would lie outside
//! of [0, 1] in y have no base point, and get NaN; y of 0 and 1 come from infinite z, with an infinite log-determinant, so that a flow's
//! density is NaN there. Near 1 a number has few digits left of its distance to it: in double precision z
//! up to 18 comes back to 1e-9.

use crate::{Bijection, LogDet};
use evidence_autodiff::{Real, Var};

/// The logistic function, elementwise; data lie in (0, 1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sigmoid {
    margin: f64,
}

/// A margin that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a margin of {0} for a sigmoid: it is at least 0 and below ½ (1e-6 to 0.05 is usual)")]
pub struct SigmoidError(f64);

impl Sigmoid {
    /// With a margin m, so that data in [0, 1] come from finite z.
    ///
    /// # Errors
    /// Unless 0 ≤ m < ½.
    pub fn with_margin(margin: f64) -> Result<Self, SigmoidError> {
        if (0.0..0.5).contains(&margin) { Ok(Self { margin }) } else { Err(SigmoidError(margin)) }
    }

    /// m.
    pub fn margin(self) -> f64 {
        self.margin
    }
}

leafless!(Sigmoid);

impl<'t, T: Real> Bijection<'t, T> for Sigmoid {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let span = 1.0 - 2.0 * self.margin;
        let x = (z.sigmoid() - self.margin) * (1.0 / span);
        (x, -LogDet::new((z.softplus() + (-z).softplus() + span.ln()).sum(-1)))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        let span = 1.0 - 2.0 * self.margin;
        // ln y and ln(1 − y); with a margin, the latter from 1 − x, for 1 − y would cancel.
        let (up, down) = if self.margin == 0.0 {
            (x.ln(), (-x).ln_1p())
        } else {
            ((x * span + self.margin).ln(), ((1.0 - x) * span + self.margin).ln())
        };
        (up - down, -LogDet::new((up + down - span.ln()).sum(-1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Tape;
    use ndarray::arr2;

    #[test]
    fn margins_reach_the_ends_and_wrong_ones_are_refused() {
        for margin in [-0.1, 0.5, 1.0, f64::NAN] {
            assert!(Sigmoid::with_margin(margin).is_err(), "{margin}");
        }
        let tape = Tape::<f64>::new();
        let ends = tape.constant(arr2(&[[0.0], [1.0], [1.2]]));
        let (z, log_det) = Sigmoid::with_margin(0.05).unwrap().inverse(ends);
        assert!((z.data()[0] + z.data()[1]).abs() < 1e-12 && z.data()[1] > 2.9);
        assert!(log_det.value().data()[..2].iter().all(|l| l.is_finite()));
        assert!(z.data()[2].is_nan(), "a point outside has no base point");
        // In single precision the usual margins are as good at 1 as at 0.
        let tape = Tape::<f32>::new();
        for margin in [1e-8, 1e-6, 0.05] {
            let ends = tape.constant(arr2(&[[0.0_f32], [1.0]]));
            let (z, _) = Sigmoid::with_margin(margin).unwrap().inverse(ends);
            let truth = (1.0 - margin).ln() - margin.ln();
            for (z, truth) in z.data().iter().zip([-truth, truth]) {
                assert!(
                    (f64::from(*z) - truth).abs() < 1e-6 * truth.abs(),
                    "{margin}: {z} {truth}"
                );
            }
        }
    }
}
