//! Tables like that of the white wines, of any length: twelve columns, about fifty bytes a row.

use evidence_autodiff::Noise;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// Rows that differ; behind them they come again.
const DIFFERENT: usize = 200_000;

/// Names, decimals, and where values lie.
const COLUMNS: [(&str, usize, f64, f64); 11] = [
    ("fixed acidity", 1, 3.8, 14.2),
    ("volatile acidity", 2, 0.08, 1.1),
    ("citric acid", 2, 0.0, 1.66),
    ("residual sugar", 1, 0.6, 65.8),
    ("chlorides", 3, 0.009, 0.346),
    ("free sulfur dioxide", 0, 2.0, 289.0),
    ("total sulfur dioxide", 0, 9.0, 440.0),
    ("density", 5, 0.987, 1.039),
    ("pH", 2, 2.72, 3.82),
    ("sulphates", 2, 0.22, 1.08),
    ("alcohol", 1, 8.0, 14.2),
];

/// Writes a table of at least so many bytes; how many rows it has.
pub fn write(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut header = String::new();
    COLUMNS.iter().for_each(|(name, ..)| write!(header, "\"{name}\";").expect("a string"));
    header.push_str("\"quality\"\n");
    let mut draws = vec![0.0; DIFFERENT * COLUMNS.len()];
    Noise::new(1).fill_uniform_f64(&mut draws);
    let (mut text, mut ends) = (String::new(), Vec::with_capacity(DIFFERENT));
    for row in draws.chunks_exact(COLUMNS.len()) {
        for (u, (_, decimals, low, high)) in row.iter().zip(COLUMNS) {
            write!(text, "{:.decimals$};", low + u * (high - low)).expect("a string");
        }
        writeln!(text, "{:.0}", 3.0 + 4.0 * row[10] + 2.0 * (1.0 - row[1])).expect("a string");
        ends.push(text.len());
    }
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(header.as_bytes())?;
    let (mut written, mut rows) = (header.len() as u64, 0);
    while written < bytes {
        let left = bytes - written;
        let last = ends.partition_point(|&end| (end as u64) < left).min(ends.len() - 1);
        file.write_all(&text.as_bytes()[..ends[last]])?;
        written += ends[last] as u64;
        rows += last as u64 + 1;
    }
    file.flush()?;
    Ok(rows)
}
