//! A variational autoencoder on handwritten digits: the bound, its two parts, and what log p(x) really is.
//!
//! `cargo run --release --example vae`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::Vae;
use evidence::optim::Adam;
use evidence::train::data::{DIGITS_MAX, Dataset, Split, digits};
use evidence::train::{FitOptions, fit};
use evidence::{Activation, Likelihood, Noise, Parameters, Tape};
use ndarray::Axis;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    with_threads(0, || {
        let pixels = digits().features().mapv(|x| x / DIGITS_MAX);
        let split = Split::by_fraction(pixels.nrows(), 0.7, 0.1, 0.2, &mut Noise::new(3).rng())?;
        let training = Dataset::new(pixels.select(Axis(0), split.train()), None)?;
        let validation = Dataset::new(pixels.select(Axis(0), split.validation()), None)?;
        let test = pixels.select(Axis(0), split.test()).mapv(|x| x as f32);

        let model =
            Vae::new(&[64, 128, 4], Activation::Relu, Likelihood::gaussian(-1.0), Noise::new(1));
        let options = FitOptions { epochs: 80, ..FitOptions::default() };
        let fitted = fit::<f32, _>(
            model,
            &training,
            Some(&validation),
            &mut Adam::new(2e-3)?,
            &options,
            |epoch| {
                if epoch.number % 20 == 0 {
                    let parts: Vec<String> = epoch
                        .parts
                        .iter()
                        .map(|(name, value)| format!("{name} {value:.2}"))
                        .collect();
                    println!(
                        "epoch {:3}: ELBO {:7.3} nats per datum ({})",
                        epoch.number,
                        -epoch.loss,
                        parts.join(", ")
                    );
                }
            },
        )?;

        let evidence = fitted.model.evidence(test.view(), 200, Noise::new(5));
        println!(
            "test: ELBO {:.3}, log p(x) from 200 importance samples {:.3} nats per digit (worth {:.0} equal ones)",
            evidence.elbo.mean().expect("there are test rows"),
            evidence.log_prob.mean().expect("there are test rows"),
            evidence.effective_samples.mean().expect("there are test rows"),
        );

        // A digit that never was: z from the prior, through the decoder.
        let tape = Tape::new();
        let drawn = fitted.model.bind_constant(&tape).decode(tape.normal(&[1, 4], Noise::new(6)));
        for row in drawn.data().chunks(8) {
            let shade = |x: &f32| b" .:-=+*#%@"[(x.clamp(0.0, 1.0) * 9.0) as usize] as char;
            println!("{}", row.iter().flat_map(|x| [shade(x); 2]).collect::<String>());
        }
        Ok(())
    })
}
