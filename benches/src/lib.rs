//! The workloads that benches and the step timer share, built from the public layers and models as a user would.
//!
//! [`workloads`] has the definitions; `step_time` times whole training steps, the criterion benches their parts.
#![forbid(unsafe_code)]

pub mod workloads;
