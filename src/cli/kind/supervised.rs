//! Predictive distributions in the units of the target: their table, density and scores.

use super::{Ask, Pool, Score, Table, column};
use evidence::models::{ClassMixture, Mixture};
use evidence::train::data::Dataset;
use ndarray::{Array1, Axis, concatenate};

/// The share of a predictive distribution inside the interval that scores speak of.
const LEVEL: f64 = 0.9;

/// Bins of the calibration error (Guo and others 2017). It is that of `metrics::expected_calibration_error`, which asks for all rows at once;
/// here they come a portion at a time.
const BINS: usize = 15;

/// What is known of the target of each row.
pub(super) enum Predictive {
    /// A number, in the target's units.
    Number(Mixture),
    /// A class.
    Class(ClassMixture),
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
            Self::Class(mixture) => {
                let levels = ask.schema.classes().expect("classes have names");
                let mut names: Vec<_> = levels.iter().map(|level| format!("p({level})")).collect();
                names.extend(["epistemic_entropy", "aleatoric_entropy"].map(String::from));
                let (epistemic, aleatoric) =
                    (mixture.epistemic_entropy(), mixture.aleatoric_entropy());
                let probabilities = mixture.probabilities();
                let entropies = [&epistemic, &aleatoric].map(|of| of.view().insert_axis(Axis(1)));
                let columns = [probabilities.view(), entropies[0], entropies[1]];
                let values = concatenate(Axis(1), &columns).expect("columns of one length");
                Table { names, values }
            }
        }
    }

    /// The log-density of each row's target in its own units, or the log-probability of its class.
    fn log_density(&self, rows: &Dataset, ask: &Ask<'_>) -> Array1<f64> {
        match self {
            Self::Number(mixture) => mixture.log_density(targets(rows, ask).view()),
            Self::Class(mixture) => mixture.log_prob(Array1::from(labels(rows)).view()),
        }
    }

    /// The same, as a column.
    pub(super) fn density(&self, rows: &Dataset, ask: &Ask<'_>) -> Table {
        column("log_density", self.log_density(rows, ask))
    }

    /// Scores of each row.
    pub(super) fn scores(&self, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score> {
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
                    Score { name: "RMSE", values: error, pool: Pool::Root },
                    Score::mean("log-density", log_density),
                    Score::mean("90 % interval covers", inside.collect()),
                ]
            }
            Self::Class(mixture) => {
                let probabilities = mixture.probabilities();
                let (mut right, mut gap, mut bins, mut brier) =
                    (Vec::new(), Vec::new(), Vec::new(), Vec::new());
                for (label, p) in labels(rows).into_iter().zip(probabilities.outer_iter()) {
                    // A NaN is above all others, and right about nothing.
                    let best = p.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
                    let (class, &confidence) = best.expect("there are classes");
                    let is_right = f64::from(class == label && !confidence.is_nan());
                    right.push(is_right);
                    gap.push(is_right - confidence);
                    bins.push(((confidence * BINS as f64) as usize).min(BINS - 1));
                    let off = |(class, p): (usize, &f64)| (p - f64::from(class == label)).powi(2);
                    brier.push(p.iter().enumerate().map(off).sum::<f64>());
                }
                vec![
                    Score::mean("accuracy", right.into()),
                    Score::mean("log-probability", log_density),
                    Score::mean("Brier score", brier.into()),
                    Score { name: "calibration error", values: gap.into(), pool: Pool::Bins(bins) },
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
