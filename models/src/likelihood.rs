//! Likelihoods: what a network's output says about its target.

use evidence_autodiff::{Array, Path, Real, Tree, Var};
use ndarray::ArrayD;
use std::sync::Arc;

/// `p(y | output)`. Log-probabilities are summed over columns: one number per row, in nats.
#[derive(Clone, Debug)]
pub enum Likelihood<P> {
    /// N(y; output, σ²), one learned σ for all rows and columns.
    Gaussian {
        /// ln σ, a scalar.
        log_scale: P,
    },
    /// Each column y ∈ [0, 1] a Bernoulli with the output as its logit.
    Bernoulli,
    /// y a class label in one column, the outputs the classes' logits.
    Categorical,
}

impl<P> Tree<P> for Likelihood<P> {
    type With<Q> = Likelihood<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Likelihood<Q> {
        match self {
            Self::Gaussian { log_scale } => {
                Likelihood::Gaussian { log_scale: f(&path.field("log_scale"), log_scale) }
            }
            Self::Bernoulli => Likelihood::Bernoulli,
            Self::Categorical => Likelihood::Categorical,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        match self {
            Self::Gaussian { log_scale } => out.push(log_scale),
            Self::Bernoulli | Self::Categorical => {}
        }
    }
}

impl<T: Real> Likelihood<Array<T>> {
    /// A Gaussian whose learned scale starts at `e^log_scale`.
    pub fn gaussian(log_scale: f64) -> Self {
        Self::Gaussian {
            log_scale: ArrayD::from_elem(&[][..], T::from_f64(log_scale)).into_shared(),
        }
    }

    /// σ of a Gaussian likelihood.
    pub fn scale(&self) -> Option<f64> {
        match self {
            Self::Gaussian { log_scale } => {
                log_scale.first().map(|log_scale| log_scale.to_f64().exp())
            }
            Self::Bernoulli | Self::Categorical => None,
        }
    }
}

impl<'t, T: Real> Likelihood<Var<'t, T>> {
    /// `log p(y | output)` of each row, `[n]`, in nats.
    ///
    /// A Gaussian's and a Bernoulli's outputs may have leading axes that the targets lack: outputs `[K, n, d]` of K draws meet
    /// targets `[n, d]`, and give `[K, n]`.
    ///
    /// # Panics
    /// If the shapes do not fit, or a class label is not one of the outputs' columns.
    #[must_use]
    #[track_caller]
    pub fn log_prob(&self, output: Var<'t, T>, targets: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Gaussian { log_scale } => {
                assert!(
                    output.shape().ends_with(targets.shape()),
                    "Likelihood: outputs {output} for targets {targets}; a Gaussian needs one output for each target"
                );
                targets.gaussian_log_prob(output, *log_scale).sum(-1)
            }
            Self::Bernoulli => output.bernoulli_log_prob(targets),
            Self::Categorical => output.categorical_log_prob(labels(targets)),
        }
    }

    /// The expected target: the output itself, or probabilities.
    #[must_use]
    pub fn mean(&self, output: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Gaussian { .. } => output,
            Self::Bernoulli => output.sigmoid(),
            Self::Categorical => output.softmax(-1),
        }
    }
}

/// Class labels from a column of whole numbers.
#[track_caller]
fn labels<T: Real>(targets: Var<'_, T>) -> Arc<[usize]> {
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
