//! Parts of rows moved between arrays whose rows have different lengths: what slices and joins do, forwards and backwards.

use crate::scalar::Real;

/// Where the parts of some rows are: the first element of the first, and from one to the next.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// The first element of the first part.
    pub start: usize,
    /// Elements from a part to the next.
    pub stride: usize,
}

/// `to[part] ← from[part]` for `rows` parts of `len` elements.
pub fn copy<T: Real>(
    rows: usize,
    len: usize,
    (from, at): (&[T], Parts),
    (to, put): (&mut [T], Parts),
) {
    each(
        rows,
        len,
        (from, at),
        (to, put),
        |to, from| to.copy_from_slice(from),
        |to, from| *to = from,
    );
}

/// `to[part] ← to[part] + from[part]` for `rows` parts of `len` elements.
pub fn add<T: Real>(
    rows: usize,
    len: usize,
    (from, at): (&[T], Parts),
    (to, put): (&mut [T], Parts),
) {
    let add = |to: &mut [T], from: &[T]| to.iter_mut().zip(from).for_each(|(to, &x)| *to += x);
    each(rows, len, (from, at), (to, put), add, |to, from| *to += from);
}

#[inline(always)]
fn each<T: Real>(
    rows: usize,
    len: usize,
    (from, at): (&[T], Parts),
    (to, put): (&mut [T], Parts),
    part: impl Fn(&mut [T], &[T]),
    element: impl Fn(&mut T, T),
) {
    if rows == 0 || len == 0 {
        return;
    }
    // A call to copy memory costs more than a number.
    if len == 1 {
        let to = to[put.start..].iter_mut().step_by(put.stride);
        let from = from[at.start..].iter().step_by(at.stride);
        return to.zip(from).take(rows).for_each(|(to, &x)| element(to, x));
    }
    for row in 0..rows {
        let to = &mut to[put.start + row * put.stride..][..len];
        part(to, &from[at.start + row * at.stride..][..len]);
    }
}
