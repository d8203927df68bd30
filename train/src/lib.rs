//! From data to a trained model: what goes in, how it is cut, and (as the crate grows) the fit loop and its
//! reports.
//!
//! [`data`] holds tables of numbers, the sets that come with the project, generators of points in the plane,
//! splits, standardisation and minibatches.

#![forbid(unsafe_code)]

pub mod data;
