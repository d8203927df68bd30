//! A table of samples: features `[n, d]`, targets `[n, k]` where there are any, and the columns' names.

use super::error::{DataError, Table};
use super::standardize::Standardize;
use ndarray::{Array2, Axis};

/// Features `[n, d]` and, for supervised learning, targets `[n, k]`; row `i` of one belongs to row `i` of
/// the other.
///
/// A `Dataset` that exists is sound: at least one row and one column, equal row counts, every value finite,
/// one name a column. Whatever is built on it need not check again.
///
/// ```
/// use evidence_train::data::Dataset;
/// use ndarray::array;
///
/// let data = Dataset::new(array![[1.0, 2.0], [3.0, 4.0]], Some(array![[0.5], [1.5]]))?
///     .with_names(["height", "width"], ["weight"])?;
/// assert_eq!(data.select(&[1])?.features(), array![[3.0, 4.0]]);
///
/// let error = Dataset::new(array![[1.0, f64::NAN]], None).unwrap_err();
/// assert!(error.to_string().starts_with("NaN in row 0, column 1"));
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    features: Array2<f64>,
    targets: Option<Array2<f64>>,
    feature_names: Vec<String>,
    target_names: Vec<String>,
}

/// Data with scaled columns: see [`Dataset::standardized`].
#[derive(Clone, Debug)]
pub struct Standardized {
    /// The scaled data.
    pub data: Dataset,
    /// How its features were scaled.
    pub features: Standardize,
    /// How its targets were, if it has any.
    pub targets: Option<Standardize>,
}

impl Dataset {
    /// Checks and keeps features `[n, d]` and targets `[n, k]`; columns are named `feature 0`, …,
    /// `target 0`, ….
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::RowMismatch`], [`DataError::NotFinite`].
    pub fn new(features: Array2<f64>, targets: Option<Array2<f64>>) -> Result<Self, DataError> {
        let numbered = |word: &str, n| (0..n).map(|i| format!("{word} {i}")).collect::<Vec<_>>();
        let feature_names = numbered("feature", features.ncols());
        let target_names = numbered("target", targets.as_ref().map_or(0, Array2::ncols));
        Self::checked(features, targets, feature_names, target_names)
    }

    /// The same data with other column names.
    ///
    /// # Errors
    /// [`DataError::NameMismatch`] unless there is one name a column. Data without targets takes no target
    /// names.
    pub fn with_names<S: Into<String>, R: Into<String>>(
        self,
        features: impl IntoIterator<Item = S>,
        targets: impl IntoIterator<Item = R>,
    ) -> Result<Self, DataError> {
        let feature_names: Vec<String> = features.into_iter().map(Into::into).collect();
        let target_names: Vec<String> = targets.into_iter().map(Into::into).collect();
        let counts = [
            (Table::Features, feature_names.len(), self.feature_names.len()),
            (Table::Targets, target_names.len(), self.target_names.len()),
        ];
        for (table, names, columns) in counts {
            if names != columns {
                return Err(DataError::NameMismatch { table, names, columns });
            }
        }
        Ok(Self { feature_names, target_names, ..self })
    }

    /// Checks everything, with names at hand so that an error can cite them.
    pub(super) fn checked(
        features: Array2<f64>,
        targets: Option<Array2<f64>>,
        feature_names: Vec<String>,
        target_names: Vec<String>,
    ) -> Result<Self, DataError> {
        check_table(Table::Features, &features, &feature_names)?;
        if let Some(targets) = &targets {
            if targets.nrows() != features.nrows() && !targets.is_empty() {
                return Err(DataError::RowMismatch {
                    features: features.nrows(),
                    targets: targets.nrows(),
                });
            }
            check_table(Table::Targets, targets, &target_names)?;
        }
        Ok(Self { features, targets, feature_names, target_names })
    }

    /// Number of samples, at least 1.
    pub fn rows(&self) -> usize {
        self.features.nrows()
    }

    /// The features, `[n, d]`.
    pub fn features(&self) -> &Array2<f64> {
        &self.features
    }

    /// The targets, `[n, k]`, when the data has any.
    pub fn targets(&self) -> Option<&Array2<f64>> {
        self.targets.as_ref()
    }

    /// One name a feature column.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// One name a target column; empty when there are no targets.
    pub fn target_names(&self) -> &[String] {
        &self.target_names
    }

    /// The same data with every column scaled to mean 0 and deviation 1 over the rows listed (those of the training part: no other
    /// row is known to a model before it is asked), and how.
    ///
    /// # Errors
    /// As [`Standardize::fit`].
    ///
    /// ```
    /// use evidence_train::data::{Split, red_wine};
    /// # use evidence_autodiff::Noise;
    /// let wine = red_wine();
    /// let split = Split::by_fraction(wine.rows(), 0.8, 0.1, 0.1, &mut Noise::new(7).rng())?;
    /// let scaled = wine.standardized(split.train())?;
    /// let training = scaled.data.select(split.train())?;
    /// assert!(training.features().mean().unwrap().abs() < 1e-12);
    /// # Ok::<(), evidence_train::data::DataError>(())
    /// ```
    pub fn standardized(&self, rows: &[usize]) -> Result<Standardized, DataError> {
        let features = Standardize::fit(self.features.view(), rows)?;
        let targets = self.targets.as_ref().map(|table| Standardize::fit(table.view(), rows));
        let targets = targets.transpose()?;
        let data = Self::checked(
            features.transform(self.features.view()),
            targets
                .as_ref()
                .zip(self.targets.as_ref())
                .map(|(how, table)| how.transform(table.view())),
            self.feature_names.clone(),
            self.target_names.clone(),
        )?;
        Ok(Standardized { data, features, targets })
    }

    /// The one target column as class indices, for a categorical likelihood.
    ///
    /// # Errors
    /// [`DataError::ClassColumns`] unless there is exactly one target column, [`DataError::NotAClass`] when
    /// it holds anything but whole numbers from 0 to 2³² − 1.
    pub fn classes(&self) -> Result<Vec<usize>, DataError> {
        let targets = match &self.targets {
            Some(targets) if targets.ncols() == 1 => targets.column(0),
            _ => return Err(DataError::ClassColumns { columns: self.target_names.len() }),
        };
        let class = |(row, &value): (usize, &f64)| {
            if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
                Ok(value as usize)
            } else {
                Err(DataError::NotAClass { row, name: self.target_names[0].clone(), value })
            }
        };
        targets.iter().enumerate().map(class).collect()
    }

    /// The rows listed, in that order; a row may be listed more than once.
    ///
    /// # Errors
    /// [`DataError::NoRows`], [`DataError::RowOutOfRange`].
    pub fn select(&self, rows: &[usize]) -> Result<Self, DataError> {
        if rows.is_empty() {
            return Err(DataError::NoRows { purpose: "select" });
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(DataError::RowOutOfRange { row, rows: self.rows() });
        }
        Ok(Self {
            features: self.features.select(Axis(0), rows),
            targets: self.targets.as_ref().map(|targets| targets.select(Axis(0), rows)),
            feature_names: self.feature_names.clone(),
            target_names: self.target_names.clone(),
        })
    }
}

fn check_table(table: Table, values: &Array2<f64>, names: &[String]) -> Result<(), DataError> {
    let (rows, columns) = values.dim();
    if values.is_empty() {
        return Err(DataError::Empty { table, rows, columns });
    }
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), &value)) => {
            Err(DataError::NotFinite { table, row, column, name: names[column].clone(), value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn unsound_tables_are_refused_with_their_place() {
        let ok = || array![[1.0, 2.0], [3.0, 4.0]];
        let not_finite = |table, row, column, name: &str, value| DataError::NotFinite {
            table,
            row,
            column,
            name: name.into(),
            value,
        };
        let (inf, features, targets) = (f64::INFINITY, Table::Features, Table::Targets);
        let cases = [
            (
                Array2::zeros((0, 3)),
                None,
                DataError::Empty { table: features, rows: 0, columns: 3 },
            ),
            (
                Array2::zeros((3, 0)),
                None,
                DataError::Empty { table: features, rows: 3, columns: 0 },
            ),
            (
                ok(),
                Some(Array2::zeros((2, 0))),
                DataError::Empty { table: targets, rows: 2, columns: 0 },
            ),
            (
                ok(),
                Some(Array2::zeros((0, 1))),
                DataError::Empty { table: targets, rows: 0, columns: 1 },
            ),
            (
                ok(),
                Some(array![[1.0], [2.0], [3.0]]),
                DataError::RowMismatch { features: 2, targets: 3 },
            ),
            (array![[1.0, 2.0], [inf, 4.0]], None, not_finite(features, 1, 0, "feature 0", inf)),
            (ok(), Some(array![[1.0], [-inf]]), not_finite(targets, 1, 0, "target 0", -inf)),
        ];
        for (x, y, expected) in cases {
            assert_eq!(Dataset::new(x, y), Err(expected));
        }
        // NaN is not equal to itself, so the message is compared.
        let text = Dataset::new(array![[0.0], [f64::NAN]], None).unwrap_err().to_string();
        assert!(text.contains("NaN in row 1, column 0 (\"feature 0\") of the features"), "{text}");
    }

    #[test]
    fn names_must_count_the_columns() {
        let data = Dataset::new(array![[1.0, 2.0]], Some(array![[3.0]])).unwrap();
        assert_eq!(
            data.clone().with_names(["a"], ["y"]),
            Err(DataError::NameMismatch { table: Table::Features, names: 1, columns: 2 })
        );
        assert_eq!(
            data.clone().with_names(["a", "b"], ["y", "z"]),
            Err(DataError::NameMismatch { table: Table::Targets, names: 2, columns: 1 })
        );
        let named = data.with_names(["a", "b"], ["y"]).unwrap();
        assert_eq!(
            (named.feature_names(), named.target_names()),
            (&["a", "b"].map(String::from)[..], &["y".into()][..])
        );
    }

    #[test]
    fn select_keeps_rows_together_and_in_the_order_asked() {
        let x = Array2::from_shape_fn((5, 2), |(i, j)| (10 * i + j) as f64);
        let y = Array2::from_shape_fn((5, 1), |(i, _)| i as f64);
        let data = Dataset::new(x, Some(y)).unwrap();
        let all: Vec<usize> = (0..5).collect();
        assert_eq!(data.select(&all).unwrap(), data);

        let picked = data.select(&[4, 0, 4]).unwrap();
        assert_eq!(picked.features(), array![[40.0, 41.0], [0.0, 1.0], [40.0, 41.0]]);
        assert_eq!(picked.targets().unwrap(), array![[4.0], [0.0], [4.0]]);

        assert_eq!(data.select(&[]), Err(DataError::NoRows { purpose: "select" }));
        assert_eq!(data.select(&[0, 5]), Err(DataError::RowOutOfRange { row: 5, rows: 5 }));
    }

    #[test]
    fn classes_are_whole_numbers_of_one_column() {
        let with = |targets| Dataset::new(Array2::zeros((2, 1)), targets).unwrap();
        assert_eq!(with(Some(array![[0.0], [7.0]])).classes(), Ok(vec![0, 7]));
        for value in [0.5, -1.0, 1e300] {
            let error = DataError::NotAClass { row: 1, name: "target 0".into(), value };
            assert_eq!(with(Some(array![[0.0], [value]])).classes(), Err(error));
        }
        assert_eq!(with(None).classes(), Err(DataError::ClassColumns { columns: 0 }));
        let two = with(Some(Array2::zeros((2, 2))));
        assert_eq!(two.classes(), Err(DataError::ClassColumns { columns: 2 }));
    }
}
