//! What the examples of VAEs with two latents share: digits from the package or from MNIST's files, and pictures of what was learned.

use super::command_line::{Arguments, Failure};
use evidence::models::{Mixture, Vae};
use evidence::plot::{Curve, Format, ImageRow, Labels, Scale, curves, images, scatter};
use evidence::train::Epoch;
use evidence::train::data::{DIGITS_MAX, Images, Split, digits};
use evidence::{Array, Noise, Parameters, Tape};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use std::path::{Path, PathBuf};

/// Images in a row of a picture.
pub const SHOWN: usize = 12;
/// Rows and columns of the grid of decoded latents.
const GRID: usize = 14;

/// Where pictures go, and as what.
pub struct Out {
    pub folder: PathBuf,
    format: Format,
}

impl Out {
    /// `--out FOLDER` and `--format svg` or `png`.
    pub fn of(arguments: &Arguments, folder: &str) -> Result<Self, Failure> {
        Ok(Self {
            folder: arguments.get("--out")?.unwrap_or(folder.into()),
            format: arguments.get("--format")?.unwrap_or(Format::Svg),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(self.format.file(name))
    }
}

pub struct Data {
    pub training: Array2<f64>,
    pub test: Array2<f64>,
    pub labels: Vec<usize>,
    pub shape: (usize, usize),
}

/// Digits: MNIST's of the folder behind `--data`, or the package's own.
pub fn data(arguments: &Arguments) -> Result<Data, Failure> {
    arguments.get::<PathBuf>("--data")?.map_or_else(embedded, |folder| mnist(&folder))
}

pub fn described(epoch: &Epoch) -> String {
    let parts = epoch.parts.iter().map(|(name, value)| format!("{name} {value:.2}"));
    let parts = parts.collect::<Vec<_>>().join(", ");
    format!("epoch {:3}: ELBO {:8.3} nats per datum ({parts})", epoch.number, -epoch.loss)
}

/// The mean image of each latent point.
fn decoded(model: &Vae<Array<f32>>, z: &Array2<f64>) -> Array2<f64> {
    let tape = Tape::new();
    wide(model.bind_constant(&tape).decode(tape.constant(z.mapv(|z| z as f32))).value())
}

/// Draws, the grid, a walk from one digit to another, and the latent plane.
pub fn pictures(out: &Out, model: &Vae<Array<f32>>, data: &Data) -> Result<(), Failure> {
    let mut drawn = Array2::<f64>::zeros((4 * SHOWN, 2));
    Noise::new(6).fill_normal_f64(drawn.as_slice_mut().expect("contiguous"));
    let named = |z: &Array2<f64>, width: usize, name: &dyn Fn(usize) -> String| {
        let images = decoded(model, z);
        let rows = images.axis_chunks_iter(Axis(0), width).enumerate();
        rows.map(|(i, row)| (name(i), row.to_owned())).collect::<Vec<_>>()
    };
    let rows = named(&drawn, SHOWN, &|i| if i == 0 { "means" } else { "" }.to_owned());
    picture(
        out,
        "samples",
        "Digits that never were: z from the prior, decoded",
        data.shape,
        &rows,
    )?;

    // Equal shares of the prior's mass from one image to the next (Kingma and Welling 2014, figure 4).
    let at = |i: usize| normal_quantile((i as f64 + 0.5) / GRID as f64);
    let plane = Array2::from_shape_fn((GRID * GRID, 2), |(i, axis)| {
        if axis == 0 { at(i % GRID) } else { at(GRID - 1 - i / GRID) }
    });
    let place = |i: usize| format!("{:+.1}", at(i));
    let (rows, columns) = (named(&plane, GRID, &|i| place(GRID - 1 - i)), (0..GRID).map(place));
    captioned(
        out,
        "grid",
        "Latents decoded, z₁ across and z₂ up: equal shares of the prior",
        data.shape,
        &rows,
        &columns.collect::<Vec<_>>(),
    )?;

    let tape = Tape::new();
    let x = tape.constant(data.test.mapv(|x| x as f32));
    let means = wide(model.bind_constant(&tape).encode(x).mean().value());
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
        out,
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
    scatter(&labels, some, &data.labels[..some.nrows()], &names)?.save(out.path("plane"))?;
    Ok(())
}

pub fn picture(
    out: &Out,
    name: &str,
    title: &str,
    shape: (usize, usize),
    rows: &[(String, Array2<f64>)],
) -> Result<(), Failure> {
    captioned(out, name, title, shape, rows, &[])
}

/// With a caption under each column.
fn captioned(
    out: &Out,
    name: &str,
    title: &str,
    shape: (usize, usize),
    rows: &[(String, Array2<f64>)],
    captions: &[String],
) -> Result<(), Failure> {
    let clamped: Vec<_> =
        rows.iter().map(|(label, x)| (label, x.mapv(|x| x.clamp(0.0, 1.0)))).collect();
    let rows: Vec<_> =
        clamped.iter().map(|(label, x)| ImageRow { label, images: x.view() }).collect();
    let captions: Vec<&str> = captions.iter().map(String::as_str).collect();
    images(title, shape, &rows, &captions)?.save(out.path(name))?;
    Ok(())
}

/// The bound and its parts over the epochs.
pub fn parts(out: &Out, history: &[Epoch]) -> Result<(), Failure> {
    let x: Array1<f64> = history.iter().map(|epoch| epoch.number as f64).collect();
    let part = |k: usize| history.iter().map(|e| e.parts[k].1).collect::<Array1<f64>>();
    let (loss, error, kl) =
        (history.iter().map(|e| e.loss).collect::<Array1<f64>>(), -part(0), part(1));
    let series =
        [("negative ELBO", &loss), ("negative log-likelihood", &error), ("KL of the latents", &kl)]
            .map(|(name, y)| Curve { name, x: x.view(), y: y.view() });
    let labels = Labels { title: "The ELBO's parts", x: "epoch", y: "nats per datum" };
    curves(&labels, &series, Scale::Linear)?.save(out.path("parts"))?;
    Ok(())
}

fn normal_quantile(p: f64) -> f64 {
    Mixture::gaussian(Array2::zeros((1, 1)), 1.0).quantile(p)[0]
}

pub fn wide(x: ndarray::ArrayViewD<'_, f32>) -> Array2<f64> {
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
