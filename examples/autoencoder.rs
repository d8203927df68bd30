//! Unsupervised learning on handwritten digits: an autoencoder with two latents, beside PCA with two components.
//!
//! `cargo run --release --example autoencoder`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::metrics::mean_squared_error;
use evidence::models::{Autoencoder, Pca};
use evidence::optim::Adam;
use evidence::train::data::{DIGITS_MAX, Dataset, Split, digits};
use evidence::train::{FitOptions, fit};
use evidence::{Activation, Likelihood, Noise, Parameters, Tape};
use ndarray::{Array2, Axis};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    with_threads(0, || {
        let pixels = digits().features().mapv(|x| x / DIGITS_MAX);
        let split = Split::by_fraction(pixels.nrows(), 0.7, 0.1, 0.2, &mut Noise::new(3).rng())?;
        let training = Dataset::new(pixels.select(Axis(0), split.train()), None)?;
        let validation = Dataset::new(pixels.select(Axis(0), split.validation()), None)?;
        let test = pixels.select(Axis(0), split.test());

        let model = Autoencoder::new(
            &[64, 128, 64, 2],
            Activation::Relu,
            Likelihood::gaussian(-1.0),
            Noise::new(1),
        );
        let options = FitOptions { epochs: 80, ..FitOptions::default() };
        let fitted = fit::<f32, _>(
            model,
            &training,
            Some(&validation),
            &mut Adam::new(2e-3)?,
            &options,
            |epoch| {
                if epoch.number % 20 == 0 {
                    println!("epoch {:3}: {:8.3} nats per datum", epoch.number, epoch.loss);
                }
            },
        )?;

        let tape = Tape::new();
        let through = fitted
            .model
            .bind_constant(&tape)
            .reconstruct(tape.batch(test.mapv(|x| x as f32).view()));
        let through: Array2<f64> = through.value().mapv(f64::from).into_dimensionality()?;
        let projected = Pca::fit(training.features().view()).reconstruct(test.view(), 2);
        let (ours, pca) =
            (mean_squared_error(&through, &test), mean_squared_error(&projected, &test));
        println!(
            "squared error per pixel: autoencoder {ours:.4}, PCA {pca:.4}, ratio {:.2}",
            ours / pca
        );
        print_digits(&[test.row(0), through.row(0), test.row(1), through.row(1)]);
        Ok(())
    })
}

/// Digits side by side, in characters.
fn print_digits(digits: &[ndarray::ArrayView1<'_, f64>]) {
    for row in 0..8 {
        let line = digits.iter().map(|digit| {
            let shade = |x: &f64| b" .:-=+*#%@"[(x.clamp(0.0, 1.0) * 9.0) as usize] as char;
            digit.iter().skip(8 * row).take(8).flat_map(|x| [shade(x); 2]).collect::<String>()
        });
        println!("{}", line.collect::<Vec<_>>().join("  |  "));
    }
}
