//! The two element types and how each backend is called for them.

use super::backend::Backend;
use super::own::Vector;
use super::tile::Tile;
use num_traits::Float;

/// An element of a product: `f32` or `f64`.
pub trait MatmulScalar: Float + Send + Sync + sealed::Kernels + 'static {}

impl MatmulScalar for f32 {}
impl MatmulScalar for f64 {}

pub(super) mod sealed {
    use super::{Backend, Tile, Vector};

    /// The kernels of one element type.
    pub trait Kernels: Sized + Vector {
        /// `C ← α·A·B + β·C` on one tile with `m, n, k ≥ 1`, by a library's kernel.
        ///
        /// # Safety
        /// The tile's pointers and strides lie within live slices, and nothing else touches its part of `C`.
        unsafe fn library_product(backend: Backend, tile: &Tile<Self>);
    }
}

macro_rules! kernels {
    ($t:ty, $matrixmultiply:path) => {
        impl sealed::Kernels for $t {
            #[inline]
            unsafe fn library_product(backend: Backend, t: &Tile<$t>) {
                let (rsa, csa) = (t.row_stride_a as isize, t.col_stride_a as isize);
                let (rsb, csb) = (t.row_stride_b as isize, t.col_stride_b as isize);
                let rsc = t.row_stride_c as isize;
                // SAFETY (both): the caller vouches for the tile, and that is all these crates ask for.
                match backend {
                    // SAFETY: as above.
                    Backend::Portable => unsafe {
                        $matrixmultiply(
                            t.m, t.k, t.n, t.alpha, t.a, rsa, csa, t.b, rsb, csb, t.beta, t.c, rsc,
                            1,
                        )
                    },
                    // That crate calls C's factor alpha and the product's beta.
                    // SAFETY: as above.
                    Backend::Gemm | Backend::Own => unsafe {
                        gemm::gemm(
                            t.m,
                            t.n,
                            t.k,
                            t.c,
                            1,
                            rsc,
                            t.beta != 0.0,
                            t.a,
                            csa,
                            rsa,
                            t.b,
                            csb,
                            rsb,
                            t.beta,
                            t.alpha,
                            false,
                            false,
                            false,
                            gemm::Parallelism::None,
                        )
                    },
                }
            }
        }
    };
}
kernels!(f32, matrixmultiply::sgemm);
kernels!(f64, matrixmultiply::dgemm);
