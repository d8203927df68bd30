//! Predictive distributions in the units of the target: their table, density and scores.

use super::{Ask, Score, Table, column};
use evidence::models::Mixture;
use evidence::train::data::Dataset;
use ndarray::{Array1, Array2, Axis, concatenate};

/// The share of a predictive distribution inside the interval that scores speak of.
const LEVEL: f64 = 0.9;

/// What is known of the target of each row.
pub(super) enum Predictive {
    /// A number, in the target's units.
    Number(Mixture),
    /// Logarithms of the probabilities of the classes, `[n, classes]`.
    Class(Array2<f64>),
}

impl Predictive {
    /// A number, from a distribution of the scaled target.
    pub(super) fn number(scaled: &Mixture, ask: &Ask<'_>) -> Self {
        let scaling = ask.schema.target_scaling().expect("a supervised model has a target");
        Self::Number(scaled.rescaled(scaling.mean()[0], scaling.scale()[0]))
    }

    /// As columns.
    pub(super) fn table(&self, ask: &Ask<'_>) -> Table {
        match self {
            Self::Number(mixture) => {
                let mean = mixture.mean();
                let mut names =
                    ["mean", "epistemic_std", "aleatoric_std"].map(String::from).to_vec();
                let mut columns = vec![
                    mean.clone(),
                    mixture.epistemic_variance().mapv(f64::sqrt),
                    mixture.aleatoric_variance().mapv(f64::sqrt),
                ];
                for &p in ask.quantiles {
                    names.push(format!("q{p}"));
                    columns.push(mixture.quantile(p));
                }
                let views: Vec<_> =
                    columns.iter().map(|column| column.view().insert_axis(Axis(1))).collect();
                let values = concatenate(Axis(1), &views).expect("columns of one length");
                Table { names, values }
            }
            Self::Class(log_probabilities) => {
                let levels = ask.schema.classes().expect("classes have names");
                let names = levels.iter().map(|level| format!("p({level})")).collect();
                Table { names, values: log_probabilities.mapv(f64::exp) }
            }
        }
    }

    /// The log-density of each row's target in its own units, or the log-probability of its class.
    fn log_density(&self, rows: &Dataset, ask: &Ask<'_>) -> Array1<f64> {
        match self {
            Self::Number(mixture) => mixture.log_density(targets(rows, ask).view()),
            Self::Class(log_probabilities) => {
                let labels = labels(rows).into_iter().zip(log_probabilities.outer_iter());
                labels.map(|(label, log_p)| log_p[label]).collect()
            }
        }
    }

    /// The same, as a column.
    pub(super) fn density(&self, rows: &Dataset, ask: &Ask<'_>) -> Table {
        column("log_density", self.log_density(rows, ask))
    }

    /// Scores of each row.
    pub(super) fn scores(&self, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score> {
        let score = |name, values, root| Score { name, values, root };
        let log_density = self.log_density(rows, ask);
        match self {
            Self::Number(mixture) => {
                let y = targets(rows, ask);
                let error = (mixture.mean() - &y).mapv(|e| e * e);
                let [low, high] =
                    [0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0].map(|p| mixture.quantile(p));
                let inside = y.iter().zip(low.iter().zip(&high));
                let inside = inside.map(|(y, (low, high))| f64::from(low <= y && y <= high));
                vec![
                    score("RMSE", error, true),
                    score("log-density", log_density, false),
                    score("90 % interval covers", inside.collect(), false),
                ]
            }
            Self::Class(log_probabilities) => {
                let right = labels(rows).into_iter().zip(log_probabilities.outer_iter());
                let right = right.map(|(label, log_p)| {
                    // A NaN is above all others, and right about nothing.
                    let best = log_p.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                    f64::from(best.is_some_and(|(class, p)| class == label && !p.is_nan()))
                });
                vec![
                    score("accuracy", right.collect(), false),
                    score("log-probability", log_density, false),
                ]
            }
        }
    }
}

/// The targets in their own units.
fn targets(rows: &Dataset, ask: &Ask<'_>) -> Array1<f64> {
    let scaling = ask.schema.target_scaling().expect("a supervised model has a target");
    let scaled = rows.targets().expect("targets were required");
    scaling.inverse(scaled.view()).index_axis_move(Axis(1), 0)
}

/// The classes, as the schema numbers them.
fn labels(rows: &Dataset) -> Vec<usize> {
    rows.classes().expect("the schema made them whole numbers")
}
