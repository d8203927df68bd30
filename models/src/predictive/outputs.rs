//! From the outputs of networks, a draw at a time, to the mixture of their likelihoods.

use super::Mixture;
use crate::Likelihood;
use evidence_autodiff::{Array, Real, Var};
use ndarray::Array2;

/// Beyond e^±700 no f64 is left for a rate.
const MOST_LOG_RATE: f64 = 700.0;

/// Outputs of draws, gathered into a mixture.
pub(crate) struct MixtureOutputs {
    /// The draws of a row side by side: that is how a mixture is read.
    locations: Array2<f64>,
    scales: Option<Array2<f64>>,
    make: Make,
}

/// What the outputs are of.
enum Make {
    Gaussian(f64),
    Gaussians,
    StudentT(f64, f64),
    Poisson,
}

impl MixtureOutputs {
    #[track_caller]
    pub(crate) fn new<T: Real>(
        likelihood: &Likelihood<Array<T>>,
        rows: usize,
        draws: usize,
    ) -> Self {
        let scale = || likelihood.scale().expect("a likelihood with a scale");
        let make = match likelihood {
            Likelihood::Gaussian { .. } | Likelihood::KnownGaussian { .. } => {
                Make::Gaussian(scale())
            }
            Likelihood::PredictedGaussian => Make::Gaussians,
            Likelihood::StudentT { freedom, .. } => Make::StudentT(scale(), *freedom),
            Likelihood::Poisson => Make::Poisson,
            Likelihood::Bernoulli | Likelihood::Categorical => {
                panic!("predictive: the likelihood must be of numbers or counts; ask for `classes`")
            }
            Likelihood::ContinuousBernoulli | Likelihood::Levels { .. } => {
                panic!("predictive: the likelihood must be of numbers or counts, not of pixels")
            }
        };
        let zeros = || Array2::zeros((rows, draws)).reversed_axes();
        let scales = matches!(make, Make::Gaussians).then(zeros);
        Self { locations: zeros(), scales, make }
    }

    #[track_caller]
    pub(crate) fn put<T: Real>(
        &mut self,
        draw: usize,
        likelihood: &Likelihood<Var<'_, T>>,
        output: Var<'_, T>,
    ) {
        let poisson = matches!(self.make, Make::Poisson);
        // The logarithm of a rate: far from the training rows its exponential leaves the network's scalar, up or down.
        let location = if poisson { output } else { likelihood.mean(output) };
        assert!(location.size(1) == 1, "predictive: {location} has more than one output");
        let fill = |to: &mut Array2<f64>, from: Var<'_, T>| {
            to.row_mut(draw).iter_mut().zip(from.data()).for_each(|(to, x)| *to = x.to_f64());
        };
        fill(&mut self.locations, location);
        if poisson {
            let rate = |log: f64| log.clamp(-MOST_LOG_RATE, MOST_LOG_RATE).exp();
            self.locations.row_mut(draw).mapv_inplace(rate);
        }
        if let (Some(scales), Some(scale)) = (&mut self.scales, likelihood.predicted_scale(output))
        {
            fill(scales, scale);
        }
    }

    #[track_caller]
    pub(crate) fn mixture(self) -> Mixture {
        let Self { locations, scales, make } = self;
        match make {
            Make::Gaussian(scale) => Mixture::gaussian(locations, scale),
            Make::Gaussians => Mixture::gaussians(locations, scales.expect("gathered")),
            Make::StudentT(scale, freedom) => Mixture::student_t(locations, scale, freedom),
            Make::Poisson => Mixture::poisson(locations),
        }
    }
}
