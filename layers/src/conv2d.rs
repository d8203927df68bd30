//! The convolutional layer, [`Var::conv2d`] with a bias for each channel.

use crate::{Activation, Init};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, Window, zeros};

/// A convolution of images: `activation(w ∗ x + b)`, from `[n, c, h, w]` to `[n, out, i, j]` (sizes: [`Var::conv2d`]).
#[derive(Clone, Debug)]
pub struct Conv2d<P> {
    /// w, `[out, c, kh, kw]`, as PyTorch's.
    pub weight: P,
    /// b, `[out]`.
    pub bias: P,
    /// Stride and padding.
    pub window: Window,
}

impl<P> Tree<P> for Conv2d<P> {
    type With<Q> = Conv2d<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Conv2d<Q> {
        Conv2d {
            weight: f(&path.field("weight"), &self.weight),
            bias: f(&path.field("bias"), &self.bias),
            window: self.window,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { weight, bias, window: _ } = self;
        out.extend([weight, bias]);
    }
}

impl<T: Real> Conv2d<Array<T>> {
    /// A square kernel of so many pixels a side, drawn, and zero biases.
    ///
    /// A number of the output is a sum of `channels · kernel²` products: these are the inputs that [`Init`] counts.
    pub fn new(
        channels: usize,
        outputs: usize,
        kernel: usize,
        window: Window,
        init: Init,
        noise: Noise,
    ) -> Self {
        let (taps, shape) = (kernel * kernel, [outputs, channels, kernel, kernel]);
        let weight = init.draw_shaped(&shape, channels * taps, outputs * taps, noise);
        Self { weight, bias: zeros(&[outputs]), window }
    }
}

impl<'t, T: Real> Conv2d<Var<'t, T>> {
    /// `activation(w ∗ x + b)`.
    ///
    /// # Panics
    /// If x is not `[n, c, h, w]` with the kernel's channels, or has no place for the kernel.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, activation: Activation) -> Var<'t, T> {
        let z = x.conv2d(self.weight, self.window);
        activation.apply(z + per_channel(self.bias))
    }
}

/// `[c]` as `[c, 1, 1]`, which broadcasts against images.
pub(crate) fn per_channel<'t, T: Real>(x: Var<'t, T>) -> Var<'t, T> {
    x.reshape(&[x.size(0), 1, 1])
}
