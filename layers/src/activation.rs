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
