//! How close do flows come to a density that is known? RealNVP and a neural spline flow on two moons and on eight Gaussians, by
//! quadrature: `KL(true ‖ flow) = ∫ p ln p/q`, and the mass `∫ q`, which training must not move from 1: it ends with an error where it did.
//!
//! `cargo run --release --example flow_densities`; with `-- 60`, 60 seconds for each flow instead of 2.

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{AnyBijection, Chain, Spline};
use evidence::models::Flow;
use evidence::optim::Adam;
use evidence::train::data::{
    Dataset, Density2d, EightGaussians, Standardize, TwoMoons, eight_gaussians, two_moons,
};
use evidence::train::{Event, FitOptions, Schedule, Trainer};
use evidence::{Array, Noise, Parameters, Tape};
use ndarray::Array2;
use std::time::Instant;

type AnyFlow = Flow<Chain<AnyBijection<Array<f32>>>>;

/// Enough for no flow here to know them by heart.
const POINTS: usize = 200_000;
const BATCH: usize = 512;
const NOISE: [f64; 2] = [0.05, 0.2];
/// How far a mass may be from 1. On this grid, that of a flow after few steps is up to 4e-4 off.
const TOLERANCE: f64 = 1e-3;

fn main() -> Result<(), Failure> {
    let seconds = Arguments::read(&["SECONDS"])?.get("SECONDS")?.unwrap_or(2.0);
    with_threads(0, || {
        let moons = two_moons(POINTS, NOISE[0], &mut Noise::new(1).rng())?;
        let circle = eight_gaussians(POINTS, NOISE[1], &mut Noise::new(2).rng())?;
        let truth = (TwoMoons::new(NOISE[0])?, EightGaussians::new(NOISE[1])?);
        println!(
            "{:<16} {:<22} {:>7} {:>16} {:>10}",
            "", "", "steps", "KL(true ‖ flow)", "mass − 1"
        );
        for (name, data, density) in [
            ("two moons", &moons, &truth.0 as &dyn Density2d),
            ("eight Gaussians", &circle, &truth.1),
        ] {
            let real_nvp = Flow::real_nvp(2, 8, &[64, 64], Noise::new(3))?;
            measure(name, "RealNVP, 8 couplings", any(real_nvp), data, density, seconds)?;
            let splines =
                Flow::neural_spline(2, 4, Spline::new(16, 3.5)?, &[64, 64], Noise::new(3))?;
            measure(name, "4 spline couplings", any(splines), data, density, seconds)?;
        }
        Ok(())
    })
}

/// One type for both.
fn any<B: Into<AnyBijection<Array<f32>>>>(flow: Flow<Chain<B>>) -> AnyFlow {
    Flow::new(flow.bijection.into_any())
}

/// Trains for so many seconds, along half a cosine, and prints what came of it.
fn measure(
    name: &str,
    what: &str,
    flow: AnyFlow,
    data: &Dataset,
    truth: &dyn Density2d,
    seconds: f64,
) -> Result<(), Failure> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let standardize = Standardize::fit(data.features().view(), &rows)?;
    let training = Dataset::new(standardize.transform(data.features().view()), None)?;
    // A short run says how long a step takes, and so how many epochs there is time for.
    let options = |epochs| FitOptions {
        epochs,
        batch: BATCH,
        schedule: Schedule::Cosine,
        ..FitOptions::default()
    };
    let steps = |flow: AnyFlow, epochs, most: usize| -> Result<(AnyFlow, usize, f64), Failure> {
        let start = Instant::now();
        let mut adam = Adam::new(2e-3)?;
        let mut trainer = Trainer::new(flow, &training, None, &mut adam, options(epochs))?;
        let mut taken = 0;
        while taken < most {
            match trainer.advance() {
                Event::Step => taken += 1,
                Event::Epoch(_) => {}
                Event::Stop(_) => break,
                Event::Unread(error) => return Err(error.into()),
            }
        }
        Ok((trainer.finish(Vec::new()).into_result()?.model, taken, start.elapsed().as_secs_f64()))
    };
    let (_, few, time) = steps(flow.clone(), 1, 100)?;
    let in_all = (seconds / time * few as f64) as usize;
    let epochs = (in_all * BATCH / POINTS).max(1);
    let (flow, taken, _) = steps(flow, epochs, usize::MAX)?;
    let (divergence, mass) = divergence(&flow, &standardize, truth);
    println!("{name:<16} {what:<22} {taken:>7} {divergence:>16.4} {:>10.1e}", mass - 1.0);
    // So a NaN is refused as well.
    if !(1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&mass) {
        return Err(format!("{name}, {what}: a density of mass {mass:.4}, not 1").into());
    }
    Ok(())
}

/// `∫ p ln p/q` and `∫ q`, both by the midpoint rule on one grid.
fn divergence(flow: &AnyFlow, standardize: &Standardize, truth: &dyn Density2d) -> (f64, f64) {
    let [low, high] = truth.bounds();
    // A flow's mass reaches further than the truth's.
    let margin = 1.5;
    let step = truth.length_scale() / 6.0;
    let cells = [0, 1].map(|axis: usize| ((high[axis] - low[axis] + 2.0 * margin) / step) as usize);
    let (mut divergence, mut mass) = (0.0, 0.0);
    let mut tape = Tape::new();
    for i in 0..cells[0] {
        let at = |axis: usize, i: usize| low[axis] - margin + (i as f64 + 0.5) * step;
        let row = Array2::from_shape_fn(
            (cells[1], 2),
            |(j, axis)| if axis == 0 { at(0, i) } else { at(1, j) },
        );
        {
            let x = tape.batch(standardize.transform(row.view()).mapv(|x| x as f32).view());
            let log_q = flow.bind_constant(&tape).log_prob(x);
            for (point, log_q) in row.outer_iter().zip(log_q.data()) {
                let log_q = standardize.scale_log_density(f64::from(*log_q));
                let log_p = truth.log_prob_at([point[0], point[1]]);
                mass += log_q.exp() * step * step;
                if log_p > -50.0 {
                    divergence += log_p.exp() * (log_p - log_q) * step * step;
                }
            }
        }
        tape.reset();
    }
    (divergence, mass)
}
