//! Convolutional autoencoders beside loops over pixels that know nothing of patches.

use crate::common::{P, normal, scrambled};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Array, Noise, Parameters, Tape};
use evidence_layers::{Activation, Conv2d, ConvTranspose2d, Dense};
use evidence_models::{
    Autoencoder, Backprop, Batch, BottleneckError, ConvolutionError, Convolutions, Likelihood,
    Rows, Vae,
};
use evidence_optim::{Adam, Optimizer};
use ndarray::{Array2, ArrayD, Axis};

/// An image `[h, w, c]`.
type Image = ArrayD<f64>;

fn convolved(layer: &Conv2d<P>, x: &Image) -> Image {
    let (&[h, w, c], &[kh, kw, _, f]) = (x.shape(), layer.weight.shape()) else { unreachable!() };
    let s = layer.window.stride;
    ArrayD::from_shape_fn(vec![h.div_ceil(s), w.div_ceil(s), f], |at| {
        let mut sum = layer.bias[at[2]];
        for (a, b, c) in every([kh, kw, c]) {
            let (row, column) = (at[0] * s + a, at[1] * s + b);
            if (1..=h).contains(&row) && (1..=w).contains(&column) {
                sum += layer.weight[[a, b, c, at[2]]] * x[[row - 1, column - 1, c]];
            }
        }
        sum
    })
}

fn transposed(layer: &ConvTranspose2d<P>, x: &Image, side: [usize; 2]) -> Image {
    let (&[h, w, f], &[kh, kw, c, _]) = (x.shape(), layer.weight.shape()) else { unreachable!() };
    let s = layer.window.stride;
    let mut y = ArrayD::from_shape_fn(vec![side[0], side[1], c], |at| layer.bias[at[2]]);
    for (i, j, f) in every([h, w, f]) {
        for (a, b, c) in every([kh, kw, c]) {
            let (row, column) = (i * s + a, j * s + b);
            if (1..=side[0]).contains(&row) && (1..=side[1]).contains(&column) {
                y[[row - 1, column - 1, c]] += layer.weight[[a, b, c, f]] * x[[i, j, f]];
            }
        }
    }
    y
}

fn every([m, n, o]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..m * n * o).map(move |at| (at / (n * o), at / o % n, at % o))
}

fn dense(layer: &Dense<P>, x: &[f64]) -> Vec<f64> {
    let column = |j: usize| x.iter().enumerate().map(move |(i, x)| x * layer.weight[[i, j]]);
    (0..layer.bias.len()).map(|j| layer.bias[j] + column(j).sum::<f64>()).collect()
}

fn bent(x: &Image) -> Image {
    x.mapv(f64::tanh)
}

#[test]
fn the_loss_is_that_of_loops_over_pixels() {
    let (activation, noise) = (Activation::Tanh, Noise::new(4));
    let vae =
        Vae::convolutional([8, 4, 2], &[3, 2], &[5, 2], activation, Likelihood::Bernoulli, noise);
    let vae = scrambled(&vae.unwrap(), 0.4, noise.stream(3));
    let x = normal(3, 64, Noise::new(5)).mapv(|z| 1.0 / (1.0 + z.exp()));
    let tape = Tape::new();
    let (bound, inputs) = (vae.bind(&tape), tape.constant(&x));
    let loss = bound.loss(&Batch::new(inputs, None, 3), noise);
    let z = bound.encode(inputs).rsample(noise);

    let layers: &Convolutions<P> = vae.convolutions.as_ref().unwrap();
    let (mut log_likelihood, mut divergence) = (0.0, 0.0);
    for (row, z) in x.outer_iter().zip(z.data().chunks(2)) {
        let mut maps = row.to_owned().into_dyn().into_shape_with_order(vec![8, 4, 2]).unwrap();
        for layer in &layers.encoder {
            maps = bent(&convolved(layer, &maps));
        }
        let hidden = dense(&vae.encoder.layers[0], maps.as_slice().unwrap());
        let hidden: Vec<f64> = hidden.into_iter().map(f64::tanh).collect();
        let q = dense(&vae.encoder.layers[1], &hidden);
        for (mean, log_scale) in [(q[0], q[2]), (q[1], q[3])] {
            divergence += 0.5 * ((2.0 * log_scale).exp() + mean * mean - 1.0) - log_scale;
        }
        let features = dense(&vae.decoder.layers[0], z);
        let mut maps = ArrayD::from_shape_vec(vec![2, 1, 2], features).unwrap().mapv(f64::tanh);
        maps = bent(&transposed(&layers.decoder[0], &maps, [4, 2]));
        maps = bent(&transposed(&layers.decoder[1], &maps, [8, 4]));
        let logits = transposed(&layers.decoder[2], &maps, [8, 4]);
        for (x, logit) in row.iter().zip(logits.iter()) {
            log_likelihood += x * logit - logit.exp().ln_1p();
        }
    }
    let expected = [log_likelihood / 3.0, divergence / 3.0];
    for ((name, part), expected) in loss.parts.iter().zip(expected) {
        let error = (part.item() - expected).abs();
        assert!(error < 1e-12 * expected.abs(), "{name}: {} and {expected}", part.item());
    }
    let total = expected[1] - expected[0];
    assert!((loss.total.item() - total).abs() < 1e-12 * total.abs());
    // Draws of an importance estimate go through together: one of them has the ELBO's weight.
    let one = vae.evidence(x.view(), 1, noise);
    assert_eq!(one.elbo, one.log_prob);
    let many = vae.evidence(x.view(), 50, noise);
    assert!(many.log_prob.iter().zip(&many.elbo).all(|(log_prob, elbo)| log_prob > elbo));
}

#[test]
fn every_likelihood_has_its_parameters_for_each_pixel() {
    type L = Likelihood<P>;
    let image = [4, 6, 2];
    for likelihood in [
        L::gaussian(-0.3),
        L::PredictedGaussian,
        L::Bernoulli,
        L::ContinuousBernoulli,
        L::levels(3),
        L::Poisson,
    ] {
        let name = format!("{likelihood:?}");
        let (relu, noise) = (Activation::Relu, Noise::new(2));
        let mut vae =
            Vae::convolutional(image, &[3], &[4, 2], relu, likelihood.clone(), noise).unwrap();
        let layers = &mut vae.convolutions.as_mut().unwrap().decoder;
        let last = layers.last_mut().unwrap();
        // Parameter k of channel c of every pixel is 0.1 (c + 1) + k: at first those of one channel lie side by side.
        let each = likelihood.outputs(1, None);
        assert_eq!(last.bias.len(), 2 * each, "{name}");
        last.weight.fill(0.0);
        let predicted = matches!(likelihood, L::PredictedGaussian);
        let of = |channel: usize, k: usize| 0.1 * (channel as f64 + 1.0) + k as f64;
        for channel in 0..2 {
            for k in 0..each {
                let at = if predicted { 2 * k + channel } else { each * channel + k };
                last.bias[[at]] = of(channel, k);
            }
        }
        let tape = Tape::new();
        let x = Array2::from_elem((3, 48), 1.0);
        let bound = vae.bind(&tape);
        let z = bound.encode(tape.constant(&x)).mean();
        let outputs = bound.outputs(z);
        assert_eq!(outputs.shape(), [3, 48 * each], "{name}");
        for (at, &output) in outputs.data().iter().enumerate() {
            let at = at % (48 * each);
            let expected =
                if predicted { of(at % 2, at / 48) } else { of(at / each % 2, at % each) };
            assert!((output - expected).abs() < 1e-12, "{name}: number {at} is {output}");
        }
        assert_eq!(bound.decode(z).shape(), [3, 48], "{name}");
        assert_eq!(bound.sample(5, noise).shape(), [5, 48], "{name}");
        let autoencoder =
            Autoencoder::convolutional(image, &[3], &[4, 2], relu, likelihood, noise).unwrap();
        let bound = autoencoder.bind(&tape);
        assert_eq!(bound.reconstruct(tape.constant(&x)).shape(), [3, 48], "{name}");
    }
}

/// Images of 7 × 7 pixels with two stripes, down or across.
fn stripes(n: usize) -> Array<f32> {
    let image = |(i, at): (usize, usize)| {
        let line = if i.is_multiple_of(2) { at % 7 } else { at / 7 };
        f32::from(u8::from(line == i % 7 || line == i % 5))
    };
    Array2::from_shape_fn((n, 49), image).into_dyn().into_shared()
}

#[test]
fn it_learns_stripes_with_the_same_bits_on_any_number_of_threads() {
    let x = stripes(70);
    let (relu, noise) = (Activation::Relu, Noise::new(0));
    let start = Vae::<Array<f32>>::convolutional(
        [7, 7, 1],
        &[8, 16],
        &[16, 3],
        relu,
        Likelihood::Bernoulli,
        noise,
    );
    let start = start.unwrap();
    let run = |threads, steps| {
        with_threads(threads, || {
            let (mut model, mut adam) = (start.clone(), Adam::new(1e-2).unwrap());
            let (mut backprop, mut losses) = (Backprop::new(), Vec::new());
            for step in 0..steps {
                let rows = Rows { inputs: &x, targets: None, data_size: 70 };
                let noise = Noise::new(1).stream(step);
                let (value, mut gradient) = backprop.gradient(&model, rows, noise);
                adam.step(&mut model, &mut gradient);
                losses.push(value.loss);
            }
            let leaves = model.named().into_iter();
            let bits = |leaf: &Array<f32>| leaf.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            (losses, leaves.map(|(name, leaf)| (name, bits(&leaf))).collect::<Vec<_>>())
        })
    };
    let (losses, _) = run(1, 400);
    // Better than each pixel by its own share, which knows nothing of stripes.
    let pixels = x.view().into_dimensionality::<ndarray::Ix2>().unwrap();
    let share = pixels.mean_axis(Axis(0)).unwrap();
    let entropy = |&p: &f32| f64::from(-(p * p.ln() + (1.0 - p) * (1.0 - p).ln()));
    let by_share: f64 = share.iter().map(entropy).sum();
    assert!(losses[399] < 0.7 * by_share, "{} and {by_share}", losses[399]);
    let alone = run(1, 20);
    assert!(run(2, 20) == alone && run(3, 20) == alone);
}

#[test]
fn what_makes_no_convolutional_autoencoder_is_refused() {
    use ConvolutionError as E;
    let build = |image, filters: &[usize], sizes: &[usize]| {
        let (relu, noise) = (Activation::Relu, Noise::new(0));
        let likelihood = || Likelihood::<P>::Bernoulli;
        let vae = Vae::convolutional(image, filters, sizes, relu, likelihood(), noise);
        let other = Autoencoder::convolutional(image, filters, sizes, relu, likelihood(), noise);
        (vae.err(), other.err())
    };
    let both = |error: E| (Some(error.clone()), Some(error));
    assert_eq!(build([4, 4, 1], &[], &[2]), both(E::Filters(vec![])));
    assert_eq!(build([4, 4, 1], &[3, 0], &[2]), both(E::Filters(vec![3, 0])));
    assert_eq!(build([4, 0, 1], &[3], &[2]), both(E::Empty([4, 0, 1])));
    let uneven = E::Uneven { image: [4, 5, 1], map: [4, 5], number: 1 };
    assert!(uneven.to_string().contains("images of 4 × 5 pixels"));
    assert_eq!(build([4, 5, 1], &[3], &[2]), both(uneven));
    let later = E::Uneven { image: [6, 4, 2], map: [3, 2], number: 2 };
    assert_eq!(build([6, 4, 2], &[3, 2], &[2]), both(later));
    let none = E::Dense(BottleneckError::NoLayer(vec![12]));
    assert_eq!(build([4, 4, 1], &[3], &[]), both(none));
    let empty = E::Dense(BottleneckError::Empty(vec![12, 4, 0]));
    assert_eq!(build([4, 4, 1], &[3], &[4, 0]), both(empty));
    let many = E::Dense(BottleneckError::TooManyLatents { latents: 17, width: 16 });
    assert_eq!(build([4, 4, 1], &[3], &[17]), both(many));
    let copies = E::Dense(BottleneckError::NoBottleneck { code: 16, width: 16 });
    assert_eq!(build([4, 4, 1], &[3], &[16]), (None, Some(copies)));

    let vae = Vae::<P>::convolutional(
        [4, 4, 1],
        &[3],
        &[2],
        Activation::Relu,
        Likelihood::Bernoulli,
        Noise::new(0),
    );
    let vae = vae.unwrap();
    let other_size = std::panic::catch_unwind(|| {
        let tape = Tape::new();
        let _ = vae.bind(&tape).encode(tape.constant(Array2::zeros((2, 25))));
    });
    let message = *other_size.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("images of 4 × 4 pixels with 1 channels are rows of 16"), "{message}");
}
