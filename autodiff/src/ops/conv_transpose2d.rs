//! The transposed convolution: `y[n, s h + a − p, s w + b − p, c] = φ(Σ k[a, b, c, f] x[n, h, w, f] + b[c])`, each pixel of x times the
//! kernel, added up where they overlap: before bias and φ the adjoint of [`conv2d`](super::conv2d) in its image.
//!
//! With P the patches of dz = dy ⊙ φ′: dx = P k, dk = Pᵀ x, db = Σ over pixels of dz, all three from a block of images while it is in
//! cache. See [`convolution`](super::convolution).

use super::activation::Activation;
use super::convolution::{Convolution, add_rows, add_up};
use super::window::Window;
use crate::check::{Check, Input};
use crate::kernels::matmul::MatMut;
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

struct ConvTranspose2d(Convolution, Activation);

impl<T: Real> Op<T> for ConvTranspose2d {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Self(shape, activation) = *self;
        let (x, w, y) = (saved.input(0), saved.input(1), saved.output());
        let (filters, taps, small, large) = (shape.filters, shape.taps(), shape.small(), shape.large());
        let mut room = dx.tensor(&[shape.room()]);
        let mut dw = shape.sums(dx, 1, taps * filters);
        let mut db = shape.sums(dx, 2, 2 * shape.channels);
        let mut back = |dx: &mut [T], beta: T| {
            let buffers = [
                (room.data_mut(), shape.lane_room()),
                (dy.data_mut(), shape.lane() * large),
                (dx, shape.lane() * small),
                (dw.data_mut(), taps * filters),
                (db.data_mut(), 2 * shape.channels),
            ];
            shape.run(buffers, |block, [room, dz, dx, dw, db]| {
                let dz = block.of_lane(dz, large);
                activation.backward(block.of(y, large), dz);
                add_rows(block, dz, db);
                let patches = shape.patches(block, dz, room);
                if !dx.is_empty() {
                    let dx = &mut MatMut::new(block.of_lane(dx, small), patches.rows(), filters);
                    T::matmul(T::one(), patches, shape.weights(w), beta, dx);
                }
                if !dw.is_empty() {
                    let x = shape.maps(block, block.of(x, small));
                    let dw = &mut MatMut::new(dw, taps, filters);
                    T::matmul(T::one(), patches.t(), x, block.carry(), dw);
                }
            });
        };
        if dx.needs(0) {
            dx.accumulate(0, back);
        } else {
            back(&mut [], T::zero());
        }
        add_up(dx, 1, dw.data(), taps * filters);
        add_up(dx, 2, db.data(), 2 * shape.channels);
    }
}

impl<T: Real> Var<'_, T> {
    /// The transposed convolution of maps `[n, h, w, c]` with a kernel w `[kh, kw, out, c]`: `[n, i, j, out]`, where
    /// i = (h − 1) s + kh + extra − 2p for stride s and padding p, and j likewise. The kernel is that of the convolution from
    /// `[n, i, j, out]` to `[n, h, w, c]`; channels are last, as in Keras (PyTorch has kernels `[c, out, kh, kw]`).
    ///
    /// A convolution maps images of s sizes to maps of one size: `extra`, from 0 to s − 1, says which of them comes back (PyTorch
    /// calls it output padding). Places that no kernel reaches are 0.
    ///
    /// # Panics
    /// If the shapes do not fit, nothing would be left of the image, the kernel is empty or `extra` is not below the stride.
    #[must_use]
    #[track_caller]
    pub fn conv_transpose2d(self, w: Self, window: Window, extra: usize) -> Self {
        let channels = w.shape().get(2).copied().unwrap_or(0);
        let b = self.tape().filled(&[channels], 0.0);
        self.conv_transpose2d_with(w, b, window, extra, Activation::Identity)
    }

    /// φ of the transposed convolution plus b as one op, with b `[out]`: neither the sum nor the activation's argument is kept. See
    /// [`conv_transpose2d`](Var::conv_transpose2d).
    ///
    /// # Panics
    /// As [`conv_transpose2d`](Var::conv_transpose2d), and if b does not have a number for each output.
    #[must_use]
    #[track_caller]
    pub fn conv_transpose2d_with(
        self,
        w: Self,
        b: Self,
        window: Window,
        extra: usize,
        activation: Activation,
    ) -> Self {
        let (&[images, h, width, filters], &[kh, kw, channels, of]) = (self.shape(), w.shape()) else {
            panic!(
                "conv_transpose2d: shapes x {self} and w {w} do not fit; they must be [n, h, w, c] and [kh, kw, out, c]"
            )
        };
        assert!(
            filters == of,
            "conv_transpose2d: shapes x {self} and w {w} do not fit: {filters} channels, and a kernel for {of}; \
             they must be [n, h, w, c] and [kh, kw, out, c]"
        );
        assert!(
            b.shape() == [channels],
            "conv_transpose2d: a bias b {b} for the kernel w {w}; it must be [{channels}]"
        );
        let pixels = window.pixels(h, kh, extra).zip(window.pixels(width, kw, extra));
        let Some((i, j)) = pixels else {
            panic!("conv_transpose2d: no image gives x {self} with the kernel w {w}, {window:?} and {extra} extra")
        };
        let (image, map, kernel) = ([i, j], [h, width], [kh, kw]);
        let shape = Convolution { images, image, channels, map, filters, kernel, window };
        let tape = self.tape();
        let (mut y, mut room) = (tape.tensor(&[images, i, j, channels]), tape.tensor(&[shape.room()]));
        let (x, weights, bias) = (self.data(), shape.weights(w.data()).t(), b.data());
        let (small, large, taps) = (shape.small(), shape.large(), shape.taps());
        let buffers = [(room.data_mut(), shape.lane_room()), (y.data_mut(), shape.lane() * large)];
        shape.run(buffers, |block, [room, y]| {
            let x = shape.maps(block, block.of(x, small));
            T::matmul(T::one(), x, weights, T::zero(), &mut MatMut::new(room, x.rows(), taps));
            let y = block.of_lane(y, large);
            if let &[bias] = bias {
                y.fill(bias);
            } else {
                y.chunks_exact_mut(channels.max(1)).for_each(|y| y.copy_from_slice(bias));
            }
            shape.spread(block, room, y);
            activation.forward(y);
        });
        drop(room);
        tape.record(ConvTranspose2d(shape, activation), &[self, w, b], y)
    }
}

pub(super) fn checks() -> Vec<Check> {
    const STEP: Window = Window { stride: 2, padding: 1 };
    let inputs = |x: &[usize], w: &[usize]| [Input::any(x), Input::any(w)];
    vec![
        Check::gradient(
            "conv_transpose2d",
            inputs(&[2, 2, 3, 3], &[3, 2, 2, 3]),
            crate::function!(|x, w| x.conv_transpose2d(w, Window::default(), 0)),
        ),
        Check::gradient(
            "conv_transpose2d, stride and padding, bias and tanh",
            [Input::any(&[3, 3, 2, 2]), Input::any(&[3, 3, 3, 2]), Input::any(&[3])],
            crate::function!(|x, w, b| x.conv_transpose2d_with(w, b, STEP, 1, Activation::Tanh)),
        ),
        Check::gradient(
            "conv_transpose2d, everything used twice",
            inputs(&[2, 3, 3, 2], &[3, 3, 2, 2]),
            crate::function!(|x, w| {
                let same = Window { stride: 1, padding: 1 };
                x.conv_transpose2d(w, same, 0).conv_transpose2d(w, same, 0) * x
            }),
        ),
        Check::gradient(
            "conv_transpose2d of conv2d",
            inputs(&[2, 4, 5, 2], &[3, 3, 2, 3]),
            crate::function!(|x, w| x.conv2d(w, STEP).conv_transpose2d(w, STEP, 0).square().sum(-1)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Activation, Window};
    use crate::check::{Function, hessian};
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::scalar::Real;
    use crate::tape::{Tape, Var};
    use ndarray::ArrayD;

    struct Fused(Window, usize);
    impl Function for Fused {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            x[0].conv_transpose2d_with(x[1], x[2], self.0, self.1, Activation::Softplus)
        }
    }

    /// Each pixel times each kernel, and a matrix of zeros and ones that adds them up where they belong.
    struct Composed(Window, usize);
    impl Function for Composed {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let ([x, w, bias], Window { stride, padding }) = ([x[0], x[1], x[2]], self.0);
            let (&[n, h, width, c], &[kh, kw, f, _]) = (x.shape(), w.shape()) else { unreachable!() };
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
            let kernels = w.permute(&[3, 0, 1, 2]).reshape(&[c, kh * kw * f]);
            let each = x.reshape(&[n * h * width, c]).matmul(kernels);
            let each = each.reshape(&[n, h * width * kh * kw, f]).permute(&[0, 2, 1]);
            let each = each.reshape(&[n * f, h * width * kh * kw]);
            let sums = each.matmul(x.tape().constant(places)).reshape(&[n, f, i * j]);
            let y = (sums.permute(&[0, 2, 1]) + bias).activate(Activation::Softplus);
            y.reshape(&[n, i, j, f])
        }
    }

    #[test]
    fn is_each_pixel_times_the_kernel_added_up() {
        let at = |stride, padding| Window { stride, padding };
        for (x, w, window, extra) in [
            ([2, 5, 4, 3], [3, 2, 2, 3], at(1, 0), 0),
            ([3, 3, 4, 2], [3, 3, 2, 2], at(2, 1), 1),
            ([2, 4, 4, 3], [1, 1, 5, 3], at(1, 0), 0),
            ([2, 3, 3, 1], [2, 2, 1, 1], at(3, 2), 2),
            ([3, 3, 4, 2], [3, 3, 6, 2], at(2, 1), 1),
            ([2, 3, 3, 1], [2, 2, 8, 1], at(3, 2), 2),
            ([67, 5, 6, 2], [3, 3, 3, 2], at(1, 1), 0),
            ([9, 40, 38, 1], [3, 3, 8, 1], at(2, 1), 0),
            ([0, 4, 4, 2], [3, 3, 3, 2], at(1, 0), 0),
            ([2, 4, 4, 0], [3, 3, 3, 0], at(1, 0), 0),
            ([2, 4, 4, 2], [3, 3, 0, 2], at(1, 0), 0),
        ] {
            let inputs = [numbers(&x), numbers(&w), numbers(&w[2..3])];
            agree(&Fused(window, extra), &Composed(window, extra), &inputs);
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
                let (image, kernel) = (tape.constant(numbers(&[5, h, w, 2])), tape.constant(numbers(&[3, 3, 2, 4])));
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
        let (x, w) = (numbers(&[1, 3, 3, 2]), numbers(&[3, 3, 2, 3]));
        let second = hessian(&energy, &[x, w.clone()], 0);
        let tape = Tape::<f64>::new();
        for (column, found) in second.columns().into_iter().enumerate() {
            let mut unit = ArrayD::zeros(vec![1, 3, 3, 2]);
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
                let inputs = [of(&[67, 5, 5, 40]), of(&[3, 3, 8, 40]), of(&[8])];
                let window = Window { stride: 2, padding: 1 };
                let [x, w, b] = inputs;
                let y = x.conv_transpose2d_with(w, b, window, 1, Activation::Relu);
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
        let w = of(&[3, 3, 4, 2]).named("w");
        let conv = |x: &[usize], stride, padding, extra| {
            of(x).conv_transpose2d(w, Window { stride, padding }, extra)
        };
        panics("shapes x [5, 5, 2] and w [3, 3, 4, 2] \"w\" do not fit", || conv(&[5, 5, 2], 1, 0, 0));
        panics("3 channels, and a kernel for 2", || conv(&[1, 5, 5, 3], 1, 0, 0));
        panics("no image gives x [1, 1, 5, 2]", || conv(&[1, 1, 5, 2], 1, 2, 0));
        panics("and 2 extra", || conv(&[1, 5, 5, 2], 2, 1, 2));
        panics("no image gives", || conv(&[1, 0, 5, 2], 1, 0, 0));
        panics("it must be [4]", || {
            let identity = Activation::Identity;
            of(&[1, 5, 5, 2]).conv_transpose2d_with(w, of(&[2]), Window::default(), 0, identity)
        });
    }
}
