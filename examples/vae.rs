//! A variational autoencoder with two latents on handwritten digits: the bound, its two parts, what log p(x) really is, what each
//! latent carries, and pictures of all of it.
//!
//! `cargo run --release --example vae`
//! `cargo run --release --example vae -- --data mnist --epochs 20 --out pictures`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::{Mixture, Vae};
use evidence::optim::Adam;
use evidence::plot::{Curve, ImageRow, Labels, Scale, curves, images, scatter};
use evidence::train::data::{DIGITS_MAX, Dataset, Images, Split, digits};
use evidence::train::{Epoch, Event, FitOptions, Schedule, Trainer};
use evidence::{Activation, Array, Likelihood, Noise, Parameters, Tape};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use std::path::{Path, PathBuf};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Images in a row of a picture.
const SHOWN: usize = 12;
/// Rows and columns of the grid of decoded latents.
const GRID: usize = 14;

struct Data {
    training: Array2<f64>,
    test: Array2<f64>,
    labels: Vec<usize>,
    shape: (usize, usize),
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let flag = |name: &str| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| &pair[1]);
    let data = match flag("--data") {
        Some(folder) => mnist(Path::new(folder))?,
        None => embedded()?,
    };
    let epochs = flag("--epochs").map_or(Ok(120), |text| text.parse::<usize>())?;
    let folder = PathBuf::from(flag("--out").map_or("evidence-out/vae", String::as_str));
    with_threads(0, || {
        let d = data.training.ncols();
        let sizes = [d, if d > 100 { 400 } else { 128 }, 64, 2];
        let model = Vae::new(&sizes, Activation::Relu, Likelihood::Bernoulli, Noise::new(1));
        let training = Dataset::new(data.training.clone(), None)?;
        let options =
            FitOptions { epochs, batch: 100, schedule: Schedule::Cosine, ..FitOptions::default() };
        let mut adam = Adam::<f32>::new(2e-3)?;
        let mut trainer = Trainer::new(model, &training, None, &mut adam, options)?;
        let shown = data.test.slice(ndarray::s![..SHOWN, ..]).to_owned();
        let (mut history, mut through) = (Vec::new(), Vec::new());
        loop {
            match trainer.advance() {
                Event::Epoch(epoch) => {
                    if [1, 5, 20, epochs].contains(&epoch.number) {
                        println!("{}", described(&epoch));
                        let name = format!("epoch {}", epoch.number);
                        through.push((name, reconstructed(trainer.model(), &shown)));
                    }
                    history.push(epoch);
                }
                Event::Step => {}
                Event::Stop(_) | Event::Unread(_) => break,
            }
        }
        let model = trainer.finish(Vec::new()).model;

        let some =
            data.test.slice(ndarray::s![..data.test.nrows().min(500), ..]).mapv(|x| x as f32);
        let evidence = model.evidence(some.view(), 200, Noise::new(5));
        let mean = |values: &Array1<f64>| values.mean().unwrap_or(f64::NAN);
        println!(
            "test: ELBO {:.3}, log p(x) by 200 importance samples {:.3} nats per digit (worth {:.0} equal ones)",
            mean(&evidence.elbo),
            mean(&evidence.log_prob),
            mean(&evidence.effective_samples),
        );
        let latents = model.latents(data.test.mapv(|x| x as f32).view());
        println!("{latents}");

        let mut rows = vec![("original".to_owned(), shown)];
        rows.extend(through);
        picture(&folder, "reconstructions", "Test digits through two latents", data.shape, &rows)?;
        pictures(&folder, &model, &data)?;
        parts(&folder, &history)?;
        println!("pictures are in {}", folder.display());
        Ok(())
    })
}

fn described(epoch: &Epoch) -> String {
    let parts = epoch.parts.iter().map(|(name, value)| format!("{name} {value:.2}"));
    let parts = parts.collect::<Vec<_>>().join(", ");
    format!("epoch {:3}: ELBO {:8.3} nats per datum ({parts})", epoch.number, -epoch.loss)
}

fn reconstructed(model: &Vae<Array<f32>>, x: &Array2<f64>) -> Array2<f64> {
    let tape = Tape::new();
    let bound = model.bind_constant(&tape);
    wide(bound.decode(bound.encode(tape.constant(x.mapv(|x| x as f32))).mean).value())
}

/// The mean image of each latent point.
fn decoded(model: &Vae<Array<f32>>, z: &Array2<f64>) -> Array2<f64> {
    let tape = Tape::new();
    wide(model.bind_constant(&tape).decode(tape.constant(z.mapv(|z| z as f32))).value())
}

/// Draws, the grid, a walk from one digit to another, and the latent plane.
fn pictures(folder: &Path, model: &Vae<Array<f32>>, data: &Data) -> Result<(), Failure> {
    let mut drawn = Array2::<f64>::zeros((4 * SHOWN, 2));
    Noise::new(6).fill_normal_f64(drawn.as_slice_mut().expect("contiguous"));
    let named = |z: &Array2<f64>, width: usize, name: &dyn Fn(usize) -> String| {
        let images = decoded(model, z);
        let rows = images.axis_chunks_iter(Axis(0), width).enumerate();
        rows.map(|(i, row)| (name(i), row.to_owned())).collect::<Vec<_>>()
    };
    let rows = named(&drawn, SHOWN, &|_| "drawn".to_owned());
    picture(folder, "samples", "Digits that never were: z from the prior", data.shape, &rows)?;

    // Equal shares of the prior's mass from one image to the next (Kingma and Welling 2014, figure 4).
    let at = |i: usize| normal_quantile((i as f64 + 0.5) / GRID as f64);
    let plane = Array2::from_shape_fn((GRID * GRID, 2), |(i, axis)| {
        if axis == 0 { at(i % GRID) } else { at(GRID - 1 - i / GRID) }
    });
    let rows = named(&plane, GRID, &|i| format!("{:+.1}", at(GRID - 1 - i)));
    picture(
        folder,
        "grid",
        "The plane of latents, decoded: equal shares of the prior",
        data.shape,
        &rows,
    )?;

    let tape = Tape::new();
    let x = tape.constant(data.test.mapv(|x| x as f32));
    let means = wide(model.bind_constant(&tape).encode(x).mean.value());
    let of = |digit: usize| data.labels.iter().position(|&label| label == digit).unwrap_or(0);
    let walk = |from: usize, to: usize| {
        let (a, b) = (means.row(of(from)).to_owned(), means.row(of(to)).to_owned());
        let step = |i: usize| &a + &((&b - &a) * (i as f64 / (SHOWN - 1) as f64));
        Array2::from_shape_fn((SHOWN, 2), |(i, axis)| step(i)[axis])
    };
    let rows: Vec<_> = [(0, 1), (3, 8), (4, 9)]
        .into_iter()
        .map(|(from, to)| (format!("{from} to {to}"), decoded(model, &walk(from, to))))
        .collect();
    picture(
        folder,
        "interpolations",
        "From one digit to another, straight through the latents",
        data.shape,
        &rows,
    )?;

    let labels = Labels {
        title: "The latent plane: posterior means of the test digits",
        x: "latent 1 (prior standard deviations)",
        y: "latent 2 (prior standard deviations)",
    };
    let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let some = means.slice(ndarray::s![..means.nrows().min(2000), ..]);
    scatter(&labels, some, &data.labels[..some.nrows()], &names)?.save(folder.join("plane.svg"))?;
    Ok(())
}

fn picture(
    folder: &Path,
    name: &str,
    title: &str,
    shape: (usize, usize),
    rows: &[(String, Array2<f64>)],
) -> Result<(), Failure> {
    let clamped: Vec<_> =
        rows.iter().map(|(label, x)| (label, x.mapv(|x| x.clamp(0.0, 1.0)))).collect();
    let rows: Vec<_> =
        clamped.iter().map(|(label, x)| ImageRow { label, images: x.view() }).collect();
    images(title, shape, &rows, &[])?.save(folder.join(format!("{name}.svg")))?;
    Ok(())
}

/// The bound and its parts over the epochs.
fn parts(folder: &Path, history: &[Epoch]) -> Result<(), Failure> {
    let x: Array1<f64> = history.iter().map(|epoch| epoch.number as f64).collect();
    let part = |k: usize| history.iter().map(|e| e.parts[k].1).collect::<Array1<f64>>();
    let (loss, error, kl) =
        (history.iter().map(|e| e.loss).collect::<Array1<f64>>(), -part(0), part(1));
    let series =
        [("negative ELBO", &loss), ("negative log-likelihood", &error), ("KL of the latents", &kl)]
            .map(|(name, y)| Curve { name, x: x.view(), y: y.view() });
    let labels = Labels { title: "The ELBO's parts", x: "epoch", y: "nats per datum" };
    curves(&labels, &series, Scale::Linear)?.save(folder.join("parts.svg"))?;
    Ok(())
}

fn normal_quantile(p: f64) -> f64 {
    Mixture::gaussian(Array2::zeros((1, 1)), 1.0).quantile(p)[0]
}

fn wide(x: ndarray::ArrayViewD<'_, f32>) -> Array2<f64> {
    let x: ArrayView2<'_, f32> = x.into_dimensionality().expect("rows of images or latents");
    x.mapv(f64::from)
}

fn embedded() -> Result<Data, Failure> {
    let all = digits();
    let (labels, pixels) = (all.classes()?, all.features().mapv(|x| x / DIGITS_MAX));
    let split = Split::by_fraction(all.rows(), 0.7, 0.1, 0.2, &mut Noise::new(3).rng())?;
    Ok(Data {
        training: pixels.select(Axis(0), split.train()),
        test: pixels.select(Axis(0), split.test()),
        labels: split.test().iter().map(|&row| labels[row]).collect(),
        shape: (8, 8),
    })
}

fn mnist(folder: &Path) -> Result<Data, Failure> {
    let (training, test) = Images::read_both(folder)?;
    let (labels, shape) = (test.labels, test.shape);
    let wide = |pixels: Array2<f32>| pixels.mapv(f64::from);
    Ok(Data { training: wide(training.pixels), test: wide(test.pixels), labels, shape })
}
