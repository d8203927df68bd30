//! One source, compiled for several instruction sets, picked once at run time.
//!
//! A [`Kernel`] is a loop over slices written as plain scalar code. [`dispatch`] runs it inside a function that
//! is allowed to use AVX-512 or AVX2+FMA when the machine has them, so that the compiler vectorises the very
//! same source. Users need no build flags: `-C target-cpu=native` measured slower (it prefers 256-bit vectors).
//!
//! `mul_add` is an FMA instruction wherever dispatch found one and a correctly rounded library call elsewhere.
//! Rounding is the same either way, so **elementwise results do not depend on the instruction set**.

use std::sync::atomic::{AtomicU8, Ordering};

/// A loop over slices, to be compiled once per instruction set.
///
/// Mark `run`, and every function it calls in its inner loop, `#[inline(always)]`: code that is not inlined is
/// compiled for the baseline instruction set.
pub trait Kernel {
    /// Whether the loop gains from wider vectors; where it does not (pairs, such as dual numbers), it is compiled once.
    const VECTORISE: bool = true;
    /// What the loop returns.
    type Output;
    /// Runs the loop.
    fn run(self) -> Self::Output;
}

/// The instruction sets a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What the target guarantees (SSE2 on x86-64, NEON on AArch64).
    Portable,
    /// AVX2 with FMA and BMI2.
    Avx2,
    /// The same with AVX-512 F, DQ, BW, VL.
    Avx512,
}

/// 0: not asked yet; otherwise the instruction set's number plus one.
static ISA: AtomicU8 = AtomicU8::new(0);

/// The best instruction set of this machine, found once.
#[inline]
pub fn isa() -> Isa {
    match ISA.load(Ordering::Relaxed) {
        1 => Isa::Portable,
        2 => Isa::Avx2,
        3 => Isa::Avx512,
        _ => {
            let found = detect();
            ISA.store(found as u8 + 1, Ordering::Relaxed);
            found
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Isa {
    let has_avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl");
    let has_avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi2");
    match (has_avx512 && has_avx2, has_avx2) {
        (true, _) => Isa::Avx512,
        (_, true) => Isa::Avx2,
        _ => Isa::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Isa {
    Isa::Portable
}

/// Runs `kernel` with the best instruction set of this machine.
#[inline(always)]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_on(isa(), kernel)
}

/// Runs `kernel` with the given instruction set, or with the best one below it that the machine has.
///
/// For tests and benches that compare the versions; everything else calls [`dispatch`].
#[inline(always)]
pub fn dispatch_on<K: Kernel>(wanted: Isa, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if K::VECTORISE {
        match wanted.min(isa()) {
            // SAFETY: `isa()` has found every feature that the function enables.
            Isa::Avx512 => return unsafe { run_avx512(kernel) },
            // SAFETY: as above.
            Isa::Avx2 => return unsafe { run_avx2(kernel) },
            Isa::Portable => {}
        }
    }
    let _ = wanted;
    run_portable(kernel)
}

// Never inlined: such functions are compiled by the first crate that needs them and shared with all above, where others are
// compiled again in every crate. It shortened the compilation of the crates above by more than half.

#[inline(never)]
fn run_portable<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi2")]
#[inline(never)]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi2")]
#[inline(never)]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
