//! Rows of the check table: what `evidence check` runs and prints, one line each.

use super::gradient::probe;
use super::{Function, GradientMismatch, Tolerance, check_gradient_with, vjp};
use crate::kernels::noise::Noise;
use ndarray::ArrayD;
use std::collections::BTreeSet;
use std::fmt;

/// Where a check draws an input from.
#[derive(Clone, Debug)]
pub struct Input {
    shape: Vec<usize>,
    low: f64,
    high: f64,
    mirrored: bool,
}

impl Input {
    /// Uniform between two numbers.
    pub fn between(shape: &[usize], low: f64, high: f64) -> Self {
        Self { shape: shape.to_vec(), low, high, mirrored: false }
    }

    /// Uniform in [−2, 2].
    pub fn any(shape: &[usize]) -> Self {
        Self::between(shape, -2.0, 2.0)
    }

    /// Uniform in [0.2, 3].
    pub fn positive(shape: &[usize]) -> Self {
        Self::between(shape, 0.2, 3.0)
    }

    /// Of either sign and at least 0.1 away from 0: for functions with a kink there.
    pub fn away_from_zero(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), low: 0.1, high: 2.0, mirrored: true }
    }

    fn draw(&self, noise: Noise) -> ArrayD<f64> {
        let mut array = ArrayD::zeros(&self.shape[..]);
        noise.fill_uniform_f64(array.as_slice_mut().expect("fresh arrays are contiguous"));
        array.mapv(|u| {
            // The lowest bits of a 53-bit fraction are as good a coin as any.
            let sign =
                if self.mirrored && (u * 2f64.powi(53)) as u64 % 2 == 1 { -1.0 } else { 1.0 };
            sign * (self.low + u * (self.high - self.low))
        })
    }
}

/// One measured error of a check, and what it must not exceed.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Against what: "dual numbers", "central differences", …
    pub against: &'static str,
    /// The worst error found.
    pub error: f64,
    /// The largest that passes.
    pub bound: f64,
}

impl Measured {
    /// Whether the error is a number within its bound.
    pub fn passed(&self) -> bool {
        self.error <= self.bound
    }
}

/// What came of a check.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The errors it measured.
    pub measured: Vec<Measured>,
    /// The ops it ran.
    pub ops: BTreeSet<&'static str>,
    /// For a failure, where and how.
    pub failure: Option<String>,
}

impl Outcome {
    /// Whether every error is within its bound.
    pub fn passed(&self) -> bool {
        self.failure.is_none() && self.measured.iter().all(Measured::passed)
    }

    /// The errors of checks other than gradients, such as round trips and log-determinants.
    pub fn of(measured: Vec<Measured>) -> Self {
        Self { measured, ops: BTreeSet::new(), failure: None }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, m) in self.measured.iter().enumerate() {
            let separator = if i > 0 { ", " } else { "" };
            write!(f, "{separator}{:.1e} against {}", m.error, m.against)?;
            if !m.passed() {
                write!(f, " (allowed {:.0e})", m.bound)?;
            }
        }
        self.failure.as_ref().map_or(Ok(()), |failure| write!(f, ": {failure}"))
    }
}

/// A named check.
pub struct Check {
    name: String,
    run: Box<dyn Fn() -> Outcome + Send + Sync>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

impl Check {
    /// A check of any kind.
    pub fn new(name: impl Into<String>, run: impl Fn() -> Outcome + Send + Sync + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    /// A check of a function's gradient at inputs drawn from the given ranges, by
    /// [`check_gradient`](super::check_gradient) in `f64`; and of the gradient in `f32`, which models train in, against that.
    pub fn gradient(
        name: impl Into<String>,
        inputs: impl IntoIterator<Item = Input>,
        function: impl Function + Send + Sync + 'static,
    ) -> Self {
        Self::drawn(name.into(), inputs, move |inputs| {
            let mut outcome = gradient_outcome(&function, inputs);
            let error = single_precision_error(&function, inputs);
            outcome.measured.push(Measured { against: "f32", error, bound: SINGLE_PRECISION });
            outcome
        })
    }

    /// [`gradient`](Check::gradient) for a function that draws noise: in `f32` its draws are other numbers, so that only the
    /// gradient in `f64` is checked.
    pub fn stochastic_gradient(
        name: impl Into<String>,
        inputs: impl IntoIterator<Item = Input>,
        function: impl Function + Send + Sync + 'static,
    ) -> Self {
        Self::drawn(name.into(), inputs, move |inputs| gradient_outcome(&function, inputs))
    }

    /// A check at inputs drawn from the given ranges.
    fn drawn(
        name: String,
        inputs: impl IntoIterator<Item = Input>,
        run: impl Fn(&[ArrayD<f64>]) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        // The name seeds the draws, so that no row depends on the rows before it.
        let seed =
            name.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let noise = Noise::new(seed);
        let draws =
            inputs.into_iter().enumerate().map(|(i, input)| input.draw(noise.stream(i as u64)));
        let inputs: Vec<ArrayD<f64>> = draws.collect();
        Self::new(name, move || run(&inputs))
    }

    /// What is checked.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it.
    pub fn run(&self) -> Outcome {
        (self.run)()
    }
}

/// A gradient check's result as a row of the table.
fn gradient_outcome(function: &impl Function, inputs: &[ArrayD<f64>]) -> Outcome {
    let tolerance = Tolerance::default();
    let row = |forward, numeric, ops, failure| Outcome {
        measured: vec![
            Measured { against: "dual numbers", error: forward, bound: tolerance.forward },
            Measured { against: "central differences", error: numeric, bound: tolerance.numeric },
        ],
        ops,
        failure,
    };
    match check_gradient_with(function, inputs, tolerance) {
        Ok(report) => row(report.forward_error, report.numeric_error, report.ops, None),
        Err(mismatch) => {
            let GradientMismatch { forward_error, numeric_error, ref ops, .. } = *mismatch;
            row(forward_error, numeric_error, ops.clone(), Some(mismatch.to_string()))
        }
    }
}

/// The largest error of a gradient in `f32` that passes: some hundred roundings; the worst row has eight.
const SINGLE_PRECISION: f64 = 1e-5;

/// The worst error of the gradient in `f32`, which models train in, relative to the largest entry of the one in `f64`.
fn single_precision_error(function: &impl Function, inputs: &[ArrayD<f64>]) -> f64 {
    let single: Vec<ArrayD<f32>> = inputs.iter().map(|x| x.mapv(|x| x as f32)).collect();
    // At the very same points: rounding the inputs is not the gradient's error.
    let double: Vec<ArrayD<f64>> = single.iter().map(|x| x.mapv(f64::from)).collect();
    let (weights, _) = probe(function, &double);
    let (_, in_double) = vjp(function, &double, &weights);
    let (_, in_single) = vjp(function, &single, &weights.mapv(|w| w as f32));
    let pairs = in_double.iter().zip(&in_single).map(|(double, single)| {
        let largest = double.iter().fold(0.0, |max: f64, d| max.max(d.abs()));
        let errors = double.iter().zip(single).map(|(&d, &s)| (d - f64::from(s)).abs());
        // A NaN is the worst error there is.
        let worst = errors.fold(0.0, |max: f64, error| max.max(error.min(f64::INFINITY)));
        if largest > 0.0 && largest.is_finite() { worst / largest } else { worst }
    });
    pairs.fold(0.0, f64::max)
}
