//! Which single-threaded kernel computes a tile. This is the one place where that is chosen.

use super::scalar::MatmulScalar;
use crate::kernels::simd::{Isa, isa};
use std::sync::atomic::{AtomicU8, Ordering};

/// A single-threaded kernel for one tile of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The `matrixmultiply` crate.
    Portable,
    /// The `gemm` crate, without its threads.
    Gemm,
    /// The kernel in this module, for AVX-512; elsewhere the same as [`Gemm`](Backend::Gemm).
    Own,
}

impl Backend {
    /// Every backend, for tests and benches that compare them.
    pub const ALL: [Backend; 3] = [Backend::Portable, Backend::Gemm, Backend::Own];
}

/// 0: the default; otherwise the backend's number plus one.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// Uses `backend` from now on in the whole process, or the measured default again when `None`.
///
/// For benches and for the curious. Results differ between backends in their last bits, so choose before a run.
pub fn set_backend(backend: Option<Backend>) {
    CHOSEN.store(backend.map_or(0, |b| b as u8 + 1), Ordering::Relaxed);
}

/// The backend in use for products of `T`.
pub fn backend<T: MatmulScalar>() -> Backend {
    match CHOSEN.load(Ordering::Relaxed) {
        0 => measured_best(),
        n => Backend::ALL[n as usize - 1],
    }
}

fn measured_best() -> Backend {
    match isa() {
        Isa::Avx512 => Backend::Own,
        Isa::Avx2 => Backend::Gemm,
        Isa::Portable => Backend::Portable,
    }
}
