//! What a checkpoint costs: the pause of the training, and the time in the file system beside that of the same bytes alone.
//!
//! `cargo run --release -p evidence-benches --bin checkpoint -- [FOLDER]`

use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Noise, Parameters};
use evidence_layers::Activation;
use evidence_models::DenseNetwork;
use evidence_optim::Adam;
use evidence_train::data::Dataset;
use evidence_train::run::{replace, write_tensors};
use evidence_train::{FitOptions, Snapshot, Trainer};
use ndarray::Array2;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// Two layers of about five million parameters each.
const SIZES: [usize; 3] = [2236, 2236, 2236];
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("evidence-checkpoint-{}", std::process::id()));
    let (pauses, times) = with_threads(0, || measure(&path))?;
    let parameters = SIZES.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum::<usize>();
    println!(
        "{parameters} parameters, their best and Adam's two moments; seconds, {ROUNDS} rounds"
    );
    println!("copy, the training waits:          {pauses:.3?}");
    println!("checkpoint on disk, beside it:     {:.3?}", times[0]);
    println!("the same bytes alone, on the disk: {:.3?}", times[1]);
    std::fs::remove_file(path)?;
    Ok(())
}

type Seconds = [f64; ROUNDS];

fn measure(path: &std::path::Path) -> std::io::Result<(Seconds, [Seconds; 2])> {
    let table = || Array2::zeros((8, SIZES[0]));
    let data = Dataset::new(table(), Some(table())).expect("zeros are data");
    let model = DenseNetwork::regression(&SIZES, Activation::Relu, Noise::new(0));
    let mut adam = Adam::<f32>::new(1e-3).expect("a learning rate");
    let options = FitOptions { epochs: usize::MAX, ..FitOptions::default() };
    let mut trainer = Trainer::new(model, &data, None, &mut adam, options).expect("there are rows");
    let mut snapshot = Snapshot::new();
    let (mut pauses, mut times) = ([0.0; ROUNDS], [[0.0; ROUNDS]; 2]);
    for round in 0..ROUNDS {
        trainer.advance();
        assert!(trainer.model().count() > 9_000_000);
        let start = Instant::now();
        trainer.snapshot(&mut snapshot);
        pauses[round] = start.elapsed().as_secs_f64();
        let groups = [&snapshot.model, &snapshot.best, &snapshot.optimizer];
        let arrays = groups.into_iter().enumerate().flat_map(|(group, arrays)| {
            arrays.iter().map(move |(name, array)| (format!("{group}.{name}"), array))
        });
        let arrays: Vec<_> = arrays.collect();
        let start = Instant::now();
        write_tensors(path, &arrays, "").map_err(std::io::Error::other)?;
        times[0][round] = start.elapsed().as_secs_f64();
        let bytes = std::fs::read(path)?;
        let start = Instant::now();
        replace(path, |file| file.write_all(&bytes))?;
        times[1][round] = start.elapsed().as_secs_f64();
    }
    Ok((pauses, times))
}
