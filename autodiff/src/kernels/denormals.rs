//! Denormals flushed to zero for as long as a guard lives.
//!
//! A denormal is a number below the smallest normal one (1.2·10⁻³⁸ in `f32`, 2.2·10⁻³⁰⁸ in `f64`). Many
//! processors take far longer over them, and gradients and Adam's moments decay into them. On x86-64 the guard
//! sets FTZ and DAZ in MXCSR (Intel SDM, volume 1, section 10.2.3), on AArch64 FZ in FPCR (Arm ARM, register
//! FPCR); elsewhere it does nothing.
//!
//! Rust promises nothing for code that runs under another mode than the default: its documentation of `_mm_setcsr` calls that
//! undefined. What we rely on is how LLVM compiles: it takes the default mode for granted where it folds constants, and nowhere
//! lets memory safety depend on a number. A denormal that is known when the program is compiled may therefore stay one, and a
//! comparison may take it for zero or not; no result here depends on that, and the tests of bits on several threads would tell. The two
//! instructions are volatile and may touch memory, as far as the compiler knows, so that it moves no loads or stores across them;
//! arithmetic in registers it may move, by a few numbers at the ends of a guard's life.

use std::marker::PhantomData;

/// While this lives, its thread takes and returns zero for denormals. Dropping it restores the mode found.
///
/// The mode belongs to the thread, so the guard cannot be sent to another one. Nested guards must be dropped
/// innermost first, as scopes do.
///
/// ```
/// use evidence_autodiff::kernels::denormals::FlushDenormals;
/// use std::hint::black_box;
/// let product = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
/// assert!(product() > 0.0);
/// {
///     let _guard = FlushDenormals::new();
///     # #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
///     assert_eq!(product(), 0.0);
/// }
/// assert!(product() > 0.0);
/// ```
#[derive(Debug)]
#[must_use = "the mode is restored when the guard is dropped"]
pub struct FlushDenormals {
    /// The flushing bits as they were found.
    found: Mode,
    not_send: PhantomData<*const ()>,
}

impl FlushDenormals {
    /// Starts flushing on this thread.
    pub fn new() -> Self {
        let mode = read();
        write(mode | FLUSH);
        Self { found: mode & FLUSH, not_send: PhantomData }
    }
}

impl Default for FlushDenormals {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        // Exception flags raised meanwhile, and a rounding mode set meanwhile, are not the guard's to undo.
        write(read() & !FLUSH | self.found);
    }
}

#[cfg(target_arch = "x86_64")]
use x86_64::{FLUSH, Mode, read, write};

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::asm;

    pub(super) type Mode = u32;
    /// Flush to zero (bit 15) and denormals are zero (bit 6).
    pub(super) const FLUSH: Mode = 1 << 15 | 1 << 6;

    pub(super) fn read() -> Mode {
        let mut mode: Mode = 0;
        // SAFETY: stores MXCSR, which every x86-64 thread has, into a local of its size.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mode, options(nostack, preserves_flags)) };
        mode
    }

    pub(super) fn write(mode: Mode) {
        // SAFETY: `mode` was read from MXCSR and differs in the two flushing bits only, so no reserved bit is
        // set, no exception is unmasked and the rounding mode stays. See the head of this file for what Rust says of
        // other modes than the default.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, preserves_flags)) };
    }
}

#[cfg(target_arch = "aarch64")]
use aarch64::{FLUSH, Mode, read, write};

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::arch::asm;

    pub(super) type Mode = u64;
    /// FZ: denormal inputs and results of `f32` and `f64` operations are zero.
    pub(super) const FLUSH: Mode = 1 << 24;

    pub(super) fn read() -> Mode {
        let mode: Mode;
        // SAFETY: reads FPCR, which is open to user code, into a register.
        unsafe { asm!("mrs {}, fpcr", out(reg) mode, options(nomem, nostack, preserves_flags)) };
        mode
    }

    pub(super) fn write(mode: Mode) {
        // SAFETY: `mode` was read from FPCR and differs in FZ only. See the head of this file for what Rust says of
        // other modes than the default.
        unsafe { asm!("msr fpcr, {}", in(reg) mode, options(nostack, preserves_flags)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use other::{FLUSH, Mode, read, write};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod other {
    pub(super) type Mode = u32;
    pub(super) const FLUSH: Mode = 0;

    pub(super) fn read() -> Mode {
        0
    }

    pub(super) fn write(_: Mode) {}
}

/// Whether this thread flushes: asked of the arithmetic itself, not of the mode.
#[cfg(test)]
pub(super) fn flushes() -> bool {
    use std::hint::black_box;
    black_box(f32::MIN_POSITIVE) * black_box(0.5) == 0.0
        && black_box(f64::MIN_POSITIVE) * black_box(0.5) == 0.0
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn flushes_results_and_inputs_inside_and_neither_after() {
        let tiny = f32::from_bits(1);
        // The result is normal: only a denormal taken for zero as an input makes this zero.
        let scaled = || black_box(tiny) * black_box(1e30);
        assert!(!flushes() && scaled() > 0.0);
        {
            let _guard = FlushDenormals::new();
            assert!(flushes());
            assert_eq!(scaled(), 0.0);
        }
        assert!(!flushes() && scaled() > 0.0);
    }

    #[test]
    fn nested_guards_restore_what_each_found() {
        let outer = FlushDenormals::new();
        drop(FlushDenormals::default());
        assert!(flushes());
        drop(outer);
        assert!(!flushes());
    }

    #[test]
    fn a_panic_restores_the_mode() {
        let result = std::panic::catch_unwind(|| {
            let _guard = FlushDenormals::new();
            panic!("on purpose");
        });
        assert!(result.is_err() && !flushes());
    }

    #[test]
    fn only_the_thread_of_the_guard_flushes() {
        let _guard = FlushDenormals::new();
        // A new thread starts in its parent's mode; what it does to its own is not seen here.
        std::thread::spawn(|| write(read() & !FLUSH)).join().expect("the thread ends");
        assert!(flushes());
    }

    #[test]
    fn other_bits_of_the_mode_stay() {
        let before = read() & !FLUSH;
        let guard = FlushDenormals::new();
        assert_eq!(read() & !FLUSH, before);
        assert_eq!(read() & FLUSH, FLUSH);
        // The sticky "inexact" flag of MXCSR is raised, and must outlive the guard.
        black_box(black_box(1.0f32) / black_box(3.0));
        let raised = read() & !FLUSH;
        drop(guard);
        assert_eq!(read() & !FLUSH, raised);
        assert_eq!(read() & FLUSH, 0);
    }
}
