//! Gathering the rows of a minibatch, in the model's scalar, into memory that is used again.

use evidence_autodiff::{Array, Real, zeros};
use ndarray::ArrayView2;

/// An array for each number of rows met: a full batch, and what is left at the end of an epoch. Gathering allocates nothing
/// from then on, as long as nobody else holds the array.
///
/// ```
/// use evidence_train::data::RowBuffer;
/// use ndarray::array;
///
/// let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// let mut buffer = RowBuffer::<f32>::new();
/// let batch = buffer.gather(x.view(), &[2, 0]);
/// assert_eq!(batch, &array![[5.0_f32, 6.0], [1.0, 2.0]].into_dyn());
/// ```
#[derive(Clone, Debug, Default)]
pub struct RowBuffer<T: Real> {
    arrays: Vec<Array<T>>,
}

impl<T: Real> RowBuffer<T> {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { arrays: Vec::new() }
    }

    /// The rows listed of `source` `[n, d]`, in that order, as `[rows.len(), d]`.
    ///
    /// # Panics
    /// When a row is not below `n`.
    #[track_caller]
    pub fn gather(&mut self, source: ArrayView2<'_, f64>, rows: &[usize]) -> &Array<T> {
        let (n, columns) = source.dim();
        if let Some(row) = rows.iter().find(|&&row| row >= n) {
            panic!("row {row} of a batch is not in the data, which has {n} rows");
        }
        let shape = [rows.len(), columns];
        let kept = self.arrays.iter().position(|array| array.shape() == shape);
        let at = kept.unwrap_or_else(|| {
            self.arrays.push(zeros(&shape));
            self.arrays.len() - 1
        });
        let values = self.arrays[at].as_slice_mut().expect("it was made in order");
        for (values, &row) in values.chunks_exact_mut(columns.max(1)).zip(rows) {
            values.iter_mut().zip(source.row(row)).for_each(|(to, &x)| *to = T::from_f64(x));
        }
        &self.arrays[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, Slice};

    #[test]
    fn gathers_what_select_does_from_any_layout() {
        let x = Array2::from_shape_fn((6, 4), |(i, j)| (10 * i + j) as f64);
        let mut buffer = RowBuffer::<f32>::new();
        for source in [x.view(), x.t(), x.slice_axis(Axis(1), Slice::new(0, None, -2))] {
            for rows in [vec![2, 0, 2], vec![1], vec![], vec![3, 1, 0]] {
                let expected = source.select(Axis(0), &rows).mapv(|v| v as f32).into_dyn();
                assert_eq!(buffer.gather(source, &rows), &expected);
            }
        }
    }

    #[test]
    fn batches_of_one_size_share_one_array_unless_it_is_held() {
        let x = Array2::<f64>::from_elem((100, 7), 3.0);
        let mut buffer = RowBuffer::<f64>::new();
        let rows: Vec<usize> = (0..100).collect();
        let first = [32, 4].map(|n| buffer.gather(x.view(), &rows[..n]).as_ptr());
        for batch in rows.chunks(32) {
            let at = buffer.gather(x.view(), batch).as_ptr();
            assert_eq!(at, first[usize::from(batch.len() == 4)]);
        }
        let held = buffer.gather(x.view(), &rows[..4]).clone();
        let other = Array2::<f64>::zeros((4, 7));
        assert_eq!(buffer.gather(other.view(), &[0, 1, 2, 3]), &other.into_dyn());
        assert!(held.iter().all(|&x| x == 3.0), "what is held stays");
    }

    #[test]
    #[should_panic(expected = "row 3 of a batch is not in the data, which has 3 rows")]
    fn a_row_past_the_end_panics() {
        RowBuffer::<f64>::new().gather(Array2::<f64>::zeros((3, 1)).view(), &[0, 3]);
    }
}
