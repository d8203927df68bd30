//! `y[n, f, s i + a − p, s j + b − p] += w[c, f, a, b] x[n, c, i, j]` for every (c, i, j, a, b) whose place is in y: the adjoint of
//! [`conv2d`](super::conv2d), `⟨conv2d(y, w), x⟩ = ⟨y, conv_transpose2d(x, w)⟩` with the same w.
//!
//! So dx is the convolution of dy, and dw the product of x with the columns of dy: see [`convolution`](super::convolution), where
//! the code is.

use super::convolution::{Convolution, Window};
use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct ConvTranspose2d(Convolution);

impl<T: Real> Op<T> for ConvTranspose2d {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let (x, w, dy) = (saved.input(0), saved.input(1), dy.data());
        let mut room = dx.tensor(&[self.0.room()]);
        let room = room.data_mut();
        dx.accumulate(0, |out, beta| self.0.convolve(dy, w, beta, out, room));
        if dx.needs(1) {
            let mut sums = dx.tensor(&[self.0.sums()]);
            dx.accumulate(1, |out, beta| self.0.weigh(dy, x, beta, out, room, sums.data_mut()));
        }
    }
}

impl<T: Real> Var<'_, T> {
    /// The transposed convolution of maps `[n, c, h, w]` with a kernel w `[c, out, kh, kw]`: `[n, out, i, j]`, where
    /// i = (h − 1) s + kh + extra − 2p for stride s and padding p, and j likewise. The layout is PyTorch's.
    ///
    /// A convolution maps images of s sizes to maps of one size: `extra`, from 0 to s − 1, says which of them comes back (PyTorch
    /// calls it output padding). Places that no kernel reaches are 0.
    ///
    /// # Panics
    /// If the shapes do not fit, nothing would be left of the image, the kernel is empty or `extra` is not below the stride.
    #[must_use]
    #[track_caller]
    pub fn conv_transpose2d(self, w: Self, window: Window, extra: usize) -> Self {
        let (&[images, filters, h, width], &[of, channels, kh, kw]) = (self.shape(), w.shape()) else {
            panic!(
                "conv_transpose2d: shapes x {self} and w {w} do not fit; they must be [n, c, h, w] and [c, out, kh, kw]"
            )
        };
        assert!(
            filters == of,
            "conv_transpose2d: shapes x {self} and w {w} do not fit: {filters} channels, and a kernel for {of}; \
             they must be [n, c, h, w] and [c, out, kh, kw]"
        );
        let pixels = window.pixels(h, kh, extra).zip(window.pixels(width, kw, extra));
        let Some((i, j)) = pixels else {
            panic!("conv_transpose2d: no image gives x {self} with the kernel w {w}, {window:?} and {extra} extra")
        };
        let (image, map, kernel) = ([i, j], [h, width], [kh, kw]);
        let shape = Convolution { images, channels, image, filters, map, kernel, window };
        let tape = self.tape();
        let (mut y, mut room) = (tape.tensor(&[images, channels, i, j]), tape.tensor(&[shape.room()]));
        shape.spread(self.data(), w.data(), T::zero(), y.data_mut(), room.data_mut());
        tape.record(ConvTranspose2d(shape), &[self, w], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    const STEP: Window = Window { stride: 2, padding: 1 };
    let inputs = |x: &[usize], w: &[usize]| [Input::any(x), Input::any(w)];
    vec![
        Check::gradient(
            "conv_transpose2d",
            inputs(&[2, 3, 2, 3], &[3, 2, 3, 2]),
            crate::function!(|x, w| x.conv_transpose2d(w, Window::default(), 0)),
        ),
        Check::gradient(
            "conv_transpose2d, stride and padding",
            inputs(&[3, 2, 3, 2], &[2, 3, 3, 3]),
            crate::function!(|x, w| x.conv_transpose2d(w, STEP, 1)),
        ),
        Check::gradient(
            "conv_transpose2d, everything used twice",
            inputs(&[2, 2, 3, 3], &[2, 2, 3, 3]),
            crate::function!(|x, w| {
                let same = Window { stride: 1, padding: 1 };
                x.conv_transpose2d(w, same, 0).conv_transpose2d(w, same, 0) * x
            }),
        ),
        Check::gradient(
            "conv_transpose2d of conv2d",
            inputs(&[2, 2, 4, 5], &[3, 2, 3, 3]),
            crate::function!(|x, w| x.conv2d(w, STEP).conv_transpose2d(w, STEP, 0).square().sum(-1)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::check::{Function, hessian};
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::scalar::Real;
    use crate::tape::{Tape, Var};
    use ndarray::ArrayD;

    struct Fused(Window, usize);
    impl Function for Fused {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            x[0].conv_transpose2d(x[1], self.0, self.1)
        }
    }

    /// Each pixel times each kernel, and a matrix of zeros and ones that adds them up where they belong.
    struct Composed(Window, usize);
    impl Function for Composed {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let ([x, w], Window { stride, padding }) = ([x[0], x[1]], self.0);
            let (&[n, c, h, width], &[_, f, kh, kw]) = (x.shape(), w.shape()) else { unreachable!() };
            let [i, j] = [(h, kh), (width, kw)]
                .map(|(size, k)| (size - 1) * stride + k + self.1 - 2 * padding);
            let mut places = ArrayD::zeros(vec![h * width * kh * kw, i * j]);
            for from in 0..h * width * kh * kw {
                let (b, a) = (from % kw, from / kw % kh);
                let (y, x) = (from / (kw * kh * width), from / (kw * kh) % width);
                let to = |at: usize, k: usize| (at * stride + k).checked_sub(padding);
                if let Some((row, column)) = to(y, a).zip(to(x, b)).filter(|&(y, x)| y < i && x < j) {
                    places[[from, row * j + column]] = T::one();
                }
            }
            let pixels = x.permute(&[0, 2, 3, 1]).reshape(&[n * h * width, c]);
            let each = pixels.matmul(w.reshape(&[c, f * kh * kw]));
            let each = each.reshape(&[n, h * width, f, kh * kw]).permute(&[0, 2, 1, 3]);
            let each = each.reshape(&[n * f, h * width * kh * kw]);
            each.matmul(x.tape().constant(places)).reshape(&[n, f, i, j])
        }
    }

    #[test]
    fn is_each_pixel_times_the_kernel_added_up() {
        let at = |stride, padding| Window { stride, padding };
        for (x, w, window, extra) in [
            ([2, 3, 5, 4], [3, 2, 3, 2], at(1, 0), 0),
            ([3, 2, 3, 4], [2, 2, 3, 3], at(2, 1), 1),
            ([2, 3, 4, 4], [3, 5, 1, 1], at(1, 0), 0),
            ([2, 1, 3, 3], [1, 1, 2, 2], at(3, 2), 2),
            ([67, 2, 5, 6], [2, 3, 3, 3], at(1, 1), 0),
            ([9, 1, 20, 18], [1, 2, 4, 4], at(2, 1), 0),
            ([0, 2, 4, 4], [2, 3, 3, 3], at(1, 0), 0),
            ([2, 0, 4, 4], [0, 3, 3, 3], at(1, 0), 0),
            ([2, 2, 4, 4], [2, 0, 3, 3], at(1, 0), 0),
        ] {
            agree(&Fused(window, extra), &Composed(window, extra), &[numbers(&x), numbers(&w)]);
        }
    }

    #[test]
    fn is_the_adjoint_of_conv2d() {
        for (stride, padding) in [(1, 0), (2, 1), (3, 1), (2, 3)] {
            let window = Window { stride, padding };
            for h in 6..9 {
                // Each size that gives one map is told apart by its extra, which must be the same down and across.
                let (w, extra) = (h + stride, (h + 2 * padding - 3) % stride);
                let tape = Tape::<f64>::new();
                let (image, kernel) = (tape.constant(numbers(&[5, 2, h, w])), tape.constant(numbers(&[4, 2, 3, 3])));
                let there = image.conv2d(kernel, window);
                let map = tape.constant(numbers(there.shape()));
                let back = map.conv_transpose2d(kernel, window, extra);
                let (left, right) = ((there * map).sum(..).item(), (image * back).sum(..).item());
                assert!((left - right).abs() <= 1e-10, "{window:?}, {h} × {w}: {left} and {right}");
            }
        }
    }

    /// ‖conv2d(x, w)‖² / 2 is quadratic in x: its Hessian is the product of the two, column by column.
    #[test]
    fn second_derivatives_go_through() {
        const STEP: Window = Window { stride: 2, padding: 1 };
        let energy = crate::function!(|x, w| x.conv2d(w, STEP).square().sum(..) * 0.5);
        let (x, w) = (numbers(&[1, 2, 3, 3]), numbers(&[3, 2, 3, 3]));
        let second = hessian(&energy, &[x, w.clone()], 0);
        let tape = Tape::<f64>::new();
        for (column, found) in second.columns().into_iter().enumerate() {
            let mut unit = ArrayD::zeros(vec![1, 2, 3, 3]);
            unit.as_slice_mut().unwrap()[column] = 1.0;
            let kernel = tape.constant(&w);
            let expected = tape.constant(unit).conv2d(kernel, STEP).conv_transpose2d(kernel, STEP, 0);
            assert_eq!(expected.data().len(), found.len());
            assert!(found.iter().zip(expected.data()).all(|(a, b)| (a - b).abs() <= 1e-12 * (1.0 + b.abs())));
        }
    }

    #[test]
    fn has_the_same_bits_on_any_number_of_threads() {
        let run = |threads| {
            with_threads(threads, || {
                let tape = Tape::<f32>::new();
                let of = |shape: &[usize]| tape.variable(numbers(shape).mapv(|x| x as f32));
                let inputs = [of(&[67, 40, 5, 5]), of(&[40, 8, 3, 3])];
                let y = inputs[0].conv_transpose2d(inputs[1], Window { stride: 2, padding: 1 }, 1);
                let mut gradients = (y * y).sum(..).backward();
                (y.value().to_owned(), inputs.map(|input| gradients.take(input).to_array()))
            })
        };
        let alone = run(1);
        assert!([2, 3].into_iter().all(|threads| run(threads) == alone));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        let w = of(&[2, 4, 3, 3]).named("w");
        let conv = |x: &[usize], stride, padding, extra| {
            of(x).conv_transpose2d(w, Window { stride, padding }, extra)
        };
        panics("shapes x [2, 5, 5] and w [2, 4, 3, 3] \"w\" do not fit", || conv(&[2, 5, 5], 1, 0, 0));
        panics("3 channels, and a kernel for 2", || conv(&[1, 3, 5, 5], 1, 0, 0));
        panics("no image gives x [1, 2, 1, 5]", || conv(&[1, 2, 1, 5], 1, 2, 0));
        panics("and 2 extra", || conv(&[1, 2, 5, 5], 2, 1, 2));
        panics("no image gives", || conv(&[1, 2, 0, 5], 1, 0, 0));
    }
}
