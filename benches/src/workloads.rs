//! Whole training steps on one fixed batch: forward, loss, backward, Adam (learning rate 1e-3), random draws included, f32.
//!
//! | workload | network | batch |
//! |---|---|---|
//! | `mlp` | 784-512-512-10, ReLU, cross-entropy | 256 |
//! | `bnn_small` | 11-64-64-1, distributions over all weights, Gaussian with learned noise, N = 1,599 | 128 |
//! | `bnn_big` | 784-400-400-10, the same, cross-entropy, N = 60,000 | 256 |
//! | `vae` | 784-400-20-400-784, ReLU, Bernoulli | 128 |
//! | `vae_iwae` | 784-200-200-50-200-200-784, tanh, Bernoulli, importance weighted bound of 50 draws | 20 |
//! | `conv_vae` | 28 × 28 pixels, convolutions of 32 and 64 filters, 16-2-3136, the convolutions transposed, ReLU, Bernoulli | 128 |
//! | `flow_small` | 2 columns, 8 affine couplings of 64-64 | 512 |
//! | `flow_big` | 43 columns, 10 affine couplings of 256-256 | 512 |

use evidence_autodiff::{Array, Noise, Parameters};
use evidence_layers::{Activation, Mlp};
use evidence_models::{
    Backprop, BayesianNetwork, DenseNetwork, Flow, Iwae, Likelihood, Model, Rows, Vae,
};
use evidence_optim::{Adam, Optimizer};
use ndarray::Array2;

/// A workload's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Workload {
    /// A dense classifier.
    Mlp,
    /// A Bayesian regression.
    BnnSmall,
    /// A Bayesian classifier.
    BnnBig,
    /// A variational autoencoder.
    Vae,
    /// An importance weighted autoencoder.
    VaeIwae,
    /// A convolutional variational autoencoder: Keras' example.
    ConvVae,
    /// A flow in the plane.
    FlowSmall,
    /// A flow of a wide table.
    FlowBig,
}

/// What can be varied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Rows of the batch, instead of the workload's own.
    pub batch: Option<usize>,
    /// Couplings of a flow, instead of the workload's own.
    pub couplings: Option<usize>,
    /// Hidden layers of `mlp`, instead of its own 2.
    pub hidden_layers: Option<usize>,
    /// Units in each of them, instead of its own 512.
    pub width: Option<usize>,
}

/// A training run that takes one step at a time.
pub trait Run {
    /// Takes a step; the loss before it.
    fn step(&mut self) -> f32;
    /// The number of scalar parameters.
    fn parameters(&self) -> usize;
    /// The rows of the batch.
    fn batch(&self) -> usize;
}

struct Training<M> {
    model: M,
    inputs: Array<f32>,
    targets: Option<Array<f32>>,
    data_size: usize,
    adam: Adam<f32>,
    backprop: Backprop<f32>,
    step: u64,
}

impl<M> Run for Training<M>
where
    M: Model<f32>,
{
    fn step(&mut self) -> f32 {
        let Self { model, inputs, targets, data_size, adam, backprop, step } = self;
        *step += 1;
        let rows = Rows { inputs, targets: targets.as_ref(), data_size: *data_size };
        let (value, mut gradient) = backprop.gradient(model, rows, Noise::new(1).stream(*step));
        adam.step(model, &mut gradient);
        value.loss as f32
    }

    fn parameters(&self) -> usize {
        self.model.count()
    }

    fn batch(&self) -> usize {
        self.inputs.shape()[0]
    }
}

fn normal(rows: usize, columns: usize, noise: Noise) -> Array2<f32> {
    let mut array = Array2::zeros((rows, columns));
    noise.fill_normal_f32(array.as_slice_mut().expect("fresh arrays are contiguous"));
    array
}

fn uniform(rows: usize, columns: usize, noise: Noise) -> Array2<f32> {
    let mut array = Array2::zeros((rows, columns));
    noise.fill_uniform_f32(array.as_slice_mut().expect("fresh arrays are contiguous"));
    array
}

impl Workload {
    /// The run, ready for its first step.
    pub fn start(self, sizes: Sizes) -> Box<dyn Run> {
        let noise = Noise::new(0);
        let (data, weights) = (noise.stream(0), noise.stream(1));
        let batch = sizes.batch.unwrap_or(match self {
            Self::Mlp | Self::BnnBig => 256,
            Self::BnnSmall | Self::Vae | Self::ConvVae => 128,
            Self::VaeIwae => 20,
            Self::FlowSmall | Self::FlowBig => 512,
        });
        let labels = || uniform(batch, 1, data.stream(1)).mapv(|u| (u * 10.0).floor());
        let pixels = || uniform(batch, 784, data).mapv(|u| f32::from(u8::from(u < 0.3)));
        match self {
            Self::Mlp => {
                let mut layers = vec![sizes.width.unwrap_or(512); sizes.hidden_layers.unwrap_or(2)];
                layers.insert(0, 784);
                layers.push(10);
                let model = DenseNetwork::multi_class(&layers, Activation::Relu, weights);
                training(model, normal(batch, 784, data), Some(labels()), 60_000)
            }
            Self::BnnSmall => {
                let net = Mlp::new(&[11, 64, 64, 1], Activation::Relu, weights);
                let model =
                    BayesianNetwork::new(net, Likelihood::gaussian(0.0), 1.0, POSTERIOR_SCALE);
                training(
                    model,
                    normal(batch, 11, data),
                    Some(normal(batch, 1, data.stream(1))),
                    1599,
                )
            }
            Self::BnnBig => {
                let net = Mlp::new(&[784, 400, 400, 10], Activation::Relu, weights);
                let model =
                    BayesianNetwork::new(net, Likelihood::Categorical, 1.0, POSTERIOR_SCALE);
                training(model, normal(batch, 784, data), Some(labels()), 60_000)
            }
            Self::Vae => {
                let model =
                    Vae::new(&[784, 400, 20], Activation::Relu, Likelihood::Bernoulli, weights);
                training(model, pixels(), None, 60_000)
            }
            Self::VaeIwae => {
                let sizes = [784, 200, 200, 50];
                let vae = Vae::new(&sizes, Activation::Tanh, Likelihood::Bernoulli, weights);
                training(Iwae::new(vae, 50), pixels(), None, 60_000)
            }
            Self::ConvVae => {
                let (relu, bernoulli) = (Activation::Relu, Likelihood::Bernoulli);
                let model =
                    Vae::convolutional([28, 28, 1], &[32, 64], &[16, 2], relu, bernoulli, weights)
                        .expect("sides of one parity");
                training(model, pixels(), None, 60_000)
            }
            Self::FlowSmall | Self::FlowBig => {
                let (width, couplings, hidden) =
                    if self == Self::FlowSmall { (2, 8, 64) } else { (43, 10, 256) };
                let couplings = sizes.couplings.unwrap_or(couplings);
                let model = Flow::real_nvp(width, couplings, &[hidden, hidden], weights)
                    .expect("two columns or more");
                training(model, normal(batch, width, data), None, 60_000)
            }
        }
    }
}

/// softplus(−5), where the peers' scales start.
const POSTERIOR_SCALE: f64 = 0.006_715_348_489_118_068;

fn training<M>(
    model: M,
    inputs: Array2<f32>,
    targets: Option<Array2<f32>>,
    data_size: usize,
) -> Box<dyn Run>
where
    M: Model<f32> + 'static,
{
    Box::new(Training {
        model,
        inputs: inputs.into_dyn().into_shared(),
        targets: targets.map(|targets| targets.into_dyn().into_shared()),
        data_size,
        adam: Adam::new(1e-3).expect("a positive rate"),
        backprop: Backprop::new(),
        step: 0,
    })
}
