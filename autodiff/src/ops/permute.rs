//! Axes in another order: axis i of y is axis `axes[i]` of x; dx is dy with its axes put back.

use crate::check::{Check, Input};
use crate::kernels::permute::{Permuted, permute};
use crate::scalar::Real;
use crate::shape::Shape;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Permute {
    axes: Shape,
}

impl<T: Real> Op<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mut back = self.axes.clone();
        for (to, &from) in self.axes.iter().enumerate() {
            back[from] = to;
        }
        let mut d = dx.tensor(saved.input_shape(0));
        permute(dy.data(), &Permuted::new(dy.shape(), &back), d.data_mut());
        dx.add(0, d);
    }
}

impl<T: Real> Var<'_, T> {
    /// The same array with its axes in another order: axis i of the result is axis `axes[i]` of this.
    ///
    /// # Panics
    /// If `axes` does not name every axis once.
    #[must_use]
    #[track_caller]
    pub fn permute(self, axes: &[usize]) -> Self {
        let rank = self.shape().len();
        assert!(
            axes.len() == rank && (0..rank).all(|axis| axes.contains(&axis)),
            "permute: the order {axes:?} of the axes of {self} must name each of 0..{rank} once"
        );
        let permuted = Permuted::new(self.shape(), axes);
        let mut y = self.tape().tensor(&permuted.shape);
        permute(self.data(), &permuted, y.data_mut());
        self.tape().record(Permute { axes: Shape::from_slice(axes) }, &[self], y)
    }

    /// The transpose of a matrix.
    ///
    /// # Panics
    /// If this has not two axes.
    #[must_use]
    #[track_caller]
    pub fn t(self) -> Self {
        assert!(self.shape().len() == 2, "t: {self} is no matrix; `permute` reorders any number of axes");
        self.permute(&[1, 0])
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::gradient("transpose", [Input::any(&[3, 4])], crate::function!(|x| x.t())),
        Check::gradient(
            "permute",
            [Input::any(&[2, 3, 4])],
            crate::function!(|x| x.permute(&[2, 0, 1]) * x.permute(&[2, 0, 1])),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::ops::composition::{numbers, panics};
    use crate::tape::Tape;

    #[test]
    fn an_order_and_its_inverse_give_the_array_back() {
        let tape = Tape::<f64>::new();
        let x = tape.constant(numbers(&[3, 4, 5]));
        assert_eq!(x.permute(&[2, 0, 1]).permute(&[1, 2, 0]).value(), x.value());
        assert_eq!(x.permute(&[2, 0, 1]).value(), x.value().permuted_axes(vec![2, 0, 1]));
        let matrix = tape.constant(numbers(&[3, 4]));
        assert_eq!(matrix.t().value(), matrix.value().t());
        panics("must name each of 0..3 once", || x.permute(&[0, 1]));
        panics("must name each of 0..3 once", || x.permute(&[0, 1, 1]));
        panics("t: [3, 4, 5] is no matrix", || x.t());
    }
}
