//! `X ← A⁻¹ X` for a triangular A, by substitution: n² m / 2 multiplications for m columns.

use super::matmul::MatRef;
use super::simd::{Kernel, dispatch};
use crate::scalar::Real;

/// Which triangle of a square matrix is meant; what lies in the other is never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Triangle {
    /// The diagonal and what is below.
    Lower,
    /// What is below the diagonal, and ones on it.
    UnitLower,
    /// The diagonal and what is above.
    Upper,
    /// What is above the diagonal, and ones on it.
    UnitUpper,
}

impl Triangle {
    /// Whether it is below the diagonal.
    pub fn is_lower(self) -> bool {
        matches!(self, Self::Lower | Self::UnitLower)
    }

    /// Whether the diagonal is taken to be ones.
    pub fn is_unit(self) -> bool {
        matches!(self, Self::UnitLower | Self::UnitUpper)
    }

    /// The same triangle of the transpose.
    pub fn t(self) -> Self {
        match self {
            Self::Lower => Self::Upper,
            Self::UnitLower => Self::UnitUpper,
            Self::Upper => Self::Lower,
            Self::UnitUpper => Self::UnitLower,
        }
    }

    /// Whether entry (i, j) is read.
    pub fn contains(self, i: usize, j: usize) -> bool {
        (i == j && !self.is_unit()) || (i != j && (i > j) == self.is_lower())
    }
}

/// `X ← A⁻¹ X`, where X has as many rows as A. A zero on the diagonal gives infinities and NaN.
pub fn solve<T: Real>(a: MatRef<'_, T>, triangle: Triangle, x: &mut [T]) {
    if !x.is_empty() {
        let columns = x.len() / a.rows();
        dispatch(Solve { a, triangle, x, columns });
    }
}

struct Solve<'a, T> {
    a: MatRef<'a, T>,
    triangle: Triangle,
    x: &'a mut [T],
    columns: usize,
}

impl<T: Real> Kernel for Solve<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { a, triangle, x, columns } = self;
        let n = a.rows();
        for step in 0..n {
            let i = if triangle.is_lower() { step } else { n - 1 - step };
            // Rows above and below row i; those on one side of it are solved already.
            let (above, rest) = x.split_at_mut(i * columns);
            let (row, below) = rest.split_at_mut(columns);
            let (solved, first) = if triangle.is_lower() { (&*above, 0) } else { (&*below, i + 1) };
            for (j, solved) in (first..).zip(solved.chunks_exact(columns)) {
                let factor = a.at(i, j);
                for (x, &solved) in row.iter_mut().zip(solved) {
                    *x -= factor * solved;
                }
            }
            if !triangle.is_unit() {
                let pivot = a.at(i, i);
                row.iter_mut().for_each(|x| *x /= pivot);
            }
        }
    }
}
