//! Passes over any fixed number of arrays that broadcast, and one output that may be read as well as written.
//!
//! Two arguments have four ways to advance along a run, and a loop for each (see
//! [`elementwise`](super::elementwise)); four have sixteen. So here an argument that does not lie in order, because it
//! was broadcast, is first gathered into a block on the stack, and there is one loop, over slices.

use super::simd::{Kernel, dispatch};
use super::threads::for_chunks_mut;
use crate::scalar::Real;
use crate::shape::Shape;
use smallvec::SmallVec;

/// Elements that one turn of the loop works on.
const BLOCK: usize = 256;

/// A function of N numbers, `y = f(x₀, …)`, with its partial derivatives.
///
/// Mark both methods `#[inline(always)]`, as for [`Unary`](super::elementwise::Unary).
pub trait Nary<T, const N: usize>: Copy + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;
    /// f(x).
    fn f(self, x: [T; N]) -> T;
    /// ∂f/∂xᵢ.
    fn d(self, i: usize, x: [T; N]) -> T;
}

/// What a pass does at each element of its output. Mark the method `#[inline(always)]`.
pub trait Step<T, const N: usize>: Copy + Sync {
    /// Replaces `out`, whose old value may take part.
    fn at(self, x: [T; N], out: &mut T);
}

/// How N arrays line up with an output that they broadcast to.
#[derive(Clone, Debug)]
pub struct Layout<const N: usize> {
    /// Collapsed axes but the last, outermost first: the size, and each argument's stride.
    outer: SmallVec<[(usize, [usize; N]); 4]>,
    /// Elements in a run.
    run: usize,
    /// Which arguments advance along a run; the others stand still.
    advance: [bool; N],
    /// Which arguments have the output's shape: their elements are where the output's are.
    whole: [bool; N],
}

impl<const N: usize> Layout<N> {
    /// The layout of arrays of the given shapes, which broadcast to `shape`.
    pub fn new(shape: &[usize], of: [&[usize]; N]) -> Self {
        let mut axes = SmallVec::<[(usize, [usize; N]); 4]>::new();
        let mut volumes = [1; N];
        for axis in (0..shape.len()).rev().filter(|&axis| shape[axis] != 1) {
            let mut strides = [0; N];
            for (i, of) in of.iter().enumerate() {
                let size = (axis + of.len()).checked_sub(shape.len()).map_or(1, |at| of[at]);
                if size != 1 {
                    strides[i] = volumes[i];
                }
                volumes[i] *= size;
            }
            match axes.last_mut() {
                Some((m, inner)) if (0..N).all(|i| strides[i] == inner[i] * *m) => {
                    *m *= shape[axis]
                }
                _ => axes.push((shape[axis], strides)),
            }
        }
        let (run, steps) = if axes.is_empty() { (1, [1; N]) } else { axes.remove(0) };
        axes.reverse();
        let whole = volumes.map(|volume| volume == crate::shape::volume(shape));
        Self { outer: axes, run, advance: steps.map(|step| step == 1), whole }
    }

    /// Every argument has the shape of the output.
    pub fn same(len: usize) -> Self {
        Self { outer: SmallVec::new(), run: len, advance: [true; N], whole: [true; N] }
    }

    /// Where argument i is at the start of a run.
    #[inline(always)]
    fn offset(&self, i: usize, run: usize) -> usize {
        let (mut rest, mut offset) = (run, 0);
        for (axis, (size, strides)) in self.outer.iter().enumerate().rev() {
            // What is left counts along the outermost axis: no division there.
            let index = if axis == 0 { rest } else { rest % size };
            offset += index * strides[i];
            rest = if axis == 0 { 0 } else { rest / size };
        }
        offset
    }

    /// Where argument i has `len` elements for the output's from `at` on, in order, if it has.
    #[inline(always)]
    fn place(&self, i: usize, at: usize, len: usize) -> Option<usize> {
        if self.whole[i] {
            return Some(at);
        }
        let column = at % self.run;
        let within = self.advance[i] && column + len <= self.run;
        within.then(|| self.offset(i, at / self.run) + column)
    }

    /// Copies argument i's elements for the output's from `at` on.
    #[inline(always)]
    fn gather<T: Copy>(&self, i: usize, x: &[T], at: usize, out: &mut [T]) {
        let (mut run, mut column, mut done) = (at / self.run, at % self.run, 0);
        while done < out.len() {
            let len = (self.run - column).min(out.len() - done);
            let start = self.offset(i, run);
            let part = &mut out[done..done + len];
            if self.advance[i] {
                part.copy_from_slice(&x[start + column..][..len]);
            } else {
                part.fill(x[start]);
            }
            (run, column, done) = (run + 1, 0, done + len);
        }
    }
}

/// The shape that several shapes broadcast to; `None` if they do not fit.
pub fn broadcast_all<const N: usize>(shapes: [&[usize]; N]) -> Option<Shape> {
    shapes.iter().try_fold(Shape::new(), |all, shape| crate::shape::broadcast(&all, shape))
}

/// Does a step at every element of `out`.
pub fn pass<T: Real, S: Step<T, N>, const N: usize>(
    step: S,
    layout: &Layout<N>,
    x: [&[T]; N],
    out: &mut [T],
) {
    for_chunks_mut(out, |first, out| dispatch(Pass { step, layout, x, first, out }));
}

struct Pass<'a, T, S, const N: usize> {
    step: S,
    layout: &'a Layout<N>,
    x: [&'a [T]; N],
    first: usize,
    out: &'a mut [T],
}

impl<T: Real, S: Step<T, N>, const N: usize> Kernel for Pass<'_, T, S, N> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { step, layout, x, first, out } = self;
        let mut copies = [[T::zero(); BLOCK]; N];
        let mut done = 0;
        while done < out.len() {
            let at = first + done;
            // A long run is cut into blocks, short ones are gathered into one.
            let rest = layout.run - at % layout.run;
            let most = if layout.run < BLOCK { BLOCK } else { rest.min(BLOCK) };
            let len = most.min(out.len() - done);
            let mut places = [None; N];
            for i in 0..N {
                places[i] = layout.place(i, at, len);
                if places[i].is_none() {
                    layout.gather(i, x[i], at, &mut copies[i][..len]);
                }
            }
            let nothing: &[T] = &[];
            let mut args = [nothing; N];
            for i in 0..N {
                args[i] = places[i].map_or(&copies[i][..len], |start| &x[i][start..start + len]);
            }
            for (j, out) in out[done..done + len].iter_mut().enumerate() {
                let mut x = [T::zero(); N];
                for i in 0..N {
                    x[i] = args[i][j];
                }
                step.at(x, out);
            }
            done += len;
        }
    }
}

/// `out ← f(x)`.
pub fn map<T: Real, F: Nary<T, N>, const N: usize>(
    f: F,
    layout: &Layout<N>,
    x: [&[T]; N],
    out: &mut [T],
) {
    #[derive(Clone, Copy)]
    struct Forward<F>(F);
    impl<T: Real, F: Nary<T, N>, const N: usize> Step<T, N> for Forward<F> {
        #[inline(always)]
        fn at(self, x: [T; N], out: &mut T) {
            *out = self.0.f(x);
        }
    }
    pass(Forward(f), layout, x, out);
}

/// `dy ← dy · ∂f/∂xᵢ`, in the output's shape.
///
/// # Panics
/// For an argument beyond the fourth.
pub fn map_backward<T: Real, F: Nary<T, N>, const N: usize>(
    f: F,
    i: usize,
    layout: &Layout<N>,
    x: [&[T]; N],
    dy: &mut [T],
) {
    /// The argument is a constant, so that the choice of derivative is no branch in the loop.
    #[derive(Clone, Copy)]
    struct Back<F, const I: usize>(F);
    impl<T: Real, F: Nary<T, N>, const N: usize, const I: usize> Step<T, N> for Back<F, I> {
        #[inline(always)]
        fn at(self, x: [T; N], dy: &mut T) {
            *dy *= self.0.d(I, x);
        }
    }
    match i {
        0 => pass(Back::<F, 0>(f), layout, x, dy),
        1 => pass(Back::<F, 1>(f), layout, x, dy),
        2 => pass(Back::<F, 2>(f), layout, x, dy),
        3 => pass(Back::<F, 3>(f), layout, x, dy),
        _ => panic!("{}: there is no argument {i} of {N}", F::NAME),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::threads::with_threads;
    use crate::shape::volume;

    #[derive(Clone, Copy)]
    struct Digits;
    impl Step<f64, 3> for Digits {
        fn at(self, x: [f64; 3], out: &mut f64) {
            *out += x[0] + 1e4 * x[1] + 1e8 * x[2];
        }
    }

    /// Where the element of the output lies in an argument, by division and remainder.
    fn index(mut at: usize, shape: &[usize], of: &[usize]) -> usize {
        let (mut index, mut volume) = (0, 1);
        for axis in (0..shape.len()).rev() {
            let here = at % shape[axis];
            at /= shape[axis];
            if let Some(aligned) = (axis + of.len()).checked_sub(shape.len()) {
                index += if of[aligned] == 1 { 0 } else { here * volume };
                volume *= of[aligned];
            }
        }
        index
    }

    #[test]
    fn every_element_meets_its_arguments() {
        let table: [[&[usize]; 3]; 9] = [
            [&[], &[], &[]],
            [&[5], &[], &[1]],
            [&[2, 3, 4], &[3, 1], &[4]],
            [&[2, 1, 4], &[2, 3, 1], &[1, 1, 1]],
            [&[1, 300], &[70, 1], &[70, 300]],
            [&[40, 700], &[700], &[40, 1]],
            [&[3, 1, 5], &[1, 4, 5], &[3, 4, 1]],
            [&[0, 3], &[1, 3], &[3]],
            [&[2, 1], &[0], &[2, 1]],
        ];
        for shapes in table {
            let shape = broadcast_all(shapes).unwrap();
            let x = shapes.map(|s| (0..volume(s)).map(|i| i as f64).collect::<Vec<_>>());
            let layout = Layout::new(&shape, shapes);
            for threads in [1, 2, 3] {
                let mut out = vec![0.5; volume(&shape)];
                with_threads(threads, || {
                    pass(Digits, &layout, x.each_ref().map(|x| &x[..]), &mut out)
                });
                for (at, &out) in out.iter().enumerate() {
                    let [a, b, c] = shapes.map(|of| index(at, &shape, of) as f64);
                    assert_eq!(out, 0.5 + a + 1e4 * b + 1e8 * c, "{shapes:?} at {at}");
                }
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_found() {
        assert_eq!(broadcast_all([&[2, 3][..], &[3], &[2, 1]]).unwrap()[..], [2, 3]);
        assert_eq!(broadcast_all([&[2, 3][..], &[3], &[3, 1]]), None);
    }
}
