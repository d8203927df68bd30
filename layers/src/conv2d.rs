//! The convolutional layer, [`Var::conv2d`] with a bias for each channel.

use crate::{Activation, Init};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, Window, zeros};

/// A convolution of images: `activation(w ∗ x + b)`, from `[n, h, w, c]` to `[n, i, j, out]` (sizes: [`Var::conv2d`]).
#[derive(Clone, Debug)]
pub struct Conv2d<P> {
    /// w, `[kh, kw, c, out]`, as Keras'.
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
        let (taps, shape) = (kernel * kernel, [kernel, kernel, channels, outputs]);
        let weight = init.draw_shaped(&shape, channels * taps, outputs * taps, noise);
        Self { weight, bias: zeros(&[outputs]), window }
    }
}

impl<'t, T: Real> Conv2d<Var<'t, T>> {
    /// `activation(w ∗ x + b)`.
    ///
    /// # Panics
    /// If x is not `[n, h, w, c]` with the kernel's channels, or has no place for the kernel.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, activation: Activation) -> Var<'t, T> {
        let fused = activation.fused();
        let z = x.conv2d_with(self.weight, self.bias, self.window, fused.unwrap_or_default());
        if fused.is_some() { z } else { activation.apply(z) }
    }
}
