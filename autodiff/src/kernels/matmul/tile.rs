//! A rectangle of the output with all that is needed to compute it: what a single-threaded kernel is given.

use super::{MatMut, MatRef};

/// `C ← α·A·B + β·C` on an `m × n` rectangle of the output, over the whole of `k`.
#[derive(Clone, Copy)]
pub struct Tile<T> {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub alpha: T,
    pub a: *const T,
    pub row_stride_a: usize,
    pub col_stride_a: usize,
    pub b: *const T,
    pub row_stride_b: usize,
    pub col_stride_b: usize,
    pub beta: T,
    pub c: *mut T,
    pub row_stride_c: usize,
    /// Where this tile begins in the whole output.
    pub first_row: usize,
    pub first_col: usize,
}

// SAFETY: a tile is a borrow cut in pieces: `A` and `B` are only read, and `part` gives out rectangles of `C` whose
// users promise that no two of them overlap.
unsafe impl<T: Send + Sync> Sync for Tile<T> {}

impl<T: Copy> Tile<T> {
    /// The whole product. Shapes were checked.
    pub fn whole(
        alpha: T,
        a: MatRef<'_, T>,
        b: MatRef<'_, T>,
        beta: T,
        c: &mut MatMut<'_, T>,
    ) -> Self {
        Self {
            m: a.rows(),
            n: b.cols(),
            k: a.cols(),
            alpha,
            a: a.as_ptr(),
            row_stride_a: a.row_stride(),
            col_stride_a: a.col_stride(),
            b: b.as_ptr(),
            row_stride_b: b.row_stride(),
            col_stride_b: b.col_stride(),
            beta,
            row_stride_c: c.row_stride(),
            c: c.as_mut_ptr(),
            first_row: 0,
            first_col: 0,
        }
    }

    /// The rectangle `rows × cols` of this one.
    ///
    /// # Safety
    /// Both ranges are not empty and lie within this tile, whose pointers are live.
    pub unsafe fn part(&self, rows: (usize, usize), cols: (usize, usize)) -> Self {
        let (i, j) = (rows.0, cols.0);
        // With k = 0 the slices of A and B may be empty: their pointers then stay where they are.
        let (da, db) =
            if self.k == 0 { (0, 0) } else { (i * self.row_stride_a, j * self.col_stride_b) };
        // SAFETY: the rectangle's first elements are elements of the views, which bounds checks placed in slices.
        let (a, b, c) =
            unsafe { (self.a.add(da), self.b.add(db), self.c.add(i * self.row_stride_c + j)) };
        Self {
            m: rows.1 - i,
            n: cols.1 - j,
            a,
            b,
            c,
            first_row: self.first_row + i,
            first_col: self.first_col + j,
            ..*self
        }
    }

    /// Whether rows of `B` are not contiguous.
    pub fn transposes_b(&self) -> bool {
        self.col_stride_b != 1 && self.n > 1
    }

    /// Whether our own kernel copies panels of `B` before use: where rows are not contiguous; and, if enough rows of `A`
    /// share the cost, where its registers straddle cache lines, or its rows lie whole pages apart, so that those of a
    /// panel compete for a few lines of L1.
    pub fn copies_b(&self) -> bool {
        let apart = self.row_stride_b * size_of::<T>();
        let straddles = !(apart | self.b as usize).is_multiple_of(64);
        self.transposes_b()
            || self.m >= 128 && straddles
            || self.m >= 256 && apart > 0 && apart.is_multiple_of(4096)
    }

    /// Whether our own kernel copies blocks of `A` before use: where rows lie whole pages apart, so that those of a block
    /// compete for a few lines of L2, if enough columns of `B` share the cost.
    pub fn copies_a(&self) -> bool {
        let apart = self.row_stride_a * size_of::<T>();
        self.col_stride_a == 1 && self.m > 1 && self.n >= 128 && apart.is_multiple_of(4096)
    }

    /// `partial ← α·A[.., p..p_end]·B[p..p_end, ..]`, a whole matrix without gaps.
    ///
    /// # Safety
    /// `p < p_end ≤ k`, the pointers are live, and `partial` has room for `m × n`.
    pub unsafe fn slice(&self, p: usize, p_end: usize, partial: *mut T) -> Self
    where
        T: num_traits::Zero,
    {
        // SAFETY: column p of A and row p of B are in the views, which bounds checks placed in slices.
        let (a, b) =
            unsafe { (self.a.add(p * self.col_stride_a), self.b.add(p * self.row_stride_b)) };
        let (k, beta, c, row_stride_c) = (p_end - p, T::zero(), partial, self.n);
        Self { k, a, b, beta, c, row_stride_c, ..*self }
    }

    /// `Cᵀ ← α·Bᵀ·Aᵀ + β·Cᵀ`, for a `C` of one column without gaps: its transpose is a row.
    pub fn transposed(&self) -> Self {
        debug_assert!(self.n == 1 && self.row_stride_c == 1);
        Self {
            m: self.n,
            n: self.m,
            a: self.b,
            row_stride_a: self.col_stride_b,
            col_stride_a: self.row_stride_b,
            b: self.a,
            row_stride_b: self.col_stride_a,
            col_stride_b: self.row_stride_a,
            row_stride_c: self.m,
            first_row: self.first_col,
            first_col: self.first_row,
            ..*self
        }
    }

    /// Row `i` of this rectangle of `C`.
    ///
    /// # Safety
    /// `i < m`, the elements are initialised, live, and touched by nobody else while the slice lives.
    #[inline(always)]
    pub unsafe fn row_mut<'a>(&self, i: usize) -> &'a mut [T] {
        // SAFETY: row i of a view is n consecutive elements of its slice.
        unsafe { std::slice::from_raw_parts_mut(self.c.add(i * self.row_stride_c), self.n) }
    }
}
