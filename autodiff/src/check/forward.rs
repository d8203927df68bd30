//! Derivatives from dual numbers: Jacobian-vector products, and, through the backward pass of a tape of dual numbers,
//! Hessian-vector products.

use super::Function;
use crate::scalar::{Dual, Real};
use crate::tape::{Tape, Var};
use ndarray::{Array2, ArrayD, Zip};

/// The value of a function and its derivative `Σᵢ Jᵢ vᵢ` along a direction in all its inputs.
///
/// # Panics
/// If there is not one direction of the right shape for each input.
#[track_caller]
pub fn jvp<T: Real>(
    function: &impl Function,
    inputs: &[ArrayD<T>],
    directions: &[ArrayD<T>],
) -> (ArrayD<T>, ArrayD<T>) {
    let tape = Tape::poisoned();
    let value = function.call(&seeded(&tape, inputs, directions)).value();
    (value.mapv(|y| y.value), value.mapv(|y| y.derivative))
}

/// `H v` for a scalar function of several inputs: for each input i, `Σⱼ Hᵢⱼ vⱼ`.
///
/// Exact: the backward pass over dual numbers gives `∇f(x + v ε) = ∇f + H v ε`. Costs about three gradients.
///
/// # Panics
/// If the function's value is not a single number, or a direction is missing or misshapen.
#[track_caller]
pub fn hessian_vector_product<T: Real>(
    function: &impl Function,
    inputs: &[ArrayD<T>],
    directions: &[ArrayD<T>],
) -> Vec<ArrayD<T>> {
    let tape = Tape::poisoned();
    let vars = seeded(&tape, inputs, directions);
    let mut gradients = function.call(&vars).backward();
    vars.iter().map(|&var| gradients.take(var).view().mapv(|g| g.derivative)).collect()
}

/// The Hessian of a scalar function with respect to input `of`, one Hessian-vector product for each column.
///
/// # Panics
/// If the function's value is not a single number, or there is no input `of`.
#[track_caller]
pub fn hessian<T: Real>(function: &impl Function, inputs: &[ArrayD<T>], of: usize) -> Array2<T> {
    assert!(of < inputs.len(), "hessian: there is no input {of} among {}", inputs.len());
    let n = inputs[of].len();
    let mut hessian = Array2::zeros((n, n));
    for (j, mut column) in hessian.columns_mut().into_iter().enumerate() {
        let directions = unit_direction(inputs, of, j);
        let product = &hessian_vector_product(function, inputs, &directions)[of];
        Zip::from(&mut column).and(&product.flatten()).for_each(|entry, &h| *entry = h);
    }
    hessian
}

/// Zero but for a one at element `element` of input `of`.
pub(super) fn unit_direction<T: Real>(
    inputs: &[ArrayD<T>],
    of: usize,
    element: usize,
) -> Vec<ArrayD<T>> {
    let mut directions: Vec<_> =
        inputs.iter().map(|input| ArrayD::zeros(input.raw_dim())).collect();
    directions[of].as_slice_mut().expect("fresh arrays are contiguous")[element] = T::one();
    directions
}

#[track_caller]
fn seeded<'t, T: Real>(
    tape: &'t Tape<Dual<T>>,
    inputs: &[ArrayD<T>],
    directions: &[ArrayD<T>],
) -> Vec<Var<'t, Dual<T>>> {
    assert!(
        inputs.len() == directions.len(),
        "{} directions for {} inputs; give one of its shape for each",
        directions.len(),
        inputs.len()
    );
    let pairs = inputs.iter().zip(directions).enumerate().map(|(i, (x, v))| {
        assert!(
            x.shape() == v.shape(),
            "a direction of shape {:?} for input {i} of shape {:?}",
            v.shape(),
            x.shape()
        );
        let mut dual = ArrayD::from_elem(x.raw_dim(), Dual::default());
        Zip::from(&mut dual).and(x).and(v).for_each(|dual, &x, &v| *dual = Dual::new(x, v));
        tape.variable(dual)
    });
    pairs.collect()
}
