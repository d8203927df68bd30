//! The machinery of elementwise ops of two variables: y = f(a, b), da = dy · ∂f/∂a, db = dy · ∂f/∂b, where an argument
//! that was broadcast gets the sum over the axes it was repeated along.

use crate::kernels::elementwise::{self, Alignment, Binary, Side};
use crate::scalar::Real;
use crate::shape::{Shape, broadcast, same};
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

impl<'t, T: Real> Var<'t, T> {
    /// Combines two arrays, broadcast as in NumPy, by an elementwise function of your own; see [`Binary`].
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn combine<F: Binary<T>>(self, other: Self, f: F) -> Self {
        match self.zip(other, f) {
            (y, None) => self.tape().record(Same(f), &[self, other], y),
            (y, Some(alignment)) => self.tape().record(Zip { f, alignment }, &[self, other], y),
        }
    }

    /// f of both arrays, unrecorded, and how they line up if their shapes differ.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub(super) fn zip<F: Binary<T>>(self, other: Self, f: F) -> (Tensor<T>, Option<Alignment>) {
        let (a, b) = (self.data(), other.data());
        if same(self.shape(), other.shape()) {
            let mut y = self.tape().tensor(self.shape());
            elementwise::zip(f, &Alignment::same(a.len()), a, b, y.data_mut());
            return (y, None);
        }
        let shape = self.broadcast_shape(other, F::NAME);
        let alignment = Alignment::new(&shape, self.shape(), other.shape());
        let mut y = self.tape().tensor(&shape);
        elementwise::zip(f, &alignment, a, b, y.data_mut());
        (y, Some(alignment))
    }

    /// The shape that two arrays broadcast to.
    ///
    /// # Panics
    /// If they do not, naming the op, both shapes, and the variables.
    #[track_caller]
    pub(crate) fn broadcast_shape(self, other: Self, op: &str) -> Shape {
        // Not in a closure: a panic in one would point here.
        match broadcast(self.shape(), other.shape()) {
            Some(shape) => shape,
            None => panic!(
                "{op}: shapes {self} and {other} do not broadcast (sizes must be equal, or one of them 1)"
            ),
        }
    }
}

struct Zip<F> {
    f: F,
    alignment: Alignment,
}

impl<T: Real, F: Binary<T>> Op<T> for Zip<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        pull_back(self.f, &self.alignment, saved, dy, dx);
    }
}

/// The op of arrays of one shape: nothing to remember but f, which is most often nothing, and then recording it
/// allocates nothing.
struct Same<F>(F);

impl<T: Real, F: Binary<T>> Op<T> for Same<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let alignment = Alignment::same(dy.data().len());
        if dx.needs(0) && dx.needs(1) {
            let values = (saved.input(0), saved.input(1));
            dx.accumulate(1, |out, beta| {
                elementwise::zip_accumulate(self.0, values, dy.data(), beta, out);
            });
            return pull_back_to(0, self.0, &alignment, saved, dy, dx);
        }
        pull_back(self.0, &alignment, saved, dy, dx);
    }
}

fn pull_back<T: Real, F: Binary<T>>(
    f: F,
    alignment: &Alignment,
    saved: Saved<'_, T>,
    dy: Tensor<T>,
    dx: &mut Sink<'_, T>,
) {
    let needs_b = dx.needs(1);
    if needs_b && dx.needs(0) {
        let copy = dx.copy(&dy);
        pull_back_to(0, f, alignment, saved, copy, dx);
    }
    pull_back_to(usize::from(needs_b), f, alignment, saved, dy, dx);
}

/// Of one argument, in the memory of `dy`.
fn pull_back_to<T: Real, F: Binary<T>>(
    i: usize,
    f: F,
    alignment: &Alignment,
    saved: Saved<'_, T>,
    mut dy: Tensor<T>,
    dx: &mut Sink<'_, T>,
) {
    let side = if i == 0 { Side::A } else { Side::B };
    let values = (saved.input(0), saved.input(1));
    elementwise::zip_backward(f, side, alignment, values, dy.data_mut());
    dx.add(i, dy);
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_refused;
    use crate::{Tape, Var};
    use ndarray::ArrayD;

    type Operation = for<'t> fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64>;

    const OPERATIONS: [(&str, Operation); 6] = [
        ("add", |a, b| a + b),
        ("sub", |a, b| a - b),
        ("mul", |a, b| a * b),
        ("div", |a, b| a / b),
        ("maximum", |a, b| a.maximum(b)),
        ("minimum", |a, b| a.minimum(b)),
    ];

    #[test]
    fn shapes_that_do_not_broadcast_are_refused_by_name() {
        for (name, operation) in OPERATIONS {
            for (a, b) in [(&[2][..], &[3][..]), (&[2, 3], &[2]), (&[0], &[2])] {
                let refused = move || {
                    let tape = Tape::new();
                    let (a, b) =
                        (tape.filled(a, 1.0).named("left"), tape.filled(b, 1.0).named("right"));
                    let _ = operation(a, b);
                };
                let (a, b) = (format!("{a:?} \"left\""), format!("{b:?} \"right\""));
                assert_refused(refused, &[&format!("{name}: "), &a, &b, "broadcast"]);
            }
        }
    }

    /// Of an argument repeated zero times, the gradient is a sum of nothing.
    #[test]
    fn empty_arrays_give_empty_results_and_zero_gradients() {
        for (name, operation) in OPERATIONS {
            let tape = Tape::new();
            let a = tape.variable(ArrayD::from_elem(&[0, 3][..], 1.0));
            let b = tape.variable(ArrayD::from_elem(&[3][..], 2.0));
            for (first, second) in [(a, b), (b, a)] {
                let y = operation(first, second);
                assert_eq!(y.shape(), [0, 3], "{name}");
                let gradients = y.sum(..).backward();
                assert_eq!(gradients.get(a).unwrap().shape(), [0, 3], "{name}");
                assert_eq!(gradients.get(b).unwrap(), ArrayD::from_elem(&[3][..], 0.0), "{name}");
            }
        }
    }
}
