//! Three kinds of learning on the same digits, few of which have labels: supervised (a dense network on the labelled ones), unsupervised (M1, a
//! VAE of all of them, classes named by the nearest labelled latent), and semi-supervised (M2, and M1 + M2: M2 on M1's latents), of Kingma,
//! Rezende, Mohamed and Welling 2014.
//!
//! `cargo run --release --example semi_supervised`
//! `cargo run --release --example semi_supervised -- --data mnist --labels 100 --seeds 10`
//! `cargo run --release --example semi_supervised -- --data mnist --labels 100 --seeds 1 --only supervised,M2 --epochs 2`
//!
//! | what | theirs | here |
//! | --- | --- | --- |
//! | pixels | binarised afresh whenever they are met | the same |
//! | M1's latents | drawn afresh from q(z₁ ∣ x) whenever they are met | the same; their means to test on |
//! | labelled rows | as many of each class | the same; M1, which needs none, serves every seed's |
//! | minibatch | labelled and unlabelled rows in the data's proportion | so many of each, weighed by the data's proportion |
//! | α | 0.1 | see [`Recipe`]: larger, for fewer passes |
//! | M2's latents; between layers | 50; softplus | on M1's 10, on MNIST's pixels 2 and then 5; ReLU |
//! | classifier | from scratch | starts as the supervised one |
//! | Adam | 3 · 10⁻⁴, up to 3,000 passes | 10⁻³ down to 0 along a cosine, few passes |
//!
//! The embedded digits' 8×8 greys are means of blocks of pixels: as coins they would be mostly noise, and leave M1's latents little to tell. M1
//! sees them grey, under a normal whose scale is learned.
//!
//! On MNIST's pixels a bound differs from class to class by tens of nats, far more than the classifier's own doubts weigh, and it is the
//! bounds that lead. A decoder from scratch, or one of ten latents, which can draw any digit whatever class it is told, leads astray: of 21.1 %
//! wrong it made 38.7 %. So the generative half first learns alone what the classifier says, and of two latents, which leave most to the class;
//! then, from the better classifier, the same again with five.
//!
//! What is different is judged by MNIST's last 10,000 training images, none of which is learned from here.

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::{DenseNetwork, Model, SemiSupervised, Vae};
use evidence::optim::Adam;
use evidence::train::data::{Images, MixedBatches, binarised};
use evidence::train::{Event, FitOptions, Schedule, Trainer};
use evidence::{Array, Likelihood, Mlp, Noise, Parameters, Tape};
use few_labels::{CLASSES, Data, Labels, M2, Recipe};
use ndarray::{Array1, Array2, Axis};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

mod command_line;
mod few_labels;

const METHODS: [&str; 4] = ["supervised", "unsupervised", "M2", "M1+M2"];
/// ln σ of grey pixels at first.
const START: f64 = -1.0;
/// The probability below which M2 leaves a class of an unlabelled row out.
const LEAST: f64 = 1e-4;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["--data", "--epochs", "--labels", "--seeds", "--only"])?;
    let mut data = match arguments.get::<PathBuf>("--data")? {
        Some(folder) => Data::mnist(&folder)?,
        None => Data::embedded()?,
    };
    if let Some(epochs) = arguments.get("--epochs")? {
        data.recipe.shorten(epochs);
    }
    let labels = arguments.get("--labels")?.map_or(vec![20, 50, 200], |labels| vec![labels]);
    let rows = data.training.labels.len();
    if let Some(wrong) = labels.iter().find(|labels| !(1..rows).contains(labels)) {
        return Err(format!("--labels {wrong}: of {rows} training images, at least one must have a label, and one none").into());
    }
    let seeds = arguments.get("--seeds")?.map_or(3, NonZero::get);
    let only: Option<String> = arguments.get("--only")?;
    let only = only.as_ref().map_or(METHODS.to_vec(), |list| list.split(',').collect());
    if let Some(unknown) = only.iter().find(|name| !METHODS.contains(name)) {
        return Err(format!("--only {unknown}: there are {}", METHODS.join(", ")).into());
    }
    with_threads(0, || {
        println!("error on the {} test images in %", data.test.labels.len());
        let mut latents = None;
        if only.contains(&"unsupervised") || only.contains(&"M1+M2") {
            let start = Instant::now();
            let vae = unsupervised(&data.training.pixels, &data.recipe, Noise::new(u64::MAX))?;
            println!("M1 took {:.0} seconds", start.elapsed().as_secs_f64());
            latents =
                Some([&data.training, &data.test].map(|images| Codes::of(&vae, &images.pixels)));
        }
        println!("{:>7}{:>12}{}{:>10}", "labels", "seed", METHODS.map(cell).concat(), "seconds");
        for labels in labels {
            let mut runs = Vec::new();
            for seed in 0..seeds {
                let start = Instant::now();
                let run = errors(&data, latents.as_ref(), labels, &only, Noise::new(seed))?;
                let cells = run.map(|error| cell(&shown(error, None)));
                let seconds = start.elapsed().as_secs_f64();
                println!("{labels:>7}{seed:>12}{}{seconds:>10.0}", cells.concat());
                runs.push(run);
            }
            let cells = [0, 1, 2, 3].map(|method| {
                let of: Option<Vec<f64>> = runs.iter().map(|run| run[method]).collect();
                let of = Array1::from(of.unwrap_or_default());
                cell(&shown(of.mean(), (of.len() > 1).then(|| of.std(1.0))))
            });
            println!("{labels:>7}{:>12}{}", "mean ± sd", cells.concat());
        }
        Ok(())
    })
}

fn cell(text: &str) -> String {
    format!("{text:>15}")
}

fn shown(error: Option<f64>, deviation: Option<f64>) -> String {
    match (error, deviation) {
        (Some(error), Some(deviation)) => format!("{error:.2} ± {deviation:.2}"),
        (Some(error), None) => format!("{error:.2}"),
        _ => "–".to_owned(),
    }
}

/// Of each kind of learning that is asked for.
fn errors(
    data: &Data,
    latents: Option<&[Codes; 2]>,
    labels: usize,
    only: &[&str],
    noise: Noise,
) -> Result<[Option<f64>; 4], Failure> {
    let Data { training: Images { pixels, labels: y, .. }, test, recipe } = data;
    let known = Labels::chosen(y, labels, noise.stream(0));
    let asked = METHODS.map(|method| only.contains(&method));
    let mut errors = [None; 4];

    let drawn = |rows: &[usize], noise: Noise| binarised(pixels, rows, noise);
    if asked[0] || asked[2] {
        let net = supervised(&drawn, &known, pixels.ncols(), recipe, noise.stream(1))?;
        errors[0] = asked[0].then(|| error(&net, &test.pixels, &test.labels));
        if asked[2] {
            let mut net = net;
            for (fit, noise) in recipe.m2.iter().zip((0..).map(|fit| noise.stream(2).stream(fit))) {
                let shape = (Likelihood::Bernoulli, fit);
                net = semi_supervised(&drawn, &known, net, shape, recipe, noise)?;
            }
            errors[2] = Some(error(&net, &test.pixels, &test.labels));
        }
    }
    if let Some([codes, of_test]) = latents {
        if asked[1] {
            let found = codes.nearest(of_test, &known);
            errors[1] = Some(share_wrong(&found, &test.labels));
        }
        if asked[3] {
            let drawn = |rows: &[usize], noise: Noise| codes.drawn(rows, noise);
            let net = supervised(&drawn, &known, recipe.m1.latents, recipe, noise.stream(3))?;
            let shape = (Likelihood::PredictedGaussian, &recipe.m1_m2);
            let net = semi_supervised(&drawn, &known, net, shape, recipe, noise.stream(4))?;
            errors[3] = Some(error(&net, &of_test.mean, &test.labels));
        }
    }
    Ok(errors)
}

/// The rows of a list, drawn afresh.
type Draw<'a> = dyn Fn(&[usize], Noise) -> Array2<f32> + 'a;

/// A classifier of the labelled rows alone.
fn supervised(
    drawn: &Draw<'_>,
    known: &Labels<'_>,
    inputs: usize,
    recipe: &Recipe,
    noise: Noise,
) -> Result<Mlp<Array<f32>>, Failure> {
    let sizes = [inputs, recipe.hidden, CLASSES];
    let net = DenseNetwork::multi_class(&sizes, recipe.activation, noise.stream(0));
    let rows = known.labelled.len();
    let draw = |_: usize, noise: Noise| {
        let x = drawn(&known.labelled, noise).mapv(f64::from);
        (x, Some(known.column(&known.labelled, 0)))
    };
    Ok(trained(net, rows, draw, (recipe.steps, rows), (recipe.rate, 0), noise.stream(1))?.net)
}

/// The classifier of M2, on rows of which some have a label.
fn semi_supervised(
    drawn: &Draw<'_>,
    known: &Labels<'_>,
    start: Mlp<Array<f32>>,
    (likelihood, fit): (Likelihood<Array<f32>>, &M2),
    recipe: &Recipe,
    noise: Noise,
) -> Result<Mlp<Array<f32>>, Failure> {
    let (n, labelled) = (known.y.len(), &known.labelled);
    let weights = (labelled.len() as f64 / n as f64, fit.alpha);
    let sizes = [start.inputs(), recipe.hidden, fit.latents];
    let init = noise.stream(0);
    let model = SemiSupervised::new(&sizes, CLASSES, recipe.activation, likelihood, weights, init);
    let mut model = SemiSupervised { classifier: start, ..model.with_least(LEAST) };
    let mut batches = MixedBatches::new(n, labelled, recipe.batch, noise.stream(1))?;
    let length = |epochs| (epochs, recipe.batch.1);
    let rate = (recipe.rate, 0);
    if fit.named > 0 {
        let draw = |step: usize, noise: Noise| {
            let (with, without) = batches.batch(step);
            let x = drawn(&[&with[..], &without].concat(), noise);
            let mut y = known.column(&with, without.len());
            let named = classes(&model.classifier, &x);
            for row in with.len()..named.len() {
                y[[row, 0]] = named[row] as f64;
            }
            (x.mapv(f64::from), Some(y))
        };
        let vae = model.vae.clone();
        model.vae = trained(vae, n, draw, length(fit.named), rate, noise.stream(3))?;
    }
    let draw = |step: usize, noise: Noise| {
        let (with, without) = batches.batch(step);
        let y = known.column(&with, without.len());
        (drawn(&[with, without].concat(), noise).mapv(f64::from), Some(y))
    };
    Ok(trained(model, n, draw, length(fit.epochs), rate, noise.stream(2))?.classifier)
}

/// M1.
fn unsupervised(
    pixels: &Array2<f32>,
    recipe: &Recipe,
    noise: Noise,
) -> Result<Vae<Array<f32>>, Failure> {
    let sizes = [pixels.ncols(), recipe.hidden, recipe.hidden, recipe.m1.latents];
    let likelihood = if recipe.coins { Likelihood::Bernoulli } else { Likelihood::gaussian(START) };
    let vae = Vae::new(&sizes, recipe.activation, likelihood, noise.stream(0));
    let (n, size) = (pixels.nrows(), 100);
    let steps = n.div_ceil(size);
    let draw = |step: usize, drawn: Noise| {
        let order = noise.stream(1).stream((step / steps) as u64).permutation(n);
        let rows = order.chunks(size).nth(step % steps).expect("a chunk a step");
        let x = if recipe.coins {
            binarised(pixels, rows, drawn)
        } else {
            pixels.select(Axis(0), rows)
        };
        (x.mapv(f64::from), None)
    };
    trained(
        vae,
        n,
        draw,
        (recipe.m1.epochs, size),
        (recipe.rate, recipe.m1.warm_up),
        noise.stream(2),
    )
}

fn trained<M: Model<f32>>(
    model: M,
    rows: usize,
    mut draw: impl FnMut(usize, Noise) -> (Array2<f64>, Option<Array2<f64>>),
    (epochs, batch): (usize, usize),
    (rate, warm_up): (f64, usize),
    noise: Noise,
) -> Result<M, Failure> {
    let schedule = Schedule::Cosine;
    let mut seed = [0.0];
    noise.fill_uniform_f64(&mut seed);
    let seed = (seed[0] * 2_f64.powi(53)) as u64;
    let options = FitOptions { epochs, batch, schedule, seed, warm_up, ..FitOptions::default() };
    let mut adam = Adam::new(rate)?;
    let mut trainer = Trainer::drawn(model, rows, &mut draw, None, &mut adam, options)?;
    while !matches!(trainer.advance(), Event::Stop(_)) {}
    Ok(trainer.finish(Vec::new()).into_result()?.model)
}

/// q(z | x) of rows.
struct Codes {
    mean: Array2<f32>,
    scale: Array2<f32>,
}

impl Codes {
    fn of(vae: &Vae<Array<f32>>, x: &Array2<f32>) -> Self {
        let shape = (x.nrows(), vae.decoder.inputs());
        let (mut mean, mut scale) = (Array2::zeros(shape), Array2::zeros(shape));
        let mut tape = Tape::new();
        let blocks = mean.axis_chunks_iter_mut(Axis(0), 2000);
        let blocks = blocks.zip(scale.axis_chunks_iter_mut(Axis(0), 2000));
        for ((mut mean, mut scale), x) in blocks.zip(x.axis_chunks_iter(Axis(0), 2000)) {
            {
                let q = vae.bind_constant(&tape).encode(tape.batch(x)).marginals();
                mean.assign(&q.mean.value());
                scale.assign(&q.log_scale.exp().value());
            }
            tape.reset();
        }
        Self { mean, scale }
    }

    /// μ + σ ε of some rows.
    fn drawn(&self, rows: &[usize], noise: Noise) -> Array2<f32> {
        let mut epsilon = Array2::zeros((rows.len(), self.mean.ncols()));
        noise.fill_normal_f32(epsilon.as_slice_mut().expect("fresh arrays are contiguous"));
        self.mean.select(Axis(0), rows) + self.scale.select(Axis(0), rows) * epsilon
    }

    /// The class of the nearest labelled mean to each of others.
    fn nearest(&self, others: &Self, known: &Labels<'_>) -> Vec<usize> {
        let to = |code: ndarray::ArrayView1<'_, f32>| {
            let apart = |row: usize| {
                let difference = &self.mean.row(row) - &code;
                difference.dot(&difference)
            };
            let near = |a: &&usize, b: &&usize| apart(**a).total_cmp(&apart(**b));
            known.y[*known.labelled.iter().min_by(near).expect("some are labelled")]
        };
        others.mean.outer_iter().map(to).collect()
    }
}

/// The most probable class of each row.
fn classes(net: &Mlp<Array<f32>>, x: &Array2<f32>) -> Vec<usize> {
    let tape = Tape::new();
    let logits = net.bind_constant(&tape).forward(tape.batch(x.view()));
    let best = |row: &[f32]| (0..CLASSES).max_by(|&a, &b| row[a].total_cmp(&row[b]));
    logits.data().chunks(CLASSES).map(|row| best(row).expect("there are classes")).collect()
}

fn error(net: &Mlp<Array<f32>>, x: &Array2<f32>, y: &[usize]) -> f64 {
    share_wrong(&classes(net, x), y)
}

/// In %.
fn share_wrong(found: &[usize], y: &[usize]) -> f64 {
    let wrong = found.iter().zip(y).filter(|(found, y)| found != y).count();
    100.0 * wrong as f64 / y.len() as f64
}
