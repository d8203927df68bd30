//! The transposed convolutional layer, [`Var::conv_transpose2d`] with a bias for each channel: a decoder's way from small maps to
//! large images.

use crate::conv2d::per_channel;
use crate::{Activation, Init};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, Window, zeros};

/// A transposed convolution of maps: from `[n, c, h, w]` to `[n, out, i, j]` (sizes: [`Var::conv_transpose2d`]).
#[derive(Clone, Debug)]
pub struct ConvTranspose2d<P> {
    /// w, `[c, out, kh, kw]`, as PyTorch's.
    pub weight: P,
    /// b, `[out]`.
    pub bias: P,
    /// Stride and padding of the convolution that it is the transpose of.
    pub window: Window,
    /// Which of the images that the convolution maps to one size comes back: rows and columns beyond the smallest, fewer than the
    /// stride (PyTorch's output padding).
    pub extra: usize,
}

impl<P> Tree<P> for ConvTranspose2d<P> {
    type With<Q> = ConvTranspose2d<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> ConvTranspose2d<Q> {
        ConvTranspose2d {
            weight: f(&path.field("weight"), &self.weight),
            bias: f(&path.field("bias"), &self.bias),
            window: self.window,
            extra: self.extra,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { weight, bias, window: _, extra: _ } = self;
        out.extend([weight, bias]);
    }
}

impl<T: Real> ConvTranspose2d<Array<T>> {
    /// A square kernel of so many pixels a side, drawn, and zero biases; no extra rows.
    ///
    /// Of the `channels · kernel²` products that a convolution would add up, a number of the output gets one in `stride²`: these are
    /// the inputs that [`Init`] counts.
    pub fn new(
        channels: usize,
        outputs: usize,
        kernel: usize,
        window: Window,
        init: Init,
        noise: Noise,
    ) -> Self {
        let (taps, shape) = (kernel * kernel, [channels, outputs, kernel, kernel]);
        let inputs = (channels * taps).div_ceil((window.stride * window.stride).max(1));
        let weight = init.draw_shaped(&shape, inputs, outputs * taps, noise);
        Self { weight, bias: zeros(&[outputs]), window, extra: 0 }
    }

    /// With so many rows and columns beyond the smallest image.
    #[must_use]
    pub fn with_extra(self, extra: usize) -> Self {
        Self { extra, ..self }
    }
}

impl<'t, T: Real> ConvTranspose2d<Var<'t, T>> {
    /// `activation(w ∗ᵀ x + b)`.
    ///
    /// # Panics
    /// If x is not `[n, c, h, w]` with the kernel's channels, or no image gives it.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, activation: Activation) -> Var<'t, T> {
        let z = x.conv_transpose2d(self.weight, self.window, self.extra);
        activation.apply(z + per_channel(self.bias))
    }
}
