//! The decoder of an autoencoder: a network of its own, or the encoder's turned round, `x = φ(… φ(z W_Lᵀ + c_L) … ) W₁ᵀ + c₁`.
//!
//! Tied to the encoder `z = φ(… φ(x W₁ + b₁) …) W_L + b_L`, it has biases c and no weights: those are in the tree once, in the encoder, and
//! their gradient is the sum of what both places say. For a linear network the optimum then is `W Wᵀ`, the projection on the first
//! principal components, which makes the columns of W orthonormal (Vincent and others 2010, section 2.2; Baldi and Hornik 1989).

use evidence_autodiff::{Array, Path, Real, Tree, Var};
use evidence_layers::{Dense, Mlp};

/// From codes to the likelihood's parameters.
#[derive(Clone, Debug)]
pub enum Decoder<P> {
    /// With weights of its own.
    Own(Mlp<P>),
    /// With the encoder's weights transposed, and these biases, from the code's side to the data's.
    Tied(Vec<P>),
}

impl<T: Real> Decoder<Array<T>> {
    /// The number of columns it gives.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Own(network) => network.outputs(),
            Self::Tied(biases) => biases.last().map_or(0, |bias| bias.len()),
        }
    }

    /// Its biases alone.
    pub(crate) fn tied(self) -> Self {
        match self {
            Self::Own(network) => Self::Tied(network.layers.into_iter().map(|l| l.bias).collect()),
            tied @ Self::Tied(_) => tied,
        }
    }
}

impl<P> Tree<P> for Decoder<P> {
    type With<Q> = Decoder<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Decoder<Q> {
        match self {
            Self::Own(network) => Decoder::Own(network.map(path, f)),
            // Named as the biases of a network of its own are.
            Self::Tied(biases) => Decoder::Tied(
                biases
                    .iter()
                    .enumerate()
                    .map(|(layer, bias)| f(&path.index(layer).field("bias"), bias))
                    .collect(),
            ),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        match self {
            Self::Own(network) => network.leaves_mut(out),
            Self::Tied(biases) => out.extend(biases),
        }
    }
}

impl<'t, T: Real> Decoder<Var<'t, T>> {
    /// The likelihood's parameters for each code.
    #[track_caller]
    pub(crate) fn forward(&self, encoder: &Mlp<Var<'t, T>>, code: Var<'t, T>) -> Var<'t, T> {
        match self {
            Self::Own(network) => network.forward(code),
            Self::Tied(biases) => {
                let layers = encoder.layers.iter().rev().zip(biases);
                let layers = layers.map(|(l, &bias)| Dense { weight: l.weight.t(), bias });
                let Mlp { activation, output, .. } = *encoder;
                Mlp { layers: layers.collect(), activation, output }.forward(code)
            }
        }
    }
}
