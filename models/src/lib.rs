//! Models: each maximises the log evidence, exactly (a flow's `log p(x)`) or through a lower bound on it (the ELBO of
//! a Bayesian network or a VAE), or a log-likelihood (a dense network's, an autoencoder's).
//!
//! A [`Model`] is a tree of parameters; bound to a tape it has a [`Loss`], in nats per datum with its parts separate. The fit
//! loop of `evidence-train` needs nothing else of it.
//!
//! ```
//! use evidence_autodiff::{Array, Noise, Parameters, Tape};
//! use evidence_layers::{Activation, Mlp};
//! use evidence_models::{Batch, BayesianNetwork, Likelihood};
//! use ndarray::Array2;
//!
//! let net = Mlp::<Array<f32>>::new(&[11, 50, 1], Activation::Relu, Noise::new(0));
//! let model = BayesianNetwork::new(net, Likelihood::gaussian(0.0), 1.0, 0.05);
//!
//! let tape = Tape::new();
//! let (x, y) = (Array2::zeros((16, 11)), Array2::zeros((16, 1)));
//! // How many rows the training set has must be said: the KL is a sum over weights, shared out among the rows.
//! let batch = Batch::new(tape.constant(x), Some(tape.constant(y)), 1599);
//! let loss = model.bind(&tape).loss(&batch, Noise::new(1));
//! let [(_, log_likelihood), (_, kl)] = loss.parts[..] else { unreachable!() };
//! assert!((loss.total.item() - (kl.item() - log_likelihood.item())).abs() < 1e-5);
//! ```
#![forbid(unsafe_code)]

mod autoencoder;
mod backprop;
mod base;
mod bayesian;
mod bottleneck;
mod checks;
mod conditional_vae;
mod conditioned;
mod convolutions;
mod corruption;
mod decoder;
mod dense;
mod flow;
mod importance;
mod iwae;
mod likelihood;
pub mod metrics;
mod objective;
mod pca;
mod pixels;
mod potential;
mod predictive;
mod scales;
mod semi_supervised;
pub mod special;
mod vae;
mod weighed;
pub mod yardsticks;

pub use autoencoder::Autoencoder;
pub use backprop::{Backprop, Rows, Value};
pub use base::{
    AnyBase, Base, Normal, NormalMixture, NormalMixtureError, StandardNormal, StudentT,
    StudentTError, Uniform,
};
pub use bayesian::{BayesianNetwork, Drawn};
pub use bottleneck::BottleneckError;
pub use checks::checks;
pub use conditional_vae::ConditionalVae;
pub use conditioned::ConditionedMlp;
pub use convolutions::{ConvolutionError, Convolutions};
pub use corruption::{Corruption, CorruptionError};
pub use decoder::Decoder;
pub use dense::DenseNetwork;
pub use flow::{ConditionalFlow, Flow};
pub use importance::Importance;
pub use iwae::Iwae;
pub use likelihood::{Likelihood, TargetError};
pub use objective::{Batch, Learned, Loss, Model};
pub use pca::Pca;
pub use pixels::{Pixels, PixelsError};
pub use potential::Potential;
pub use predictive::{ClassMixture, Family, Mixture};
pub use scales::LayerScales;
pub use semi_supervised::{SemiSupervised, UNLABELLED};
pub use vae::{
    ACTIVE, Covariance, Elbo, Evidence, Kl, LatentNormal, LatentPrior, Latents, Objective,
    ObjectiveError, Vae, WeightGradient,
};
