//! What others found on the same splits: mean test scores over the 20 of them.

use serde::Serialize;

/// A published row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Published {
    /// The method and where it is published.
    pub method: &'static str,
    /// Mean test RMSE, in the target's units.
    pub rmse: f64,
    /// Mean test log-density, in nats.
    pub log_density: f64,
}

/// Variational inference (Graves 2011) and probabilistic backpropagation as reported by Hernández-Lobato and Adams (2015), tables 1 and 2;
/// dropout, tuned and trained to convergence, as reported by Mukhoti, Stenetorp and Gal (2018).
const METHODS: [&str; 3] = ["VI (Graves 2011)", "PBP (2015)", "dropout (2018)"];

/// RMSE and log-density, a pair for each method.
const TABLE: [(&str, [(f64, f64); 3]); 3] = [
    ("kin8nm", [(0.10, 0.90), (0.10, 0.90), (0.08, 1.14)]),
    ("power-plant", [(4.33, -2.89), (4.12, -2.84), (4.01, -2.80)]),
    ("wine-quality-red", [(0.65, -0.98), (0.64, -0.97), (0.62, -0.93)]),
];

/// The rows of a set, by its folder's name; none for a set that is not in the table.
pub fn published(set: &str) -> Vec<Published> {
    let row = TABLE.iter().find(|(name, _)| *name == set);
    let scores = row.into_iter().flat_map(|(_, scores)| scores).zip(METHODS);
    scores.map(|(&(rmse, log_density), method)| Published { method, rmse, log_density }).collect()
}
