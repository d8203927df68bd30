//! The workloads that benches and the step timer share, built from the public layers and models as a user would.
//!
//! [`workloads`] and [`products`] have the definitions; `step_time` times whole training steps, `matmul` their products, the
//! criterion benches their parts.
//!
//! ```
//! use evidence_benches::workloads::{Sizes, Workload};
//!
//! let mut run = Workload::BnnSmall.start(Sizes { batch: Some(16), ..Sizes::default() });
//! let losses: Vec<f32> = (0..3).map(|_| run.step()).collect();
//! assert!(losses.iter().all(|loss| loss.is_finite()) && run.batch() == 16);
//! ```
#![forbid(unsafe_code)]

pub mod products;
pub mod workloads;
