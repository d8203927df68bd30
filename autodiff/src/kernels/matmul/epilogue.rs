//! What is done to a product while it is still in cache: `C ← f(α·A·B + β·C)`.

/// An elementwise step fused to the end of a product, such as a bias row and an activation.
///
/// Each element passes through [`apply`](Epilogue::apply) exactly once. How rows are cut into segments depends on
/// the shape and on the backend, so an epilogue must treat every element by its own indices alone.
/// Mark `apply` `#[inline(always)]`: it is then compiled for the instruction set of the product's kernel.
pub trait Epilogue<T>: Sync {
    /// Treats the elements `C[row, first_col ..][.. out.len()]`, in place.
    fn apply(&self, row: usize, first_col: usize, out: &mut [T]);
}

/// Nothing to do.
impl<T> Epilogue<T> for () {
    #[inline(always)]
    fn apply(&self, _row: usize, _first_col: usize, _out: &mut [T]) {}
}
