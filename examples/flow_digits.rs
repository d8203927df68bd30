//! A flow of images: 8×8 digits of 17 grey levels, dequantised, through a logit to the line, and a chain of couplings to a normal.
//! Bits per dimension, and digits of its own.
//!
//! `cargo run --release --example flow_digits`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{ActNorm, AffineCoupling, AnyBijection, Chain, Permutation, Sigmoid, Split};
use evidence::models::{Flow, Pixels};
use evidence::optim::Adam;
use evidence::train::data::{Dataset, Split as Rows, digits};
use evidence::train::{FitOptions, Schedule, evaluate, fit};
use evidence::{Array, Noise, Parameters, Tape};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SIDE: usize = 8;
const D: usize = SIDE * SIDE;

fn main() -> Result<(), Failure> {
    with_threads(0, || {
        let digits = digits();
        let pixels = Pixels::of_levels(17)?;
        let split = Rows::by_fraction(digits.rows(), 0.8, 0.1, 0.1, &mut Noise::new(1).rng())?;
        // Each training image several times, every time with other noise: the bound is a mean over it.
        let part = |rows: &[usize], copies: u64| -> Result<Dataset, Failure> {
            let rows: Vec<usize> = (0..copies).flat_map(|_| rows.iter().copied()).collect();
            let chosen = digits.select(&rows)?;
            Ok(Dataset::new(
                pixels.dequantise(chosen.features().view(), Noise::new(2).stream(copies))?,
                None,
            )?)
        };
        let (training, validation, test) =
            (part(split.train(), 6)?, part(split.validation(), 4)?, part(split.test(), 5)?);

        // From base to data: couplings over checkerboards and shuffled pixels, a scale for each pixel, and the interval of pixels.
        let mut chain = Vec::<AnyBijection<Array<f32>>>::new();
        for i in 0..8 {
            let noise = Noise::new(3).stream(i);
            if i % 2 == 0 {
                chain.push(Permutation::random(D, noise).into());
            }
            let board = Split::checkerboard([SIDE, SIDE, 1], i % 2 == 1);
            chain.push(AffineCoupling::new(D, board, &[128], noise)?.into());
        }
        chain.push(ActNorm::new(D).into());
        chain.push(Sigmoid::with_margin(0.05)?.into());
        let mut chain = Chain(chain);
        chain.start(training.features().mapv(|x| x as f32).view())?;

        let options = FitOptions {
            epochs: 25,
            batch: 128,
            patience: Some(5),
            schedule: Schedule::Cosine,
            ..FitOptions::default()
        };
        let mut adam = Adam::new(1e-3)?;
        let bits = |loss: f64| pixels.bits_per_dimension(-loss, D);
        let fitted = fit::<f32, _>(
            Flow::new(chain),
            &training,
            Some(&validation),
            &mut adam,
            &options,
            |epoch| {
                if epoch.number % 5 == 0 {
                    println!(
                        "epoch {:2}: {:.3} bits per dimension",
                        epoch.number,
                        bits(epoch.loss)
                    );
                }
            },
        )?;
        let loss = evaluate::<f32, _>(&fitted.model, &test, Noise::new(0));
        println!(
            "test: {:.3} bits per dimension; knowing nothing takes {:.3}",
            bits(loss),
            bits(0.0)
        );

        let tape = Tape::new();
        let samples = fitted.model.bind_constant(&tape).sample(&tape, (8, D), Noise::new(4));
        let samples = samples.value().mapv(f64::from).into_dimensionality()?;
        let levels = pixels.quantise(samples.view());
        for row in 0..SIDE {
            let line = levels.outer_iter().map(|digit| {
                (0..SIDE)
                    .map(|column| {
                        b" .:-=+*#%@"[(digit[row * SIDE + column] * 9.0 / 16.0) as usize] as char
                    })
                    .collect::<String>()
            });
            println!("{}", line.collect::<Vec<_>>().join("  "));
        }
        Ok(())
    })
}
