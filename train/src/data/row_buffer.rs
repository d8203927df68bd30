//! Gathering the rows of a minibatch, in the model's scalar, into memory that is used again.

use ndarray::ArrayView2;

/// Memory for one minibatch. After the first (largest) batch, gathering allocates nothing.
///
/// ```
/// use evidence_train::data::RowBuffer;
/// use ndarray::array;
///
/// let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// let mut buffer = RowBuffer::<f32>::new();
/// let batch = buffer.gather(x.view(), &[2, 0], |value| value as f32);
/// assert_eq!(batch, array![[5.0_f32, 6.0], [1.0, 2.0]]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct RowBuffer<T> {
    values: Vec<T>,
}

impl<T> RowBuffer<T> {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { values: Vec::new() }
    }

    /// The rows listed of `source` `[n, d]`, in that order and converted, as `[rows.len(), d]`.
    ///
    /// # Panics
    /// When a row is not below `n`.
    #[track_caller]
    pub fn gather<A: Copy>(
        &mut self,
        source: ArrayView2<'_, A>,
        rows: &[usize],
        convert: impl Fn(A) -> T,
    ) -> ArrayView2<'_, T> {
        let (n, columns) = source.dim();
        if let Some(row) = rows.iter().find(|&&row| row >= n) {
            panic!("row {row} of a batch is not in the data, which has {n} rows");
        }
        self.values.clear();
        self.values.reserve(rows.len() * columns);
        for &row in rows {
            self.values.extend(source.row(row).iter().map(|&value| convert(value)));
        }
        ArrayView2::from_shape((rows.len(), columns), &self.values)
            .expect("as many values were gathered as the shape holds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, Slice};

    #[test]
    fn gathers_what_select_does_from_any_layout() {
        let x = Array2::from_shape_fn((6, 4), |(i, j)| (10 * i + j) as f64);
        let mut buffer = RowBuffer::new();
        for source in [x.view(), x.t(), x.slice_axis(Axis(1), Slice::new(0, None, -2))] {
            for rows in [vec![2, 0, 2], vec![1], vec![]] {
                let expected = source.select(Axis(0), &rows).mapv(|v| v as f32);
                assert_eq!(buffer.gather(source, &rows, |v| v as f32), expected);
            }
        }
    }

    #[test]
    fn the_memory_stays_where_it_is() {
        let x = Array2::<f64>::zeros((100, 7));
        let mut buffer = RowBuffer::new();
        let rows: Vec<usize> = (0..100).collect();
        let first = buffer.gather(x.view(), &rows[..32], |v| v).as_ptr();
        for batch in rows.chunks(32) {
            assert_eq!(buffer.gather(x.view(), batch, |v| v).as_ptr(), first);
            assert_eq!(buffer.values.capacity(), 32 * 7);
        }
    }

    #[test]
    #[should_panic(expected = "row 3 of a batch is not in the data, which has 3 rows")]
    fn a_row_past_the_end_panics() {
        RowBuffer::new().gather(Array2::<f64>::zeros((3, 1)).view(), &[0, 3], |v| v);
    }
}
