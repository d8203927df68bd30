//! Loops over elements: one, two or three slices in, one out, with NumPy's broadcasting.
//!
//! An elementwise function is two or three scalar functions, f and its derivatives; everything else (vectors,
//! broadcasting, threads) is here, once.

use super::simd::{Kernel, dispatch};
use super::threads::for_chunks_mut;
use crate::scalar::Real;
use crate::shape::{same, volume};
use smallvec::SmallVec;

/// A function of one number, `y = f(x)`, with its derivative.
///
/// Mark both methods `#[inline(always)]`: then they are compiled into the vectorised loop.
///
/// ```
/// use evidence_autodiff::{Real, Tape, Unary};
///
/// #[derive(Clone, Copy)]
/// struct Cube;
///
/// impl<T: Real> Unary<T> for Cube {
///     const NAME: &'static str = "cube";
///     #[inline(always)]
///     fn f(self, x: T) -> T {
///         x * x * x
///     }
///     #[inline(always)]
///     fn df(self, x: T, _y: T) -> T {
///         T::from_f64(3.0) * x * x
///     }
/// }
///
/// let tape = Tape::<f64>::new();
/// let x = tape.variable(ndarray::arr1(&[1.0, 2.0]));
/// let gradients = x.apply(Cube).sum(..).backward();
/// assert_eq!(gradients.get(x).unwrap().as_slice().unwrap(), [3.0, 12.0]);
/// ```
pub trait Unary<T>: Copy + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;
    /// f(x).
    fn f(self, x: T) -> T;
    /// f′(x), where y = f(x) is known.
    fn df(self, x: T, y: T) -> T;
}

/// A function of two numbers, `y = f(a, b)`, with its partial derivatives. See [`Unary`].
pub trait Binary<T>: Copy + Send + Sync + 'static {
    /// The op's name.
    const NAME: &'static str;
    /// f(a, b).
    fn f(self, a: T, b: T) -> T;
    /// ∂f/∂a.
    fn da(self, a: T, b: T) -> T;
    /// ∂f/∂b.
    fn db(self, a: T, b: T) -> T;
}

/// `out ← f(x)`.
pub fn map<T: Real, F: Unary<T>>(f: F, x: &[T], out: &mut [T]) {
    struct Map<'a, T, F>(F, &'a [T], &'a mut [T]);
    impl<T: Real, F: Unary<T>> Kernel for Map<'_, T, F> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (y, &x) in self.2.iter_mut().zip(self.1) {
                *y = self.0.f(x);
            }
        }
    }
    for_chunks_mut(out, |first, out| dispatch(Map(f, &x[first..first + out.len()], out)));
}

/// `dy ← dy · f′(x)`, with y = f(x).
pub fn map_backward<T: Real, F: Unary<T>>(f: F, x: &[T], y: &[T], dy: &mut [T]) {
    struct Back<'a, T, F>(F, &'a [T], &'a [T], &'a mut [T]);
    impl<T: Real, F: Unary<T>> Kernel for Back<'_, T, F> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for ((dy, &x), &y) in self.3.iter_mut().zip(self.1).zip(self.2) {
                *dy *= self.0.df(x, y);
            }
        }
    }
    for_chunks_mut(dy, |first, dy| {
        let end = first + dy.len();
        dispatch(Back(f, &x[first..end], &y[first..end], dy));
    });
}

/// `sum ← sum + x`.
pub fn add_assign<T: Real>(sum: &mut [T], x: &[T]) {
    struct Add<'a, T>(&'a mut [T], &'a [T]);
    impl<T: Real> Kernel for Add<'_, T> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (sum, &x) in self.0.iter_mut().zip(self.1) {
                *sum += x;
            }
        }
    }
    for_chunks_mut(sum, |first, sum| {
        let end = first + sum.len();
        dispatch(Add(sum, &x[first..end]));
    });
}

/// `x ← factor · x`.
pub fn scale<T: Real>(x: &mut [T], factor: T) {
    struct Scale<'a, T>(&'a mut [T], T);
    impl<T: Real> Kernel for Scale<'_, T> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for x in self.0 {
                *x *= self.1;
            }
        }
    }
    for_chunks_mut(x, |_, x| dispatch(Scale(x, factor)));
}

/// How two arrays line up under broadcasting: runs along the output in which each argument either advances with the
/// output or stands still.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// Collapsed axes but the last, outermost first: (size, stride of a, stride of b).
    outer: SmallVec<[(usize, usize, usize); 4]>,
    /// Elements in a run.
    run: usize,
    /// Whether a, and b, advance along a run.
    advance: (bool, bool),
}

impl Alignment {
    /// The alignment of shapes that broadcast to `shape`.
    pub fn new(shape: &[usize], a: &[usize], b: &[usize]) -> Self {
        if same(shape, a) && same(shape, b) {
            return Self::same(volume(shape));
        }
        let mut axes = SmallVec::<[(usize, usize, usize); 4]>::new();
        let (mut a_volume, mut b_volume) = (1, 1);
        let size = |of: &[usize], axis: usize| {
            (axis + of.len()).checked_sub(shape.len()).map_or(1, |i| of[i])
        };
        for axis in (0..shape.len()).rev() {
            let (n, n_a, n_b) = (shape[axis], size(a, axis), size(b, axis));
            if n == 1 {
                continue;
            }
            let a_stride = if n_a == 1 { 0 } else { a_volume };
            let b_stride = if n_b == 1 { 0 } else { b_volume };
            a_volume *= n_a;
            b_volume *= n_b;
            match axes.last_mut() {
                Some((m, s, t)) if a_stride == *s * *m && b_stride == *t * *m => *m *= n,
                _ => axes.push((n, a_stride, b_stride)),
            }
        }
        let (run, a_step, b_step) = if axes.is_empty() { (1, 1, 1) } else { axes.remove(0) };
        axes.reverse();
        Self { outer: axes, run, advance: (a_step == 1, b_step == 1) }
    }

    /// The alignment of arrays of one shape: a single run.
    pub fn same(len: usize) -> Self {
        Self { outer: SmallVec::new(), run: len, advance: (true, true) }
    }

    /// Offsets of a and b at the start of a run.
    #[inline(always)]
    fn offsets(&self, mut run: usize) -> (usize, usize) {
        let (mut a, mut b) = (0, 0);
        for &(size, a_stride, b_stride) in self.outer.iter().rev() {
            let index = run % size;
            run /= size;
            a += index * a_stride;
            b += index * b_stride;
        }
        (a, b)
    }
}

/// What a pass over aligned arrays does at each element of the output.
trait Pass<T>: Copy + Sync {
    fn at(self, a: T, b: T, out: &mut T);
}

struct Aligned<'a, T, P> {
    pass: P,
    alignment: &'a Alignment,
    a: &'a [T],
    b: &'a [T],
    first: usize,
    out: &'a mut [T],
}

impl<T: Real, P: Pass<T>> Kernel for Aligned<'_, T, P> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { pass, alignment, a, b, first, out } = self;
        let mut done = 0;
        while done < out.len() {
            let at = first + done;
            // Most often there is one run, and a division costs as much as a few elements.
            let (run, column) =
                if at < alignment.run { (0, at) } else { (at / alignment.run, at % alignment.run) };
            let len = (alignment.run - column).min(out.len() - done);
            let (a_first, b_first) = alignment.offsets(run);
            let out = &mut out[done..done + len];
            match alignment.advance {
                (true, true) => {
                    let (a, b) = (&a[a_first + column..][..len], &b[b_first + column..][..len]);
                    for i in 0..len {
                        pass.at(a[i], b[i], &mut out[i]);
                    }
                }
                (true, false) => {
                    let (a, b) = (&a[a_first + column..][..len], b[b_first]);
                    for i in 0..len {
                        pass.at(a[i], b, &mut out[i]);
                    }
                }
                (false, true) => {
                    let (a, b) = (a[a_first], &b[b_first + column..][..len]);
                    for i in 0..len {
                        pass.at(a, b[i], &mut out[i]);
                    }
                }
                (false, false) => {
                    let (a, b) = (a[a_first], b[b_first]);
                    out.iter_mut().for_each(|out| pass.at(a, b, out));
                }
            }
            done += len;
        }
    }
}

/// `out ← f(a, b)`.
pub fn zip<T: Real, F: Binary<T>>(f: F, alignment: &Alignment, a: &[T], b: &[T], out: &mut [T]) {
    #[derive(Clone, Copy)]
    struct Forward<F>(F);
    impl<T: Real, F: Binary<T>> Pass<T> for Forward<F> {
        #[inline(always)]
        fn at(self, a: T, b: T, out: &mut T) {
            *out = self.0.f(a, b);
        }
    }
    let pass = Forward(f);
    for_chunks_mut(out, |first, out| {
        dispatch(Aligned { pass, alignment, a, b, first, out });
    });
}

/// `out ← x` where the mask is 0 (`where_zero`), or else where it is not; elsewhere `out` stays.
///
/// The alignment is that of the mask and x.
pub fn put<T: Real>(where_zero: bool, alignment: &Alignment, mask: &[T], x: &[T], out: &mut [T]) {
    #[derive(Clone, Copy)]
    struct Put(bool);
    impl<T: Real> Pass<T> for Put {
        #[inline(always)]
        fn at(self, mask: T, x: T, out: &mut T) {
            // Read unconditionally: else it compiles to conditional stores, one by one (1.6 ns an element, not 0.25).
            let old = *out;
            let is_zero = mask == T::zero();
            *out = if is_zero == self.0 { x } else { old };
        }
    }
    for_chunks_mut(out, |first, out| {
        dispatch(Aligned { pass: Put(where_zero), alignment, a: mask, b: x, first, out });
    });
}

/// Which argument a backward pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

/// `dy ← dy · ∂f/∂a` or `dy · ∂f/∂b`, in the output's shape.
pub fn zip_backward<T: Real, F: Binary<T>>(
    f: F,
    side: Side,
    alignment: &Alignment,
    (a, b): (&[T], &[T]),
    dy: &mut [T],
) {
    #[derive(Clone, Copy)]
    struct BackA<F>(F);
    impl<T: Real, F: Binary<T>> Pass<T> for BackA<F> {
        #[inline(always)]
        fn at(self, a: T, b: T, dy: &mut T) {
            *dy *= self.0.da(a, b);
        }
    }
    #[derive(Clone, Copy)]
    struct BackB<F>(F);
    impl<T: Real, F: Binary<T>> Pass<T> for BackB<F> {
        #[inline(always)]
        fn at(self, a: T, b: T, dy: &mut T) {
            *dy *= self.0.db(a, b);
        }
    }
    for_chunks_mut(dy, |first, out| match side {
        Side::A => dispatch(Aligned { pass: BackA(f), alignment, a, b, first, out }),
        Side::B => dispatch(Aligned { pass: BackB(f), alignment, a, b, first, out }),
    });
}

/// `out ← β · out + dy · ∂f/∂b` of arrays of one shape, where β is 0 or 1; with 0, what `out` holds is not read.
pub fn zip_accumulate<T: Real, F: Binary<T>>(
    f: F,
    (a, b): (&[T], &[T]),
    dy: &[T],
    beta: T,
    out: &mut [T],
) {
    struct Accumulate<'a, T, F>(F, [&'a [T]; 3], bool, &'a mut [T]);
    impl<T: Real, F: Binary<T>> Kernel for Accumulate<'_, T, F> {
        const VECTORISE: bool = T::VECTORISE;
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Self(f, x, fresh, out) = self;
            let [a, b, dy] = x.map(|x| &x[..out.len()]);
            if fresh {
                for i in 0..out.len() {
                    out[i] = dy[i] * f.db(a[i], b[i]);
                }
            } else {
                for i in 0..out.len() {
                    out[i] += dy[i] * f.db(a[i], b[i]);
                }
            }
        }
    }
    let fresh = beta == T::zero();
    for_chunks_mut(out, |first, out| {
        let x = [a, b, dy].map(|x| &x[first..first + out.len()]);
        dispatch(Accumulate(f, x, fresh, out));
    });
}
