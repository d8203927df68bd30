//! A fixed reordering of columns, `xⱼ = z_{π(j)}`; it keeps volumes, so its log-determinant is 0.

use super::check_width;
use crate::{Bijection, LogDet};
use evidence_autodiff::{Noise, Real, Var};
use std::sync::Arc;

/// A permutation of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permutation {
    columns: Arc<[usize]>,
    inverse: Arc<[usize]>,
}

/// What is no permutation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermutationError {
    /// A column is missing, or named twice.
    #[error("{columns:?} is no permutation: {problem} (give each of 0 to {} once)", columns.len().saturating_sub(1))]
    Columns {
        /// What was given.
        columns: Vec<usize>,
        /// The first thing that is wrong with it.
        problem: String,
    },
    /// An image that is not made of blocks of 2×2 pixels.
    #[error(
        "an image of {rows}×{columns} pixels cannot be squeezed: both numbers must be even (pad it, or leave a row or column out)"
    )]
    Odd {
        /// Of pixels.
        rows: usize,
        /// Of pixels.
        columns: usize,
    },
}

impl Permutation {
    /// The permutation that puts column `columns[j]` at place j, from base to data.
    ///
    /// # Errors
    /// If a column is missing or named twice.
    pub fn new(columns: Vec<usize>) -> Result<Self, PermutationError> {
        let mut inverse = vec![usize::MAX; columns.len()];
        for (place, &column) in columns.iter().enumerate() {
            let problem = match inverse.get(column) {
                None => format!("there is no column {column}"),
                Some(&usize::MAX) => {
                    inverse[column] = place;
                    continue;
                }
                Some(first) => format!("column {column} stands at both {first} and {place}"),
            };
            return Err(PermutationError::Columns { columns, problem });
        }
        Ok(Self { columns: columns.into(), inverse: inverse.into() })
    }

    /// The columns in reverse order.
    pub fn reversed(width: usize) -> Self {
        let columns: Arc<[usize]> = (0..width).rev().collect();
        Self { inverse: columns.clone(), columns }
    }

    /// The first ⌊d/2⌋ columns and the others change places.
    pub fn swapped(width: usize) -> Self {
        let first = width / 2;
        Self {
            columns: (first..width).chain(0..first).collect(),
            inverse: (width - first..width).chain(0..width - first).collect(),
        }
    }

    /// A random order, every order equally likely.
    pub fn random(width: usize, noise: Noise) -> Self {
        let columns = noise.permutation(width);
        let mut inverse = vec![0; width];
        for (place, &column) in columns.iter().enumerate() {
            inverse[column] = place;
        }
        Self { columns: columns.into(), inverse: inverse.into() }
    }

    /// Data to base, an image `[rows, columns, channels]` becomes one of a quarter as many pixels with four times as many channels,
    /// `[rows/2, columns/2, 4 · channels]`: each block of 2×2 pixels is one, the channels of its four pixels side by side (Dinh and
    /// others 2017, figure 3). The last axis is fastest, as in [`Split::channels`](super::Split::channels).
    ///
    /// # Errors
    /// If rows or columns are odd.
    ///
    /// ```
    /// use evidence_autodiff::Tape;
    /// use evidence_layers::{Bijection, Permutation};
    ///
    /// let tape = Tape::<f64>::new();
    /// let image = tape.constant(ndarray::array![[
    ///     1.0, 2.0, 3.0, 4.0,
    ///     5.0, 6.0, 7.0, 8.0,
    /// ]]);
    /// let (squeezed, _) = Permutation::squeeze([2, 4, 1])?.inverse(image);
    /// assert_eq!(squeezed.data(), [1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0]);
    /// # Ok::<(), evidence_layers::PermutationError>(())
    /// ```
    pub fn squeeze([rows, columns, channels]: [usize; 3]) -> Result<Self, PermutationError> {
        if !rows.is_multiple_of(2) || !columns.is_multiple_of(2) {
            return Err(PermutationError::Odd { rows, columns });
        }
        let blocks =
            (0..rows).step_by(2).flat_map(|i| (0..columns).step_by(2).map(move |j| [i, j]));
        let pixels = blocks.flat_map(|[i, j]| [[i, j], [i, j + 1], [i + 1, j], [i + 1, j + 1]]);
        let inverse: Vec<usize> = pixels
            .flat_map(|[i, j]| {
                (0..channels).map(move |channel| (i * columns + j) * channels + channel)
            })
            .collect();
        let mut places = vec![0; inverse.len()];
        inverse.iter().enumerate().for_each(|(place, &column)| places[column] = place);
        Ok(Self { columns: places.into(), inverse: inverse.into() })
    }

    /// Which column is put at each place, from base to data.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }
}

leafless!(Permutation);

impl<'t, T: Real> Bijection<'t, T> for Permutation {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Permutation", self.columns.len(), z);
        (z.gather_columns(self.columns.clone()), LogDet::zero(z))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        check_width("Permutation", self.columns.len(), x);
        (x.gather_columns(self.inverse.clone()), LogDet::zero(x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_permutation_is_refused() {
        for (columns, problem) in [(vec![0, 0], "both 0 and 1"), (vec![2, 0], "no column 2")] {
            let error = Permutation::new(columns).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        assert!(Permutation::new(vec![]).is_ok());
        assert_eq!(Permutation::new(vec![2, 1, 0]).unwrap(), Permutation::reversed(3));
        for width in [0, 1, 2, 5, 8] {
            let random = Permutation::random(width, Noise::new(3));
            for made in [Permutation::swapped(width), Permutation::reversed(width), random] {
                assert_eq!(Permutation::new(made.columns().to_vec()).unwrap(), made, "{width}");
            }
        }
        assert_eq!(Permutation::swapped(5).columns(), [2, 3, 4, 0, 1]);
        for shape in [[0, 0, 1], [2, 2, 0], [2, 2, 1], [4, 2, 3], [6, 8, 2]] {
            let squeezed = Permutation::squeeze(shape).unwrap();
            assert_eq!(squeezed.columns().len(), shape.iter().product::<usize>());
            assert_eq!(Permutation::new(squeezed.columns().to_vec()).unwrap(), squeezed);
        }
        for (rows, columns) in [(3, 4), (4, 1)] {
            let error = Permutation::squeeze([rows, columns, 2]).unwrap_err();
            assert_eq!(error, PermutationError::Odd { rows, columns });
            assert!(error.to_string().contains("both numbers must be even"), "{error}");
        }
        assert_ne!(Permutation::random(8, Noise::new(1)), Permutation::random(8, Noise::new(2)));
    }
}
