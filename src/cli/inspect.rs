//! `evidence inspect RUN`: parameters with their shapes and scales, or the tape of one step.

use super::error::CliError;
use super::kind::Columns;
use super::{Common, line, trained};
use clap::Args;
use evidence::models::{Batch, Model};
use evidence::{Noise, Parameters, Tape};
use ndarray::Array2;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// Flags of `evidence inspect`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evidence inspect white\n  evidence inspect white --tape > step.dot"
)]
pub(super) struct InspectArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The recorded computation of one step, as DOT (with --json as JSON)
    #[arg(long)]
    tape: bool,
}

/// A model, taken apart.
pub(super) struct Inspection {
    parameters: Vec<Parameter>,
    /// What the kind has to say.
    report: Vec<String>,
    graph: evidence::autodiff::Graph,
}

/// One array of a model.
#[derive(Serialize)]
struct Parameter {
    name: String,
    shape: Vec<usize>,
    /// The root of the mean square.
    scale: f64,
    largest: f64,
    /// The number itself, where there is one only.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f32>,
}

/// Looks at a model's parameters, and at a step on two rows of zeros.
pub(super) fn inspect<M: Model<f32>>(
    model: &M,
    columns: Columns,
    supervised: bool,
    report: Vec<String>,
) -> Inspection {
    let parameters = model.named().into_iter().map(|(name, leaf)| {
        let squares: f64 = leaf.iter().map(|&x| f64::from(x).powi(2)).sum();
        let largest = leaf.iter().fold(0.0, |max: f64, &x| max.max(f64::from(x.abs())));
        let scale = (squares / leaf.len().max(1) as f64).sqrt();
        let value = leaf.first().copied().filter(|_| leaf.len() == 1);
        Parameter { name, shape: leaf.shape().to_vec(), scale, largest, value }
    });
    let parameters = parameters.collect();
    let tape = Tape::new();
    let zeros = |columns| tape.constant(Array2::zeros((2, columns)));
    let batch = Batch::new(zeros(columns.inputs), supervised.then(|| zeros(1)), 2);
    M::loss(&model.bind(&tape), &batch, Noise::new(0));
    Inspection { parameters, report, graph: tape.graph() }
}

pub(super) fn run(arguments: &InspectArguments, common: &Common) -> Result<(), CliError> {
    let trained = trained::open(&arguments.run)?;
    let Inspection { parameters, report, graph } = trained.inspect();
    match (arguments.tape, common.json) {
        (true, true) => line(&graph.to_json())?,
        (true, false) => line(&graph.to_dot())?,
        (false, true) => {
            let folder = trained.run().folder().display().to_string();
            line(
                &json!({"run": folder, "kind": trained.kind(), "parameters": parameters, "report": report}),
            )?;
        }
        (false, false) => {
            let width = parameters.iter().map(|p| p.name.len()).max().unwrap_or(0);
            line(&format_args!(
                "{:width$}  {:>14}  {:>10}  {:>10}",
                "parameter", "shape", "rms", "max |x|"
            ))?;
            for Parameter { name, shape, scale, largest, value } in &parameters {
                let shape = format!("{shape:?}");
                let value = value.map_or(String::new(), |value| format!("  = {value:.4}"));
                line(&format_args!(
                    "{name:width$}  {shape:>14}  {scale:>10.4}  {largest:>10.4}{value}"
                ))?;
            }
            for text in &report {
                line(text)?;
            }
        }
    }
    Ok(())
}
