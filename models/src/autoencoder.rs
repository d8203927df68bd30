//! The autoencoder: `x → code → x̂`, a maximum-likelihood model of x given its own code.

use crate::bottleneck::{BottleneckError, ends, mirrored};
use crate::convolutions::{ConvolutionError, Convolutions, decoded, encoded};
use crate::{Batch, Corruption, CorruptionError, Decoder, Likelihood, Loss, Model};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use evidence_layers::{Activation, Mlp};

/// Encoder, decoder, and the likelihood of the reconstruction.
#[derive(Clone, Debug)]
pub struct Autoencoder<P> {
    /// From data to codes.
    pub encoder: Mlp<P>,
    /// From codes to the likelihood's parameters.
    pub decoder: Decoder<P>,
    /// What is before the encoder and behind the decoder; nothing where they meet the data themselves.
    pub convolutions: Option<Convolutions<P>>,
    /// `p(x | decoded)`.
    pub likelihood: Likelihood<P>,
    /// What is done to rows before they are encoded, while it is fitted.
    pub corruption: Corruption,
}

impl<T: Real> Autoencoder<Array<T>> {
    /// Sizes from the data to the code, `[64, 128, 64, 2]`; the decoder mirrors them, and ends in as many outputs as the likelihood
    /// needs for the data.
    ///
    /// # Panics
    /// With sizes that [`admits`](Self::admits) refuses.
    #[track_caller]
    pub fn new(
        sizes: &[usize],
        activation: Activation,
        likelihood: Likelihood<Array<T>>,
        noise: Noise,
    ) -> Self {
        if let Err(error) = Self::admits(sizes) {
            panic!("Autoencoder: {error}");
        }
        let decoder = mirrored(sizes, likelihood.outputs(sizes[0], None));
        Self {
            encoder: Mlp::new(sizes, activation, noise.stream(0)),
            decoder: Decoder::Own(Mlp::new(&decoder, activation, noise.stream(1))),
            convolutions: None,
            likelihood,
            corruption: Corruption::None,
        }
    }

    /// Of images `[h, w, c]`, as rows of h w c numbers: convolutions of so many filters, each halving the image, dense layers of so many
    /// units, the code last, and [the same way back](Convolutions) from one dense layer on.
    ///
    /// # Errors
    /// If the sizes make no such network.
    pub fn convolutional(
        image: [usize; 3],
        filters: &[usize],
        sizes: &[usize],
        activation: Activation,
        likelihood: Likelihood<Array<T>>,
        noise: Noise,
    ) -> Result<Self, ConvolutionError> {
        let images = (image, filters);
        let (convolutions, encoder, decoder) =
            Convolutions::with_dense(images, sizes, 1, activation, &likelihood, noise)?;
        Self::admits(&[image.iter().product(), encoder.outputs()])?;
        let (decoder, convolutions) = (Decoder::Own(decoder), Some(convolutions));
        Ok(Self { encoder, decoder, convolutions, likelihood, corruption: Corruption::None })
    }

    /// With the [encoder's weights, transposed](Decoder::Tied), for the decoder's: half of the weights, each of which learns from both of
    /// its places. The biases stay as they are.
    ///
    /// # Errors
    /// If the likelihood needs other outputs than one for each column, which is what the transposed weights have, or there are convolutions.
    pub fn with_tied_weights(self) -> Result<Self, BottleneckError> {
        if self.convolutions.is_some() {
            return Err(BottleneckError::TiedConvolutions);
        }
        let (width, outputs) = (self.encoder.inputs(), self.decoder.outputs());
        if outputs != width {
            return Err(BottleneckError::TiedOutputs { outputs, width });
        }
        Ok(Self { decoder: self.decoder.tied(), ..self })
    }

    /// Fitted to reconstruct rows from corrupted ones: a denoising autoencoder.
    ///
    /// # Errors
    /// If the corruption's number is out of range.
    pub fn with_corruption(self, corruption: Corruption) -> Result<Self, CorruptionError> {
        corruption.check()?;
        Ok(Self { corruption, ..self })
    }

    /// Whether sizes from the data to the code make an autoencoder: at least two, none of them 0, the code narrower than the data.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn admits(sizes: &[usize]) -> Result<(), BottleneckError> {
        let (width, code) = ends(sizes)?;
        if code >= width { Err(BottleneckError::NoBottleneck { code, width }) } else { Ok(()) }
    }
}

impl<P> Tree<P> for Autoencoder<P> {
    type With<Q> = Autoencoder<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Autoencoder<Q> {
        Autoencoder {
            encoder: self.encoder.map(&path.field("encoder"), f),
            decoder: self.decoder.map(&path.field("decoder"), f),
            convolutions: Tree::map(&self.convolutions, &path.field("convolutions"), f),
            likelihood: self.likelihood.map(&path.field("likelihood"), f),
            corruption: self.corruption,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { encoder, decoder, convolutions, likelihood, corruption: _ } = self;
        encoder.leaves_mut(out);
        decoder.leaves_mut(out);
        convolutions.leaves_mut(out);
        likelihood.leaves_mut(out);
    }
}

impl<'t, T: Real> Autoencoder<Var<'t, T>> {
    /// The code of each row.
    #[must_use]
    #[track_caller]
    pub fn encode(&self, x: Var<'t, T>) -> Var<'t, T> {
        encoded(self.convolutions.as_ref(), &self.encoder, x)
    }

    /// The likelihood's parameters of each code.
    #[must_use]
    #[track_caller]
    pub fn outputs(&self, code: Var<'t, T>) -> Var<'t, T> {
        let x = self.decoder.forward(&self.encoder, code);
        decoded(self.convolutions.as_ref(), &self.likelihood, x)
    }

    /// The expected data of each code.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, code: Var<'t, T>) -> Var<'t, T> {
        self.likelihood.mean(self.outputs(code))
    }

    /// Each row, squeezed through its code.
    #[must_use]
    #[track_caller]
    pub fn reconstruct(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.decode(self.encode(x))
    }
}

impl<'t, T: Real> Autoencoder<Var<'t, T>> {
    /// The negative mean log-likelihood of each row given its own code, or that of the row corrupted.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let seen = self.corruption.apply(batch.inputs, noise);
        let outputs = self.outputs(self.encode(seen));
        let log_likelihood = self.likelihood.log_prob(outputs, batch.inputs).mean(..);
        Loss { total: -log_likelihood, parts: vec![("log-likelihood", log_likelihood)] }
    }
}

impl<T: Real> Model<T> for Autoencoder<Array<T>> {
    fn loss<'t>(
        bound: &Autoencoder<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }

    fn validation<'t>(
        bound: &Autoencoder<Var<'t, T>>,
        batch: &Batch<'t, T>,
        _: Noise,
    ) -> Var<'t, T> {
        // Of rows as they are, whatever is done to them while it is fitted.
        let outputs = bound.outputs(bound.encode(batch.inputs));
        -bound.likelihood.log_prob(outputs, batch.inputs).mean(..)
    }
}
