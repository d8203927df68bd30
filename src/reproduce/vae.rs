//! Log-likelihoods of binarised MNIST, as Burda, Grosse and Salakhutdinov (2016, section 5 and table 1) measured them.
//!
//! | what | how |
//! | --- | --- |
//! | encoder, decoder | 784 – 200 – 200 – 50 and back, tanh; diagonal normal, Bernoulli pixels |
//! | data | pixels binarised afresh whenever they are met, white with their grey for a probability; test images once |
//! | training | Adam, β = (0.9, 0.999), ε = 10⁻⁴; for i = 0 … 7, 3ⁱ passes at the rate `r 10^(−i/7)`: 3,280 in all, here in proportion |
//! | before it, if asked for | passes with one draw at the rate r: they cost a twentieth of those with fifty, and most of the way is the same |
//! | score | `−log p(x)` of each test image by 5,000 draws of q, in log space |
//!
//! Ours differs in things that save time: larger batches, those passes with one draw, and the decoder's last biases start at the pixels' mean logits.

use super::ReproduceError;
use evidence_autodiff::kernels::threads::{for_each_mut, with_threads};
use evidence_autodiff::{Array, Noise};
use evidence_layers::Activation;
use evidence_models::{Backprop, Evidence, Likelihood, Objective, Rows, Vae, WeightGradient};
use evidence_optim::{Adam, Optimizer};
use evidence_train::Divergence;
use evidence_train::data::{Images, binarised};
use ndarray::{Array1, Axis, concatenate};
use serde::Serialize;
use std::time::Instant;

/// Hidden units and latents.
const SIZES: [usize; 3] = [200, 200, 50];
/// Adam's ε.
const EPSILON: f64 = 1e-4;
/// Steps of the learning rate.
const STAGES: i32 = 8;
/// Test images whose estimates share a tape.
const BLOCK: usize = 250;

/// What is free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// K; 1 is the ELBO, its divergence in closed form.
    pub draws: usize,
    /// Passes over the training images with one draw, before the others.
    pub lead: usize,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images in a minibatch.
    pub batch: usize,
    /// Adam's rate at first.
    pub learning_rate: f64,
    /// Draws of each estimate of log p(x).
    pub samples: usize,
    /// Whether the gradient of K > 1 draws is reparametrised twice.
    pub doubly: bool,
    /// Decides the first weights and every draw.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VaeScores {
    /// The mean of −log p(x) over the test images, in nats.
    pub nll: f64,
    /// Its standard error, from their number.
    pub nll_error: f64,
    /// The mean lower bound of the test images, in nats.
    pub elbo: f64,
    /// How many equal draws those of an image are worth, on average.
    pub effective_samples: f64,
    /// The same of the worst image.
    pub fewest_effective_samples: f64,
    /// Latents whose posterior mean moves (variance above 0.01).
    pub active: usize,
    /// How many images it was tested on.
    pub test_images: usize,
    /// How long training and estimates took.
    pub seconds: f64,
    /// How long the estimates took.
    pub seconds_to_estimate: f64,
}

/// A published row: table 1 of Burda and others, one stochastic layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedNll {
    /// What was trained.
    pub method: &'static str,
    /// K.
    pub draws: usize,
    /// −log p(x), in nats.
    pub nll: f64,
    /// Active latents.
    pub active: usize,
}

/// MNIST, one stochastic layer.
pub const PUBLISHED: [PublishedNll; 3] = [
    PublishedNll { method: "VAE (Burda and others 2016)", draws: 1, nll: 86.76, active: 19 },
    PublishedNll { method: "IWAE (the same)", draws: 5, nll: 85.54, active: 22 },
    PublishedNll { method: "IWAE (the same)", draws: 50, nll: 84.78, active: 25 },
];

/// The factor of the learning rate in an epoch, from 0, of so many: 3ⁱ parts of 3,280 at `10^(−i/7)`.
fn factor(epoch: usize, epochs: usize) -> f64 {
    let whole = (3_f64.powi(STAGES) - 1.0) / 2.0;
    let over = epoch as f64 * whole / epochs as f64;
    let stage = (0..STAGES).find(|i| over < (3_f64.powi(i + 1) - 1.0) / 2.0).unwrap_or(STAGES - 1);
    10_f64.powf(-f64::from(stage) / f64::from(STAGES - 1))
}

/// Trains and scores; `report` is called behind every epoch with its number, its mean loss and the seconds so far.
///
/// The result, but for the seconds, does not depend on the number of threads (0: one per core).
///
/// # Errors
/// If the images have fewer pixels than the network latents, the rate is none, or the training diverges.
pub fn run(
    recipe: &Recipe,
    training: &Images,
    test: &Images,
    threads: usize,
    mut report: impl FnMut(usize, f64, f64) + Send,
) -> Result<VaeScores, ReproduceError> {
    with_threads(threads, || {
        let start = Instant::now();
        let noise = Noise::new(recipe.seed);
        let model = train(recipe, training, noise, &mut |epoch, loss| {
            report(epoch, loss, start.elapsed().as_secs_f64());
        })?;
        let trained = start.elapsed().as_secs_f64();
        let rows: Vec<usize> = (0..test.labels.len()).collect();
        let x = binarised(&test.pixels, &rows, noise.stream(3));
        let mut blocks: Vec<(_, Option<Evidence>)> =
            x.axis_chunks_iter(Axis(0), BLOCK).map(|block| (block, None)).collect();
        for_each_mut(&mut blocks, |index, (block, evidence)| {
            let noise = noise.stream(4).stream(index as u64);
            *evidence = Some(model.evidence(*block, recipe.samples, noise));
        });
        let whole = |of: &dyn Fn(&Evidence) -> &Array1<f64>| {
            let parts = blocks.iter().filter_map(|(_, evidence)| evidence.as_ref());
            let views: Vec<_> = parts.map(|evidence| of(evidence).view()).collect();
            concatenate(Axis(0), &views).expect("a number for each image")
        };
        let (log_prob, elbo) = (whole(&|e| &e.log_prob), whole(&|e| &e.elbo));
        let worth = whole(&|e| &e.effective_samples);
        let mean = |values: &Array1<f64>| values.mean().unwrap_or(f64::NAN);
        let active = model.latents(x.view()).active().iter().filter(|on| **on).count();
        Ok(VaeScores {
            nll: -mean(&log_prob),
            nll_error: log_prob.std(1.0) / (log_prob.len() as f64).sqrt(),
            elbo: mean(&elbo),
            effective_samples: mean(&worth),
            fewest_effective_samples: worth.fold(f64::INFINITY, |least, &n| least.min(n)),
            active,
            test_images: x.nrows(),
            seconds: start.elapsed().as_secs_f64(),
            seconds_to_estimate: start.elapsed().as_secs_f64() - trained,
        })
    })
}

fn train(
    recipe: &Recipe,
    training: &Images,
    noise: Noise,
    report: &mut dyn FnMut(usize, f64),
) -> Result<Vae<Array<f32>>, ReproduceError> {
    let mut model = start(training, noise.stream(0))?;
    let mut adam = Adam::<f32>::new(recipe.learning_rate)?.epsilon(EPSILON)?;
    let mut backprop = Backprop::new();
    let (n, mut step) = (training.labels.len(), 0);
    for epoch in 0..recipe.lead + recipe.epochs {
        if let Some(epoch) = epoch.checked_sub(recipe.lead) {
            model.objective = objective(recipe);
            adam.set_factor(factor(epoch, recipe.epochs));
        }
        let order = noise.stream(1).stream(epoch as u64).permutation(n);
        let mut sum = 0.0;
        for rows in order.chunks(recipe.batch.max(1)) {
            step += 1;
            let noise = noise.stream(2).stream(step as u64);
            let x = binarised(&training.pixels, rows, noise.stream(0)).into_dyn().into_shared();
            let batch = Rows { inputs: &x, targets: None, data_size: n };
            let (value, mut gradient) = backprop.gradient(&model, batch, noise.stream(1));
            if !value.loss.is_finite() {
                let anomaly = backprop.diagnose(&model, batch, noise.stream(1));
                let divergence = Box::new(Divergence { epoch: epoch + 1, step, anomaly });
                return Err(ReproduceError::Training(divergence));
            }
            sum += value.loss * rows.len() as f64;
            adam.step(&mut model, &mut gradient);
        }
        report(epoch + 1, sum / n as f64);
    }
    Ok(model)
}

/// What is maximised once the passes with one draw are over.
fn objective(recipe: &Recipe) -> Objective {
    match recipe.draws {
        1 => Objective::default(),
        draws => {
            let gradient = if recipe.doubly {
                WeightGradient::DoublyReparametrised
            } else {
                WeightGradient::Pathwise
            };
            Objective::ImportanceWeighted { draws, gradient }
        }
    }
}

/// The network before its first step.
fn start(training: &Images, noise: Noise) -> Result<Vae<Array<f32>>, ReproduceError> {
    let (height, width) = training.shape;
    let sizes = [&[height * width][..], &SIZES].concat();
    Vae::<Array<f32>>::admits(&sizes)?;
    let mut model = Vae::new(&sizes, Activation::Tanh, Likelihood::Bernoulli, noise);
    if let (Some(mean), Some(last)) =
        (training.pixels.mean_axis(Axis(0)), model.decoder.layers.last_mut())
    {
        for (bias, mean) in last.bias.iter_mut().zip(mean) {
            let p = mean.clamp(1e-3, 1.0 - 1e-3);
            *bias = (p / (1.0 - p)).ln();
        }
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn the_learning_rate_takes_the_published_steps() {
        // Each epoch of the published 3,280, then of fewer in proportion.
        let mut epoch = 0;
        for stage in 0..8 {
            for _ in 0..3_usize.pow(stage) {
                let published = 10_f64.powf(-f64::from(stage) / 7.0);
                assert!((factor(epoch, 3280) - published).abs() < 1e-12, "{epoch}");
                epoch += 1;
            }
        }
        assert_eq!(epoch, 3280);
        let tenth: Vec<f64> = (0..328).map(|epoch| factor(epoch, 328)).collect();
        assert!(tenth.windows(2).all(|pair| pair[0] >= pair[1]));
        assert!((tenth[0], tenth[327]) == (1.0, 0.1));
    }

    /// Stripes, some across and some upright: what a VAE learns of them is more than their mean pixel.
    fn stripes(n: usize, noise: Noise) -> Images {
        let mut draws = vec![0.0; n];
        noise.fill_uniform_f64(&mut draws);
        let pixels = Array2::from_shape_fn((n, 64), |(row, pixel)| {
            let which = (draws[row] * 8.0) as usize;
            let line = if which < 4 { pixel / 8 } else { pixel % 8 };
            if line % 4 == which % 4 { 0.95 } else { 0.05 }
        });
        Images { pixels, labels: vec![0; n], shape: (8, 8) }
    }

    #[test]
    fn a_short_run_learns_and_is_the_same_on_any_number_of_threads() {
        let (training, test) = (stripes(400, Noise::new(1)), stripes(60, Noise::new(2)));
        for draws in [1, 3] {
            let recipe = Recipe {
                draws,
                lead: 0,
                epochs: 12,
                batch: 20,
                learning_rate: 3e-3,
                samples: 50,
                doubly: true,
                seed: 7,
            };
            let mut losses = Vec::new();
            let one = run(&recipe, &training, &test, 1, |_, loss, _| losses.push(loss)).unwrap();
            let two = run(&recipe, &training, &test, 2, |_, _, _| {}).unwrap();
            assert_eq!((one.nll, one.elbo, one.active), (two.nll, two.elbo, two.active));
            assert_eq!(losses.len(), 12);
            // Pixels alone: 64 coins of the mean pixel, white a quarter of the time or so.
            let coin = 0.275_f64;
            let alone = -64.0 * (coin * coin.ln() + (1.0 - coin) * (1.0 - coin).ln());
            assert!(one.nll < 0.85 * alone, "{draws}: {} and {alone}", one.nll);
            // log 8 stripes and the noise of 64 pixels is all there is to know.
            let noise = -64.0 * (0.05 * 0.05_f64.ln() + 0.95 * 0.95_f64.ln());
            assert!(one.nll > noise, "{} and {noise}", one.nll);
            assert!(one.elbo < -one.nll && one.active > 0);
            assert!(
                one.fewest_effective_samples >= 1.0 - 1e-9 && one.effective_samples <= 50.0 + 1e-9
            );
        }
    }

    #[test]
    fn passes_with_one_draw_come_first() {
        let (training, test) = (stripes(60, Noise::new(1)), stripes(10, Noise::new(2)));
        let losses = |draws| {
            let recipe = Recipe {
                draws,
                lead: 2,
                epochs: 2,
                batch: 20,
                learning_rate: 3e-3,
                samples: 5,
                doubly: true,
                seed: 7,
            };
            let mut losses = Vec::new();
            run(&recipe, &training, &test, 1, |_, loss, _| losses.push(loss)).unwrap();
            losses
        };
        let (one, three) = (losses(1), losses(3));
        assert_eq!((one.len(), &one[..2]), (4, &three[..2]));
        assert!(three[2] < one[2], "three draws bound the same from nearer: {three:?}, {one:?}");
    }
}
