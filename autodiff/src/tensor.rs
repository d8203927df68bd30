//! Arrays: shared ones for parameters and data, pooled ones for what a step computes.

use crate::pool::{Buffer, Pool, line, slack};
use crate::scalar::Real;
use crate::shape::{self, Shape, volume};
use ndarray::{
    ArcArray, Array1, ArrayBase, ArrayD, ArrayViewD, ArrayViewMutD, Axis, Data, Dimension, IxDyn,
    RawDataClone, Slice,
};
use std::rc::Rc;

/// A reference-counted ndarray of any rank: a leaf of a model.
///
/// Putting it on a tape copies nothing; changing it in place copies nothing once no tape holds it.
pub type Array<T> = ArcArray<T, IxDyn>;

/// Zeros for a leaf, beginning at a cache line, as the tape's own buffers do: products read such weights without copying them
/// first.
///
/// ```
/// let weight = evidence_autodiff::zeros::<f32>(&[784, 512]);
/// assert!((weight.as_ptr() as usize).is_multiple_of(64) && weight.is_standard_layout());
/// ```
pub fn zeros<T: Real>(shape: &[usize]) -> Array<T> {
    let len = volume(shape);
    let mut room = Array1::from_elem(len + slack::<T>(), T::zero());
    let start = line(room.as_slice().expect("one axis is contiguous"));
    room.slice_axis_inplace(Axis(0), Slice::from(start..start + len));
    room.into_shape_with_order(shape).expect("as many elements").into_shared()
}

/// Anything that can become an [`Array`]: owned, shared and viewed ndarrays of any rank, by value or reference.
pub trait IntoArray<T> {
    /// The array; shared and owned ones are not copied.
    fn into_array(self) -> Array<T>;
}

impl<T: Clone, D: Dimension> IntoArray<T> for ndarray::Array<T, D> {
    fn into_array(self) -> Array<T> {
        self.into_dyn().into_shared()
    }
}

impl<T: Clone, D: Dimension> IntoArray<T> for ArcArray<T, D> {
    fn into_array(self) -> Array<T> {
        self.into_dyn()
    }
}

impl<T: Clone, D: Dimension> IntoArray<T> for ndarray::ArrayView<'_, T, D> {
    fn into_array(self) -> Array<T> {
        self.to_owned().into_dyn().into_shared()
    }
}

impl<T: Clone, S: Data<Elem = T> + RawDataClone, D: Dimension> IntoArray<T> for &ArrayBase<S, D> {
    fn into_array(self) -> Array<T> {
        self.to_shared().into_dyn()
    }
}

/// An owned, contiguous array whose memory goes back to its tape's pool when dropped.
///
/// Cotangents and gradients are tensors. They outlive a [`reset`](crate::Tape::reset) of the tape they came from.
#[derive(Debug)]
pub struct Tensor<T> {
    shape: Shape,
    buffer: Buffer<T>,
}

impl<T: Real> Tensor<T> {
    #[inline]
    pub(crate) fn new(pool: &Rc<Pool<T>>, shape: &[usize]) -> Self {
        Self { shape: shape::copy(shape), buffer: pool.take(volume(shape)) }
    }

    /// Sizes of the axes, outermost first.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, last axis fastest.
    #[inline(always)]
    pub fn data(&self) -> &[T] {
        &self.buffer
    }

    /// The elements, last axis fastest.
    #[inline(always)]
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.buffer
    }

    /// Gives the elements another shape of the same volume.
    pub(crate) fn reshaped(mut self, shape: &[usize]) -> Self {
        debug_assert_eq!(volume(shape), self.buffer.len());
        self.shape = shape::copy(shape);
        self
    }

    /// Sets every element.
    pub fn fill(&mut self, x: T) {
        self.buffer.fill(x);
    }

    /// As an ndarray view.
    pub fn view(&self) -> ArrayViewD<'_, T> {
        ArrayViewD::from_shape(self.shape(), self.data()).expect("a tensor is contiguous")
    }

    /// As a mutable ndarray view.
    pub fn view_mut(&mut self) -> ArrayViewMutD<'_, T> {
        ArrayViewMutD::from_shape(&self.shape[..], &mut self.buffer)
            .expect("a tensor is contiguous")
    }

    /// A copy that owns ordinary memory.
    pub fn to_array(&self) -> ArrayD<T> {
        self.view().to_owned()
    }

    pub(crate) fn from_parts(shape: Shape, buffer: Buffer<T>) -> Self {
        Self { shape, buffer }
    }

    pub(crate) fn into_parts(self) -> (Shape, Buffer<T>) {
        (self.shape, self.buffer)
    }
}
