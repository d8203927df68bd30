//! `y[n, i, j, f] = φ(Σ w[a, b, c, f] x[n, s i + a − p, s j + b − p, c] + b[f])` over the kernel's (a, b) and channels c, with zeros
//! around x: the convolution of images (strictly, a cross-correlation), an [affine](super::affine) layer of patches.
//!
//! With P the patches of x and dz = dy ⊙ φ′: dw = Pᵀ dz, dx = P*(dz wᵀ), db = Σ over places of dz, all three from a block of
//! images while it is in cache. See [`convolution`](super::convolution).

use super::activation::Activation;
use super::affine::Finish;
use super::convolution::{Convolution, add_rows, add_up};
use super::window::Window;
use crate::check::{Check, Input};
use crate::kernels::matmul::MatMut;
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct Conv2d(Convolution, Activation);

impl<T: Real> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Self(shape, activation) = *self;
        let (x, w, y) = (saved.input(0), saved.input(1), saved.output());
        let (filters, taps, small, large) = (shape.filters, shape.taps(), shape.small(), shape.large());
        let mut room = dx.tensor(&[shape.room()]);
        let mut dw = shape.sums(dx, 1, taps * filters);
        let mut db = shape.sums(dx, 2, 2 * filters);
        let mut back = |dx: &mut [T], beta: T| {
            let buffers = [
                (room.data_mut(), shape.lane_room()),
                (dy.data_mut(), shape.lane() * small),
                (dx, shape.lane() * large),
                (dw.data_mut(), taps * filters),
                (db.data_mut(), 2 * filters),
            ];
            shape.run(buffers, |block, [room, dz, dx, dw, db]| {
                let (dz, rows) = (block.of_lane(dz, small), block.count * shape.places());
                activation.backward(block.of(y, small), dz);
                add_rows(block, dz, db);
                let dz = shape.maps(block, dz);
                if !dw.is_empty() {
                    let patches = shape.patches(block, block.of(x, large), room);
                    let dw = &mut MatMut::new(dw, taps, filters);
                    T::matmul(T::one(), patches.t(), dz, block.carry(), dw);
                }
                if !dx.is_empty() {
                    let patches = &mut MatMut::new(room, rows, taps);
                    T::matmul(T::one(), dz, shape.weights(w).t(), T::zero(), patches);
                    let dx = block.of_lane(dx, large);
                    if beta.is_zero() {
                        dx.fill(T::zero());
                    }
                    shape.spread(block, room, dx);
                }
            });
        };
        if dx.needs(0) {
            dx.accumulate(0, back);
        } else {
            back(&mut [], T::zero());
        }
        add_up(dx, 1, dw.data(), taps * filters);
        add_up(dx, 2, db.data(), 2 * filters);
    }
}

impl<T: Real> Var<'_, T> {
    /// The convolution of images `[n, h, w, c]` with a kernel w `[kh, kw, c, out]`: `[n, i, j, out]`, where
    /// i = ⌊(h + 2p − kh) / s⌋ + 1 for stride s and padding p, and j likewise. Channels are last, as in Keras and JAX; PyTorch has
    /// images `[n, c, h, w]` and kernels `[out, c, kh, kw]`.
    ///
    /// # Panics
    /// If the shapes do not fit, the kernel has no place in the padded image, or the stride is 0.
    #[must_use]
    #[track_caller]
    pub fn conv2d(self, w: Self, window: Window) -> Self {
        let outputs = w.shape().last().copied().unwrap_or(0);
        self.conv2d_with(w, self.tape().filled(&[outputs], 0.0), window, Activation::Identity)
    }

    /// φ(w ∗ x + b) as one op, with b `[out]`: neither the sum nor the activation's argument is kept. See [`conv2d`](Var::conv2d).
    ///
    /// # Panics
    /// As [`conv2d`](Var::conv2d), and if b does not have a number for each output.
    #[must_use]
    #[track_caller]
    pub fn conv2d_with(self, w: Self, b: Self, window: Window, activation: Activation) -> Self {
        let (&[images, h, width, channels], &[kh, kw, of, filters]) = (self.shape(), w.shape()) else {
            panic!("conv2d: shapes x {self} and w {w} do not fit; they must be [n, h, w, c] and [kh, kw, c, out]")
        };
        assert!(
            channels == of,
            "conv2d: shapes x {self} and w {w} do not fit: {channels} channels, and a kernel for {of}; \
             they must be [n, h, w, c] and [kh, kw, c, out]"
        );
        assert!(b.shape() == [filters], "conv2d: a bias b {b} for the kernel w {w}; it must be [{filters}]");
        let places = window.places(h, kh).zip(window.places(width, kw));
        let Some((i, j)) = places.filter(|_| h > 0 && width > 0) else {
            panic!("conv2d: the kernel w {w} has no place in x {self} with {window:?}")
        };
        let (image, map, kernel) = ([h, width], [i, j], [kh, kw]);
        let shape = Convolution { images, image, channels, map, filters, kernel, window };
        let tape = self.tape();
        let (mut y, mut room) = (tape.tensor(&[images, i, j, filters]), tape.tensor(&[shape.room()]));
        let (x, weights, finish) =
            (self.data(), shape.weights(w.data()), Finish { bias: b.data(), activation });
        let small = shape.small();
        let buffers = [(room.data_mut(), shape.lane_room()), (y.data_mut(), shape.lane() * small)];
        shape.run(buffers, |block, [room, y]| {
            let patches = shape.patches(block, block.of(x, shape.large()), room);
            let y = &mut MatMut::new(block.of_lane(y, small), patches.rows(), filters);
            T::matmul_with(T::one(), patches, weights, T::zero(), y, &finish);
        });
        drop(room);
        tape.record(Conv2d(shape, activation), &[self, w, b], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    const STEP: Window = Window { stride: 2, padding: 1 };
    let inputs = |x: &[usize], w: &[usize]| [Input::any(x), Input::any(w)];
    vec![
        Check::gradient(
            "conv2d",
            inputs(&[2, 4, 5, 3], &[3, 2, 3, 2]),
            crate::function!(|x, w| x.conv2d(w, Window::default())),
        ),
        Check::gradient(
            "conv2d, stride and padding, bias and tanh",
            [Input::any(&[3, 5, 4, 2]), Input::any(&[3, 3, 2, 3]), Input::any(&[3])],
            crate::function!(|x, w, b| x.conv2d_with(w, b, STEP, Activation::Tanh)),
        ),
        Check::gradient(
            "conv2d, everything used twice",
            inputs(&[2, 3, 3, 2], &[3, 3, 2, 2]),
            crate::function!(|x, w| {
                let same = Window { stride: 1, padding: 1 };
                x.conv2d(w, same).conv2d(w, same) * x
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Activation, Window};
    use crate::check::Function;
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::scalar::Real;
    use crate::tape::{Tape, Var};

    struct Fused(Window);
    impl Function for Fused {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            x[0].conv2d_with(x[1], x[2], self.0, Activation::Softplus)
        }
    }

    /// The patches gathered one by one from the image, with a column of zeros behind it for what is outside; one product.
    struct Composed(Window);
    impl Function for Composed {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let ([x, w, bias], Window { stride, padding }) = ([x[0], x[1], x[2]], self.0);
            let (&[n, h, width, c], &[kh, kw, _, f]) = (x.shape(), w.shape()) else { unreachable!() };
            let [i, j] = [(h, kh), (width, kw)].map(|(size, k)| (size + 2 * padding - k) / stride + 1);
            let (outside, taps, mut indices) = (h * width * c, kh * kw * c, Vec::new());
            for place in 0..i * j {
                for tap in 0..taps {
                    let (a, b, c_) = (tap / (kw * c), tap / c % kw, tap % c);
                    let row = (place / j * stride + a).checked_sub(padding).filter(|&row| row < h);
                    let column = (place % j * stride + b).checked_sub(padding).filter(|&x| x < width);
                    let inside = row.zip(column).map(|(row, column)| (row * width + column) * c + c_);
                    indices.push(inside.unwrap_or(outside));
                }
            }
            let zeros = x.tape().filled(&[n, 1], 0.0);
            let padded = Var::concat(&[x.reshape(&[n, outside]), zeros], 1);
            let patches = padded.gather_columns(indices).reshape(&[n * i * j, taps]);
            let y = patches.matmul(w.reshape(&[taps, f])) + bias;
            y.activate(Activation::Softplus).reshape(&[n, i, j, f])
        }
    }

    #[test]
    fn is_a_product_with_gathered_patches() {
        let at = |stride, padding| Window { stride, padding };
        for (x, w, window) in [
            ([2, 5, 4, 3], [3, 2, 3, 4], at(1, 0)),
            ([3, 6, 7, 2], [3, 3, 2, 2], at(2, 1)),
            ([1, 1, 1, 1], [1, 1, 1, 1], at(1, 0)),
            ([2, 4, 4, 3], [1, 1, 3, 5], at(1, 0)),
            ([2, 3, 3, 1], [2, 2, 1, 1], at(3, 2)),
            ([2, 2, 3, 1], [2, 2, 1, 1], at(1, 4)),
            // The same with patches that are copied in runs.
            ([2, 5, 4, 8], [3, 2, 8, 4], at(1, 0)),
            ([3, 6, 7, 6], [3, 3, 6, 2], at(2, 1)),
            ([2, 2, 3, 8], [2, 2, 8, 1], at(1, 4)),
            // Blocks of several images, on several lanes, the last ones not full.
            ([131, 5, 6, 2], [3, 3, 2, 3], at(1, 1)),
            // A block for each image.
            ([9, 40, 38, 8], [3, 3, 8, 2], at(1, 1)),
            ([0, 4, 4, 2], [3, 3, 2, 3], at(1, 0)),
            ([2, 4, 4, 2], [3, 3, 2, 0], at(1, 0)),
            ([2, 4, 4, 0], [3, 3, 0, 3], at(1, 0)),
        ] {
            let inputs = [numbers(&x), numbers(&w), numbers(&w[3..])];
            agree(&Fused(window), &Composed(window), &inputs);
        }
    }

    #[test]
    fn has_the_same_bits_on_any_number_of_threads() {
        for (x, w) in [([67, 9, 9, 4], [3, 3, 4, 40]), ([5, 24, 24, 8], [3, 3, 8, 16])] {
            let run = |threads| {
                with_threads(threads, || {
                    let tape = Tape::<f32>::new();
                    let of = |shape: &[usize]| tape.variable(numbers(shape).mapv(|x| x as f32));
                    let inputs = [of(&x), of(&w), of(&w[3..])];
                    let window = Window { stride: 1, padding: 1 };
                    let y = inputs[0].conv2d_with(inputs[1], inputs[2], window, Activation::Relu);
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
        let w = of(&[3, 3, 2, 4]).named("w");
        let conv = |x: &[usize], stride, padding| of(x).conv2d(w, Window { stride, padding });
        panics("conv2d: shapes x [5, 5, 2] and w [3, 3, 2, 4] \"w\" do not fit", || conv(&[5, 5, 2], 1, 0));
        panics("3 channels, and a kernel for 2", || conv(&[1, 5, 5, 3], 1, 0));
        panics("has no place in x [1, 2, 5, 2]", || conv(&[1, 2, 5, 2], 1, 0));
        panics("has no place in x [1, 5, 5, 2]", || conv(&[1, 5, 5, 2], 0, 0));
        panics("has no place in x [1, 0, 5, 2]", || conv(&[1, 0, 5, 2], 1, 2));
        panics("has no place", || of(&[1, 3, 3, 1]).conv2d(of(&[0, 3, 1, 1]), Window::default()));
        panics("it must be [4]", || {
            of(&[1, 5, 5, 2]).conv2d_with(w, of(&[2]), Window::default(), Activation::Identity)
        });
    }
}
