//! Normalizing flows on two moons, each an exact log-density and both directions of one map: RealNVP, and beside it masked
//! autoregressive layers with swaps of the columns between. How far each is from the truth is told in nats: no density has a lower
//! expected NLL than the truth's entropy.
//!
//! `cargo run --release --example flow_moons`; the pictures go to `evidence-out/flow_moons`, or to the folder named behind `--`, as SVG or,
//! with the word `png` behind the folder, as PNG: the densities beside the true one, and what each coupling makes of the base and of a grid
//! in it.

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{ActNorm, AnyBijection, Chain};
use evidence::models::Flow;
use evidence::optim::Adam;
use evidence::plot::{Content, Format, Grid, HeatMap, Labels, Panel, panels};
use evidence::train::data::{Dataset, Density2d, TwoMoons, two_moons};
use evidence::train::{FitOptions, Schedule, evaluate, fit};
use evidence::{Array, Bijection, Noise, Parameters, Tape, Var};
use ndarray::{Array1, Array2, s};
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

const NOISE: f64 = 0.05;
/// Enough for neither flow to know them by heart.
const POINTS: usize = 20_000;

type AnyChain = Chain<AnyBijection<Array<f32>>>;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["FOLDER", "FORMAT"])?;
    let folder: PathBuf = arguments.get("FOLDER")?.unwrap_or("evidence-out/flow_moons".into());
    let format = arguments.get("FORMAT")?.unwrap_or(Format::Svg);
    let path = |name: &str| folder.join(format.file(name));
    with_threads(0, || {
        let moons = |stream| two_moons(POINTS, NOISE, &mut Noise::new(stream).rng());
        let (training, test) = (moons(1)?, moons(2)?);
        println!("the truth: entropy {:.3} nats", TwoMoons::new(NOISE)?.entropy());
        let couplings = Flow::real_nvp(2, 8, &[32, 32], Noise::new(3))?.bijection.into_any();
        let real_nvp = trained("RealNVP, 8 couplings", couplings, (&training, &test))?;
        let layers = Flow::maf(2, 6, &[32, 32], Noise::new(3))?.bijection;
        let maf = trained("MAF, 6 layers with swaps", layers, (&training, &test))?;

        let tape = Tape::new();
        let x = tape.batch(test.features().mapv(|x| x as f32).view());
        let (real_nvp, maf) = (real_nvp.bind_constant(&tape), maf.bind_constant(&tape));
        there_and_back("RealNVP", &real_nvp.bijection, x);
        there_and_back("MAF", &maf.bijection, x);

        densities("RealNVP", &real_nvp, &tape, &path("real_nvp_density"))?;
        densities("MAF", &maf, &tape, &path("maf_density"))?;
        base_to_data(&real_nvp.bijection, &tape, &path("real_nvp_points"))?;
        warped_grid(&real_nvp.bijection, &tape, &path("real_nvp_grid"))?;
        println!("pictures: {}", folder.display());
        Ok(())
    })
}

/// A flow fitted by maximum likelihood.
fn trained(
    name: &str,
    mut chain: AnyChain,
    (training, test): (&Dataset, &Dataset),
) -> Result<Flow<AnyChain>, Failure> {
    // Standardised points are nearest to the base. As a part of the flow, this leaves densities and draws in the data's units.
    chain.0.push(ActNorm::new(2).into());
    chain.start(training.features().mapv(|x| x as f32).view())?;
    let options =
        FitOptions { epochs: 200, batch: 256, schedule: Schedule::Cosine, ..FitOptions::default() };
    let mut adam = Adam::new(3e-3)?;
    let fitted = fit::<f32, _>(Flow::new(chain), training, None, &mut adam, &options, |_| {})?
        .into_result()?;
    let nll = evaluate::<f32, _>(&fitted.model, test, Noise::new(0));
    let above = nll - TwoMoons::new(NOISE)?.entropy();
    println!("{name}: test NLL {nll:.3} nats, {above:.3} above the truth's entropy");
    Ok(fitted.model)
}

/// To the base and back: the same points.
fn there_and_back<'t>(name: &str, flow: &impl Bijection<'t, f32>, x: Var<'t, f32>) {
    let (z, there) = flow.inverse(x);
    let (back, again) = flow.forward(z);
    let trip = (&back.value() - &x.value()).mapv(f32::abs).fold(0.0_f32, |a, &b| a.max(b));
    let sum = (there + again).value().data().iter().fold(0.0_f32, |a, b| a.max(b.abs()));
    println!(
        "{name}: round trip within {trip:.1e}; the two log-determinants cancel within {sum:.1e}"
    );
}

fn points(x: Var<'_, f32>) -> Array2<f64> {
    x.value().mapv(f64::from).into_dimensionality().expect("rows of two columns")
}

/// The true density, and the flow's with draws over it.
fn densities<'t>(
    name: &str,
    flow: &Flow<impl Bijection<'t, f32>>,
    tape: &'t Tape<f32>,
    path: &Path,
) -> Result<(), Failure> {
    let grid = Grid { x: -1.75..2.75, y: -1.25..1.75, columns: 135, rows: 90 };
    let centres = grid.centres();
    let truth = TwoMoons::new(NOISE)?.log_prob(centres.view());
    let log_prob = flow.log_prob(tape.batch(centres.mapv(|x| x as f32).view()));
    let found: Array1<f64> = log_prob.data().iter().map(|&l| f64::from(l)).collect();
    let draws = points(flow.sample(tape, (400, 2), Noise::new(4)));
    // One scale for both, down to where nothing can be told apart.
    let top = truth.fold(f64::NEG_INFINITY, |top, &l| top.max(l));
    let panel = |title, values, points| Panel {
        labels: Labels { title, x: "x₁", y: "x₂" },
        content: Content::Map(HeatMap {
            grid: &grid,
            values,
            unit: "log density (nats)",
            span: Some((top - 10.0, top)),
            points,
        }),
    };
    let with_draws = format!("{name}, and 400 draws from it");
    let both =
        [panel("truth", truth.view(), None), panel(&with_draws, found.view(), Some(draws.view()))];
    Ok(panels(&format!("Two moons: the true density, and that of {name}"), &both)?.save(path)?)
}

/// Points of the base, and what they are behind each coupling of a chain. The last one's, and what scales it to the data, are one.
fn layer_by_layer<'t>(
    chain: &Chain<impl Bijection<'t, f32>>,
    tape: &'t Tape<f32>,
    base: &Array2<f64>,
) -> Vec<Array2<f64>> {
    let mut x = tape.batch(base.mapv(|z| z as f32).view());
    let mut frames = vec![points(x)];
    for bijection in &chain.0 {
        x = bijection.forward(x).0;
        frames.push(points(x));
    }
    frames.remove(frames.len() - 2);
    frames
}

/// The frames' names.
const NAMES: [&str; 9] = [
    "the base",
    "behind 1 coupling",
    "behind 2 couplings",
    "behind 3 couplings",
    "behind 4 couplings",
    "behind 5 couplings",
    "behind 6 couplings",
    "behind 7 couplings",
    "behind all 8, scaled: the data",
];

fn save_frames(title: &str, frames: Vec<Content<'_>>, path: &Path) -> Result<(), Failure> {
    let panel = |(content, title)| {
        let [x, y] = if title == NAMES[0] { ["z₁", "z₂"] } else { ["x₁", "x₂"] };
        Panel { labels: Labels { title, x, y }, content }
    };
    let frames: Vec<Panel<'_>> = frames.into_iter().zip(NAMES).map(panel).collect();
    Ok(panels(title, &frames)?.save(path)?)
}

/// What all frames show.
const WITHIN: (std::ops::Range<f64>, std::ops::Range<f64>) = (-3.2..3.2, -3.2..3.2);

/// Draws of the base on their way, coloured by the direction that they lie in there.
fn base_to_data<'t>(
    chain: &Chain<impl Bijection<'t, f32>>,
    tape: &'t Tape<f32>,
    path: &Path,
) -> Result<(), Failure> {
    let base = points(tape.normal(&[1_500, 2], Noise::new(5)));
    let sector = |point: ndarray::ArrayView1<'_, f64>| {
        ((point[1].atan2(point[0]) / TAU + 0.5) * 6.0).min(5.0) as usize
    };
    let classes: Vec<usize> = base.outer_iter().map(sector).collect();
    let frames = layer_by_layer(chain, tape, &base);
    let content = frames.iter().map(|points| Content::Classes {
        points: points.view(),
        classes: &classes,
        within: Some(WITHIN),
    });
    let contents = content.collect();
    save_frames("RealNVP: the base pushed to the data, coupling by coupling", contents, path)
}

/// Lines of a grid in the base on their way: those along z₁ in one colour, those along z₂ in the other.
fn warped_grid<'t>(
    chain: &Chain<impl Bijection<'t, f32>>,
    tape: &'t Tape<f32>,
    path: &Path,
) -> Result<(), Failure> {
    const LINES: usize = 13;
    const POINTS: usize = 241;
    let at = |i: usize, of: usize| 6.0 * i as f64 / (of - 1) as f64 - 3.0;
    let base = Array2::from_shape_fn((2 * LINES * POINTS, 2), |(row, axis)| {
        let (line, along) = (row / POINTS, at(row % POINTS, POINTS));
        if line / LINES == axis { along } else { at(line % LINES, LINES) }
    });
    let cut = |points: Array2<f64>| -> Vec<(usize, Array2<f64>)> {
        let line = |i| points.slice(s![i * POINTS..(i + 1) * POINTS, ..]).to_owned();
        (0..2 * LINES).map(|i| (i / LINES, line(i))).collect()
    };
    let frames: Vec<_> = layer_by_layer(chain, tape, &base).into_iter().map(cut).collect();
    let contents =
        frames.iter().map(|lines| Content::Lines { lines, within: Some(WITHIN) }).collect();
    save_frames("RealNVP: a grid in the base, warped coupling by coupling", contents, path)
}
