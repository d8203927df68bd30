//! Unsupervised learning on handwritten digits: an autoencoder with two latents, beside PCA with two components.
//!
//! `cargo run --release --example autoencoder`
//! `cargo run --release --example autoencoder -- --data mnist --epochs 20 --out pictures --format png`

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::metrics::mean_squared_error;
use evidence::models::{Autoencoder, Pca};
use evidence::optim::Adam;
use evidence::plot::{Format, ImageRow, images};
use evidence::train::data::{DIGITS_MAX, Dataset, Images, Split, digits};
use evidence::train::{Event, FitOptions, Trainer};
use evidence::{Activation, Array, Likelihood, Noise, Parameters, Tape};
use ndarray::{Array2, Axis};
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Digits shown.
const SHOWN: usize = 12;

struct Data {
    training: Array2<f64>,
    test: Array2<f64>,
    shape: (usize, usize),
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["--data", "--epochs", "--out", "--format"])?;
    let data = match arguments.get::<PathBuf>("--data")? {
        Some(folder) => mnist(&folder)?,
        None => embedded()?,
    };
    let epochs = arguments.get("--epochs")?.map_or(80, NonZero::get);
    let folder: PathBuf = arguments.get("--out")?.unwrap_or("evidence-out/autoencoder".into());
    let format = arguments.get("--format")?.unwrap_or(Format::Svg);
    with_threads(0, || {
        let Data { training, test, shape } = data;
        let sizes = [training.ncols(), if training.ncols() > 100 { 400 } else { 128 }, 64, 2];
        let likelihood = Likelihood::gaussian(-1.0);
        let model = Autoencoder::new(&sizes, Activation::Relu, likelihood, Noise::new(1));
        let rows = Dataset::new(training.clone(), None)?;
        let options = FitOptions { epochs, ..FitOptions::default() };
        let mut adam = Adam::<f32>::new(2e-3)?;
        let mut trainer = Trainer::new(model, &rows, None, &mut adam, options)?;
        let shown = test.slice(ndarray::s![..SHOWN, ..]).to_owned();
        let mut rows = vec![("original".to_owned(), shown.clone())];
        loop {
            match trainer.advance() {
                Event::Epoch(epoch) if [1, 5, 20, epochs].contains(&epoch.number) => {
                    println!("epoch {:3}: {:8.3} nats per datum", epoch.number, epoch.loss);
                    rows.push((
                        format!("epoch {}", epoch.number),
                        through(trainer.model(), &shown)?,
                    ));
                }
                Event::Epoch(_) | Event::Step => {}
                Event::Stop(_) | Event::Unread(_) => break,
            }
        }
        let model = trainer.finish(Vec::new()).into_result()?.model;
        let (squeezed, pca) = (through(&model, &test)?, Pca::fit(training.view()));
        let (ours, theirs) = (
            mean_squared_error(&squeezed, &test),
            mean_squared_error(&pca.reconstruct(test.view(), 2), &test),
        );
        println!(
            "squared error per pixel: autoencoder {ours:.4}, PCA {theirs:.4}, ratio {:.2}",
            ours / theirs
        );
        rows.push(("PCA".to_owned(), pca.reconstruct(shown.view(), 2)));
        let rows: Vec<_> =
            rows.into_iter().map(|(label, x)| (label, x.mapv(|x| x.clamp(0.0, 1.0)))).collect();
        let rows: Vec<_> =
            rows.iter().map(|(label, x)| ImageRow { label, images: x.view() }).collect();
        let path = folder.join(format.file("reconstructions"));
        images("Test digits, squeezed through two latents", shape, &rows, &[])?.save(&path)?;
        println!("the picture is {}", path.display());
        Ok(())
    })
}

/// Each row, through its code.
fn through(model: &Autoencoder<Array<f32>>, x: &Array2<f64>) -> Result<Array2<f64>, Failure> {
    let tape = Tape::new();
    let x = model.bind_constant(&tape).reconstruct(tape.constant(x.mapv(|x| x as f32)));
    Ok(x.value().mapv(f64::from).into_dimensionality()?)
}

fn embedded() -> Result<Data, Failure> {
    let pixels = digits().features().mapv(|x| x / DIGITS_MAX);
    let split = Split::by_fraction(pixels.nrows(), 0.7, 0.1, 0.2, &mut Noise::new(3).rng())?;
    let part = |rows: &[usize]| pixels.select(Axis(0), rows);
    Ok(Data { training: part(split.train()), test: part(split.test()), shape: (8, 8) })
}

fn mnist(folder: &Path) -> Result<Data, Failure> {
    let (training, test) = Images::read_both(folder)?;
    let (wide, shape) = (|pixels: Array2<f32>| pixels.mapv(f64::from), training.shape);
    Ok(Data { training: wide(training.pixels), test: wide(test.pixels), shape })
}
