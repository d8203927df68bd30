//! How fast text tables are read: MB/s of a file of wine-like rows, portion by portion, from memory that the system keeps of it.
//!
//! `cargo run --release -p evidence-benches --bin csv_rate -- [FOLDER]`
#![forbid(unsafe_code)]

mod wine_rows;

use evidence_train::data::{Chunks, ReadError, ReadOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

const BYTES: u64 = 500_000_000;
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("evidence-csv-rate-{}.csv", std::process::id()));
    let expected = wine_rows::write(&path, BYTES)?;
    let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
    println!("{megabytes:.0} MB, {expected} rows; MB/s, median and fastest of {ROUNDS} rounds");
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let rates = pool.install(|| -> Result<_, ReadError> {
            let mut rates = [0.0; ROUNDS];
            for rate in &mut rates {
                let start = Instant::now();
                let rows = rows(&path)?;
                *rate = megabytes / start.elapsed().as_secs_f64();
                assert_eq!(rows, expected);
            }
            Ok(rates)
        });
        report(&format!("{threads} thread(s)"), rates?);
    }
    let mut rates = [0.0; ROUNDS];
    let mut buffer = vec![0; 4 << 20];
    for rate in &mut rates {
        let start = Instant::now();
        let mut file = std::fs::File::open(&path)?;
        while file.read(&mut buffer)? > 0 {}
        *rate = megabytes / start.elapsed().as_secs_f64();
    }
    report("the bytes alone", rates);
    std::fs::remove_file(path)?;
    Ok(())
}

fn rows(path: &Path) -> Result<u64, ReadError> {
    let mut rows = 0;
    for frame in Chunks::open(path, &ReadOptions::default())? {
        rows += frame?.rows() as u64;
    }
    Ok(rows)
}

fn report(what: &str, mut rates: [f64; ROUNDS]) {
    rates.sort_unstable_by(f64::total_cmp);
    println!("{what:<16} {:>6.0} {:>6.0}", rates[ROUNDS / 2], rates[ROUNDS - 1]);
}
