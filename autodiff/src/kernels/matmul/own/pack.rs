//! A copy of a panel of `B`, in the order in which the kernel reads it.

use super::vector::Vector;
use crate::kernels::matmul::tile::Tile;

/// Copies `k` rows of `width` elements of `B`, from `from` on, as `k × cols` registers padded with zeros.
///
/// # Safety
/// AVX-512; the elements are live; `to` has room for `k × cols` registers.
#[inline(always)]
pub unsafe fn panel<T: Vector>(
    t: &Tile<T>,
    from: *const T,
    k: usize,
    width: usize,
    cols: usize,
    to: *mut T,
) {
    let to_stride = cols * T::LANES;
    for v in 0..cols {
        let j = v * T::LANES;
        let lanes = (width - j).min(T::LANES);
        let mask = T::mask(lanes);
        let from = from.wrapping_add(j * t.col_stride_b);
        let to = to.wrapping_add(j);
        if t.col_stride_b == 1 {
            for q in 0..k {
                // SAFETY: `lanes` elements of a row of B, and room for a register.
                unsafe {
                    let x = T::load_masked(mask, from.add(q * t.row_stride_b));
                    T::store(to.add(q * to_stride), x);
                }
            }
        } else if t.row_stride_b == 1 {
            for q in (0..k).step_by(T::LANES) {
                let rows = (k - q).min(T::LANES);
                // SAFETY: `lanes` columns of B with `rows` elements each, and room for `rows` registers.
                unsafe {
                    T::transpose(
                        from.add(q),
                        t.col_stride_b,
                        rows,
                        lanes,
                        to.add(q * to_stride),
                        to_stride,
                    );
                }
            }
        } else {
            for q in 0..k {
                for l in 0..T::LANES {
                    // SAFETY: row q and column j + l are in the tile where l < lanes, and `to` has room.
                    unsafe {
                        *to.add(q * to_stride + l) = if l < lanes {
                            *from.add(q * t.row_stride_b + l * t.col_stride_b)
                        } else {
                            T::zero()
                        };
                    }
                }
            }
        }
    }
}
