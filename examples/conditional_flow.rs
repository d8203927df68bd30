//! A flow of points given something else: where a point of the two moons is, given which moon it is of.
//!
//! `cargo run --release --example conditional_flow`

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{Chain, Columns, Spline, SplineCoupling, Split};
use evidence::models::{ConditionalFlow, Flow};
use evidence::optim::Adam;
use evidence::train::data::{Dataset, Density2d, TwoMoons, two_moons};
use evidence::train::{FitOptions, Schedule, evaluate, fit};
use evidence::{Noise, Parameters, Tape};
use ndarray::Array2;
use std::f64::consts::LN_2;

fn main() -> Result<(), Failure> {
    Arguments::read(&[])?;
    with_threads(0, || {
        // What is given is a model's input, and what is modelled its target.
        let moons = |stream| -> Result<Dataset, Failure> {
            let moons = two_moons(20_000, 0.1, &mut Noise::new(stream).rng())?;
            let given =
                moons.targets().expect("each point is of a moon").mapv(|moon| 2.0 * moon - 1.0);
            Ok(Dataset::new(given, Some(moons.features().clone()))?)
        };
        let (training, test) = (moons(1)?, moons(2)?);

        let columns = Columns { width: 2, context: 1 };
        let mut chain = Vec::new();
        for (i, half) in
            [Split::First, Split::Second, Split::First, Split::Second].into_iter().enumerate()
        {
            let noise = Noise::new(3).stream(i as u64);
            chain.push(
                SplineCoupling::with(Spline::new(8, 3.0)?, columns, half, &[32, 32], noise)?.into(),
            );
        }
        let model = ConditionalFlow(Flow::new(Chain(chain)));
        let options = FitOptions {
            epochs: 20,
            batch: 256,
            schedule: Schedule::Cosine,
            ..FitOptions::default()
        };
        let fitted =
            fit::<f32, _>(model, &training, None, &mut Adam::new(3e-3)?, &options, |epoch| {
                if epoch.number % 5 == 0 {
                    println!("epoch {:2}: {:.3} nats per datum", epoch.number, epoch.loss);
                }
            })?
            .into_result()?;
        let nll = evaluate::<f32, _>(&fitted.model, &test, Noise::new(0));
        // Where the moons do not overlap, which moon a point is of is worth ln 2.
        let truth = TwoMoons::new(0.1)?.entropy() - LN_2;
        println!(
            "test NLL given the moon: {nll:.3} nats; that of the truth is {truth:.3} or a little more"
        );

        for moon in [-1.0, 1.0] {
            let tape = Tape::new();
            let given = tape.filled(&[1_500, 1], moon);
            let points = fitted.model.0.bind_constant(&tape).sample_given(given, 2, Noise::new(4));
            println!("given moon {moon}:");
            print_density(&points.value().to_owned().into_dimensionality()?);
        }
        Ok(())
    })
}

/// Points counted on a grid, in characters.
fn print_density(points: &Array2<f32>) {
    let (columns, rows) = (60, 14);
    let mut counts = Array2::<usize>::zeros((rows, columns));
    for point in points.outer_iter() {
        let (i, j) =
            ((1.4 - point[1]) / 2.4 * rows as f32, (point[0] + 1.5) / 4.0 * columns as f32);
        if (0.0..rows as f32).contains(&i) && (0.0..columns as f32).contains(&j) {
            counts[[i as usize, j as usize]] += 1;
        }
    }
    for row in counts.outer_iter() {
        println!("  {}", row.iter().map(|&n| b" .:-=+*#%@"[n.min(9)] as char).collect::<String>());
    }
}
