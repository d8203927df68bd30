//! The table at the end, and `summary.json`.

use super::LectureError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// One model on one data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The model.
    pub model: String,
    /// The data.
    pub data: String,
    /// What was maximised, on the training set, in nats per datum, with its sign.
    pub objective: f64,
    /// The objective's parts, in nats per datum.
    pub parts: Vec<(String, f64)>,
    /// Scores on the test set, or against a known truth, by name.
    pub metrics: Vec<(String, f64)>,
    /// How long it took.
    pub seconds: f64,
}

/// The whole lecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The seed it ran with.
    pub seed: u64,
    /// How long it took.
    pub seconds: f64,
    /// In the lecture's order.
    pub models: Vec<Entry>,
}

impl Entry {
    /// A metric by its name.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(found, _)| found == name).map(|(_, value)| *value)
    }
}

impl Summary {
    /// Writes the summary as JSON; a file that is there is replaced as a whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LectureError> {
        crate::files::replace(path, (self.to_json() + "\n").as_bytes())
            .map_err(|source| LectureError::Write { path: path.to_owned(), source })
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a summary holds only text and numbers")
    }
}

/// The table: one row for each model; parts and metrics on lines of their own where one line would be too long.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&Entry) -> &str, title: &str| {
            self.models
                .iter()
                .map(|entry| column(entry).chars().count())
                .max()
                .unwrap_or(0)
                .max(title.len())
        };
        let (model, data) = (width(|e| &e.model, "model"), width(|e| &e.data, "data"));
        writeln!(f, "{:model$}  {:data$}  {:>9}  {:>7}", "model", "data", "objective", "seconds")?;
        writeln!(f, "{:model$}  {:data$}  {:>9}", "", "", "nats/row")?;
        for entry in &self.models {
            let Entry { objective, seconds, .. } = entry;
            writeln!(
                f,
                "{:model$}  {:data$}  {objective:>9.3}  {seconds:>7.1}",
                entry.model, entry.data
            )?;
            for (title, values) in [("parts", &entry.parts), ("test", &entry.metrics)] {
                let text: Vec<String> =
                    values.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
                writeln!(f, "    {title:5}  {}", text.join(", "))?;
            }
        }
        write!(f, "all of it in {:.1} s", self.seconds)
    }
}
