//! Which single-threaded kernel computes a tile. This is the one place where that is chosen.

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

/// The backend in use for a product of `2·m·n·k` floating-point operations.
pub fn backend(flops: usize) -> Backend {
    match CHOSEN.load(Ordering::Relaxed) {
        0 => measured_best(flops),
        n => Backend::ALL[n as usize - 1],
    }
}

/// From 1,024³ upwards, which no training step here reaches, `gemm` was 3 to 20 % faster: it copies both operands once, and
/// tiles read them from memory more than once.
const LARGE_FLOPS: usize = 1 << 31;

fn measured_best(flops: usize) -> Backend {
    match isa() {
        Isa::Avx512 if flops < LARGE_FLOPS => Backend::Own,
        Isa::Avx512 | Isa::Avx2 => Backend::Gemm,
        Isa::Portable => Backend::Portable,
    }
}
