//! A decoder tied to its encoder, beside one that has the same weights as its own.

use crate::common::{P, normal, scrambled};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::{Activation, Mlp};
use evidence_models::{Autoencoder, Batch, BottleneckError, Corruption, Decoder, Likelihood};
use ndarray::ArrayD;

const SIZES: [usize; 4] = [6, 5, 4, 2];

fn untied(likelihood: Likelihood<P>) -> Autoencoder<P> {
    Autoencoder::new(&SIZES, Activation::Tanh, likelihood, Noise::new(1))
}

fn tied() -> Autoencoder<P> {
    let model = untied(Likelihood::gaussian(-0.3)).with_tied_weights().unwrap();
    scrambled(&model, 0.6, Noise::new(2))
}

/// The same function, its decoder's weights its own.
fn written_out(tied: &Autoencoder<P>) -> Autoencoder<P> {
    let Decoder::Tied(biases) = &tied.decoder else { panic!("tied") };
    let mut decoder: Mlp<P> = tied.encoder.clone();
    decoder.layers.reverse();
    for (layer, bias) in decoder.layers.iter_mut().zip(biases) {
        layer.weight = layer.weight.t().to_owned().into_shared();
        layer.bias = bias.clone();
    }
    Autoencoder { decoder: Decoder::Own(decoder), ..tied.clone() }
}

#[test]
fn each_shared_weight_is_in_the_tree_once() {
    let (tied, own) = (tied(), written_out(&tied()));
    let weights = 6 * 5 + 5 * 4 + 4 * 2;
    assert_eq!(own.count() - tied.count(), weights);
    let names = |model: &Autoencoder<P>| -> Vec<String> {
        model.named().into_iter().map(|(name, _)| name).collect()
    };
    let mut expected = names(&own);
    expected.retain(|name| !(name.starts_with("decoder") && name.ends_with("weight")));
    assert_eq!(names(&tied), expected);
    let mut model = tied.clone();
    let mut leaves = Vec::new();
    evidence_autodiff::Tree::leaves_mut(&mut model, &mut leaves);
    let shapes: Vec<_> = leaves.iter().map(|leaf| leaf.shape().to_vec()).collect();
    let named: Vec<_> = tied.named().iter().map(|(_, leaf)| leaf.shape().to_vec()).collect();
    assert_eq!(shapes, named);
    assert_eq!(names(&tied.clone().with_tied_weights().unwrap()), expected, "tied once is tied");
}

#[test]
fn a_shared_weight_learns_from_both_of_its_places() {
    for corruption in [Corruption::None, Corruption::Masking { share: 0.3 }] {
        let tied = tied().with_corruption(corruption).unwrap();
        let own = written_out(&tied);
        let (x, noise) = (normal(9, 6, Noise::new(3)), Noise::new(4));
        let tape = Tape::new();
        let batch = Batch::new(tape.constant(&x), None, 9);
        let gradients = |model: &Autoencoder<P>| {
            let bound = model.bind(&tape);
            let total = bound.loss(&batch, noise).total;
            let gradient = total.backward().of(&bound);
            let leaves = gradient.encoder.layers.into_iter();
            let encoder: Vec<_> = leaves.map(|l| l.weight.to_array()).collect();
            let (weights, biases): (Vec<ArrayD<f64>>, Vec<ArrayD<f64>>) = match gradient.decoder {
                Decoder::Own(net) => {
                    let layers = net.layers.into_iter();
                    layers.map(|l| (l.weight.to_array(), l.bias.to_array())).unzip()
                }
                Decoder::Tied(biases) => {
                    (Vec::new(), biases.into_iter().map(|b| b.to_array()).collect())
                }
            };
            (total.item(), encoder, weights, biases)
        };
        let (loss, shared, none, biases) = gradients(&tied);
        let (expected, encoder, decoder, own_biases) = gradients(&own);
        assert!(none.is_empty());
        assert!((loss - expected).abs() <= 1e-12 * expected.abs(), "{loss} and {expected}");
        let both = encoder.iter().zip(decoder.iter().rev()).map(|(e, d)| e + &d.t());
        let pairs = shared.into_iter().zip(both).chain(biases.into_iter().zip(own_biases));
        for (ours, truth) in pairs {
            let apart = &ours - &truth;
            assert!(apart.iter().all(|e| e.abs() <= 1e-12), "{corruption:?}: {apart}");
            assert!(truth.iter().any(|g| g.abs() > 1e-4), "something is learned");
        }
    }
}

#[test]
fn a_likelihood_that_needs_other_outputs_is_refused() {
    type L = Likelihood<P>;
    for (likelihood, outputs) in [
        (L::gaussian(0.0), 6),
        (L::Bernoulli, 6),
        (L::ContinuousBernoulli, 6),
        (L::PredictedGaussian, 12),
        (L::levels(3), 18),
    ] {
        let tied = untied(likelihood).with_tied_weights();
        if outputs == 6 {
            assert!(tied.is_ok());
        } else {
            let error = tied.unwrap_err();
            assert_eq!(error, BottleneckError::TiedOutputs { outputs, width: 6 });
            assert!(error.to_string().contains("leave the decoder its own weights"));
        }
    }
}

#[test]
fn convolutions_are_refused() {
    let model = Autoencoder::<P>::convolutional(
        [4, 4, 1],
        &[2],
        &[2],
        Activation::Tanh,
        Likelihood::Bernoulli,
        Noise::new(0),
    );
    let error = model.unwrap().with_tied_weights().unwrap_err();
    assert_eq!(error, BottleneckError::TiedConvolutions);
}
