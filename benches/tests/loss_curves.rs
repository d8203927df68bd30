//! Our loss curves are PyTorch's: the same weights, batch and noise give the same loss at every step of training.
//!
//! `loss_curves.json` is written by `benches/peers/loss_curves.py`, which has our noise from its definition and the models from
//! PyTorch, in float64. Nothing passes between the two but seeds.

use evidence_autodiff::{Array, Noise, Parameters, Real, Tape};
use evidence_layers::{Activation, AffineCoupling, Chain, Mlp};
use evidence_models::{Batch, BayesianNetwork, DenseNetwork, Flow, Iwae, Likelihood, Model, Vae};
use evidence_optim::{Adam, Optimizer};
use ndarray::Array2;
use serde::Deserialize;
use std::collections::BTreeMap;

const STEPS: u64 = 20;
const LEARNING_RATE: f64 = 1e-2;
const ROWS: usize = 24;

#[derive(Deserialize)]
struct Stored {
    curves: BTreeMap<String, Curves>,
}

/// The losses of a model, for draws of either type.
#[derive(Deserialize)]
struct Curves {
    f64: Vec<f64>,
    f32: Vec<f64>,
}

/// A number type with the uniform draws that labels and pixels are made of.
trait Number: Real {
    fn fill_uniform(noise: Noise, out: &mut [Self]);
}

impl Number for f64 {
    fn fill_uniform(noise: Noise, out: &mut [Self]) {
        noise.fill_uniform_f64(out);
    }
}

impl Number for f32 {
    fn fill_uniform(noise: Noise, out: &mut [Self]) {
        noise.fill_uniform_f32(out);
    }
}

/// The model and its batch.
type Setting<T, M> = (M, Array<T>, Option<Array<T>>);

fn normals<T: Number>(columns: usize, noise: Noise) -> Array<T> {
    drawn(columns, |out| T::fill_normal(noise, 0, out))
}

fn uniforms<T: Number>(columns: usize, noise: Noise, map: impl Fn(f64) -> f64) -> Array<T> {
    let draws = drawn(columns, |out| T::fill_uniform(noise, out));
    draws.mapv(|u: T| T::from_f64(map(u.to_f64()))).into_shared()
}

fn drawn<T: Number>(columns: usize, fill: impl FnOnce(&mut [T])) -> Array<T> {
    let mut array = Array2::from_elem((ROWS, columns), T::zero());
    fill(array.as_slice_mut().expect("fresh arrays are contiguous"));
    array.into_dyn().into_shared()
}

fn labels<T: Number>(data: Noise, classes: f64) -> Option<Array<T>> {
    Some(uniforms(1, data.stream(1), |u| (u * classes).floor()))
}

fn pixels<T: Number>(columns: usize, data: Noise) -> Array<T> {
    uniforms(columns, data, |u| f64::from(u8::from(u < 0.3)))
}

fn dense_classifier<T: Number>(data: Noise, weights: Noise) -> Setting<T, DenseNetwork<Array<T>>> {
    let model = DenseNetwork::multi_class(&[8, 16, 16, 4], Activation::Relu, weights);
    (model, normals(8, data), labels(data, 4.0))
}

fn bayesian_regression<T: Number>(
    data: Noise,
    weights: Noise,
) -> Setting<T, BayesianNetwork<Array<T>>> {
    let net = Mlp::new(&[8, 16, 16, 1], Activation::Relu, weights);
    let model = BayesianNetwork::new(net, Likelihood::gaussian(0.0), 1.0, 0.1);
    (model, normals(8, data), Some(normals(1, data.stream(1))))
}

fn bayesian_classifier<T: Number>(
    data: Noise,
    weights: Noise,
) -> Setting<T, BayesianNetwork<Array<T>>> {
    let net = Mlp::new(&[8, 16, 16, 4], Activation::Relu, weights);
    let model = BayesianNetwork::new(net, Likelihood::Categorical, 1.0, 0.1);
    (model, normals(8, data), labels(data, 4.0))
}

fn vae<T: Number>(data: Noise, weights: Noise) -> Setting<T, Vae<Array<T>>> {
    let model = Vae::new(&[30, 16, 3], Activation::Relu, Likelihood::Bernoulli, weights);
    (model, pixels(30, data), None)
}

fn conv_vae<T: Number>(data: Noise, weights: Noise) -> Setting<T, Vae<Array<T>>> {
    let (relu, bernoulli) = (Activation::Relu, Likelihood::Bernoulli);
    let model = Vae::convolutional([8, 8, 1], &[4, 6], &[5, 3], relu, bernoulli, weights);
    (model.expect("sides of one parity"), pixels(64, data), None)
}

fn iwae<T: Number>(data: Noise, weights: Noise) -> Setting<T, Iwae<Array<T>>> {
    let vae = Vae::new(&[30, 16, 16, 3], Activation::Tanh, Likelihood::Bernoulli, weights);
    (Iwae::new(vae, 5), pixels(30, data), None)
}

fn flow<T: Number>(
    data: Noise,
    weights: Noise,
) -> Setting<T, Flow<Chain<AffineCoupling<Array<T>>>>> {
    let model = Flow::real_nvp(5, 4, &[16, 16], weights).expect("two columns or more");
    (model, normals(5, data), None)
}

/// The loss before each step; `seed` is that of the noise in the steps.
fn curve<T: Number, M: Model<T>>(
    build: impl Fn(Noise, Noise) -> Setting<T, M>,
    seed: u64,
) -> Vec<f64> {
    let start = Noise::new(0);
    let (mut model, inputs, targets) = build(start.stream(0), start.stream(1));
    let mut adam = Adam::new(LEARNING_RATE).expect("a positive rate");
    let mut tape = Tape::new();
    let step = |step: u64| {
        let (loss, mut gradients) = {
            let bound = model.bind(&tape);
            let targets = targets.as_ref().map(|targets| tape.constant(targets));
            let batch = Batch::new(tape.constant(&inputs), targets, 100);
            let loss = M::loss(&bound, &batch, Noise::new(seed).stream(step)).total;
            (loss.item().to_f64(), loss.backward().of_model(&model, &bound))
        };
        tape.reset();
        adam.step(&mut model, &mut gradients);
        loss
    };
    (1..=STEPS).map(step).collect()
}

/// The largest relative difference; NaN if there is one.
fn difference(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len(), "steps");
    let each = ours.iter().zip(theirs).map(|(a, b)| ((a - b) / b).abs());
    each.max_by(f64::total_cmp).expect("steps")
}

/// A test of a model: its name in the stored file, whether its steps draw noise, how it is built.
macro_rules! agrees {
    ($test:ident, $name:literal, $noisy:literal, $build:ident) => {
        #[test]
        fn $test() {
            let text = include_str!("loss_curves.json");
            let stored: Stored = serde_json::from_str(text).expect("the script writes valid JSON");
            let theirs = &stored.curves[$name];
            let wide = curve($build::<f64>, 1);
            let narrow = curve($build::<f32>, 1);
            let errors = [difference(&wide, &theirs.f64), difference(&narrow, &theirs.f32)];
            println!("{}: {errors:?}", $name);
            assert!(
                errors[0] <= F64_BOUND && errors[1] <= F32_BOUND,
                "{errors:?}\n{wide:?}\n{narrow:?}"
            );
            // The bounds tell noise apart: with other draws the curve is another.
            let other = difference(&curve($build::<f64>, 2), &theirs.f64);
            assert_eq!(other > 100.0 * F32_BOUND, $noisy, "with other noise: {other}");
        }
    };
}

/// Both sides round each loss to a few ε. Adam magnifies a gradient's rounding δg by at most r/ε_Adam = 10⁶ into a
/// parameter, where the gradient itself is near 0 and so moves the loss by next to nothing.
const F64_BOUND: f64 = 1e-9;
const F32_BOUND: f64 = 1e-4;

agrees!(a_dense_classifier, "dense classifier", false, dense_classifier);
agrees!(a_bayesian_regression, "Bayesian regression", true, bayesian_regression);
agrees!(a_bayesian_classifier, "Bayesian classifier", true, bayesian_classifier);
agrees!(a_vae, "VAE", true, vae);
agrees!(a_convolutional_vae, "convolutional VAE", true, conv_vae);
agrees!(an_iwae, "IWAE", true, iwae);
agrees!(a_flow, "flow", false, flow);
