//! ActNorm (Kingma and Dhariwal 2018, section 3.1): a learned scale and shift of each column that starts from data, such that their
//! base has mean 0 and variance 1. `x = z eˢ + t` with t the mean and s the logarithm of the deviation of the first data it sees;
//! `log |det ∂x/∂z| = Σ s`.

use super::ScaleShift;
use crate::{Bijection, LogDet};
use evidence_autodiff::{Array, Path, Real, Tree, Var};
use ndarray::{Array1, ArrayView2, Axis};

/// A [`ScaleShift`] that starts from data.
#[derive(Clone, Debug)]
pub struct ActNorm<P>(pub ScaleShift<P>);

/// Data that give no start.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ActNormError {
    /// One row has no deviation.
    #[error("{0} rows to start from: it takes at least two")]
    Rows(usize),
    /// Rows of another width.
    #[error("rows of {given} columns for a normalisation of {expected}")]
    Columns {
        /// Of the rows.
        given: usize,
        /// Of the normalisation.
        expected: usize,
    },
    /// A column without a deviation, or with a NaN.
    #[error(
        "column {column} has the deviation {deviation} in the rows to start from: leave it out, or start from other rows"
    )]
    Deviation {
        /// Counted from 0.
        column: usize,
        /// 0, or not finite.
        deviation: f64,
    },
}

impl<T: Real> ActNorm<Array<T>> {
    /// The identity over so many columns, until it is [started](ActNorm::start).
    pub fn new(width: usize) -> Self {
        Self(ScaleShift::identity(width))
    }

    /// Sets scale and shift such that these rows have mean 0 and variance 1 in the base.
    ///
    /// # Errors
    /// If there are fewer than two rows, of another width, or a column does not vary or is not finite; then nothing is changed.
    ///
    /// ```
    /// use evidence_autodiff::{Array, Parameters, Tape};
    /// use evidence_layers::{ActNorm, Bijection};
    ///
    /// let mut norm = ActNorm::<Array<f64>>::new(1);
    /// norm.start(ndarray::array![[1.0], [3.0]].view())?;
    /// let tape = Tape::new();
    /// let (z, _) = norm.bind(&tape).inverse(tape.constant(ndarray::array![[1.0], [2.0], [3.0]]));
    /// assert_eq!(z.data(), [-1.0, 0.0, 1.0]);
    /// # Ok::<(), evidence_layers::ActNormError>(())
    /// ```
    pub fn start(&mut self, rows: ArrayView2<'_, T>) -> Result<(), ActNormError> {
        let expected = self.0.shift.len();
        if rows.ncols() != expected {
            return Err(ActNormError::Columns { given: rows.ncols(), expected });
        }
        if rows.nrows() < 2 {
            return Err(ActNormError::Rows(rows.nrows()));
        }
        let rows = rows.mapv(T::to_f64);
        let mean = rows.mean_axis(Axis(0)).expect("there are rows");
        let deviation = rows.std_axis(Axis(0), 0.0);
        for (column, &deviation) in deviation.iter().enumerate() {
            if !(deviation > 0.0 && deviation.is_finite()) {
                return Err(ActNormError::Deviation { column, deviation });
            }
        }
        let leaf = |values: Array1<f64>| values.mapv(T::from_f64).into_dyn().into_shared();
        self.0 = ScaleShift { log_scale: leaf(deviation.mapv(f64::ln)), shift: leaf(mean) };
        Ok(())
    }
}

impl<P> Tree<P> for ActNorm<P> {
    type With<Q> = ActNorm<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> ActNorm<Q> {
        ActNorm(self.0.map(path, f))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self(scale_shift) = self;
        scale_shift.leaves_mut(out);
    }
}

impl<'t, T: Real> Bijection<'t, T> for ActNorm<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.forward(z)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.inverse(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::{Noise, Parameters, Tape};
    use ndarray::{Array2, arr2};

    #[test]
    fn what_it_started_from_has_mean_0_and_variance_1() {
        let mut rows = Array2::zeros((400, 3));
        Noise::new(1).fill_normal_f64(rows.as_slice_mut().unwrap());
        let rows = rows * &arr2(&[[5.0, 0.01, 300.0]]) + &arr2(&[[-2.0, 7.0, 1e4]]);
        let mut norm = ActNorm::<Array<f64>>::new(3);
        norm.start(rows.view()).unwrap();
        let tape = Tape::new();
        let (z, _) = norm.bind(&tape).inverse(tape.constant(&rows));
        assert!(z.mean(0).data().iter().all(|mean| mean.abs() < 1e-10));
        assert!(z.variance(0).data().iter().all(|variance| (variance - 1.0).abs() < 1e-10));
    }

    #[test]
    fn rows_that_give_no_start_are_refused_and_nothing_changes() {
        let mut norm = ActNorm::<Array<f64>>::new(2);
        for (rows, reason) in [
            (arr2(&[[1.0, 2.0]]), "1 rows to start from"),
            (Array2::zeros((0, 2)), "0 rows to start from"),
            (Array2::zeros((5, 3)), "rows of 3 columns for a normalisation of 2"),
            (arr2(&[[1.0, 2.0], [2.0, 2.0]]), "column 1 has the deviation 0"),
            (arr2(&[[1.0, 2.0], [f64::NAN, 3.0]]), "column 0 has the deviation NaN"),
        ] {
            let error = norm.start(rows.view()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(norm.named().iter().all(|(_, leaf)| leaf.iter().all(|&x| x == 0.0)));
    }
}
