//! The numerical kernels: slices in, slices out. They know nothing of the tape.
//!
//! All `unsafe` of this workspace lives below this module.
#![allow(unsafe_code)]

pub mod columns;
pub mod denormals;
pub mod elementwise;
pub mod lanes;
pub mod map_sum;
pub mod math;
pub mod matmul;
pub mod nary;
pub mod noise;
pub mod permute;
pub mod reduce;
pub mod reparametrise;
pub mod scan;
pub mod simd;
pub mod threads;
pub mod triangular;
