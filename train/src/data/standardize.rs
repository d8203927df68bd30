//! Standardisation: each column to mean 0 and standard deviation 1, as seen on the training rows.
//!
//! ```text
//! zⱼ = (xⱼ − μⱼ) / sⱼ          xⱼ = μⱼ + sⱼ zⱼ
//! ln p(x) = ln p(z) − Σⱼ ln sⱼ                    (change of variables, dz/dx = 1/s)
//! ```
//!
//! `μ` and `s` are the mean and the standard deviation (divisor `n`) over the training rows alone: a scale
//! that has seen test rows has leaked them. The last line is what turns a density of standardised values
//! into one in the data's own units, the only kind that can be compared with published numbers.

use super::error::DataError;
use super::moments::Moments;
use ndarray::{Array1, Array2, ArrayView2, Zip};

/// The mean and scale of each column, fitted once and applied everywhere. Features and targets each have
/// their own.
///
/// ```
/// use evidence_train::data::Standardize;
/// use ndarray::array;
///
/// let x = array![[1.0, 7.0], [3.0, 7.0], [100.0, 8.0]];
/// let scaling = Standardize::fit(x.view(), &[0, 1])?;          // row 2 is for testing
/// assert_eq!(scaling.mean(), array![2.0, 7.0]);
/// assert_eq!(scaling.scale(), array![1.0, 1.0]);               // the second column is constant
/// assert_eq!(scaling.transform(x.view()), array![[-1.0, 0.0], [1.0, 0.0], [98.0, 1.0]]);
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardize {
    mean: Array1<f64>,
    scale: Array1<f64>,
}

impl Standardize {
    /// Mean and standard deviation of each column of `values` `[n, d]`, over the rows listed.
    ///
    /// A column that is constant on those rows (to 8 units in the last place: what sums of equal numbers
    /// differ by) gets scale 1, so it becomes 0 on them and nothing is divided by zero. One row alone makes
    /// every column constant.
    ///
    /// # Errors
    /// [`DataError::NoColumns`], [`DataError::NoRows`], [`DataError::RowOutOfRange`],
    /// [`DataError::Spread`] when a column's range is beyond `f64` (or holds NaN).
    pub fn fit(values: ArrayView2<'_, f64>, rows: &[usize]) -> Result<Self, DataError> {
        let (n, columns) = values.dim();
        if columns == 0 {
            return Err(DataError::NoColumns { purpose: "standardise" });
        }
        if rows.is_empty() {
            return Err(DataError::NoRows { purpose: "standardise by" });
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= n) {
            return Err(DataError::RowOutOfRange { row, rows: n });
        }
        let mut mean = Array1::zeros(columns);
        let mut scale = Array1::ones(columns);
        for (column, values) in values.columns().into_iter().enumerate() {
            (mean[column], scale[column]) = Moments::of(rows.iter().map(|&row| values[row]))
                .fitted()
                .map_err(|(min, max)| DataError::Spread { column, min, max })?;
        }
        Ok(Self { mean, scale })
    }

    /// The standardisation of known means and scales, as a run stores them.
    ///
    /// # Errors
    /// [`DataError::Moments`] unless there are as many scales as means, all of them finite and the scales above 0.
    pub fn from_moments(mean: Array1<f64>, scale: Array1<f64>) -> Result<Self, DataError> {
        let sound =
            |(mean, scale): (&f64, &f64)| mean.is_finite() && scale.is_finite() && *scale > 0.0;
        if mean.len() != scale.len() || !mean.iter().zip(&scale).all(sound) {
            return Err(DataError::Moments { means: mean.len(), scales: scale.len() });
        }
        Ok(Self { mean, scale })
    }

    /// The columns' means `μ`, `[d]`, in the data's units.
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// The columns' scales `s > 0`, `[d]`, in the data's units: what a predicted standard deviation is
    /// multiplied by.
    pub fn scale(&self) -> &Array1<f64> {
        &self.scale
    }

    /// `z = (x − μ) / s`, `[n, d]`.
    ///
    /// # Panics
    /// When `values` has another number of columns than the data this was fitted on.
    #[track_caller]
    pub fn transform(&self, values: ArrayView2<'_, f64>) -> Array2<f64> {
        self.each(values, |x, mean, scale| (x - mean) / scale)
    }

    /// `x = μ + s z`, `[n, d]`.
    ///
    /// # Panics
    /// When `values` has another number of columns than the data this was fitted on.
    #[track_caller]
    pub fn inverse(&self, values: ArrayView2<'_, f64>) -> Array2<f64> {
        self.each(values, |z, mean, scale| z * scale + mean)
    }

    /// `ln p(x) = ln p(z) − Σⱼ ln sⱼ`, in nats: a log density of standardised values, restated in the
    /// data's units.
    pub fn scale_log_density(&self, standardized: f64) -> f64 {
        standardized - self.scale.iter().map(|s| s.ln()).sum::<f64>()
    }

    #[track_caller]
    fn each(&self, values: ArrayView2<'_, f64>, f: impl Fn(f64, f64, f64) -> f64) -> Array2<f64> {
        assert_eq!(
            values.ncols(),
            self.mean.len(),
            "standardisation was fitted on {} columns and is applied to {}",
            self.mean.len(),
            values.ncols()
        );
        let mut out = values.to_owned();
        for mut row in out.rows_mut() {
            Zip::from(&mut row)
                .and(&self.mean)
                .and(&self.scale)
                .for_each(|x, &mean, &scale| *x = f(*x, mean, scale));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Split, digits, red_wine};
    use ndarray::{Axis, array};
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn training_rows_get_mean_zero_and_deviation_one_and_come_back() {
        for data in [red_wine(), digits()] {
            let split =
                Split::by_fraction(data.rows(), 0.8, 0.1, 0.1, &mut StdRng::seed_from_u64(3))
                    .unwrap();
            let tables = [data.features(), data.targets().unwrap()];
            for table in tables {
                let scaling = Standardize::fit(table.view(), split.train()).unwrap();
                let z = scaling.transform(table.view());
                let train = z.select(Axis(0), split.train());
                for (j, column) in train.columns().into_iter().enumerate() {
                    let constant = column.iter().all(|&v| v == 0.0);
                    assert!(column.mean().unwrap().abs() < 1e-12, "column {j}");
                    let deviation = if constant { 0.0 } else { 1.0 };
                    assert!((column.std(0.0) - deviation).abs() < 1e-12, "column {j}");
                }
                let back = scaling.inverse(z.view());
                assert!(
                    (&back - table)
                        .iter()
                        .zip(table)
                        .all(|(d, x)| d.abs() <= 1e-14 * x.abs().max(1e2))
                );
            }
        }
    }

    #[test]
    fn other_rows_do_not_matter() {
        let mut x = red_wine().features().clone();
        let rows: Vec<usize> = (0..1_000).collect();
        let before = Standardize::fit(x.view(), &rows).unwrap();
        x.slice_axis_mut(Axis(0), (1_000..).into()).fill(1e9);
        assert_eq!(Standardize::fit(x.view(), &rows).unwrap(), before);
    }

    #[test]
    fn awkward_columns_have_a_defined_result() {
        // Rows of each column, and the scale expected.
        let cases: [(&str, [f64; 3], f64); 6] = [
            ("constant", [7.0; 3], 1.0),
            ("constant, inexact", [0.1, 0.1, 0.1], 1.0),
            ("equal up to rounding", [0.1 + 0.2, 0.3, 0.3], 1.0),
            ("huge", [-1e200, 0.0, 1e200], 1e200 * (2.0_f64 / 3.0).sqrt()),
            ("tiny", [-1e-200, 0.0, 1e-200], 1e-200 * (2.0_f64 / 3.0).sqrt()),
            ("far from zero", [1e9, 1e9 + 1.0, 1e9 + 2.0], (2.0_f64 / 3.0).sqrt()),
        ];
        for (name, values, scale) in cases {
            let x = Array2::from_shape_vec((3, 1), values.to_vec()).unwrap();
            let scaling = Standardize::fit(x.view(), &[0, 1, 2]).unwrap();
            assert!(
                (scaling.scale()[0] / scale - 1.0).abs() < 1e-12,
                "{name}: {}",
                scaling.scale()
            );
            assert!(scaling.transform(x.view()).iter().all(|z| z.abs() < 2.0), "{name}");
        }
        let one = Standardize::fit(array![[3.0, -4.0]].view(), &[0]).unwrap();
        assert_eq!((one.mean(), one.scale()), (&array![3.0, -4.0], &array![1.0, 1.0]));
    }

    #[test]
    fn bad_input_is_refused() {
        let fit = |x: Array2<f64>, rows: &[usize]| Standardize::fit(x.view(), rows);
        let empty = DataError::NoColumns { purpose: "standardise" };
        assert_eq!(fit(Array2::zeros((2, 0)), &[0]), Err(empty));
        assert_eq!(fit(array![[1.0]], &[]), Err(DataError::NoRows { purpose: "standardise by" }));
        assert_eq!(fit(array![[1.0]], &[1]), Err(DataError::RowOutOfRange { row: 1, rows: 1 }));
        let (min, max) = (-1e308, 1e308);
        let spread = DataError::Spread { column: 1, min, max };
        assert_eq!(fit(array![[0.0, min], [1.0, max]], &[0, 1]), Err(spread));
        let nan = fit(array![[f64::NAN], [1.0]], &[0, 1]);
        assert!(matches!(nan, Err(DataError::Spread { column: 0, .. })));
    }

    #[test]
    #[should_panic(expected = "fitted on 2 columns and is applied to 1")]
    fn another_number_of_columns_panics() {
        let scaling = Standardize::fit(array![[1.0, 2.0]].view(), &[0]).unwrap();
        scaling.transform(array![[1.0]].view());
    }

    #[test]
    fn log_density_in_original_units_is_the_normal_density_there() {
        let x = array![[1.0, 10.0], [2.0, 30.0], [6.0, 80.0]];
        let scaling = Standardize::fit(x.view(), &[0, 1, 2]).unwrap();
        let ln_normal = |x: f64, m: f64, s: f64| {
            -0.5 * ((x - m) / s).powi(2) - s.ln() - 0.5 * std::f64::consts::TAU.ln()
        };
        let z = scaling.transform(x.view());
        for (z, x) in z.rows().into_iter().zip(x.rows()) {
            let standardized: f64 = z.iter().map(|&z| ln_normal(z, 0.0, 1.0)).sum();
            let original: f64 =
                (0..2).map(|j| ln_normal(x[j], scaling.mean()[j], scaling.scale()[j])).sum();
            assert!((scaling.scale_log_density(standardized) - original).abs() < 1e-12);
        }
    }
}
