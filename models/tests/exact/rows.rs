//! The order of rows in a batch.

use crate::common::{P, bayesian, flow, normal};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::{Autoencoder, Batch, DenseNetwork, Likelihood, Model, Vae};
use ndarray::{Array2, Axis};

/// Total and parts of a loss.
fn losses<M: Model<f64>>(model: &M, x: &Array2<f64>, y: Option<&Array2<f64>>) -> Vec<f64> {
    let tape = Tape::new();
    let batch = Batch::new(tape.constant(x), y.map(|y| tape.constant(y)), 100);
    let loss = M::loss(&model.bind(&tape), &batch, Noise::new(40));
    let parts = loss.parts.iter().map(|(_, part)| part.item());
    std::iter::once(loss.total.item()).chain(parts).collect()
}

#[track_caller]
fn invariant<M: Model<f64>>(name: &str, model: &M, x: &Array2<f64>, y: Option<&Array2<f64>>) {
    let before = losses(model, x, y);
    for seed in 0..3 {
        let order = Noise::new(seed).permutation(x.nrows());
        let y = y.map(|y| y.select(Axis(0), &order));
        let after = losses(model, &x.select(Axis(0), &order), y.as_ref());
        for (before, after) in before.iter().zip(&after) {
            assert!(
                (before - after).abs() < 1e-12 * before.abs().max(1.0),
                "{name}: {before} {after}"
            );
        }
    }
    let fewer: Vec<usize> = (1..x.nrows()).collect();
    let y = y.map(|y| y.select(Axis(0), &fewer));
    let other = losses(model, &x.select(Axis(0), &fewer), y.as_ref());
    assert!(other[0] != before[0], "{name}: every row counts");
}

#[test]
fn a_loss_does_not_depend_on_the_order_of_rows() {
    let noise = Noise::new(41);
    let x = normal(17, 4, noise);
    let y = normal(17, 1, noise.stream(1));
    let side = y.mapv(|y| f64::from(u8::from(y > 0.0)));
    let (tanh, gaussian) = (Activation::Tanh, || Likelihood::gaussian(-0.2));
    invariant("regression", &DenseNetwork::<P>::regression(&[4, 5, 1], tanh, noise), &x, Some(&y));
    invariant("binary", &DenseNetwork::<P>::binary(&[4, 5, 1], tanh, noise), &x, Some(&side));
    invariant("classes", &DenseNetwork::<P>::multi_class(&[4, 5, 2], tanh, noise), &x, Some(&side));
    // One draw of the weights serves all rows.
    invariant("Bayesian", &bayesian(&[4, 5, 1], gaussian(), noise), &x, Some(&y));
    invariant("autoencoder", &Autoencoder::<P>::new(&[4, 5, 2], tanh, gaussian(), noise), &x, None);
    invariant("flow", &flow(4, 3, noise), &x, None);
    // A VAE draws for each row, so rows in another order meet other draws: with none to speak of, nothing changes.
    let mut vae = Vae::<P>::new(&[4, 5, 2], tanh, gaussian(), noise);
    vae.encoder.layers[1].bias.as_slice_mut().unwrap()[2..].fill(-60.0);
    invariant("VAE", &vae, &x, None);
}
