//! From data to a trained model: what goes in, how it is cut, the fit loop and its progress.
//!
//! [`data`] holds tables of numbers, the sets that come with the project, generators of points in the plane,
//! splits, standardisation and minibatches; [`fit`](fit()) trains any [`Model`](evidence_models::Model).
//!
//! ```
//! use evidence_autodiff::Noise;
//! use evidence_layers::Activation;
//! use evidence_models::DenseNetwork;
//! use evidence_optim::Adam;
//! use evidence_train::data::{Dataset, Split, Standardize, red_wine};
//! use evidence_train::{FitOptions, fit};
//!
//! let wine = red_wine();
//! let split = Split::by_fraction(wine.rows(), 0.7, 0.1, 0.2, &mut Noise::new(1).rng())?;
//! // Fitted on the training rows alone.
//! let inputs = Standardize::fit(wine.features().view(), split.train())?.transform(wine.features().view());
//! let targets = wine.targets().unwrap();
//! let targets = Standardize::fit(targets.view(), split.train())?.transform(targets.view());
//! let all = Dataset::new(inputs, Some(targets))?;
//!
//! let model = DenseNetwork::regression(&[11, 20, 1], Activation::Relu, Noise::new(2));
//! let options = FitOptions { epochs: 2, patience: Some(5), ..FitOptions::default() };
//! let fitted = fit::<f32, _>(
//!     model,
//!     &all.select(split.train())?,
//!     Some(&all.select(split.validation())?),
//!     &mut Adam::new(1e-3)?,
//!     &options,
//!     |epoch| println!("{}: {:.3} nats per datum", epoch.number, epoch.loss),
//! )?;
//! assert!(fitted.history[1].loss < fitted.history[0].loss);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod data;
mod fit;
mod progress;
pub mod run;

pub use fit::{
    Divergence, Epoch, Event, Fit, FitOptions, Position, RestoreError, Schedule, Snapshot, Stop,
    Trainer, evaluate, fit, load,
};
pub use progress::Progress;
