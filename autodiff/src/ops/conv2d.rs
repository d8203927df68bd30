//! `y[n, f, i, j] = Σ w[f, c, a, b] x[n, c, s i + a − p, s j + b − p]` over channels c and the kernel's (a, b), with zeros around x:
//! the convolution of images (strictly, a cross-correlation).
//!
//! dx is the transposed convolution of dy, dw the product of dy with the columns of x: see [`convolution`](super::convolution),
//! where the code is.

use super::convolution::{Convolution, Window};
use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Conv2d(Convolution);

impl<T: Real> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let (x, w, dy) = (saved.input(0), saved.input(1), dy.data());
        let mut room = dx.tensor(&[self.0.room()]);
        let room = room.data_mut();
        dx.accumulate(0, |out, beta| self.0.spread(dy, w, beta, out, room));
        if dx.needs(1) {
            let mut sums = dx.tensor(&[self.0.sums()]);
            dx.accumulate(1, |out, beta| self.0.weigh(x, dy, beta, out, room, sums.data_mut()));
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// The convolution of images `[n, c, h, w]` with a kernel w `[out, c, kh, kw]`: `[n, out, i, j]`, where
    /// i = ⌊(h + 2p − kh) / s⌋ + 1 for stride s and padding p, and j likewise. The layout is PyTorch's.
    ///
    /// # Panics
    /// If the shapes do not fit, the kernel has no place in the padded image, or the stride is 0.
    #[must_use]
    #[track_caller]
    pub fn conv2d(self, w: Self, window: Window) -> Self {
        let (&[images, channels, h, width], &[filters, of, kh, kw]) = (self.shape(), w.shape()) else {
            panic!("conv2d: shapes x {self} and w {w} do not fit; they must be [n, c, h, w] and [out, c, kh, kw]")
        };
        assert!(
            channels == of,
            "conv2d: shapes x {self} and w {w} do not fit: {channels} channels, and a kernel for {of}; \
             they must be [n, c, h, w] and [out, c, kh, kw]"
        );
        let places = window.places(h, kh).zip(window.places(width, kw));
        let Some((i, j)) = places.filter(|_| h > 0 && width > 0) else {
            panic!("conv2d: the kernel w {w} has no place in x {self} with {window:?}")
        };
        let (image, map, kernel) = ([h, width], [i, j], [kh, kw]);
        let shape = Convolution { images, channels, image, filters, map, kernel, window };
        let tape = self.tape();
        let (mut y, mut room) = (tape.tensor(&[images, filters, i, j]), tape.tensor(&[shape.room()]));
        shape.convolve(self.data(), w.data(), T::zero(), y.data_mut(), room.data_mut());
        tape.record(Conv2d(shape), &[self, w], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    const STEP: Window = Window { stride: 2, padding: 1 };
    let inputs = |x: &[usize], w: &[usize]| [Input::any(x), Input::any(w)];
    vec![
        Check::gradient(
            "conv2d",
            inputs(&[2, 3, 4, 5], &[2, 3, 3, 2]),
            crate::function!(|x, w| x.conv2d(w, Window::default())),
        ),
        Check::gradient(
            "conv2d, stride and padding",
            inputs(&[3, 2, 5, 4], &[3, 2, 3, 3]),
            crate::function!(|x, w| x.conv2d(w, STEP)),
        ),
        Check::gradient(
            "conv2d, everything used twice",
            inputs(&[2, 2, 3, 3], &[2, 2, 3, 3]),
            crate::function!(|x, w| {
                let same = Window { stride: 1, padding: 1 };
                x.conv2d(w, same).conv2d(w, same) * x
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::check::Function;
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::scalar::Real;
    use crate::tape::{Tape, Var};

    struct Fused(Window);
    impl Function for Fused {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            x[0].conv2d(x[1], self.0)
        }
    }

    /// The columns gathered one by one from the image, with a column of zeros behind it for what is outside; one product.
    struct Composed(Window);
    impl Function for Composed {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let ([x, w], Window { stride, padding }) = ([x[0], x[1]], self.0);
            let (&[n, c, h, width], &[f, _, kh, kw]) = (x.shape(), w.shape()) else { unreachable!() };
            let [i, j] = [(h, kh), (width, kw)].map(|(size, k)| (size + 2 * padding - k) / stride + 1);
            let (outside, mut indices) = (c * h * width, Vec::new());
            for tap in 0..c * kh * kw {
                let (c, a, b) = (tap / (kh * kw), tap / kw % kh, tap % kw);
                for place in 0..i * j {
                    let row = (place / j * stride + a).checked_sub(padding).filter(|&row| row < h);
                    let column = (place % j * stride + b).checked_sub(padding).filter(|&x| x < width);
                    let inside = row.zip(column).map(|(row, column)| (c * h + row) * width + column);
                    indices.push(inside.unwrap_or(outside));
                }
            }
            let zeros = x.tape().filled(&[n, 1], 0.0);
            let padded = Var::concat(&[x.reshape(&[n, outside]), zeros], 1);
            let columns = padded.gather_columns(indices).reshape(&[n, c * kh * kw, i * j]);
            let columns = columns.permute(&[1, 0, 2]).reshape(&[c * kh * kw, n * i * j]);
            let y = w.reshape(&[f, c * kh * kw]).matmul(columns).reshape(&[f, n, i * j]);
            y.permute(&[1, 0, 2]).reshape(&[n, f, i, j])
        }
    }

    #[test]
    fn is_a_product_with_gathered_columns() {
        let at = |stride, padding| Window { stride, padding };
        for (x, w, window) in [
            ([2, 3, 5, 4], [4, 3, 3, 2], at(1, 0)),
            ([3, 2, 6, 7], [2, 2, 3, 3], at(2, 1)),
            ([1, 1, 1, 1], [1, 1, 1, 1], at(1, 0)),
            ([2, 3, 4, 4], [5, 3, 1, 1], at(1, 0)),
            ([2, 1, 3, 3], [1, 1, 2, 2], at(3, 2)),
            ([2, 1, 2, 3], [1, 1, 2, 2], at(1, 4)),
            // Blocks of several images, on several lanes, the last ones not full.
            ([131, 2, 5, 6], [3, 2, 3, 3], at(1, 1)),
            // A block for each image.
            ([9, 1, 20, 18], [2, 1, 3, 3], at(1, 1)),
            ([0, 2, 4, 4], [3, 2, 3, 3], at(1, 0)),
            ([2, 2, 4, 4], [0, 2, 3, 3], at(1, 0)),
            ([2, 0, 4, 4], [3, 0, 3, 3], at(1, 0)),
        ] {
            agree(&Fused(window), &Composed(window), &[numbers(&x), numbers(&w)]);
        }
    }

    #[test]
    fn has_the_same_bits_on_any_number_of_threads() {
        for (x, w) in [([67, 4, 9, 9], [40, 4, 3, 3]), ([5, 8, 24, 24], [16, 8, 3, 3])] {
            let run = |threads| {
                with_threads(threads, || {
                    let tape = Tape::<f32>::new();
                    let of = |shape: &[usize]| tape.variable(numbers(shape).mapv(|x| x as f32));
                    let inputs = [of(&x), of(&w)];
                    let y = inputs[0].conv2d(inputs[1], Window { stride: 1, padding: 1 });
                    let mut gradients = (y * y).sum(..).backward();
                    (y.value().to_owned(), inputs.map(|input| gradients.take(input).to_array()))
                })
            };
            let alone = run(1);
            assert!([2, 3].into_iter().all(|threads| run(threads) == alone));
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        let w = of(&[4, 2, 3, 3]).named("w");
        let conv = |x: &[usize], stride, padding| of(x).conv2d(w, Window { stride, padding });
        panics("conv2d: shapes x [2, 5, 5] and w [4, 2, 3, 3] \"w\" do not fit", || conv(&[2, 5, 5], 1, 0));
        panics("3 channels, and a kernel for 2", || conv(&[1, 3, 5, 5], 1, 0));
        panics("has no place in x [1, 2, 2, 5]", || conv(&[1, 2, 2, 5], 1, 0));
        panics("has no place in x [1, 2, 5, 5]", || conv(&[1, 2, 5, 5], 0, 0));
        panics("has no place in x [1, 2, 0, 5]", || conv(&[1, 2, 0, 5], 1, 2));
        panics("has no place", || of(&[1, 1, 3, 3]).conv2d(of(&[1, 1, 0, 3]), Window::default()));
    }
}
