//! What variational Bayes is to be measured against, all of it with the same likelihoods and the same predictive [`Mixture`](crate::Mixture).
//!
//! | method | model or function |
//! | --- | --- |
//! | maximum likelihood | [`DenseNetwork`](crate::DenseNetwork) |
//! | MAP | [`BayesianNetwork`](crate::BayesianNetwork) with point masses: its KL is `−log p(w)` |
//! | MC dropout | [`DropoutNetwork`] |
//! | deep ensemble | [`ensemble`] of dense networks |
//! | Laplace, diagonal and last layer in full | [`Laplace`] |
//! | SWAG | [`Swag`] |

mod dropout;
mod ensemble;
mod laplace;
mod swag;

pub use dropout::DropoutNetwork;
pub use ensemble::ensemble;
pub use laplace::Laplace;
pub use swag::Swag;
