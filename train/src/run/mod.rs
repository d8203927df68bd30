//! Runs on disk: a folder that survives what happens to long trainings.
//!
//! | file | what it has |
//! | --- | --- |
//! | `config.toml` | every hyperparameter, as resolved at the start |
//! | `data.json` | columns, scales and split of the data |
//! | `metrics.jsonl` | a line for each epoch |
//! | `model.safetensors` | the result so far, by the parameters' paths |
//! | `state.safetensors` | the last checkpoint: all that the rest of the training depends on |
//! | `checkpoints/` | the checkpoints before it |
//!
//! A file is replaced whole or not at all, but for the metrics, which are added to: a line that a kill cut short is dropped when the run
//! goes on. A run killed at any moment loses the steps since its last checkpoint, which are
//! taken again with the same bits.

mod atomic;
mod checkpoint;
mod error;
mod folder;
#[cfg(test)]
mod fuzz;
mod metrics;
mod tensors;
mod torch;
mod writer;

pub use atomic::replace;
pub use error::RunError;
pub use folder::{Checkpoints, End, Run, load_tensors};
pub use tensors::{Tensors, write_tensors};
pub use torch::load_torch;

/// The resolved configuration.
pub const CONFIG: &str = "config.toml";
/// The data's schema.
pub const DATA: &str = "data.json";
/// A line for each epoch.
pub const METRICS: &str = "metrics.jsonl";
/// The result so far.
pub const MODEL: &str = "model.safetensors";
/// The last checkpoint.
pub const STATE: &str = "state.safetensors";
/// The folder of the checkpoints before it.
pub const CHECKPOINTS: &str = "checkpoints";
