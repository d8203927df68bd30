//! y = the entries of A `[n, n]` below its diagonal, and 0 elsewhere; dA = dy below the diagonal.
//!
//! What is on and above the diagonal is never read, and gets the gradient 0.

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct StrictlyLower {
    n: usize,
}

/// Zeros on and above the diagonal of each row.
fn clear<T: Real>(data: &mut [T], n: usize) {
    for (row, entries) in data.chunks_mut(n.max(1)).enumerate() {
        entries[row..].fill(T::zero());
    }
}

impl<T: Real> Op<T> for StrictlyLower {
    fn name(&self) -> &'static str {
        "strictly_lower"
    }

    fn vjp(&self, _: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mut dy = dy;
        clear(dy.data_mut(), self.n);
        dx.add(0, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// The part of a square matrix below its diagonal.
    ///
    /// # Panics
    /// If this is no square matrix.
    #[must_use]
    #[track_caller]
    pub fn strictly_lower(self) -> Self {
        let &[n, columns] = self.shape() else {
            panic!("strictly_lower: {self} is no matrix")
        };
        assert!(n == columns, "strictly_lower: {self} is not square");
        let mut y = self.tape().tensor(&[n, n]);
        y.data_mut().copy_from_slice(self.data());
        clear(y.data_mut(), n);
        self.tape().record(StrictlyLower { n }, &[self], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("strictly_lower", [Input::any(&[4, 4])], crate::function!(|a| a.strictly_lower()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn only_what_is_below_the_diagonal_is_left() {
        let tape = Tape::<f64>::new();
        for n in [0, 1, 2, 5] {
            let a = numbers(&[n, n]);
            let y = tape.constant(&a).strictly_lower();
            for ((index, a), y) in a.indexed_iter().zip(y.data()) {
                assert_eq!(*y, if index[0] > index[1] { *a } else { 0.0 }, "{index:?}");
            }
        }
        panics("strictly_lower: [2, 3] is not square", || tape.filled(&[2, 3], 1.0).strictly_lower());
        panics("strictly_lower: [4] is no matrix", || tape.filled(&[4], 1.0).strictly_lower());
    }
}
