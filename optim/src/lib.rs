//! Optimisers over trees of arrays: [`Adam`] (and AdamW), [`RmsProp`], [`Sgd`]; learning-rate [`schedule`]s; clipping.
//!
//! Parameters are any [`Tree`](evidence_autodiff::Tree) of arrays, gradients the same tree of tensors. A step is
//! one vectorised pass over parameter, gradient and state, in place, on as many threads as the pool it runs in;
//! the bits do not depend on how many. State is saved and resumed by name, bit for bit.
//!
//! ```
//! use evidence_autodiff::{Leaf, Parameters, Tape};
//! use evidence_optim::{Adam, Optimizer, clip_by_global_norm, schedule::cosine};
//!
//! // Least squares: find w with x w = y, for the w = (1, −2) that made y.
//! let x = ndarray::array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]];
//! let minus_y = ndarray::array![[-1.0], [1.0], [3.0]];
//! let mut model = Leaf(ndarray::ArrayD::<f64>::zeros(vec![2, 1]).into_shared());
//!
//! let mut adam = Adam::new(0.1)?.betas(0.9, 0.99)?;
//! let mut tape = Tape::new();
//! for _ in 0..500 {
//!     let mut gradients = {
//!         let Leaf(w) = model.bind(&tape);
//!         let error = tape.constant(&x).matmul(w) + tape.constant(&minus_y);
//!         (error * error).sum(..).backward().of(&Leaf(w))
//!     };
//!     tape.reset(); // now nobody else holds the parameters: they change in place
//!     clip_by_global_norm(&mut gradients, 10.0);
//!     adam.set_factor(cosine(adam.steps(), 10, 500));
//!     adam.step(&mut model, &mut gradients);
//! }
//! let w = model.0.as_slice().unwrap();
//! assert!((w[0] - 1.0).abs() < 1e-3 && (w[1] + 2.0).abs() < 1e-3, "{w:?}");
//!
//! // Resume elsewhere, with the same bits.
//! let mut resumed = Adam::new(0.1)?.betas(0.9, 0.99)?;
//! resumed.load_state(adam.state(), &model)?;
//! assert_eq!(resumed.steps(), 500);
//! # Ok::<(), evidence_optim::OptimError>(())
//! ```
//!
//! An optimiser of your own is a few lines: see [`Optimizer`].
#![deny(unsafe_code)]

mod adam;
mod clip;
mod error;
mod memory;
mod optimizer;
mod rmsprop;
mod rule;
pub mod schedule;
mod sgd;

pub use adam::Adam;
pub use clip::{clip_by_global_norm, clip_by_value, global_norm};
pub use error::{Mismatch, OptimError};
pub use memory::Memory;
pub use optimizer::Optimizer;
pub use rmsprop::RmsProp;
pub use rule::Rule;
pub use sgd::Sgd;
