//! `check_gradient`: the backward pass against dual numbers and against central differences.

use super::forward::unit_direction;
use super::{Function, differences, forward, reverse};
use crate::kernels::noise::Noise;
use crate::scalar::Real;
use crate::tape::{Tape, Var};
use ndarray::ArrayD;
use std::collections::BTreeSet;

/// The scalar of a gradient check: `f64`, and nothing else.
///
/// In `f32` a central difference has at best four digits, so that a bound which passes honest rounding passes wrong
/// derivatives too. The functions are generic over the scalar: check them in `f64`, then train in `f32`.
///
/// ```compile_fail
/// use evidence_autodiff::{check::check_gradient, function};
/// let x = ndarray::arr1(&[1.0_f32]).into_dyn();
/// check_gradient(&function!(|x| x.exp()), &[x]).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "gradient checks need f64, not `{Self}`",
    label = "in f32 a central difference has at best four digits: a bound that passes honest rounding passes wrong derivatives too",
    note = "a `Function` is generic over its scalar: check it on f64 inputs (`x.mapv(f64::from)`) and train it in f32"
)]
pub trait Checkable: Real {
    #[doc(hidden)]
    fn as_f64(inputs: &[ArrayD<Self>]) -> &[ArrayD<f64>];
}

impl Checkable for f64 {
    fn as_f64(inputs: &[ArrayD<f64>]) -> &[ArrayD<f64>] {
        inputs
    }
}

/// The largest errors that pass, relative to the largest gradient entry of the same input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Against dual numbers.
    pub forward: f64,
    /// Against central differences.
    pub numeric: f64,
}

impl Default for Tolerance {
    /// 10⁻¹⁰ against dual numbers, 10⁻⁶ against central differences.
    fn default() -> Self {
        Self { forward: 1e-10, numeric: 1e-6 }
    }
}

/// What a passed check measured.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientReport {
    /// The worst error against dual numbers, relative to the largest gradient entry of its input.
    pub forward_error: f64,
    /// The worst error against central differences, likewise.
    pub numeric_error: f64,
    /// The number of partial derivatives compared.
    pub derivatives: usize,
    /// The ops that were recorded.
    pub ops: BTreeSet<&'static str>,
}

/// A derivative that is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the gradient of {ops:?} is wrong at input {input}, index {index:?}: analytic {analytic:e}, forward-mode {forward:e}, \
     numeric {numeric:e} (relative errors {forward_error:.1e} and {numeric_error:.1e}; allowed {:.0e} and {:.0e})",
    tolerance.forward, tolerance.numeric
)]
pub struct GradientMismatch {
    /// The ops that were recorded.
    pub ops: BTreeSet<&'static str>,
    /// Which input.
    pub input: usize,
    /// Where in the input.
    pub index: Vec<usize>,
    /// From the backward pass.
    pub analytic: f64,
    /// From dual numbers.
    pub forward: f64,
    /// From central differences.
    pub numeric: f64,
    /// |analytic − forward| over the largest gradient entry of the input.
    pub forward_error: f64,
    /// |analytic − numeric| over the largest gradient entry of the input.
    pub numeric_error: f64,
    /// What would have passed.
    pub tolerance: Tolerance,
}

/// Checks the gradient of a function of any number of inputs against dual numbers and central differences.
///
/// A value that is not a single number is weighted elementwise with fixed random numbers and summed, so
/// that every entry of its Jacobian takes part.
///
/// # Errors
/// The worst derivative beyond the [default tolerance](Tolerance::default), with all three values.
pub fn check_gradient<T: Checkable>(
    function: &impl Function,
    inputs: &[ArrayD<T>],
) -> Result<GradientReport, Box<GradientMismatch>> {
    check_gradient_with(function, inputs, Tolerance::default())
}

/// [`check_gradient`] with another tolerance.
///
/// # Errors
/// The worst derivative beyond the tolerance, with all three values.
pub fn check_gradient_with<T: Checkable>(
    function: &impl Function,
    inputs: &[ArrayD<T>],
    tolerance: Tolerance,
) -> Result<GradientReport, Box<GradientMismatch>> {
    let inputs = T::as_f64(inputs);
    let (weights, ops) = probe(function, inputs);
    let (_, analytic) = reverse::vjp(function, inputs, &weights);
    let mut report = GradientReport { forward_error: 0.0, numeric_error: 0.0, derivatives: 0, ops };
    let mut worst = None;
    for (i, gradient) in analytic.iter().enumerate() {
        let rows: Vec<(f64, f64, f64)> = gradient
            .iter()
            .enumerate()
            .map(|(element, &analytic)| {
                let direction = unit_direction(inputs, i, element);
                let forward = (forward::jvp(function, inputs, &direction).1 * &weights).sum();
                (analytic, forward, differences::central(function, inputs, &weights, i, element))
            })
            .collect();
        let largest = rows.iter().fold(0.0, |max: f64, row| max.max(row.0.abs()).max(row.1.abs()));
        let scale = if largest > 0.0 { largest } else { 1.0 };
        for (element, (analytic, forward, numeric)) in rows.into_iter().enumerate() {
            // A NaN on either side is the worst error there is.
            let relative = |other: f64| ((analytic - other).abs() / scale).min(f64::INFINITY);
            let (forward_error, numeric_error) = (relative(forward), relative(numeric));
            let excess = (forward_error / tolerance.forward).max(numeric_error / tolerance.numeric);
            report.forward_error = report.forward_error.max(forward_error);
            report.numeric_error = report.numeric_error.max(numeric_error);
            report.derivatives += 1;
            if excess > 1.0 && worst.as_ref().is_none_or(|(most, _)| excess > *most) {
                let mismatch = GradientMismatch {
                    ops: report.ops.clone(),
                    input: i,
                    index: unravel(element, gradient.shape()),
                    analytic,
                    forward,
                    numeric,
                    forward_error,
                    numeric_error,
                    tolerance,
                };
                worst = Some((excess, Box::new(mismatch)));
            }
        }
    }
    worst.map_or(Ok(report), |(_, mismatch)| Err(mismatch))
}

/// Random weights for the elements of the function's value, and the ops it records.
pub(super) fn probe(
    function: &impl Function,
    inputs: &[ArrayD<f64>],
) -> (ArrayD<f64>, BTreeSet<&'static str>) {
    let tape = Tape::poisoned();
    let vars: Vec<Var<'_, f64>> = inputs.iter().map(|input| tape.constant(input)).collect();
    let value = function.call(&vars);
    let mut weights = ArrayD::zeros(value.shape());
    if weights.ndim() == 0 {
        weights.fill(1.0);
    } else {
        f64::fill_normal(
            Noise::new(0),
            0,
            weights.as_slice_mut().expect("fresh arrays are contiguous"),
        );
    }
    (weights, tape.op_names())
}

/// The index of an element counted with the last axis fastest.
fn unravel(mut element: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (axis, &n) in shape.iter().enumerate().rev() {
        index[axis] = element % n;
        element /= n;
    }
    index
}
