//! Scores of a trained model: a number for each row, pooled over all rows, with its standard error.

use super::error::CliError;
use super::line;
use ndarray::Array1;
use serde_json::{Map, Value, json};

/// A score of each row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Score {
    pub name: &'static str,
    pub values: Array1<f64>,
    pub pool: Pool,
}

impl Score {
    /// One whose mean is told.
    pub(super) fn mean(name: &'static str, values: Array1<f64>) -> Self {
        Self { name, values, pool: Pool::Mean }
    }
}

/// What becomes of all rows' scores.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pool {
    /// Their mean.
    Mean,
    /// The square root of their mean.
    Root,
    /// Rows fall into bins, and what counts is how far each bin's sum is from 0: `Σ |sum of a bin| / rows`.
    Bins(Vec<usize>),
}

/// Scores of rows, added up.
#[derive(Debug, Default)]
pub(super) struct Averages {
    rows: usize,
    scores: Vec<Pooled>,
}

#[derive(Debug)]
struct Pooled {
    name: &'static str,
    how: How,
    /// One for each bin, or one.
    sums: Vec<f64>,
    /// The mean, and the sum of squares around it, for the standard error (Chan and others 1979).
    mean: f64,
    spread: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Mean,
    Root,
    Bins,
}

/// A score of all rows.
struct Found {
    name: &'static str,
    value: f64,
    /// None where the score is no mean, or there is one row.
    error: Option<f64>,
}

impl Averages {
    /// Adds the scores of some rows.
    pub(super) fn add(&mut self, scores: &[Score]) {
        if self.scores.is_empty() {
            self.scores = scores.iter().map(Pooled::new).collect();
        }
        for (pooled, score) in self.scores.iter_mut().zip(scores) {
            pooled.add(score, self.rows);
        }
        self.rows += scores.first().map_or(0, |score| score.values.len());
    }

    fn found(&self) -> impl Iterator<Item = Found> {
        let rows = self.rows as f64;
        self.scores.iter().map(move |pooled| {
            let mean = pooled.sums.iter().sum::<f64>() / rows;
            let error = (self.rows > 1).then(|| (pooled.spread / (rows - 1.0) / rows).sqrt());
            let (value, error) = match pooled.how {
                How::Mean => (mean, error),
                // The delta method: d√m = dm / (2 √m).
                How::Root => (mean.sqrt(), error.map(|e| e / (2.0 * mean.sqrt()))),
                How::Bins => (pooled.sums.iter().map(|sum| sum.abs()).sum::<f64>() / rows, None),
            };
            Found { name: pooled.name, value, error: error.filter(|error| error.is_finite()) }
        })
    }

    /// As an object.
    pub(super) fn to_json(&self) -> Value {
        let scores = self.found().map(|found| (found.name.into(), json!(found.value)));
        Value::Object(scores.collect::<Map<_, _>>())
    }

    /// The standard errors of those that are means, likewise.
    pub(super) fn errors_to_json(&self) -> Value {
        let errors =
            self.found().filter_map(|found| Some((found.name.into(), json!(found.error?))));
        Value::Object(errors.collect::<Map<_, _>>())
    }

    /// A line for each score: its value, its standard error, and what rows it is of.
    pub(super) fn print(&self, of: &str) -> Result<(), CliError> {
        for Found { name, value, error } in self.found() {
            let error = error.map_or(String::new(), |error| format!("± {}", number(error)));
            let (value, rows) = (number(value), self.rows);
            line(&format_args!("{name:<22} {value:>10} {error:<10}  over {rows} {of}"))?;
        }
        Ok(())
    }
}

impl Pooled {
    fn new(score: &Score) -> Self {
        let how = match &score.pool {
            Pool::Mean => How::Mean,
            Pool::Root => How::Root,
            Pool::Bins(_) => How::Bins,
        };
        Self { name: score.name, how, sums: vec![0.0], mean: 0.0, spread: 0.0 }
    }

    /// Adds the scores of rows behind `before` others.
    fn add(&mut self, score: &Score, before: usize) {
        if let Pool::Bins(bins) = &score.pool {
            for (&bin, value) in bins.iter().zip(&score.values) {
                self.sums.resize(self.sums.len().max(bin + 1), 0.0);
                self.sums[bin] += value;
            }
            return;
        }
        let Some(mean) = score.values.mean() else { return };
        self.sums[0] += score.values.sum();
        let (a, b) = (before as f64, score.values.len() as f64);
        let spread: f64 = score.values.iter().map(|value| (value - mean).powi(2)).sum();
        let delta = mean - self.mean;
        self.spread += spread + delta * delta * (a * b / (a + b));
        self.mean += delta * (b / (a + b));
    }
}

/// Four digits behind the point, or a power of ten where that would be a wall of digits.
pub(super) fn number(value: f64) -> String {
    if value.abs() < 1e6 || !value.is_finite() {
        format!("{value:.4}")
    } else {
        format!("{value:.4e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_their_errors_do_not_depend_on_how_rows_are_cut() {
        let values: Vec<f64> = (0..100).map(|i| 1e4 + f64::from(i * i % 37)).collect();
        let bins: Vec<usize> = (0..100).map(|i| i % 3).collect();
        let signed: Vec<f64> = (0..100).map(|i| f64::from(i % 7) - 3.0).collect();
        let scores = |rows: std::ops::Range<usize>| {
            let part = |of: &[f64]| Array1::from(of[rows.clone()].to_vec());
            [
                Score::mean("mean", part(&values)),
                Score { name: "root", values: part(&values), pool: Pool::Root },
                Score {
                    name: "bins",
                    values: part(&signed),
                    pool: Pool::Bins(bins[rows.clone()].to_vec()),
                },
            ]
        };
        // By their definitions, in two passes.
        let mean = values.iter().sum::<f64>() / 100.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 99.0;
        let error = (variance / 100.0).sqrt();
        let gap = |bin| (0..100).filter(|i| bins[*i] == bin).map(|i| signed[i]).sum::<f64>().abs();
        let gaps = (0..3).map(gap).sum::<f64>() / 100.0;
        for cuts in [vec![0, 100], vec![0, 1, 100], vec![0, 30, 30, 64, 99, 100]] {
            let mut averages = Averages::default();
            cuts.windows(2).for_each(|cut| averages.add(&scores(cut[0]..cut[1])));
            let found: Vec<Found> = averages.found().collect();
            let expected = [
                (mean, Some(error)),
                (mean.sqrt(), Some(error / (2.0 * mean.sqrt()))),
                (gaps, None),
            ];
            for (found, (value, error)) in found.iter().zip(expected) {
                let name = found.name;
                assert!((found.value - value).abs() <= 1e-12 * value, "{cuts:?} {name}");
                assert_eq!(found.error.is_some(), error.is_some(), "{cuts:?} {name}");
                let (a, b) = (found.error.unwrap_or(0.0), error.unwrap_or(0.0));
                assert!((a - b).abs() <= 1e-10 * b, "{cuts:?} {name}: {a} {b}");
            }
        }
        let mut one = Averages::default();
        one.add(&scores(0..1));
        assert!(one.found().all(|found| found.error.is_none()), "one row has no spread");
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.69194, "0.6919"),
            (-999_999.0, "-999999.0000"),
            (1.812_460_195e24, "1.8125e24"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
