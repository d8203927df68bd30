//! Derivatives from the backward pass: vector-Jacobian products, and Jacobians row by row.

use super::Function;
use crate::scalar::Real;
use crate::tape::{Tape, Var};
use ndarray::{Array2, ArrayD};

/// The value of a function, and `Jᵢᵀ cotangent` for each of its inputs.
///
/// # Panics
/// If the cotangent does not have the shape of the value.
#[track_caller]
pub fn vjp<T: Real>(
    function: &impl Function,
    inputs: &[ArrayD<T>],
    cotangent: &ArrayD<T>,
) -> (ArrayD<T>, Vec<ArrayD<T>>) {
    let tape = Tape::poisoned();
    let vars: Vec<Var<'_, T>> = inputs.iter().map(|input| tape.variable(input)).collect();
    let value = function.call(&vars);
    let mut gradients = value.vjp(cotangent);
    (value.value().to_owned(), vars.iter().map(|&var| gradients.take(var).to_array()).collect())
}

/// The Jacobian with respect to input `of`: entry (i, j) is ∂yᵢ/∂xⱼ, elements counted with the last axis fastest.
///
/// One backward pass for each element of the value.
///
/// # Panics
/// If there is no input `of`.
#[track_caller]
pub fn jacobian<T: Real>(function: &impl Function, inputs: &[ArrayD<T>], of: usize) -> Array2<T> {
    assert!(of < inputs.len(), "jacobian: there is no input {of} among {}", inputs.len());
    let tape = Tape::poisoned();
    let vars: Vec<Var<'_, T>> = inputs.iter().map(|input| tape.variable(input)).collect();
    let value = function.call(&vars);
    let (rows, columns) = (value.data().len(), inputs[of].len());
    let mut jacobian = Array2::zeros((rows, columns));
    for (i, mut row) in jacobian.outer_iter_mut().enumerate() {
        let mut unit = ArrayD::zeros(value.shape());
        unit.as_slice_mut().expect("fresh arrays are contiguous")[i] = T::one();
        let gradient = value.vjp(unit).take(vars[of]);
        row.as_slice_mut().expect("rows are contiguous").copy_from_slice(gradient.data());
    }
    jacobian
}
