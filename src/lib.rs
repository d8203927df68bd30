//! Evidence: a Bayesian deep learning engine from scratch.
//!
//! One idea ties its models together: each maximises the log evidence, exactly (a flow's `log p(x)`) or through a lower
//! bound on it (the ELBO of a Bayesian network or a VAE). This crate gathers the workspace's crates under one name, and has
//! the lecture and the plots of the command line.
//!
//! ```
//! use evidence::{Activation, Array, Likelihood, Mlp, Noise, Parameters, Tape};
//! use evidence::models::{Batch, BayesianNetwork};
//! use ndarray::array;
//!
//! // A network whose weights are distributions, and its loss on two rows of a training set of 1,599.
//! let net = Mlp::<Array<f64>>::new(&[2, 8, 1], Activation::Tanh, Noise::new(0));
//! let model = BayesianNetwork::new(net, Likelihood::gaussian(0.0), 1.0, 0.1);
//! let tape = Tape::new();
//! let bound = model.bind(&tape);
//! let batch = Batch::new(
//!     tape.constant(array![[0.5, -1.0], [1.5, 0.3]]),
//!     Some(tape.constant(array![[0.2], [-0.4]])),
//!     1599,
//! );
//! let gradient = bound.loss(&batch, Noise::new(1)).total.backward().of(&bound);
//! assert_eq!(gradient.posterior[0].posterior.mean().weight.shape(), [2, 8]);
//! ```
#![forbid(unsafe_code)]

pub mod estimators;
mod files;
pub mod lecture;
pub mod plot;
pub mod reproduce;

pub use evidence_autodiff as autodiff;
pub use evidence_layers as layers;
pub use evidence_models as models;
pub use evidence_optim as optim;
pub use evidence_train as train;

pub use evidence_autodiff::{Array, Noise, Parameters, Real, Tape, Tree, Var, check};
pub use evidence_layers::{Activation, Bijection, MeanField, Mlp};
pub use evidence_models::Likelihood;

/// The whole check table: every op, layer, bijection and objective.
pub fn checks() -> Vec<check::Check> {
    let mut table = evidence_autodiff::checks();
    table.extend(evidence_layers::checks());
    table.extend(evidence_models::checks());
    table
}

/// The README's programs, run as tests.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
