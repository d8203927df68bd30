//! The numerical kernels: slices in, slices out. They know nothing of the tape.
//!
//! All `unsafe` of this workspace lives below this module.
#![allow(unsafe_code)]

pub mod denormals;
pub mod elementwise;
pub mod math;
pub mod matmul;
pub mod noise;
pub mod reduce;
pub mod simd;
pub mod threads;
