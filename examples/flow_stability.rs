//! Does a large flow survive a learning rate that is too high? RealNVP over 43 columns, ten couplings of 256-256, in single
//! precision, by Adam at 1e-2 on one batch that it can learn by heart: the loss of every step and the parameters at the end must be
//! finite.
//!
//! `cargo run --release --example flow_stability`; `-- 10000 10` takes 10,000 steps from each of ten seeds, some minutes a seed.

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::{Backprop, Flow, Rows};
use evidence::optim::{Adam, Optimizer};
use evidence::{Array, Noise, Parameters};
use ndarray::Array2;
use std::num::NonZero;

const WIDTH: usize = 43;
const BATCH: usize = 512;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["STEPS", "SEEDS"])?;
    let steps = arguments.get("STEPS")?.map_or(100, NonZero::get);
    let seeds = arguments.get("SEEDS")?.map_or(2, NonZero::get);
    with_threads(0, || {
        println!(
            "{:<6} {:>7} {:>22} {:>18} {:>20}",
            "seed", "steps", "loss at first (nats)", "highest and last", "largest parameter"
        );
        let broken = (0..seeds).map(|seed| run(seed, steps)).collect::<Result<Vec<_>, _>>()?;
        let broken = broken.iter().filter(|&&broken| broken).count();
        if broken > 0 {
            return Err(format!("{broken} of {seeds} seeds ended with a NaN or an infinity").into());
        }
        println!("no NaN and no infinity in {steps} steps from each of {seeds} seeds");
        Ok(())
    })
}

/// Trains, prints a line, and says whether anything was not finite.
fn run(seed: u64, steps: u64) -> Result<bool, Failure> {
    let noise = Noise::new(seed);
    let mut batch = Array2::<f32>::zeros((BATCH, WIDTH));
    noise.stream(0).fill_normal_f32(batch.as_slice_mut().expect("fresh arrays are contiguous"));
    let inputs: Array<f32> = batch.into_dyn().into_shared();
    let mut flow = Flow::real_nvp(WIDTH, 10, &[256, 256], noise.stream(1))?;
    let (mut adam, mut backprop) = (Adam::new(1e-2)?, Backprop::new());
    let (mut first, mut highest, mut last) = (None, f64::NEG_INFINITY, f64::NAN);
    let (mut taken, mut broken) = (0, false);
    while taken < steps && !broken {
        let rows = Rows { inputs: &inputs, targets: None, data_size: BATCH };
        let (value, mut gradient) = backprop.gradient(&flow, rows, noise.stream(2).stream(taken));
        adam.step(&mut flow, &mut gradient);
        last = value.loss;
        first = first.or(Some(last));
        highest = highest.max(last);
        taken += 1;
        broken = !last.is_finite();
    }
    let leaves = flow.named();
    let parameters = || leaves.iter().flat_map(|(_, leaf)| leaf.iter());
    broken |= parameters().any(|w| !w.is_finite());
    let largest = parameters().fold(0.0_f32, |most, w| most.max(w.abs()));
    let losses = format!("{highest:.3} {last:.3}");
    println!(
        "{seed:<6} {taken:>7} {:>22.3} {losses:>18} {largest:>20.2}",
        first.unwrap_or(f64::NAN)
    );
    Ok(broken)
}
