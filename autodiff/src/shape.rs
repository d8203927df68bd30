//! Shapes: sizes of axes, outermost first. Values on a tape are always contiguous, the last axis fastest.

use smallvec::SmallVec;

/// Sizes of axes, outermost first; a scalar has none. Up to four live inline.
pub type Shape = SmallVec<[usize; 4]>;

/// A copy of a shape, by a loop of known length: for a few numbers a call to copy memory costs more than the copy.
#[inline(always)]
pub(crate) fn copy(shape: &[usize]) -> Shape {
    if shape.len() > 4 {
        return Shape::from_slice(shape);
    }
    let mut sizes = [0; 4];
    for axis in 0..4 {
        if axis < shape.len() {
            sizes[axis] = shape[axis];
        }
    }
    Shape::from_buf_and_len(sizes, shape.len())
}

/// Whether two shapes are the same.
#[inline(always)]
pub(crate) fn same(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b)
}

/// The number of elements of a shape; 1 for a scalar.
#[inline]
pub fn volume(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The axis that a possibly negative number names: −1 is the last one.
///
/// # Panics
/// If there is no such axis; the message has the axis and the shape.
#[inline]
#[track_caller]
pub fn resolve_axis(op: &str, axis: isize, shape: &[usize]) -> usize {
    let rank = shape.len() as isize;
    assert!(-rank <= axis && axis < rank, "{op}: there is no axis {axis} in shape {shape:?}");
    axis.rem_euclid(rank.max(1)) as usize
}

/// The shape that two shapes broadcast to, by NumPy's rule: aligned at the last axis, sizes equal or one of them 1.
///
/// `None` if they do not fit.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Shape> {
    if same(a, b) {
        return Some(copy(a));
    }
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| {
        (axis + shape.len()).checked_sub(rank).map_or(1, |aligned| shape[aligned])
    };
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// A shape seen along one axis, as `[outer, len, inner]`: element (o, l, i) is at `(o · len + l) · inner + i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// Product of the axes before.
    pub outer: usize,
    /// Size of the axis.
    pub len: usize,
    /// Product of the axes behind.
    pub inner: usize,
}

impl Lanes {
    /// The lanes of `shape` along `axis`.
    pub fn along(shape: &[usize], axis: usize) -> Self {
        Self { outer: volume(&shape[..axis]), len: shape[axis], inner: volume(&shape[axis + 1..]) }
    }

    /// The whole array as one lane.
    pub fn whole(shape: &[usize]) -> Self {
        Self { outer: 1, len: volume(shape), inner: 1 }
    }

    /// The number of lanes.
    pub fn count(self) -> usize {
        self.outer * self.inner
    }
}

/// Which elements a reduction (sum, mean, max, logsumexp, variance) combines, and the shape it leaves.
///
/// Written `..` for all of them, an axis (negative counts from the end) for one axis, and [`Keep`] around either to
/// keep reduced axes with size 1: `x.sum(..)`, `x.sum(-1)`, `x.sum(Keep(0))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduce {
    axis: Option<isize>,
    keep: bool,
}

/// Keeps the reduced axes with size 1, so that the result broadcasts against the argument.
#[derive(Clone, Copy, Debug)]
pub struct Keep<R>(pub R);

impl From<std::ops::RangeFull> for Reduce {
    fn from(_: std::ops::RangeFull) -> Self {
        Self { axis: None, keep: false }
    }
}

impl From<isize> for Reduce {
    fn from(axis: isize) -> Self {
        Self { axis: Some(axis), keep: false }
    }
}

impl<R: Into<Reduce>> From<Keep<R>> for Reduce {
    fn from(keep: Keep<R>) -> Self {
        Self { keep: true, ..keep.0.into() }
    }
}

impl Reduce {
    /// The lanes that are combined, and the shape that is left.
    ///
    /// # Panics
    /// If the shape has no such axis.
    #[track_caller]
    pub fn resolve(self, op: &str, shape: &[usize]) -> (Lanes, Shape) {
        match self.axis {
            None if self.keep => (Lanes::whole(shape), shape.iter().map(|_| 1).collect()),
            None => (Lanes::whole(shape), Shape::new()),
            Some(axis) => {
                let axis = resolve_axis(op, axis, shape);
                let mut left = Shape::from_slice(shape);
                if self.keep {
                    left[axis] = 1;
                } else {
                    left.remove(axis);
                }
                (Lanes::along(shape, axis), left)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_follows_numpy() {
        type Row = (&'static [usize], &'static [usize], Option<&'static [usize]>);
        let table: &[Row] = &[
            (&[], &[], Some(&[])),
            (&[3], &[], Some(&[3])),
            (&[2, 3], &[3], Some(&[2, 3])),
            (&[2, 1], &[3], Some(&[2, 3])),
            (&[4, 1, 3], &[2, 1], Some(&[4, 2, 3])),
            (&[0, 3], &[1, 3], Some(&[0, 3])),
            (&[0], &[1], Some(&[0])),
            (&[2], &[3], None),
            (&[2, 3], &[2], None),
        ];
        for (a, b, expected) in table {
            assert_eq!(broadcast(a, b).as_deref(), *expected, "{a:?} {b:?}");
            assert_eq!(broadcast(b, a).as_deref(), *expected, "{b:?} {a:?}");
        }
    }

    #[test]
    fn reductions_resolve_axes_from_both_ends() {
        let shape = [2, 3, 4];
        let left = |reduce: Reduce| reduce.resolve("sum", &shape).1.to_vec();
        assert_eq!(left((..).into()), vec![0usize; 0]);
        assert_eq!(left(Keep(..).into()), vec![1, 1, 1]);
        for axis in 0..3_isize {
            assert_eq!(left(axis.into()), left((axis - 3).into()));
            assert_eq!(left(Keep(axis).into())[axis as usize], 1);
        }
        assert_eq!(Lanes::along(&shape, 1), Lanes { outer: 2, len: 3, inner: 4 });
    }
}
