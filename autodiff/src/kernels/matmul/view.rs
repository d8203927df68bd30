//! Strided views of slices: where element `(i, j)` of a matrix lies.

/// A read-only `rows × cols` matrix: element `(i, j)` at `data[i * row_stride + j * col_stride]`.
///
/// A stride may be 0 (a row or a column repeated) or smaller than the other dimension (windows that overlap).
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, T> MatRef<'a, T> {
    /// The first `rows * cols` elements, row after row.
    ///
    /// # Panics
    /// When `data` is too short.
    #[track_caller]
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self::with_strides(data, rows, cols, cols, 1)
    }

    /// Element `(i, j)` at `data[i * row_stride + j * col_stride]`.
    ///
    /// # Panics
    /// When the last element lies beyond `data`.
    #[track_caller]
    pub fn with_strides(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Self {
        check_bounds(data.len(), rows, cols, row_stride, col_stride);
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// The transpose: a view of the same elements.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Elements from one row to the next.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Elements from one column to the next.
    pub fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// Element `(i, j)`.
    ///
    /// # Panics
    /// When there is no such element.
    pub fn at(&self, i: usize, j: usize) -> T
    where
        T: Copy,
    {
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// The first element's address; every element in bounds lies within one live slice.
    pub(super) fn as_ptr(&self) -> *const T {
        self.data.as_ptr()
    }
}

/// A `rows × cols` matrix to write: element `(i, j)` at `data[i * row_stride + j]`, `row_stride ≥ cols`.
#[derive(Debug)]
pub struct MatMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl<'a, T> MatMut<'a, T> {
    /// The first `rows * cols` elements, row after row.
    ///
    /// # Panics
    /// When `data` is too short.
    #[track_caller]
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        Self::with_stride(data, rows, cols, cols)
    }

    /// Element `(i, j)` at `data[i * row_stride + j]`.
    ///
    /// # Panics
    /// When the last element lies beyond `data`, or rows overlap (`row_stride < cols`).
    #[track_caller]
    pub fn with_stride(data: &'a mut [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        check_bounds(data.len(), rows, cols, row_stride, 1);
        assert!(
            rows <= 1 || row_stride >= cols,
            "rows of a matrix to write overlap: {cols} columns, row stride {row_stride}"
        );
        Self { data, rows, cols, row_stride }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Elements from one row to the next.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Row `i`.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row_mut(&mut self, i: usize) -> &mut [T] {
        &mut self.data[i * self.row_stride..][..self.cols]
    }

    /// The first element's address; every element in bounds lies within one slice, borrowed mutably.
    pub(super) fn as_mut_ptr(&mut self) -> *mut T {
        self.data.as_mut_ptr()
    }
}

#[track_caller]
fn check_bounds(len: usize, rows: usize, cols: usize, row_stride: usize, col_stride: usize) {
    if rows == 0 || cols == 0 {
        return;
    }
    let down = (rows - 1).checked_mul(row_stride);
    let across = (cols - 1).checked_mul(col_stride);
    let last = down.zip(across).and_then(|(d, a)| d.checked_add(a));
    assert!(
        last.is_some_and(|last| last < len),
        "a {rows} × {cols} matrix with strides ({row_stride}, {col_stride}) does not fit in {len} elements"
    );
}
