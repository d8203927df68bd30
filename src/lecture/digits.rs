//! Handwritten digits: the autoencoder beside PCA, and the variational autoencoder.

use super::{Entry, LectureError, LectureOptions, curves, finished, progress};
use crate::plot::{ImageRow, Labels, images, scatter};
use evidence_autodiff::{Array, Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::metrics::mean_squared_error;
use evidence_models::{Autoencoder, Likelihood, Pca, Vae};
use evidence_optim::Adam;
use evidence_train::data::{DIGITS_MAX, Dataset, Split, digits};
use evidence_train::{Fit, FitOptions, Schedule, fit};
use ndarray::{Array2, ArrayView2, Axis};
use std::time::Instant;

const LATENTS: usize = 2;
/// Draws for the importance estimate of log p(x).
const SAMPLES: usize = 1000;
const SIDE: usize = 8;
/// Reconstructions shown.
const SHOWN: usize = 12;

struct Digits {
    training: Dataset,
    validation: Dataset,
    test: Array2<f64>,
    test_labels: Vec<usize>,
}

impl Digits {
    fn split(noise: Noise) -> Result<Self, LectureError> {
        let all = digits();
        let labels = all.classes()?;
        let pixels = all.features().mapv(|x| x / DIGITS_MAX);
        let split = Split::by_fraction(all.rows(), 0.7, 0.1, 0.2, &mut noise.rng())?;
        let part = |rows: &[usize]| Dataset::new(pixels.select(Axis(0), rows), None);
        Ok(Self {
            training: part(split.train())?,
            validation: part(split.validation())?,
            test: pixels.select(Axis(0), split.test()),
            test_labels: split.test().iter().map(|&row| labels[row]).collect(),
        })
    }
}

pub(super) fn run(options: &LectureOptions) -> Result<Vec<Entry>, LectureError> {
    let noise = Noise::new(options.seed).stream(100);
    let digits = Digits::split(noise.stream(0))?;
    let test = digits.test.mapv(|x| x as f32);

    let start = Instant::now();
    let autoencoder = fit_autoencoder(&digits, options, noise.stream(1))?;
    let seconds = start.elapsed().as_secs_f64();
    let squeezed = {
        let tape = Tape::new();
        wide(autoencoder.model.bind_constant(&tape).reconstruct(tape.batch(test.view())).value())
    };
    let pca = Pca::fit(digits.training.features().view());
    let projected = pca.reconstruct(digits.test.view(), LATENTS);
    // Per image: the sum over its pixels.
    let pixels = (SIDE * SIDE) as f64;
    let error = mean_squared_error(&squeezed, &digits.test) * pixels;
    let yardstick = mean_squared_error(&projected, &digits.test) * pixels;
    let metrics = vec![
        ("squared error per image".to_owned(), error),
        ("PCA's".to_owned(), yardstick),
        ("ratio".to_owned(), error / yardstick),
    ];
    let first = entry("autoencoder, 2 latents", &autoencoder, metrics, seconds);

    let start = Instant::now();
    let vae = fit_vae(&digits, options, noise.stream(2))?;
    let seconds = start.elapsed().as_secs_f64();
    let samples = SAMPLES.div_ceil(options.hurry.max(1));
    let evidence = vae.model.evidence(test.view(), samples, noise.stream(3));
    let mean = |values: &ndarray::Array1<f64>| values.mean().expect("there are test images");
    let metrics = vec![
        ("ELBO".to_owned(), mean(&evidence.elbo)),
        (format!("log p(x), {samples} samples"), mean(&evidence.log_prob)),
        ("effective samples".to_owned(), mean(&evidence.effective_samples)),
    ];
    let second = entry("VAE, 2 latents", &vae, metrics, seconds);

    draw(&digits, &squeezed, &vae, options, noise.stream(4))?;
    Ok(vec![first, second])
}

fn entry<M>(model: &str, fit: &Fit<M>, metrics: Vec<(String, f64)>, seconds: f64) -> Entry {
    let best = fit.history.iter().find(|epoch| epoch.number == fit.best);
    let parts = best.map_or(&[][..], |epoch| &epoch.parts);
    Entry {
        model: model.to_owned(),
        data: "digits, 1,797 × 8 × 8".to_owned(),
        objective: best.map_or(f64::NAN, |epoch| -epoch.loss),
        parts: parts.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        metrics,
        seconds,
    }
}

fn fit_autoencoder(
    digits: &Digits,
    options: &LectureOptions,
    noise: Noise,
) -> Result<Fit<Autoencoder<Array<f32>>>, LectureError> {
    let likelihood = Likelihood::gaussian(-1.0);
    let model =
        Autoencoder::new(&[SIDE * SIDE, 128, 64, LATENTS], Activation::Relu, likelihood, noise);
    let fit_options = FitOptions {
        epochs: options.epochs(300),
        batch: 32,
        seed: options.seed,
        schedule: Schedule::Cosine,
        ..FitOptions::default()
    };
    let bar = progress("autoencoder, digits", fit_options.epochs);
    let mut adam = Adam::new(4e-3)?.weight_decay(0.3)?;
    let fitted =
        fit(model, &digits.training, Some(&digits.validation), &mut adam, &fit_options, |e| {
            bar.report(e)
        })?;
    finished("autoencoder on digits", fitted)
}

fn fit_vae(
    digits: &Digits,
    options: &LectureOptions,
    noise: Noise,
) -> Result<Fit<Vae<Array<f32>>>, LectureError> {
    let likelihood = Likelihood::gaussian(-1.0);
    let model = Vae::new(&[SIDE * SIDE, 128, 64, LATENTS], Activation::Relu, likelihood, noise);
    let fit_options = FitOptions {
        epochs: options.epochs(300),
        batch: 64,
        seed: options.seed,
        schedule: Schedule::Cosine,
        ..FitOptions::default()
    };
    let bar = progress("VAE, digits", fit_options.epochs);
    let mut adam = Adam::new(2e-3)?;
    let fitted =
        fit(model, &digits.training, Some(&digits.validation), &mut adam, &fit_options, |e| {
            bar.report(e)
        })?;
    finished("VAE on digits", fitted)
}

fn draw(
    digits: &Digits,
    squeezed: &Array2<f64>,
    vae: &Fit<Vae<Array<f32>>>,
    options: &LectureOptions,
    noise: Noise,
) -> Result<(), LectureError> {
    let tape = Tape::new();
    let bound = vae.model.bind_constant(&tape);
    let posterior = bound.encode(tape.batch(digits.test.mapv(|x| x as f32).view()));
    let through = wide(bound.decode(posterior.mean()).value());
    let shown = |images: &Array2<f64>| {
        let rows: Vec<usize> = (0..SHOWN.min(images.nrows())).collect();
        images.select(Axis(0), &rows).mapv(|x| x.clamp(0.0, 1.0))
    };
    let (original, squeezed, through) = (shown(&digits.test), shown(squeezed), shown(&through));
    let rows = [("original", &original), ("autoencoder", &squeezed), ("VAE", &through)];
    let rows = rows.map(|(label, images)| ImageRow { label, images: images.view() });
    images("Test digits, squeezed through two latents", (SIDE, SIDE), &rows, &[])?
        .save(options.folder.join("digits_reconstructions.svg"))?;

    let fresh = wide(bound.decode(tape.normal(&[5 * SHOWN, LATENTS], noise)).value())
        .mapv(|x| x.clamp(0.0, 1.0));
    let rows: Vec<_> = fresh
        .axis_chunks_iter(Axis(0), SHOWN)
        .enumerate()
        .map(|(i, images)| ImageRow { label: if i == 0 { "means" } else { "" }, images })
        .collect();
    images("Digits that never were: z from the prior, decoded", (SIDE, SIDE), &rows, &[])?
        .save(options.folder.join("digits_samples.svg"))?;

    let labels = Labels {
        title: "The VAE's latent plane: posterior means of the test digits",
        x: "latent 1 (prior standard deviations)",
        y: "latent 2 (prior standard deviations)",
    };
    let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    scatter(&labels, wide(posterior.mean().value()).view(), &digits.test_labels, &names)?
        .save(options.folder.join("digits_latent_plane.svg"))?;

    // The first epoch lies so far above all others that it would leave them a third of the height.
    let (title, later) = match &vae.history[..] {
        [_, later @ ..] if !later.is_empty() => {
            ("VAE on digits: training, from the second epoch on", later)
        }
        all => ("VAE on digits: training", all),
    };
    curves(
        later,
        title,
        "nats per datum",
        &[
            ("training, negative ELBO", &|e| Some(e.loss)),
            ("validation, negative ELBO", &|e| e.validation),
            ("KL of the latents", &|e| e.parts.get(1).map(|part| part.1)),
        ],
    )?
    .save(options.folder.join("digits_training.svg"))?;
    Ok(())
}

fn wide(x: ndarray::ArrayViewD<'_, f32>) -> Array2<f64> {
    let x: ArrayView2<'_, f32> = x.into_dimensionality().expect("rows of images or latents");
    x.mapv(f64::from)
}
