//! A normalizing flow on two moons: an exact log-density, and both directions of the same map.
//!
//! `cargo run --release --example flow_moons`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::Flow;
use evidence::optim::Adam;
use evidence::train::data::{Density2d, TwoMoons, two_moons};
use evidence::train::{FitOptions, Schedule, fit};
use evidence::{Bijection, Noise, Parameters, Tape};
use ndarray::{Array2, Axis};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    with_threads(0, || {
        let moons = |stream| two_moons(5_000, 0.1, &mut Noise::new(stream).rng());
        let (training, test) = (moons(1)?, moons(2)?);

        let model = Flow::real_nvp(2, 6, &[32, 32], Noise::new(3))?;
        let options = FitOptions {
            epochs: 60,
            batch: 250,
            schedule: Schedule::Cosine,
            ..FitOptions::default()
        };
        let fitted =
            fit::<f32, _>(model, &training, None, &mut Adam::new(3e-3)?, &options, |epoch| {
                if epoch.number % 15 == 0 {
                    println!("epoch {:2}: {:.3} nats per datum", epoch.number, epoch.loss);
                }
            })?;

        let tape = Tape::new();
        let flow = fitted.model.bind_constant(&tape);
        let x = tape.batch(test.features().mapv(|x| x as f32).view());
        let nll = -flow.log_prob(x).mean(..).item();
        let truth = TwoMoons::new(0.1)?.entropy();
        println!("test NLL {nll:.3} nats; the entropy of the moons themselves is {truth:.3}");

        // To the base and back: the same points.
        let (z, there) = flow.bijection.inverse(x);
        let (back, again) = flow.bijection.forward(z);
        let trip = (&back.value() - &x.value()).mapv(f32::abs).fold(0.0_f32, |a, &b| a.max(b));
        let sum = (there + again).value().data().iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        println!("round trip within {trip:.1e}; the two log-determinants cancel within {sum:.1e}");

        let samples = flow.sample(&tape, (2_000, 2), Noise::new(4));
        print_density(&samples.value().to_owned().into_dimensionality()?);
        Ok(())
    })
}

/// Samples counted on a grid, in characters.
fn print_density(samples: &Array2<f32>) {
    let (columns, rows) = (64, 20);
    let mut counts = Array2::<usize>::zeros((rows, columns));
    for point in samples.axis_iter(Axis(0)) {
        let (i, j) =
            ((1.4 - point[1]) / 2.4 * rows as f32, (point[0] + 1.5) / 4.0 * columns as f32);
        if (0.0..rows as f32).contains(&i) && (0.0..columns as f32).contains(&j) {
            counts[[i as usize, j as usize]] += 1;
        }
    }
    for row in counts.outer_iter() {
        println!("{}", row.iter().map(|&n| b" .:-=+*#%@"[n.min(9)] as char).collect::<String>());
    }
}
