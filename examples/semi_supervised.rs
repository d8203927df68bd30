//! Three kinds of learning on the same digits, by how many of them have labels: supervised (a dense network on the labelled ones), unsupervised
//! (a VAE of all of them, classes named by the nearest labelled latent), and semi-supervised (M2, and M1 + M2, of Kingma and others 2014).
//!
//! `cargo run --release --example semi_supervised`
//! `cargo run --release --example semi_supervised -- --data mnist --labels 100 --seeds 1 --epochs 20`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::{DenseNetwork, Model, SemiSupervised, UNLABELLED, Vae};
use evidence::optim::Adam;
use evidence::train::data::{DIGITS_MAX, Dataset, Images, Split, digits};
use evidence::train::{FitOptions, Schedule, fit};
use evidence::{Activation, Array, Likelihood, Noise, Parameters, Tape};
use ndarray::{Array2, Axis, concatenate};
use std::path::Path;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CLASSES: usize = 10;

/// Pixels, black or white, and what they show.
struct Data {
    training: (Array2<f64>, Vec<usize>),
    test: (Array2<f64>, Vec<usize>),
    /// Hidden units, latents of M1, latents of M2.
    sizes: [usize; 3],
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let flag = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| &pair[1]);
    let number = |name: &str, default: usize| flag(name).map_or(Ok(default), |text| text.parse());
    let data = match flag("--data") {
        Some(folder) => mnist(Path::new(folder))?,
        None => embedded()?,
    };
    let labels = match flag("--labels") {
        Some(text) => vec![text.parse()?],
        None => vec![20, 50, 200],
    };
    let (seeds, epochs) = (number("--seeds", 3)?, number("--epochs", 40)?);
    with_threads(0, || {
        println!("error on the test images in %, mean and standard deviation of {seeds} seeds");
        println!(
            "{:>7}{:>16}{:>16}{:>16}{:>16}",
            "labels", "supervised", "unsupervised", "M2", "M1 + M2"
        );
        for labels in labels {
            let runs: Vec<[f64; 4]> = (0..seeds as u64)
                .map(|seed| errors(&data, labels, epochs, Noise::new(seed)))
                .collect::<Result<_, _>>()?;
            let cell = |k: usize| {
                let mean = runs.iter().map(|run| run[k]).sum::<f64>() / seeds as f64;
                let squares: f64 = runs.iter().map(|run| (run[k] - mean).powi(2)).sum();
                let deviation = (squares / (seeds.max(2) - 1) as f64).sqrt();
                format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * deviation)
            };
            let [a, b, c, d] = [0, 1, 2, 3].map(cell);
            println!("{labels:>7}{a:>16}{b:>16}{c:>16}{d:>16}");
        }
        Ok(())
    })
}

/// Of each kind of learning.
fn errors(data: &Data, labels: usize, epochs: usize, noise: Noise) -> Result<[f64; 4], Failure> {
    let (x, y) = &data.training;
    let (test, truth) = &data.test;
    let error = |found: &[usize]| {
        let wrong = found.iter().zip(truth).filter(|(a, b)| a != b).count();
        wrong as f64 / truth.len() as f64
    };
    let labelled = chosen(y, labels, noise.stream(0));
    let [hidden, first, second] = data.sizes;
    let d = x.ncols();

    let few = Dataset::new(
        x.select(Axis(0), &labelled),
        Some(column(labelled.iter().map(|&row| y[row] as f64))),
    )?;
    let relu = Activation::Relu;
    let net = DenseNetwork::multi_class(&[d, hidden, CLASSES], relu, noise.stream(1));
    let net = trained(net, &few, (epochs * 20, labels.min(50)))?;
    let supervised = {
        let tape = Tape::new();
        let p = net.bind_constant(&tape).predict(tape.constant(single(test)));
        largest(p.value().into_dimensionality()?.mapv(f64::from))
    };

    let vae = Vae::new(&[d, hidden, first], relu, Likelihood::Bernoulli, noise.stream(2));
    let vae = trained(vae, &Dataset::new(x.clone(), None)?, (epochs, 100))?;
    let encoded = |x: &Array2<f64>| means(&vae, x);
    let (codes, test_codes) = (encoded(x), encoded(test));
    let unsupervised: Vec<usize> = test_codes
        .outer_iter()
        .map(|code| {
            let distance = |row: usize| {
                let apart = &codes.row(row) - &code;
                apart.dot(&apart)
            };
            let near = |a: &&usize, b: &&usize| distance(**a).total_cmp(&distance(**b));
            y[*labelled.iter().min_by(near).expect("some are labelled")]
        })
        .collect();

    let bernoulli = (Likelihood::Bernoulli, [d, hidden, second]);
    let m2 = semi_supervised((x, y), test, &labelled, bernoulli, epochs, noise.stream(3))?;
    let gaussian = (Likelihood::PredictedGaussian, [first, hidden, second.min(first)]);
    let m1_m2 =
        semi_supervised((&codes, y), &test_codes, &labelled, gaussian, epochs, noise.stream(4))?;
    Ok([error(&supervised), error(&unsupervised), error(&m2), error(&m1_m2)])
}

/// M2 on rows of which some have a label: as many of either kind in every batch.
fn semi_supervised(
    (x, y): (&Array2<f64>, &[usize]),
    test: &Array2<f64>,
    labelled: &[usize],
    (likelihood, sizes): (Likelihood<Array<f32>>, [usize; 3]),
    epochs: usize,
    noise: Noise,
) -> Result<Vec<usize>, Failure> {
    let copies = x.nrows().div_ceil(labelled.len());
    let again = labelled.iter().cycle().take(copies * labelled.len());
    let rows = concatenate(
        Axis(0),
        &[x.view(), x.select(Axis(0), &again.clone().copied().collect::<Vec<_>>()).view()],
    )?;
    let unknown = std::iter::repeat_n(UNLABELLED, x.nrows());
    let targets = column(unknown.chain(again.map(|&row| y[row] as f64)));
    let share = labelled.len() as f64 / x.nrows() as f64;
    // Theirs has α = 0.1 for each datum; a little more suits few epochs.
    let model =
        SemiSupervised::new(&sizes, CLASSES, Activation::Relu, likelihood, (share, 1.0), noise);
    let model = trained(model, &Dataset::new(rows, Some(targets))?, (epochs, 200))?;
    Ok(largest(model.probabilities(single(test).view())))
}

fn trained<M: Model<f32>>(
    model: M,
    data: &Dataset,
    (epochs, batch): (usize, usize),
) -> Result<M, Failure> {
    let options = FitOptions { epochs, batch, schedule: Schedule::Cosine, ..FitOptions::default() };
    Ok(fit::<f32, _>(model, data, None, &mut Adam::new(2e-3)?, &options, |_| {})?.model)
}

/// As many of each class as of any other.
fn chosen(y: &[usize], labels: usize, noise: Noise) -> Vec<usize> {
    let order = noise.permutation(y.len());
    let mut left = [labels.div_ceil(CLASSES); CLASSES];
    let mut rows: Vec<usize> = Vec::new();
    for row in order {
        if left[y[row]] > 0 && rows.len() < labels {
            left[y[row]] -= 1;
            rows.push(row);
        }
    }
    rows
}

/// Posterior means, each latent over its own deviation.
fn means(vae: &Vae<Array<f32>>, x: &Array2<f64>) -> Array2<f64> {
    let mut codes = Array2::zeros((x.nrows(), vae.decoder.inputs()));
    let mut tape = Tape::new();
    for (mut codes, x) in
        codes.axis_chunks_iter_mut(Axis(0), 2000).zip(x.axis_chunks_iter(Axis(0), 2000))
    {
        {
            let q = vae.bind_constant(&tape).encode(tape.constant(x.mapv(|x| x as f32)));
            codes.iter_mut().zip(q.mean().data()).for_each(|(code, &mean)| *code = f64::from(mean));
        }
        tape.reset();
    }
    codes
}

fn single(x: &Array2<f64>) -> Array2<f32> {
    x.mapv(|x| x as f32)
}

fn column(values: impl Iterator<Item = f64>) -> Array2<f64> {
    values.collect::<ndarray::Array1<f64>>().insert_axis(Axis(1))
}

/// The most probable class of each row.
fn largest(p: Array2<f64>) -> Vec<usize> {
    let best = |row: ndarray::ArrayView1<'_, f64>| {
        (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0)
    };
    p.outer_iter().map(best).collect()
}

fn embedded() -> Result<Data, Failure> {
    let all = digits();
    let labels = all.classes()?;
    let pixels = all.features().mapv(|x| f64::from(u8::from(x > DIGITS_MAX / 2.0)));
    let split = Split::by_fraction(all.rows(), 0.7, 0.1, 0.2, &mut Noise::new(3).rng())?;
    let part = |rows: &[usize]| {
        (pixels.select(Axis(0), rows), rows.iter().map(|&row| labels[row]).collect())
    };
    Ok(Data { training: part(split.train()), test: part(split.test()), sizes: [100, 16, 8] })
}

fn mnist(folder: &Path) -> Result<Data, Failure> {
    let (training, test) = Images::read_both(folder)?;
    let part =
        |images: Images| (images.pixels.mapv(|p| f64::from(u8::from(p > 0.5))), images.labels);
    Ok(Data { training: part(training), test: part(test), sizes: [500, 50, 50] })
}
