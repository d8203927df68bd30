//! The transposed convolutional layer, [`Var::conv_transpose2d`] with a bias for each channel: a decoder's way from small maps to
//! large images.

use crate::{Activation, Init};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, Window, zeros};

/// A transposed convolution of maps: from `[n, h, w, c]` to `[n, i, j, out]` (sizes: [`Var::conv_transpose2d`]).
#[derive(Clone, Debug)]
pub struct ConvTranspose2d<P> {
    /// w, `[kh, kw, out, c]`, as Keras'.
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
        let (taps, shape) = (kernel * kernel, [kernel, kernel, outputs, channels]);
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
    /// If x is not `[n, h, w, c]` with the kernel's channels, or no image gives it.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, activation: Activation) -> Var<'t, T> {
        let (fused, Self { weight, bias, window, extra }) = (activation.fused(), self);
        let first = fused.unwrap_or_default();
        let z = x.conv_transpose2d_with(*weight, *bias, *window, *extra, first);
        if fused.is_some() { z } else { activation.apply(z) }
    }
}
