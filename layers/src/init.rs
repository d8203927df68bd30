//! Initial weights: scales that keep the variance of activations, or of gradients, from layer to layer.

use crate::Activation;
use evidence_autodiff::{Array, Noise, Real, zeros};

/// How a weight matrix `[in, out]` is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// N(0, 2/in): He and others 2015, eq. 10. For rectifiers, which lose half the variance.
    He,
    /// N(0, 2/(in + out)): Glorot and Bengio 2010, eq. 12. For tanh and the like.
    Glorot,
    /// N(0, 1/in): LeCun and others 1998. For layers without a nonlinearity behind them.
    LeCun,
    /// N(0, s²).
    Normal(f64),
    /// Zeros: a last layer that starts out saying nothing, such as a coupling that starts as the identity.
    Zeros,
}

impl Init {
    /// The scale that suits what comes behind the layer.
    pub fn before(activation: Activation) -> Self {
        match activation {
            Activation::Relu
            | Activation::LeakyRelu
            | Activation::Elu
            | Activation::Gelu
            | Activation::Silu
            | Activation::Softplus => Self::He,
            Activation::Tanh | Activation::Sigmoid => Self::Glorot,
            Activation::Identity => Self::LeCun,
        }
    }

    /// The standard deviation of a weight.
    pub fn scale(self, inputs: usize, outputs: usize) -> f64 {
        let variance = match self {
            Self::He => 2.0 / inputs.max(1) as f64,
            Self::Glorot => 2.0 / (inputs + outputs).max(1) as f64,
            Self::LeCun => 1.0 / inputs.max(1) as f64,
            Self::Normal(scale) => return scale,
            Self::Zeros => 0.0,
        };
        variance.sqrt()
    }

    /// A drawn matrix `[inputs, outputs]`.
    pub fn draw<T: Real>(self, inputs: usize, outputs: usize, noise: Noise) -> Array<T> {
        self.draw_shaped(&[inputs, outputs], inputs, outputs, noise)
    }

    /// Weights of another shape, with the scale of a matrix `[inputs, outputs]`: a kernel's, say.
    pub fn draw_shaped<T: Real>(
        self,
        shape: &[usize],
        inputs: usize,
        outputs: usize,
        noise: Noise,
    ) -> Array<T> {
        let mut weight = zeros(shape);
        if self != Self::Zeros {
            T::fill_normal(noise, 0, weight.as_slice_mut().expect("fresh arrays are contiguous"));
            let scale = T::from_f64(self.scale(inputs, outputs));
            weight.mapv_inplace(|w| w * scale);
        }
        weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_weights_have_the_stated_scale() {
        for init in [Init::He, Init::Glorot, Init::LeCun, Init::Normal(0.3), Init::Zeros] {
            let weight = init.draw::<f64>(300, 200, Noise::new(5));
            let scale = init.scale(300, 200);
            let mean_square = weight.mapv(|w| w * w).sum() / 60_000.0;
            // The mean square of n normals has standard error σ² √(2/n).
            let error = (mean_square - scale * scale).abs();
            assert!(
                error <= 4.0 * scale * scale * (2.0_f64 / 60_000.0).sqrt(),
                "{init:?}: {mean_square}"
            );
        }
    }
}
