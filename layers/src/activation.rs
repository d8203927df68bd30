//! The nonlinearities between layers.

use evidence_autodiff::{self as autodiff, Real, Var};

/// An elementwise nonlinearity; its formula is at the [`Var`] method of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    #[default]
    Relu,
    /// x for x > 0, x/100 otherwise.
    LeakyRelu,
    /// x for x > 0, eˣ − 1 otherwise.
    Elu,
    /// x Φ(x).
    Gelu,
    /// x sigmoid(x).
    Silu,
    /// tanh x.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
}

impl Activation {
    /// Every one of them, for tables and flags.
    pub const ALL: [Self; 9] = [
        Self::Identity,
        Self::Relu,
        Self::LeakyRelu,
        Self::Elu,
        Self::Gelu,
        Self::Silu,
        Self::Tanh,
        Self::Sigmoid,
        Self::Softplus,
    ];

    /// Its name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky_relu",
            Self::Elu => "elu",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
        }
    }

    /// The same where an affine layer can apply it in the same pass: where the slope follows from the value.
    pub(crate) fn fused(self) -> Option<autodiff::Activation> {
        use autodiff::Activation as Fused;
        Some(match self {
            Self::Identity => Fused::Identity,
            Self::Relu => Fused::Relu,
            Self::LeakyRelu => Fused::LeakyRelu,
            Self::Elu => Fused::Elu,
            Self::Tanh => Fused::Tanh,
            Self::Sigmoid => Fused::Sigmoid,
            Self::Softplus => Fused::Softplus,
            Self::Gelu | Self::Silu => return None,
        })
    }

    /// Applies it to every element.
    #[must_use]
    pub fn apply<T: Real>(self, x: Var<'_, T>) -> Var<'_, T> {
        match self {
            Self::Identity => x,
            Self::Relu => x.relu(),
            Self::LeakyRelu => x.leaky_relu(0.01),
            Self::Elu => x.elu(1.0),
            Self::Gelu => x.gelu(),
            Self::Silu => x.silu(),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => x.sigmoid(),
            Self::Softplus => x.softplus(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dense, Init};
    use evidence_autodiff::{Noise, Parameters, Tape};
    use ndarray::arr2;

    /// Φ(−1.3) and Φ(0.7), to all digits of a double.
    const PHI: [f64; 2] = [0.096_800_484_585_610_33, 0.758_036_347_776_927_1];

    #[test]
    fn each_is_its_formula_alone_and_behind_a_layer() {
        let x = [-1.3_f64, 0.7];
        for activation in Activation::ALL {
            let formula = |i: usize| match (activation, x[i]) {
                (Activation::Identity, x) => x,
                (Activation::Relu, x) => x.max(0.0),
                (Activation::LeakyRelu, x) => x.max(x / 100.0),
                (Activation::Elu, x) if x > 0.0 => x,
                (Activation::Elu, x) => x.exp() - 1.0,
                (Activation::Gelu, x) => x * PHI[i],
                (Activation::Silu, x) => x / (1.0 + (-x).exp()),
                (Activation::Tanh, x) => x.tanh(),
                (Activation::Sigmoid, x) => 1.0 / (1.0 + (-x).exp()),
                (Activation::Softplus, x) => (1.0 + x.exp()).ln(),
            };
            let tape = Tape::<f64>::new();
            let at = tape.constant(arr2(&[[x[0]], [x[1]]]));
            let mut layer = Dense::new(1, 1, Init::Zeros, Noise::new(1));
            (layer.weight[[0, 0]], layer.bias[[0]]) = (2.0, 0.1);
            let before = tape.constant(arr2(&[[x[0]], [x[1]]]) / 2.0 - 0.05);
            let behind = layer.bind(&tape).forward(before, activation);
            for found in [activation.apply(at), behind] {
                for (i, y) in found.data().iter().enumerate() {
                    let truth = formula(i);
                    let close = (y - truth).abs() <= 1e-14;
                    assert!(close, "{}({}): {y}, not {truth}", activation.name(), x[i]);
                }
            }
        }
    }
}
