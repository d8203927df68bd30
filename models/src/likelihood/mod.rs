//! Likelihoods: what a network's output says about its target.
//!
//! | likelihood | `log p(y \| o)` of a column, in nats |
//! | --- | --- |
//! | Gaussian, σ known or learned | `−½ z² − ln σ − ½ ln 2π`, `z = (y − o)/σ` |
//! | Gaussian, σ predicted | the same with `ln σ = 7 tanh(o′/7)`, o′ a second output |
//! | Student-t, σ learned, ν known | `ln Γ(½(ν+1)) − ln Γ(½ν) − ½ ln νπ − ln σ − ½(ν+1) ln(1 + z²/ν)` |
//! | Bernoulli | `y o − ln(1 + eᵒ)` |
//! | continuous Bernoulli | `(y − ½) o − ln(sinh(½o) / ½o)`, a density on [0, 1] |
//! | levels | `o_{y (L − 1)} − ln Σⱼ exp oⱼ`, L outputs for a column of L values 0, 1/(L − 1), …, 1 |
//! | categorical | `o_y − ln Σⱼ exp oⱼ` |
//! | Poisson | `y o − eᵒ − ln y!` |

mod sample;
mod targets;

pub use targets::TargetError;

use crate::special::{ln_1p_square, ln_gamma};
use evidence_autodiff::{Array, Path, Real, Tree, Var};
use evidence_layers::{Activation, Mlp};
use ndarray::ArrayD;
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

/// Bounds |ln σ| of a predicted scale, smoothly: between e⁻⁷ and e⁷ of the targets' unit.
const LOG_SCALE_BOUND: f64 = 7.0;

/// `p(y | output)`. Log-probabilities are summed over columns: one number per row, in nats.
#[derive(Clone, Debug)]
pub enum Likelihood<P> {
    /// N(y; output, σ²), one learned σ for all rows and columns.
    Gaussian {
        /// ln σ, a scalar.
        log_scale: P,
    },
    /// N(y; output, σ²), σ known.
    KnownGaussian {
        /// σ.
        scale: f64,
    },
    /// N(y; m, σ²) with means in the first half of the outputs' columns and bounded log-scales in the second: each row has a noise of its
    /// own (heteroscedastic).
    PredictedGaussian,
    /// Student's t around the output, one learned scale: rows far off weigh less than under a normal.
    StudentT {
        /// ln σ, a scalar.
        log_scale: P,
        /// ν, the degrees of freedom: the smaller, the heavier the tails.
        freedom: f64,
    },
    /// Each column y ∈ [0, 1] a Bernoulli with the output as its logit.
    Bernoulli,
    /// Each column y ∈ [0, 1] with the density ∝ e^(y output) (Loaiza-Ganem and Cunningham 2019): what a Bernoulli's formula lacks to be one of
    /// grey pixels, which are no coins, is their normaliser.
    ContinuousBernoulli,
    /// Each column one of L values 0, 1/(L − 1), …, 1, such as pixels of L greys, with L logits of its own, side by side.
    Levels {
        /// L.
        levels: usize,
    },
    /// y a class label in one column, the outputs the classes' logits.
    Categorical,
    /// y a count, the output the logarithm of its rate.
    Poisson,
}

impl<P> Tree<P> for Likelihood<P> {
    type With<Q> = Likelihood<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Likelihood<Q> {
        match self {
            Self::Gaussian { log_scale } => {
                Likelihood::Gaussian { log_scale: f(&path.field("log_scale"), log_scale) }
            }
            Self::KnownGaussian { scale } => Likelihood::KnownGaussian { scale: *scale },
            Self::PredictedGaussian => Likelihood::PredictedGaussian,
            Self::StudentT { log_scale, freedom } => Likelihood::StudentT {
                log_scale: f(&path.field("log_scale"), log_scale),
                freedom: *freedom,
            },
            Self::Bernoulli => Likelihood::Bernoulli,
            Self::ContinuousBernoulli => Likelihood::ContinuousBernoulli,
            Self::Levels { levels } => Likelihood::Levels { levels: *levels },
            Self::Categorical => Likelihood::Categorical,
            Self::Poisson => Likelihood::Poisson,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        match self {
            Self::Gaussian { log_scale } | Self::StudentT { log_scale, freedom: _ } => {
                out.push(log_scale);
            }
            Self::KnownGaussian { scale: _ } | Self::Levels { levels: _ } => {}
            Self::PredictedGaussian
            | Self::Bernoulli
            | Self::ContinuousBernoulli
            | Self::Categorical
            | Self::Poisson => {}
        }
    }
}

impl<P> Likelihood<P> {
    /// How many outputs a network needs for targets of so many columns; `classes` of a label.
    pub fn outputs(&self, columns: usize, classes: Option<usize>) -> usize {
        match self {
            Self::PredictedGaussian => 2 * columns,
            Self::Levels { levels } => levels * columns,
            Self::Categorical => classes.unwrap_or(columns),
            _ => columns,
        }
    }

    /// Whether it is a density, which depends on the targets' unit, and not a probability.
    pub fn is_density(&self) -> bool {
        match self {
            Self::Gaussian { .. }
            | Self::KnownGaussian { .. }
            | Self::PredictedGaussian
            | Self::StudentT { .. }
            | Self::ContinuousBernoulli => true,
            Self::Bernoulli | Self::Levels { .. } | Self::Categorical | Self::Poisson => false,
        }
    }
}

impl<T: Real> Likelihood<Array<T>> {
    /// A Gaussian whose learned scale starts at `e^log_scale`.
    pub fn gaussian(log_scale: f64) -> Self {
        Self::Gaussian { log_scale: scalar(log_scale) }
    }

    /// A Gaussian of known scale.
    ///
    /// # Panics
    /// If the scale is not positive and finite.
    #[track_caller]
    pub fn known_gaussian(scale: f64) -> Self {
        assert!(
            scale > 0.0 && scale.is_finite(),
            "Likelihood: a noise scale of {scale}; it must be positive and finite"
        );
        Self::KnownGaussian { scale }
    }

    /// Student's t with ν degrees of freedom, whose learned scale starts at `e^log_scale`.
    ///
    /// # Panics
    /// If ν is not positive and finite.
    #[track_caller]
    pub fn student_t(freedom: f64, log_scale: f64) -> Self {
        assert!(
            freedom > 0.0 && freedom.is_finite(),
            "Likelihood: {freedom} degrees of freedom; they must be positive and finite"
        );
        Self::StudentT { log_scale: scalar(log_scale), freedom }
    }

    /// Columns of so many levels.
    ///
    /// # Panics
    /// If there are fewer than two.
    #[track_caller]
    pub fn levels(levels: usize) -> Self {
        assert!(levels >= 2, "Likelihood: {levels} levels; there are at least two");
        Self::Levels { levels }
    }

    /// σ of a likelihood that has one for all rows.
    pub fn scale(&self) -> Option<f64> {
        match self {
            Self::Gaussian { log_scale } | Self::StudentT { log_scale, .. } => {
                log_scale.first().map(|log_scale| log_scale.to_f64().exp())
            }
            Self::KnownGaussian { scale } => Some(*scale),
            _ => None,
        }
    }
}

fn scalar<T: Real>(x: f64) -> Array<T> {
    ArrayD::from_elem(&[][..], T::from_f64(x)).into_shared()
}

impl<'t, T: Real> Likelihood<Var<'t, T>> {
    /// `log p(y | output)` of each row, `[n]`, in nats.
    ///
    /// Outputs may have leading axes that the targets lack (but for class labels): outputs `[K, n, d]` of K draws meet targets
    /// `[n, d]`, and give `[K, n]`.
    ///
    /// # Panics
    /// If the shapes do not fit, a class label is not one of the outputs' columns, or a number is none of the levels.
    #[must_use]
    #[track_caller]
    pub fn log_prob(&self, output: Var<'t, T>, targets: Var<'t, T>) -> Var<'t, T> {
        let fits = |output: Var<'t, T>| {
            assert!(
                output.shape().ends_with(targets.shape()),
                "Likelihood: outputs {output} for targets {targets}; a number needs one output for each target"
            );
        };
        match *self {
            Self::Gaussian { log_scale } => {
                fits(output);
                targets.gaussian_log_prob(output, log_scale).sum(-1)
            }
            Self::KnownGaussian { scale } => {
                fits(output);
                let log_scale = output.tape().scalar(scale.ln());
                targets.gaussian_log_prob(output, log_scale).sum(-1)
            }
            Self::PredictedGaussian => {
                let [mean, log_scale] = halves(output);
                fits(mean);
                targets.gaussian_log_prob(mean, log_scale).sum(-1)
            }
            Self::StudentT { log_scale, freedom } => {
                fits(output);
                let constant = student_constant(freedom);
                let z = (targets - output) * (-log_scale).exp();
                let tails = ln_1p_square(z * freedom.sqrt().recip()) * (-0.5 * (freedom + 1.0));
                (tails - log_scale + constant).sum(-1)
            }
            Self::Bernoulli => output.bernoulli_log_prob(targets),
            Self::ContinuousBernoulli => {
                fits(output);
                ((targets - 0.5) * output - (output * 0.5).log_sinhc()).sum(-1)
            }
            Self::Levels { levels } => {
                let logits = leveled(output, levels);
                let shape = logits.shape();
                assert!(
                    shape[..shape.len() - 1].ends_with(targets.shape()),
                    "Likelihood: outputs {output} for targets {targets} of {levels} levels"
                );
                logits.categorical_log_prob(steps(targets, levels)).sum(-1)
            }
            Self::Categorical => output.categorical_log_prob(labels(targets)),
            Self::Poisson => {
                fits(output);
                // With δ = o − ln m and m = y (of a count of 0: 1), y o − eᵒ − ln y! = y δ − m (e^δ − 1) + y ln m − m − ln y!: near its
                // top, terms as large as the count no longer have to cancel.
                let of = |f: fn(f64, f64) -> f64| {
                    let mut values = output.tape().tensor(targets.shape());
                    for (value, y) in values.data_mut().iter_mut().zip(targets.data()) {
                        let y = y.to_f64();
                        *value = T::from_f64(f(y, if y > 0.0 { y } else { 1.0 }));
                    }
                    output.tape().batch(values.view())
                };
                let delta = output - of(|_, m| m.ln());
                let top = of(|y, m| y * m.ln() - m - ln_gamma(y + 1.0));
                (targets * delta - of(|_, m| m) * delta.expm1() + top).sum(-1)
            }
        }
    }

    /// The same of a network's outputs, `log p(y | net(x))`. A Bernoulli's is one op with the last layer, which does not keep the logits.
    ///
    /// # Panics
    /// As [`log_prob`](Self::log_prob) does, or if the network does not take x.
    #[must_use]
    #[track_caller]
    pub fn log_prob_through(
        &self,
        net: &Mlp<Var<'t, T>>,
        x: Var<'t, T>,
        targets: Var<'t, T>,
    ) -> Var<'t, T> {
        match (self, net.layers.last()) {
            (Self::Bernoulli, Some(last)) if net.output == Activation::Identity => {
                net.hidden(x).affine_bernoulli_log_prob(last.weight, last.bias, targets)
            }
            _ => self.log_prob(net.forward(x), targets),
        }
    }

    /// The expected target: the output itself, its mean's columns, a rate, or probabilities.
    #[must_use]
    pub fn mean(&self, output: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Gaussian { .. } | Self::KnownGaussian { .. } | Self::StudentT { .. } => output,
            Self::PredictedGaussian => halves(output)[0],
            Self::Bernoulli => output.sigmoid(),
            Self::ContinuousBernoulli => (output * 0.5).langevin() * 0.5 + 0.5,
            Self::Levels { levels } => {
                let p = leveled(output, *levels).softmax(-1);
                let values: Vec<T> = (0..*levels).map(|j| value::<T>(j, *levels)).collect();
                (p * output.tape().constant(ndarray::Array1::from(values))).sum(-1)
            }
            Self::Categorical => output.softmax(-1),
            Self::Poisson => output.exp(),
        }
    }

    /// `ln p` of each class, `[n, classes]`, in nats; of one Bernoulli, of the classes 0 and 1.
    ///
    /// # Panics
    /// If the likelihood is one of numbers, or of several Bernoullis.
    #[must_use]
    #[track_caller]
    pub fn class_log_probabilities(&self, output: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Categorical => output.log_softmax(-1),
            Self::Bernoulli if output.size(-1) == 1 => {
                Var::concat(&[(-output).log_sigmoid(), output.log_sigmoid()], -1)
            }
            _ => panic!("Likelihood: outputs {output} are no logits of classes"),
        }
    }

    /// σ of each row and column where it is predicted, in the targets' shape.
    #[must_use]
    pub fn predicted_scale(&self, output: Var<'t, T>) -> Option<Var<'t, T>> {
        matches!(self, Self::PredictedGaussian).then(|| halves(output)[1].exp())
    }
}

/// Means, and bounded log-scales.
#[track_caller]
fn halves<T: Real>(output: Var<'_, T>) -> [Var<'_, T>; 2] {
    let columns = output.size(-1);
    assert!(
        columns.is_multiple_of(2),
        "Likelihood: {output} does not have means and log-scales side by side"
    );
    let [mean, raw] = output.chunk(-1);
    [mean, raw.bounded(LOG_SCALE_BOUND)]
}

/// Logits `[.., k L]` as `[.., k, L]`.
#[track_caller]
fn leveled<T: Real>(output: Var<'_, T>, levels: usize) -> Var<'_, T> {
    let columns = output.size(-1);
    assert!(
        columns.is_multiple_of(levels),
        "Likelihood: {output} does not have {levels} logits for each column"
    );
    let (_, outer) = output.shape().split_last().expect("there are columns");
    output.reshape(&[outer, &[columns / levels, levels]].concat())
}

/// The j-th of L levels.
fn value<T: Real>(level: usize, levels: usize) -> T {
    T::from_f64(level as f64 / (levels - 1) as f64)
}

/// Which of L levels each number is, to a thousandth of a step, or to what an `f32` between 0 and 1 tells apart: scaled numbers are
/// rounded.
fn step(x: f64, levels: usize) -> Option<usize> {
    let most = (levels - 1) as f64;
    let steps = x * most;
    let whole = steps.round();
    let tolerance = (most * f64::from(f32::EPSILON)).clamp(1e-3, 0.4);
    let sound = (steps - whole).abs() <= tolerance && (0.0..levels as f64).contains(&whole);
    sound.then_some(whole as usize)
}

/// The same of targets.
#[track_caller]
fn steps<T: Real>(targets: Var<'_, T>, levels: usize) -> Arc<[usize]> {
    let level = |(i, &x): (usize, &T)| {
        step(x.to_f64(), levels).unwrap_or_else(|| {
            panic!(
                "Likelihood: number {i} of {targets} is {x}, none of {levels} levels from 0 to 1"
            )
        })
    };
    targets.data().iter().enumerate().map(level).collect()
}

/// The part of Student's log-density that depends on ν alone.
///
/// The difference of two logarithms of Γ loses the digits of what is left; from 10⁵ on, its series is exact to the last one.
pub(crate) fn student_constant(freedom: f64) -> f64 {
    if freedom > 1e5 {
        return -0.25 / freedom - 0.5 * TAU.ln();
    }
    ln_gamma(0.5 * (freedom + 1.0)) - ln_gamma(0.5 * freedom) - 0.5 * (freedom * PI).ln()
}

/// Class labels from a column of whole numbers.
#[track_caller]
pub(crate) fn labels<T: Real>(targets: Var<'_, T>) -> Arc<[usize]> {
    let label = |(row, &y): (usize, &T)| {
        let y = y.to_f64();
        assert!(
            y >= 0.0 && y.fract() == 0.0,
            "Likelihood: row {row} has class label {y}; labels are whole numbers from 0"
        );
        y as usize
    };
    targets.data().iter().enumerate().map(label).collect()
}
