//! What an op is: a name, and a way back.

use super::{Node, NodeId, Sink, Tape};
use crate::scalar::Real;
use crate::tensor::Tensor;
use ndarray::ArrayViewD;

/// The backward rule of an operation y = f(x₁, x₂, …).
///
/// An op of your own needs one file. Compute the value, [`record`](Tape::record) it, and implement the
/// vector-Jacobian product; [`check_gradient`](crate::check::check_gradient) then tells whether it is right:
///
/// ```
/// use evidence_autodiff::check::{Function, check_gradient};
/// use evidence_autodiff::{Op, Real, Saved, Sink, Tensor, Var};
///
/// /// Squared distance of two vectors, y = Σ (aᵢ − bᵢ)², as one op.
/// pub fn squared_distance<'t, T: Real>(a: Var<'t, T>, b: Var<'t, T>) -> Var<'t, T> {
///     assert_eq!(a.shape(), b.shape(), "squared_distance: shapes differ");
///     let mut y = a.tape().tensor(&[]);
///     y.fill(a.data().iter().zip(b.data()).fold(T::zero(), |sum, (&a, &b)| sum + (a - b).square()));
///     a.tape().record(SquaredDistance, &[a, b], y)
/// }
///
/// struct SquaredDistance;
///
/// impl<T: Real> Op<T> for SquaredDistance {
///     fn name(&self) -> &'static str {
///         "squared_distance"
///     }
///
///     /// da = 2 (a − b) dy, db = −da.
///     fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
///         for (input, sign) in [(0, 2.0), (1, -2.0)] {
///             if dx.needs(input) {
///                 let mut d = dx.tensor(saved.input_shape(input));
///                 let (a, b) = (saved.input(0), saved.input(1));
///                 for (i, d) in d.data_mut().iter_mut().enumerate() {
///                     *d = T::from_f64(sign) * (a[i] - b[i]) * dy.data()[0];
///                 }
///                 dx.add(input, d);
///             }
///         }
///     }
/// }
///
/// struct Checked;
///
/// impl Function for Checked {
///     fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
///         squared_distance(x[0], x[1])
///     }
/// }
///
/// let (a, b) = (ndarray::arr1(&[1.0, -2.0, 0.5]), ndarray::arr1(&[0.3, 0.1, 2.0]));
/// check_gradient(&Checked, &[a.into_dyn(), b.into_dyn()]).unwrap();
/// ```
pub trait Op<T: Real>: 'static {
    /// The op's name in messages, graphs and the check table.
    fn name(&self) -> &'static str;

    /// Adds `Jᵢᵀ dy` to the cotangent of every input i that [needs](Sink::needs) one.
    ///
    /// `dy` has the shape of the output and is owned: overwrite it and pass it on where that saves memory.
    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>);
}

/// The op of a node that has no inputs.
pub(super) struct Leaf;

impl<T: Real> Op<T> for Leaf {
    fn name(&self) -> &'static str {
        "leaf"
    }
    fn vjp(&self, _: Saved<'_, T>, _: Tensor<T>, _: &mut Sink<'_, T>) {}
}

/// The values an op saw and made, for its backward rule.
#[derive(Clone, Copy)]
pub struct Saved<'a, T: Real> {
    pub(super) tape: &'a Tape<T>,
    pub(super) node: &'a Node<T>,
    pub(super) id: NodeId,
}

impl<'a, T: Real> Saved<'a, T> {
    fn input_id(self, i: usize) -> NodeId {
        self.node.inputs[i]
    }

    /// The number of inputs.
    pub fn inputs(self) -> usize {
        self.node.inputs.len()
    }

    /// The elements of input i, last axis fastest.
    #[inline]
    pub fn input(self, i: usize) -> &'a [T] {
        self.tape.data(self.input_id(i))
    }

    /// The shape of input i.
    #[inline]
    pub fn input_shape(self, i: usize) -> &'a [usize] {
        &self.tape.node(self.input_id(i)).shape
    }

    /// Input i as an ndarray view.
    pub fn input_view(self, i: usize) -> ArrayViewD<'a, T> {
        self.tape.view(self.input_id(i))
    }

    /// The elements of the output.
    #[inline]
    pub fn output(self) -> &'a [T] {
        self.tape.data(self.id)
    }

    /// The shape of the output.
    #[inline]
    pub fn shape(self) -> &'a [usize] {
        &self.node.shape
    }

    /// The output as an ndarray view.
    pub fn output_view(self) -> ArrayViewD<'a, T> {
        self.tape.view(self.id)
    }
}

impl<T: Real> Tape<T> {
    pub(super) fn view(&self, id: NodeId) -> ArrayViewD<'_, T> {
        ArrayViewD::from_shape(&self.node(id).shape[..], self.data(id))
            .expect("values are contiguous")
    }
}
