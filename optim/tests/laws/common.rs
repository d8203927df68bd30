//! Models, gradients and random numbers for the tests.

use evidence_autodiff::kernels::noise::Noise;
use evidence_autodiff::{Array, Leaf, Real, Tape, Tensor};

/// A small tree with names `0`, `1`, ….
pub type Model<T> = Vec<Leaf<Array<T>>>;

/// Standard normal numbers, another stream for each `index`.
pub fn normal<T: Real>(index: u64, len: usize) -> Vec<T> {
    let mut out = vec![T::zero(); len];
    T::fill_normal(Noise::new(7).stream(index), 0, &mut out);
    out
}

/// One leaf of each length, filled with noise.
pub fn model<T: Real>(index: u64, lengths: &[usize]) -> Model<T> {
    let leaf = |(i, &len): (usize, &usize)| leaf(normal(index * 100 + i as u64, len));
    lengths.iter().enumerate().map(leaf).collect()
}

/// A vector as a tree.
pub fn leaf<T: Real>(values: Vec<T>) -> Leaf<Array<T>> {
    Leaf(ndarray::Array::from(values).into_dyn().into_shared())
}

/// A gradient with the given elements.
pub fn tensor<T: Real>(values: &[T]) -> Leaf<Tensor<T>> {
    let mut tensor = Tape::new().tensor(&[values.len()]);
    tensor.data_mut().copy_from_slice(values);
    Leaf(tensor)
}

/// The elements of a model, as gradients of another.
pub fn gradients<T: Real>(model: &Model<T>) -> Vec<Leaf<Tensor<T>>> {
    model.iter().map(|leaf| tensor(leaf.0.as_slice().unwrap())).collect()
}

/// The bits of all elements, in order.
pub fn bits<T: Real>(model: &Model<T>) -> Vec<u64> {
    model.iter().flat_map(|leaf| leaf.0.iter().map(|x| x.to_f64().to_bits())).collect()
}
