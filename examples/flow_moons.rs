//! Normalizing flows on two moons, each an exact log-density and both directions of one map: RealNVP, and beside it masked
//! autoregressive layers with swaps of the columns between.
//!
//! `cargo run --release --example flow_moons`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::{Flow, Model};
use evidence::optim::Adam;
use evidence::train::data::{Dataset, Density2d, TwoMoons, two_moons};
use evidence::train::{FitOptions, Schedule, evaluate, fit};
use evidence::{Bijection, Noise, Parameters, Tape, Var};
use ndarray::{Array2, Axis};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    with_threads(0, || {
        let moons = |stream| two_moons(5_000, 0.1, &mut Noise::new(stream).rng());
        let (training, test) = (moons(1)?, moons(2)?);
        println!(
            "the entropy of the moons themselves is {:.3} nats",
            TwoMoons::new(0.1)?.entropy()
        );

        let real_nvp = trained(
            "RealNVP, 6 couplings",
            Flow::real_nvp(2, 6, &[32, 32], Noise::new(3))?,
            (&training, &test),
        )?;
        let maf = trained(
            "MAF, 6 layers with swaps",
            Flow::maf(2, 6, &[32, 32], Noise::new(3))?,
            (&training, &test),
        )?;

        let tape = Tape::new();
        let x = tape.batch(test.features().mapv(|x| x as f32).view());
        let (real_nvp, maf) = (real_nvp.bind_constant(&tape), maf.bind_constant(&tape));
        there_and_back("RealNVP", &real_nvp.bijection, x);
        there_and_back("MAF", &maf.bijection, x);

        println!("drawn from the MAF, one pass of its networks for each column:");
        let samples = maf.sample(&tape, (2_000, 2), Noise::new(4));
        print_density(&samples.value().to_owned().into_dimensionality()?);
        Ok(())
    })
}

/// The model fitted by maximum likelihood.
fn trained<M: Model<f32>>(
    name: &str,
    model: M,
    (training, test): (&Dataset, &Dataset),
) -> Result<M, Failure> {
    let options =
        FitOptions { epochs: 60, batch: 250, schedule: Schedule::Cosine, ..FitOptions::default() };
    let fitted = fit::<f32, _>(model, training, None, &mut Adam::new(3e-3)?, &options, |_| {})?;
    let nll = evaluate::<f32, _>(&fitted.model, test, Noise::new(0));
    println!("{name}: test NLL {nll:.3} nats");
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
