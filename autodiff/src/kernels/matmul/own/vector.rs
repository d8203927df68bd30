//! An AVX-512 register of `f32` or `f64`, and the few things that kernels do with one.

use num_traits::Float;
use std::arch::x86_64::*;

/// The registers of one element type.
///
/// Masked loads read zeros, and masked stores leave memory alone, where the mask's bit is 0; such lanes are not
/// accessed at all.
///
/// # Safety
/// Every method asks for AVX-512 F, and for live memory behind each lane whose bit is 1.
pub trait Vector: Float {
    /// A register.
    type Register: Copy;
    /// Elements in a register.
    const LANES: usize;
    /// All zeros.
    unsafe fn zeros() -> Self::Register;
    /// One number in every lane.
    unsafe fn splat(x: Self) -> Self::Register;
    /// All lanes from memory.
    unsafe fn load(from: *const Self) -> Self::Register;
    /// Some lanes from memory.
    unsafe fn load_masked(mask: u16, from: *const Self) -> Self::Register;
    /// All lanes to memory.
    unsafe fn store(to: *mut Self, x: Self::Register);
    /// Some lanes to memory.
    unsafe fn store_masked(to: *mut Self, mask: u16, x: Self::Register);
    /// `x·y`
    unsafe fn times(x: Self::Register, y: Self::Register) -> Self::Register;
    /// `x·y + z`, rounded once.
    unsafe fn fma(x: Self::Register, y: Self::Register, z: Self::Register) -> Self::Register;
    /// Sum of the lanes, in a fixed order.
    unsafe fn sum(x: Self::Register) -> Self;
    /// `to[i * to_stride + j] ← from[j * from_stride + i]` for `i < rows ≤ LANES`, `j < cols ≤ LANES`, and zeros for
    /// `cols ≤ j < LANES`.
    unsafe fn transpose(
        from: *const Self,
        from_stride: usize,
        rows: usize,
        cols: usize,
        to: *mut Self,
        to_stride: usize,
    );
    /// The mask of the first `len` lanes, all of them when `len ≥ LANES`.
    #[inline(always)]
    fn mask(len: usize) -> u16 {
        if len >= Self::LANES { u16::MAX } else { (1 << len) - 1 }
    }
}

macro_rules! vector {
    ($t:ty, $reg:ty, $mask:ty, $lanes:literal, $zero:ident, $splat:ident, $load:ident, $load_masked:ident,
     $store:ident, $store_masked:ident, $mul:ident, $fma:ident, $sum:ident, $transpose:ident) => {
        // SAFETY (every block below): the trait's contract is that of the intrinsic.
        impl Vector for $t {
            type Register = $reg;
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn zeros() -> $reg {
                // SAFETY: as above.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn splat(x: $t) -> $reg {
                // SAFETY: as above.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> $reg {
                // SAFETY: as above.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn load_masked(mask: u16, from: *const $t) -> $reg {
                // SAFETY: as above.
                unsafe { $load_masked(mask as $mask, from) }
            }
            #[inline(always)]
            unsafe fn store(to: *mut $t, x: $reg) {
                // SAFETY: as above.
                unsafe { $store(to, x) }
            }
            #[inline(always)]
            unsafe fn store_masked(to: *mut $t, mask: u16, x: $reg) {
                // SAFETY: as above.
                unsafe { $store_masked(to, mask as $mask, x) }
            }
            #[inline(always)]
            unsafe fn times(x: $reg, y: $reg) -> $reg {
                // SAFETY: as above.
                unsafe { $mul(x, y) }
            }
            #[inline(always)]
            unsafe fn fma(x: $reg, y: $reg, z: $reg) -> $reg {
                // SAFETY: as above.
                unsafe { $fma(x, y, z) }
            }
            #[inline(always)]
            unsafe fn sum(x: $reg) -> $t {
                // SAFETY: as above.
                unsafe { $sum(x) }
            }
            #[inline(always)]
            unsafe fn transpose(
                from: *const $t,
                from_stride: usize,
                rows: usize,
                cols: usize,
                to: *mut $t,
                to_stride: usize,
            ) {
                // SAFETY: column j < cols has `rows` elements, row i < rows has room for LANES.
                unsafe {
                    let mut block = [Self::zeros(); $lanes];
                    if rows == $lanes && cols == $lanes {
                        for (j, x) in block.iter_mut().enumerate() {
                            *x = Self::load(from.add(j * from_stride));
                        }
                        for (i, &x) in $transpose(block).iter().enumerate() {
                            Self::store(to.add(i * to_stride), x);
                        }
                        return;
                    }
                    let mask = Self::mask(rows);
                    for (j, x) in block.iter_mut().enumerate().take(cols) {
                        *x = Self::load_masked(mask, from.add(j * from_stride));
                    }
                    for (i, &x) in $transpose(block).iter().enumerate().take(rows) {
                        Self::store(to.add(i * to_stride), x);
                    }
                }
            }
        }
    };
}

vector!(
    f32,
    __m512,
    __mmask16,
    16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_storeu_ps,
    _mm512_mask_storeu_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_reduce_add_ps,
    transpose_16
);
vector!(
    f64,
    __m512d,
    __mmask8,
    8,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_maskz_loadu_pd,
    _mm512_storeu_pd,
    _mm512_mask_storeu_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_reduce_add_pd,
    transpose_8
);

/// Transposes 8 × 8: pairs within 128 bits, then quarters across registers.
///
/// # Safety
/// AVX-512 F.
#[inline(always)]
unsafe fn transpose_8(x: [__m512d; 8]) -> [__m512d; 8] {
    // SAFETY: AVX-512 F, by contract.
    unsafe {
        let mut y = x;
        for i in (0..8).step_by(2) {
            y[i] = _mm512_unpacklo_pd(x[i], x[i + 1]);
            y[i + 1] = _mm512_unpackhi_pd(x[i], x[i + 1]);
        }
        quarters(y, 2)
    }
}

/// Transposes 16 × 16: 4 × 4 within each 128 bits, then quarters across registers.
///
/// # Safety
/// AVX-512 F.
#[inline(always)]
unsafe fn transpose_16(x: [__m512; 16]) -> [__m512; 16] {
    // SAFETY: AVX-512 F, by contract.
    unsafe {
        let mut y = [_mm512_setzero_pd(); 16];
        for i in (0..16).step_by(4) {
            let lo01 = _mm512_castps_pd(_mm512_unpacklo_ps(x[i], x[i + 1]));
            let hi01 = _mm512_castps_pd(_mm512_unpackhi_ps(x[i], x[i + 1]));
            let lo23 = _mm512_castps_pd(_mm512_unpacklo_ps(x[i + 2], x[i + 3]));
            let hi23 = _mm512_castps_pd(_mm512_unpackhi_ps(x[i + 2], x[i + 3]));
            y[i] = _mm512_unpacklo_pd(lo01, lo23);
            y[i + 1] = _mm512_unpackhi_pd(lo01, lo23);
            y[i + 2] = _mm512_unpacklo_pd(hi01, hi23);
            y[i + 3] = _mm512_unpackhi_pd(hi01, hi23);
        }
        let y = quarters(y, 4);
        let mut z = x;
        for i in 0..16 {
            z[i] = _mm512_castpd_ps(y[i]);
        }
        z
    }
}

/// Transposes the 4 × 4 grid of 128-bit quarters of registers `i, i + step, i + 2·step, i + 3·step`, for each `i < step`;
/// the result's row `q·step + i` is quarter `q` of them.
///
/// # Safety
/// AVX-512 F.
#[inline(always)]
unsafe fn quarters<const N: usize>(x: [__m512d; N], step: usize) -> [__m512d; N] {
    let mut y = x;
    for i in 0..step {
        // SAFETY: AVX-512 F, by contract.
        unsafe {
            let [a, b, c, d] = [x[i], x[i + step], x[i + 2 * step], x[i + 3 * step]];
            let ab_even = _mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
            let ab_odd = _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b);
            let cd_even = _mm512_shuffle_f64x2::<0b10_00_10_00>(c, d);
            let cd_odd = _mm512_shuffle_f64x2::<0b11_01_11_01>(c, d);
            y[i] = _mm512_shuffle_f64x2::<0b10_00_10_00>(ab_even, cd_even);
            y[i + step] = _mm512_shuffle_f64x2::<0b10_00_10_00>(ab_odd, cd_odd);
            y[i + 2 * step] = _mm512_shuffle_f64x2::<0b11_01_11_01>(ab_even, cd_even);
            y[i + 3 * step] = _mm512_shuffle_f64x2::<0b11_01_11_01>(ab_odd, cd_odd);
        }
    }
    y
}
