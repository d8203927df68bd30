//! What an autoencoder of images has between the pixels and its dense layers.
//!
//! ```text
//! [h, w, c] → 3 × 3, stride 2, f₁ → … → 3 × 3, stride 2, f_k → features [d]       encoder
//! features [d] → 3 × 3 transposed, stride 2, f_k → … → stride 2, f₁ → stride 1, o → [h, w, o]       decoder
//! ```
//!
//! A convolution halves each side (rounding up), its transpose doubles it again; o is what the likelihood needs for a pixel. Rows stay
//! rows, `[n, h w c]`, outside of it: an image's rows of pixels one after the other, a pixel's channels side by side.

use crate::Likelihood;
use crate::bottleneck::{BottleneckError, ends};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var, Window};
use evidence_layers::{Activation, Conv2d, ConvTranspose2d, Init, Mlp};

/// Pixels of a kernel's side.
const KERNEL: usize = 3;
/// Halves each side.
const HALVE: Window = Window { stride: 2, padding: 1 };
/// Keeps it.
const KEEP: Window = Window { stride: 1, padding: 1 };

/// Convolutions before an encoder, and transposed ones behind a decoder.
#[derive(Clone, Debug)]
pub struct Convolutions<P> {
    /// From images to maps, each of half the size.
    pub encoder: Vec<Conv2d<P>>,
    /// From maps to images: one for each of the encoder's, in reverse, and one to the likelihood's parameters.
    pub decoder: Vec<ConvTranspose2d<P>>,
    /// Behind every one of them but the last.
    pub activation: Activation,
    image: [usize; 3],
    map: [usize; 3],
}

/// Images, filters or sizes that make no convolutional autoencoder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvolutionError {
    /// Nothing to convolve with.
    #[error("filters {0:?}; name at least one convolution, of at least one filter each")]
    Filters(Vec<usize>),
    /// No pixels.
    #[error("images of {} × {} pixels with {} channels; there must be at least one of each", .0[0], .0[1], .0[2])]
    Empty([usize; 3]),
    /// The way back would need another rounding down than across.
    #[error(
        "images of {} × {} pixels become {} × {} before convolution {number}: where one side is even and the other odd, no transposed \
         convolution gives both back. Pad the images to a square, or convolve less often",
        image[0], image[1], map[0], map[1]
    )]
    Uneven {
        /// Rows, columns, channels.
        image: [usize; 3],
        /// Rows and columns before the convolution.
        map: [usize; 2],
        /// Its number, from 1.
        number: usize,
    },
    /// The dense layers.
    #[error("behind the convolutions: {0}")]
    Dense(#[from] BottleneckError),
}

/// All the networks of a convolutional autoencoder: convolutions, encoder and decoder.
pub(crate) type Networks<P> = (Convolutions<P>, Mlp<P>, Mlp<P>);

impl<T: Real> Convolutions<Array<T>> {
    /// Of images `[h, w, c]`, whose pixels have so many parameters, o.
    ///
    /// # Errors
    /// If there is nothing to convolve, or sides that cannot come back.
    pub fn new(
        image: [usize; 3],
        filters: &[usize],
        outputs: usize,
        activation: Activation,
        noise: Noise,
    ) -> Result<Self, ConvolutionError> {
        let &[.., last] = filters else { return Err(ConvolutionError::Filters(Vec::new())) };
        if filters.contains(&0) {
            return Err(ConvolutionError::Filters(filters.to_vec()));
        }
        if image.contains(&0) {
            return Err(ConvolutionError::Empty(image));
        }
        let ([mut h, mut w, mut channels], init) = (image, Init::before(activation));
        let (mut encoder, mut decoder) = (Vec::new(), Vec::new());
        for (i, &count) in filters.iter().enumerate() {
            if h % 2 != w % 2 {
                return Err(ConvolutionError::Uneven { image, map: [h, w], number: i + 1 });
            }
            let next = filters.get(i + 1).copied().unwrap_or(last);
            let (there, back) = (noise.stream(2 * i as u64), noise.stream(2 * i as u64 + 1));
            encoder.push(Conv2d::new(channels, count, KERNEL, HALVE, init, there));
            let widen = ConvTranspose2d::new(next, count, KERNEL, HALVE, init, back);
            decoder.push(widen.with_extra(1 - h % 2));
            (h, w, channels) = (h.div_ceil(2), w.div_ceil(2), count);
        }
        decoder.reverse();
        let end = noise.stream(2 * filters.len() as u64);
        let init = Init::before(Activation::Identity);
        decoder.push(ConvTranspose2d::new(filters[0], outputs, KERNEL, KEEP, init, end));
        Ok(Self { encoder, decoder, activation, image, map: [h, w, channels] })
    }

    /// These, dense layers of so many units behind them, the code last, and one dense layer from the code back to the maps. The encoder's
    /// last layer has `columns` for each of the code.
    pub(crate) fn with_dense(
        (image, filters): ([usize; 3], &[usize]),
        sizes: &[usize],
        columns: usize,
        activation: Activation,
        likelihood: &Likelihood<Array<T>>,
        noise: Noise,
    ) -> Result<Networks<Array<T>>, ConvolutionError> {
        let outputs = likelihood.outputs(image[2], None);
        let convolutions = Self::new(image, filters, outputs, activation, noise.stream(2))?;
        let features = convolutions.map.iter().product();
        let mut encoder = [&[features], sizes].concat();
        let (_, code) = ends(&encoder)?;
        let width = image.iter().product();
        if code > width {
            return Err(BottleneckError::TooManyLatents { latents: code, width }.into());
        }
        encoder[sizes.len()] = columns * code;
        let encoder = Mlp::new(&encoder, activation, noise.stream(0));
        let decoder = Mlp::new(&[code, features], activation, noise.stream(1));
        Ok((convolutions, encoder, decoder.with_output(activation)))
    }
}

impl<P> Convolutions<P> {
    /// Rows, columns and channels of the images.
    pub fn image(&self) -> [usize; 3] {
        self.image
    }
}

impl<P> Tree<P> for Convolutions<P> {
    type With<Q> = Convolutions<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Convolutions<Q> {
        Convolutions {
            encoder: self.encoder.map(&path.field("encoder"), f),
            decoder: self.decoder.map(&path.field("decoder"), f),
            activation: self.activation,
            image: self.image,
            map: self.map,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { encoder, decoder, activation: _, image: _, map: _ } = self;
        encoder.leaves_mut(out);
        decoder.leaves_mut(out);
    }
}

impl<'t, T: Real> Convolutions<Var<'t, T>> {
    /// What the encoder's dense layers see: `[.., h w c]` to `[.., d]`.
    ///
    /// # Panics
    /// If the rows are no images of this size.
    #[must_use]
    #[track_caller]
    pub fn features(&self, x: Var<'t, T>) -> Var<'t, T> {
        let [h, w, c] = self.image;
        let (&[ref outer @ .., width], true) = (x.shape(), !x.shape().is_empty()) else {
            panic!("Convolutions: {x} has no rows of images")
        };
        assert!(
            width == h * w * c,
            "Convolutions: {x} has rows of {width} numbers; images of {h} × {w} pixels with {c} channels are rows of {}",
            h * w * c
        );
        let mut x = x.reshape(&[outer.iter().product(), h, w, c]);
        for layer in &self.encoder {
            x = layer.forward(x, self.activation);
        }
        x.reshape(&[outer, &[self.map.iter().product()]].concat())
    }

    /// The likelihood's parameters of each row: `[.., d]` to `[.., o h w]`, in the order that the likelihood has them.
    ///
    /// # Panics
    /// If the rows are no maps of this size.
    #[must_use]
    #[track_caller]
    pub fn outputs(&self, features: Var<'t, T>, likelihood: &Likelihood<Var<'t, T>>) -> Var<'t, T> {
        let (outer, [h, w, c]) = (&features.shape()[..features.shape().len() - 1], self.map);
        let rows: usize = outer.iter().product();
        let mut x = features.reshape(&[rows, h, w, c]);
        if let Some((last, layers)) = self.decoder.split_last() {
            for layer in layers {
                x = layer.forward(x, self.activation);
            }
            x = last.forward(x, Activation::Identity);
        }
        let (&[_, h, w, o], c) = (x.shape(), self.image[2]) else { unreachable!("images") };
        if matches!(likelihood, Likelihood::PredictedGaussian) {
            // All means, then all scales.
            x = x.reshape(&[rows, h * w, 2, c]).permute(&[0, 2, 1, 3]);
        }
        x.reshape(&[outer, &[h * w * o]].concat())
    }
}

/// What an encoder says of rows, behind convolutions if there are any.
#[track_caller]
pub(crate) fn encoded<'t, T: Real>(
    convolutions: Option<&Convolutions<Var<'t, T>>>,
    encoder: &Mlp<Var<'t, T>>,
    x: Var<'t, T>,
) -> Var<'t, T> {
    encoder.forward(convolutions.map_or(x, |convolutions| convolutions.features(x)))
}

/// The likelihood's parameters where the dense layers end, or behind transposed convolutions if there are any.
#[track_caller]
pub(crate) fn decoded<'t, T: Real>(
    convolutions: Option<&Convolutions<Var<'t, T>>>,
    likelihood: &Likelihood<Var<'t, T>>,
    x: Var<'t, T>,
) -> Var<'t, T> {
    convolutions.map_or(x, |convolutions| convolutions.outputs(x, likelihood))
}
