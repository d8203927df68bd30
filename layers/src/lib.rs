//! Layers and distributions: what models are made of.
//!
//! A layer is a struct generic over its leaves, `Dense<P>`: stored as `Dense<Array<f32>>`, bound to a tape during a
//! step as `Dense<Var<'t, f32>>`. Rows are samples: a dense layer computes `x W + b` with `W: [in, out]`, the lecture's
//! `Wx + b` transposed (and PyTorch's `[out, in]` too).
//!
//! ```
//! use evidence_autodiff::{Array, Noise, Parameters, Tape};
//! use evidence_layers::{Activation, MeanField, Mlp};
//!
//! // Weights…
//! let net = Mlp::<Array<f32>>::new(&[11, 50, 1], Activation::Relu, Noise::new(1));
//! assert_eq!(net.count(), 11 * 50 + 50 + 50 + 1);
//!
//! // …and distributions over the same weights: two trees of one shape.
//! let posterior = MeanField::around(net, 0.05);
//! let tape = Tape::new();
//! let bound = posterior.bind(&tape);
//! let drawn = bound.rsample(Noise::new(2)); // an ordinary Mlp, its weights one draw
//! let y = drawn.forward(tape.constant(ndarray::Array2::ones((4, 11))));
//! assert_eq!(y.shape(), [4, 1]);
//! assert!(bound.kl_to_normal(1.0).item() > 0.0); // a sum over all weights, in nats
//! ```
#![forbid(unsafe_code)]

mod activation;
mod batch_norm;
mod bayesian_dense;
mod bijection;
mod bijections;
mod checks;
mod conv2d;
mod conv_transpose2d;
mod dense;
mod dropout;
mod estimator;
mod init;
mod layer_norm;
mod mean_field;
mod mlp;
mod normal;
mod posterior;
mod prior;
mod triangular_normal;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, Statistics};
pub use bayesian_dense::{BayesianDense, Draw, EstimatorError};
pub use bijection::{Bijection, LogDet};
pub use bijections::{
    ActNorm, ActNormError, Additive, AdditiveCoupling, Affine, AffineCoupling, AnyBijection,
    Autoregressive, Chain, Columns, Conditioning, Coupling, CouplingError, Direction, Inverse,
    LeakyRelu, LuLinear, Made, MadeError, Part, PerPixel, PerPixelError, Permutation,
    PermutationError, Planar, Radial, Reversible, ScaleShift, Sigmoid, SigmoidError, Softplus,
    Spline, SplineCoupling, SplineError, Split, Tanh, Transform, examine, examine_given,
};
pub use checks::checks;
pub use conv_transpose2d::ConvTranspose2d;
pub use conv2d::Conv2d;
pub use dense::Dense;
pub use dropout::{Dropout, DropoutError};
pub use estimator::Estimator;
pub use init::Init;
pub use layer_norm::LayerNorm;
pub use mean_field::MeanField;
pub use mlp::Mlp;
pub use normal::{DiagonalNormal, standard_normal_log_prob};
pub use posterior::{FactorError, FullCovariance, LowRank, Posterior, PosteriorKind};
pub use prior::{Prior, PriorError};
pub use triangular_normal::TriangularNormal;
