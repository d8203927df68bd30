//! The recorded computation as a graph, for eyes (DOT) and programs (JSON).

use super::{NodeId, Storage, Tape};
use crate::scalar::Real;
use crate::shape::volume;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// One recorded operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphNode {
    /// Its number on the tape.
    pub id: usize,
    /// The op's name; `leaf` for inputs.
    pub op: String,
    /// The name it was given, if any: for parameters their path.
    pub name: Option<String>,
    /// Numbers of the nodes it was computed from.
    pub inputs: Vec<usize>,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Bytes its value takes; 0 where it shares another's.
    pub bytes: usize,
    /// Whether a gradient flows through it.
    pub needs_gradient: bool,
}

/// A recorded computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// In the order of recording: inputs come before what uses them.
    pub nodes: Vec<GraphNode>,
}

impl<T: Real> Tape<T> {
    /// What has been recorded so far.
    pub fn graph(&self) -> Graph {
        let nodes = (0..self.len() as NodeId).map(|id| {
            let node = self.node(id);
            let bytes = if matches!(node.storage, Storage::Alias(_)) {
                0
            } else {
                volume(&node.shape) * size_of::<T>()
            };
            GraphNode {
                id: id as usize,
                op: node.op.name().to_owned(),
                name: self.name_of(id),
                inputs: node.inputs.iter().map(|&input| input as usize).collect(),
                shape: node.shape.to_vec(),
                bytes,
                needs_gradient: node.needs_gradient,
            }
        });
        Graph { nodes: nodes.collect() }
    }
}

impl Graph {
    /// As JSON: `{"nodes": [{"id": …, "op": …, "shape": …, "bytes": …}, …]}`.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a graph holds only text and numbers")
    }

    /// In Graphviz's language. Leaves are boxes; dashed nodes take no part in the backward pass.
    pub fn to_dot(&self) -> String {
        let mut dot =
            String::from("digraph tape {\n  rankdir=BT;\n  node [fontname=\"sans-serif\"];\n");
        for node in &self.nodes {
            let title =
                node.name.as_deref().unwrap_or(&node.op).replace('\\', "\\\\").replace('"', "\\\"");
            let shape = if node.inputs.is_empty() { "box" } else { "ellipse" };
            let style = if node.needs_gradient { "solid" } else { "dashed" };
            writeln!(
                dot,
                "  n{} [label=\"{title}\\n{:?}, {} B\", shape={shape}, style={style}];",
                node.id, node.shape, node.bytes
            )
            .expect("writing to a string does not fail");
            for input in &node.inputs {
                writeln!(dot, "  n{input} -> n{};", node.id)
                    .expect("writing to a string does not fail");
            }
        }
        dot.push_str("}\n");
        dot
    }
}

impl<T: Real> Tape<T> {
    /// The names of the ops recorded so far, leaves left out.
    pub fn op_names(&self) -> std::collections::BTreeSet<&'static str> {
        (0..self.len() as NodeId)
            .filter(|&id| !self.node(id).inputs.is_empty())
            .map(|id| self.node(id).op.name())
            .collect()
    }
}
