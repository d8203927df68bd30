//! An epoch on a table larger than memory: time and memory, from rows that are generated on the disk first.
//!
//! `cargo run --release -p evidence-benches --bin big_rows -- [FOLDER] [GIGABYTES] [WINDOW]`
#![forbid(unsafe_code)]

mod wine_rows;

use evidence_autodiff::Noise;
use evidence_autodiff::kernels::threads::with_threads;
use evidence_layers::Activation;
use evidence_models::DenseNetwork;
use evidence_optim::Adam;
use evidence_train::data::{ReadOptions, SchemaOptions, Streamed};
use evidence_train::{Event, FitOptions, Trainer};
use std::path::{Path, PathBuf};
use std::time::Instant;

const BATCH: usize = 1024;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let gigabytes: f64 = arguments.next().map_or(Ok(4.0), |text| text.parse())?;
    let window: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let path = folder.join(format!("evidence-big-rows-{}.csv", std::process::id()));
    let rows = wine_rows::write(&path, (gigabytes * 1e9) as u64)?;
    println!("{rows} rows, {:.2} GB, a window of {window}", path.metadata()?.len() as f64 / 1e9);
    let done = with_threads(0, || epoch(&path, window));
    std::fs::remove_file(path)?;
    done
}

/// One pass to decide by the table, and one epoch.
fn epoch(path: &Path, window: usize) -> Result<(), Error> {
    println!("at the start:   {}", memory());
    let start = Instant::now();
    let options = SchemaOptions { targets: vec!["quality".into()], ..SchemaOptions::default() };
    let table = Streamed::fit(path, &ReadOptions::default(), &options, window)?;
    println!("the first pass: {:.1} s, {}", start.elapsed().as_secs_f64(), memory());
    let model = DenseNetwork::regression(&[11, 50, 1], Activation::Relu, Noise::new(0));
    let mut adam = Adam::<f32>::new(1e-3)?;
    let options = FitOptions { epochs: 1, batch: BATCH, ..FitOptions::default() };
    let validation = Some(&table.validation);
    let start = Instant::now();
    let mut trainer = Trainer::streamed(model, &table.stream, validation, &mut adam, options)?;
    let epoch = loop {
        match trainer.advance() {
            Event::Step => {}
            Event::Epoch(epoch) => break epoch,
            other => return Err(format!("{other:?}").into()),
        }
    };
    let (steps, seconds) = (trainer.position().step, start.elapsed().as_secs_f64());
    println!("the epoch:      {seconds:.1} s, {steps} steps of {BATCH} rows, {}", memory());
    println!("loss {:.4}, validation {:.4} nats", epoch.loss, epoch.validation.unwrap_or(f64::NAN));
    Ok(())
}

/// The most memory that was resident so far, where the system tells it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    peak.map_or("memory unknown".into(), |kb| format!("{:.0} MB at most", kb * 1024.0 / 1e6))
}
