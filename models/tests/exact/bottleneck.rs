//! Autoencoders around every likelihood: outputs as many as it needs, sizes that can be, latents that carry something.

use crate::common::{P, normal, scrambled};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::{
    ACTIVE, Autoencoder, Batch, BottleneckError, Corruption, CorruptionError, Likelihood, Model,
    Vae,
};
use ndarray::{Array2, Axis};

type L = Likelihood<P>;

fn all() -> Vec<(&'static str, L)> {
    vec![
        ("Gaussian", L::gaussian(-0.3)),
        ("known", L::known_gaussian(0.7)),
        ("predicted", L::PredictedGaussian),
        ("Student", L::student_t(5.0, 0.1)),
        ("Bernoulli", L::Bernoulli),
        ("continuous Bernoulli", L::ContinuousBernoulli),
        ("levels", L::levels(3)),
        ("Poisson", L::Poisson),
    ]
}

/// Rows that every likelihood admits: 0, ½ and 1, and whole ones for counts.
fn rows(likelihood: &L, n: usize) -> Array2<f64> {
    let whole = matches!(likelihood, L::Poisson);
    normal(n, 4, Noise::new(3)).mapv(|z| {
        let x = if z < -0.5 {
            0.0
        } else if z < 0.5 {
            0.5
        } else {
            1.0
        };
        if whole { 2.0 * x } else { x }
    })
}

#[test]
fn the_decoder_has_as_many_outputs_as_its_likelihood_needs() {
    for (name, likelihood) in all() {
        let x = rows(&likelihood, 6);
        let (tanh, noise) = (Activation::Tanh, Noise::new(1));
        let outputs = likelihood.outputs(4, None);
        let (tape, vae) = (Tape::new(), Vae::<P>::new(&[4, 5, 2], tanh, likelihood.clone(), noise));
        assert_eq!((vae.decoder.outputs(), vae.encoder.outputs()), (outputs, 4), "{name}");
        let (bound, inputs) = (vae.bind(&tape), tape.constant(&x));
        let loss = bound.loss(&Batch::new(inputs, None, 6), noise);
        assert!(loss.total.item().is_finite(), "{name}");
        assert_eq!(bound.decode(bound.encode(inputs).mean()).shape(), [6, 4], "{name}");
        assert_eq!(bound.sample(3, noise).shape(), [3, 4], "{name}");
        assert!(vae.evidence(x.view(), 3, noise).log_prob.iter().all(|l| l.is_finite()), "{name}");

        let model = Autoencoder::<P>::new(&[4, 5, 2], tanh, likelihood, noise);
        assert_eq!(model.decoder.outputs(), outputs, "{name}");
        let (tape, batch) = (Tape::new(), x.clone());
        let bound = model.bind(&tape);
        let inputs = tape.constant(&batch);
        assert_eq!(bound.reconstruct(inputs).shape(), [6, 4], "{name}");
        let loss = bound.loss(&Batch::new(inputs, None, 6), noise).total.item();
        assert!(loss.is_finite(), "{name}");
    }
}

#[test]
fn sizes_that_make_no_autoencoder_are_refused() {
    use BottleneckError as E;
    for sizes in [&[][..], &[4]] {
        assert_eq!(Vae::<P>::admits(sizes), Err(E::NoLayer(sizes.to_vec())));
        assert_eq!(Autoencoder::<P>::admits(sizes), Err(E::NoLayer(sizes.to_vec())));
    }
    for sizes in [[0, 2, 1], [4, 0, 1], [4, 3, 0]] {
        assert_eq!(Vae::<P>::admits(&sizes), Err(E::Empty(sizes.to_vec())));
        assert_eq!(Autoencoder::<P>::admits(&sizes), Err(E::Empty(sizes.to_vec())));
    }
    for (sizes, vae, autoencoder) in [
        ([4, 9, 3], Ok(()), Ok(())),
        ([4, 9, 4], Ok(()), Err(E::NoBottleneck { code: 4, width: 4 })),
        (
            [4, 9, 5],
            Err(E::TooManyLatents { latents: 5, width: 4 }),
            Err(E::NoBottleneck { code: 5, width: 4 }),
        ),
    ] {
        assert_eq!(Vae::<P>::admits(&sizes), vae);
        assert_eq!(Autoencoder::<P>::admits(&sizes), autoencoder);
        let (noise, identity) = (Noise::new(0), Activation::Identity);
        let built =
            std::panic::catch_unwind(|| Vae::<P>::new(&sizes, identity, L::Bernoulli, noise));
        assert_eq!(built.is_ok(), vae.is_ok());
        let built = std::panic::catch_unwind(|| {
            Autoencoder::<P>::new(&sizes, identity, L::Bernoulli, noise)
        });
        assert_eq!(built.is_ok(), autoencoder.is_ok());
    }
}

#[test]
fn a_denoiser_sees_corrupted_rows_and_aims_at_clean_ones() {
    let likelihood = L::gaussian(-0.3);
    let plain = Autoencoder::<P>::new(&[4, 5, 2], Activation::Tanh, likelihood, Noise::new(1));
    let (x, noise) = (normal(400, 4, Noise::new(2)) + 3.0, Noise::new(3));
    for corruption in [
        Corruption::None,
        Corruption::Gaussian { scale: 0.0 },
        Corruption::Gaussian { scale: 0.7 },
        Corruption::Masking { share: 0.25 },
        Corruption::Masking { share: 0.0 },
    ] {
        let model = plain.clone().with_corruption(corruption).unwrap();
        let tape = Tape::new();
        let (bound, inputs) = (model.bind(&tape), tape.constant(&x));
        let seen = corruption.apply(inputs, noise);
        let batch = Batch::new(inputs, None, 400);
        let decoded = bound.outputs(bound.encode(seen));
        let expected = -bound.likelihood.log_prob(decoded, inputs).mean(..).item();
        assert_eq!(bound.loss(&batch, noise).total.item(), expected, "{corruption:?}");
        let clean = plain.bind(&tape).loss(&batch, noise).total.item();
        assert_eq!(Autoencoder::<P>::validation(&bound, &batch, noise).item(), clean);
        let apart: Vec<f64> = seen.data().iter().zip(&x).map(|(a, b)| a - b).collect();
        match corruption {
            Corruption::Gaussian { scale } if scale > 0.0 => {
                crate::common::within_four_errors("the noise", &apart, 0.0);
                let squares: Vec<f64> = apart.iter().map(|e| e * e).collect();
                crate::common::within_four_errors("its square", &squares, scale * scale);
            }
            Corruption::Masking { share } if share > 0.0 => {
                let masked: Vec<f64> =
                    seen.data().iter().map(|x| f64::from(u8::from(*x == 0.0))).collect();
                crate::common::within_four_errors("masked", &masked, share);
                assert!(seen.data().iter().zip(&x).all(|(a, b)| *a == 0.0 || a == b));
            }
            _ => assert!(apart.iter().all(|e| *e == 0.0)),
        }
    }
    for (corruption, error) in [
        (Corruption::Gaussian { scale: -1.0 }, CorruptionError::Scale(-1.0)),
        (Corruption::Gaussian { scale: f64::INFINITY }, CorruptionError::Scale(f64::INFINITY)),
        (Corruption::Masking { share: 1.0 }, CorruptionError::Share(1.0)),
        (Corruption::Masking { share: -0.1 }, CorruptionError::Share(-0.1)),
    ] {
        assert_eq!(plain.clone().with_corruption(corruption).unwrap_err(), error);
    }
}

#[test]
fn latents_are_told_by_their_divergence_and_by_whether_they_move() {
    let vae = Vae::<P>::new(&[4, 5, 3], Activation::Tanh, L::Bernoulli, Noise::new(2));
    let mut vae = scrambled(&vae, 0.8, Noise::new(3));
    // The second latent says the same of every row, one standard deviation off the prior's mean.
    let last = vae.encoder.layers.len() - 1;
    let layer = &mut vae.encoder.layers[last];
    for column in [1, 4] {
        layer.weight.index_axis_mut(Axis(1), column).fill(0.0);
    }
    layer.bias.as_slice_mut().unwrap()[1] = 1.0;
    layer.bias.as_slice_mut().unwrap()[4] = 0.0;
    // More rows than are encoded at a time.
    let x = normal(2500, 4, Noise::new(5));
    let whole = vae.latents(x.view());
    let tape = Tape::new();
    let q = vae.bind_constant(&tape).encode(tape.constant(&x)).marginals();
    let mean = q.mean.value().into_dimensionality::<ndarray::Ix2>().unwrap();
    let variance = mean.var_axis(Axis(0), 0.0);
    let divergence = q.kl_to_standard_each().value().mean_axis(Axis(0)).unwrap();
    for j in 0..3 {
        assert!((whole.activity()[j] - variance[j]).abs() <= 1e-12 * variance[j].max(1.0));
        assert!((whole.divergence()[j] - divergence[j]).abs() <= 1e-12 * divergence[j]);
    }
    assert!(variance[0] > ACTIVE && variance[2] > ACTIVE, "{variance}");
    assert_eq!(whole.active(), [true, false, true]);
    assert!((whole.divergence()[1] - 0.5).abs() <= 1e-12, "½ μ²");
    assert!(whole.warning().is_some_and(|text| text.starts_with("1 of 3 latents say the same")));
    // Portions add up to the whole.
    let mut parts = vae.latents(x.slice(ndarray::s![..700, ..]));
    parts.add(&vae.latents(x.slice(ndarray::s![700..700, ..])));
    parts.add(&vae.latents(x.slice(ndarray::s![700.., ..])));
    for j in 0..3 {
        assert!((whole.activity()[j] - parts.activity()[j]).abs() <= 1e-12);
        assert!((whole.divergence()[j] - parts.divergence()[j]).abs() <= 1e-12);
    }
    vae.encoder.layers[last].weight.fill(0.0);
    let none = vae.latents(x.view());
    assert_eq!(none.active(), [false; 3]);
    assert!(none.warning().is_some_and(|text| text.contains("collapsed into the prior")));
}
