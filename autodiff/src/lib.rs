//! A reverse-mode tape over ndarray: ops, kernels, and checks of every derivative.
//!
//! A [`Tape`] records what is computed with [`Var`]s; [`Var::backward`] walks it from the last node to the first.
//! Everything is generic over the scalar ([`Real`]: `f32`, `f64`, [`Dual`] numbers), so the code that
//! trains is the code that is checked.
//!
//! ```
//! use evidence_autodiff::Tape;
//! use ndarray::array;
//!
//! let mut tape = Tape::<f64>::new();
//! {
//!     let w = tape.variable(array![[1.0], [2.0]]).named("w");
//!     let x = tape.constant(array![[3.0, 4.0], [5.0, 6.0]]);
//!     let loss = x.matmul(w).exp().sum(..);
//!     let gradients = loss.backward();
//!     let (first, second) = (11f64.exp(), 17f64.exp());
//!     let expected = array![[3.0 * first + 5.0 * second], [4.0 * first + 6.0 * second]];
//!     let error = (&gradients.get(w).unwrap() - &expected.into_dyn()).mapv(f64::abs).sum();
//!     assert!(error <= 1e-12 * second);
//! }
//! tape.reset(); // compiles because no variable is alive; the next step reuses the memory
//! ```
//!
//! # Where to look
//!
//! * [`Tape`], [`Var`], [`Op`]: recording and going back; a whole op of your own is an example at [`Op`].
//! * [`Unary`], [`Binary`]: elementwise functions of your own in ten lines.
//! * [`check`]: gradients against dual numbers and central differences; Jacobians, Hessians.
//! * [`Tree`]: models as trees of their parameters.
//! * [`kernels`]: vectorised maths, matrix products, noise, threads.
#![deny(unsafe_code)]

pub mod check;
pub mod kernels;
mod ops;
mod pool;
mod scalar;
mod shape;
mod tape;
mod tensor;
mod tree;

pub use kernels::elementwise::{Binary, Unary};
pub use kernels::noise::Noise;
pub use kernels::triangular::Triangle;
pub use ops::{Activation, Guard, Knots, Stages, Window, checks};
pub use scalar::{Dual, Real};
pub use shape::{Keep, Lanes, Reduce, Shape};
pub use tape::{Anomaly, Gradients, Graph, GraphNode, Op, Pass, Saved, Sink, Tape, Var};
pub use tensor::{Array, IntoArray, Tensor, zeros};
pub use tree::{Leaf, Parameters, Path, Tree, expect_one_order};
