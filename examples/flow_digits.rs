//! Flows of images: 8×8 digits of 17 grey levels, dequantised, through a logit to the line, and couplings to a normal: all of them over
//! all pixels, and beside it multi-scale, which lets go of half of the columns after each squeeze. Bits per dimension, and digits of its
//! own.
//!
//! `cargo run --release --example flow_digits`

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{
    ActNorm, AffineCoupling, AnyBijection, Chain, Part, Permutation, Sigmoid, Split,
};
use evidence::models::{Flow, Pixels};
use evidence::optim::Adam;
use evidence::train::data::{Dataset, Split as Rows, digits};
use evidence::train::{FitOptions, Schedule, evaluate, fit};
use evidence::{Array, Noise, Parameters, Tape};

type P = Array<f32>;
type AnyChain = Chain<AnyBijection<P>>;

const SIDE: usize = 8;
const D: usize = SIDE * SIDE;

fn main() -> Result<(), Failure> {
    Arguments::read(&[])?;
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

        let mut best = (f64::INFINITY, None);
        for (name, chain) in [("one scale", one_scale()?), ("multi-scale", three_scales()?)] {
            let mut chain = chain;
            chain.0.push(ActNorm::new(D).into());
            chain.0.push(Sigmoid::with_margin(0.05)?.into());
            chain.start(training.features().mapv(|x| x as f32).view())?;
            let options = FitOptions {
                epochs: 25,
                batch: 128,
                patience: Some(5),
                schedule: Schedule::Cosine,
                ..FitOptions::default()
            };
            let fitted = fit::<f32, _>(
                Flow::new(chain),
                &training,
                Some(&validation),
                &mut Adam::new(1e-3)?,
                &options,
                |_| {},
            )?
            .into_result()?;
            let loss = evaluate::<f32, _>(&fitted.model, &test, Noise::new(0));
            println!(
                "{name}: {} parameters, {} epochs, test {:.3} bits per dimension",
                fitted.model.count(),
                fitted.history.len(),
                pixels.bits_per_dimension(-loss, D)
            );
            if loss < best.0 {
                best = (loss, Some(fitted.model));
            }
        }
        println!("knowing nothing: {:.3}", pixels.bits_per_dimension(0.0, D));

        let model = best.1.ok_or("neither flow has a finite density")?;
        let tape = Tape::new();
        let samples = model.bind_constant(&tape).sample(&tape, (8, D), Noise::new(4));
        let samples = samples.value().mapv(f64::from).into_dimensionality()?;
        let levels = pixels.quantise(samples.view());
        println!("drawn from the better one:");
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

/// From base to data: eight couplings over checkerboards, the pixels shuffled between pairs of them.
fn one_scale() -> Result<AnyChain, Failure> {
    let mut chain = Vec::<AnyBijection<P>>::new();
    for i in 0..8 {
        let noise = Noise::new(3).stream(i);
        if i % 2 == 0 {
            chain.push(Permutation::random(D, noise).into());
        }
        let board = Split::checkerboard([SIDE, SIDE, 1], i % 2 == 1);
        chain.push(AffineCoupling::new(D, board, &[128], noise)?.into());
    }
    Ok(Chain(chain))
}

/// Two couplings, of which one conditions on what the other transforms.
fn pair(split: impl Fn(bool) -> Split, width: usize, noise: Noise) -> Result<AnyChain, Failure> {
    let coupling = |turned| {
        let noise = noise.stream(u64::from(turned));
        AffineCoupling::new(width, split(turned), &[128], noise)
    };
    Ok(Chain(vec![coupling(false)?.into(), coupling(true)?.into()]))
}

/// Of an image `[side, side, channels]`, from base to data: two pairs over a checkerboard, a squeeze, a pair over channels; half of these
/// let go, and the same again with the other half, until four pixels are left.
fn level(side: usize, channels: usize, noise: Noise) -> Result<AnyChain, Failure> {
    let width = side * side * channels;
    if side == 2 {
        return pair(|turned| if turned { Split::Second } else { Split::First }, width, noise);
    }
    let half = [(side / 2) * (side / 2), 4 * channels];
    let smaller = level(side / 2, 2 * channels, noise.stream(1))?;
    let mut chain: AnyChain =
        Chain(vec![Part::new(smaller, width, Split::channels(half, false))?.into()]);
    chain.0.extend(pair(|turned| Split::channels(half, turned), width, noise.stream(2))?.0);
    chain.0.push(Permutation::squeeze([side, side, channels])?.into());
    for i in 3..5 {
        let board = |turned| Split::checkerboard([side, side, channels], turned);
        chain.0.extend(pair(board, width, noise.stream(i))?.0);
    }
    Ok(chain)
}

/// 64 columns, of which 32 are let go behind the first squeeze and 16 behind the second.
fn three_scales() -> Result<AnyChain, Failure> {
    level(SIDE, 1, Noise::new(5))
}
