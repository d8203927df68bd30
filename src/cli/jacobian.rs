//! `evidence jacobian RUN --data FILE`: a trained flow measured at the user's rows, in double and in single precision.
//!
//! Round-trip error, its own log-determinant against that of the Jacobian that the tape computes, and the Jacobian's condition number:
//! see [`evidence::layers::examine`]. Training runs in single precision, so that column says what was lost there.

use super::answer::{TableArguments, Unanswered, blocks, write};
use super::error::CliError;
use super::kind::Table;
use super::{Common, line, trained};
use clap::Args;
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::Conditioning;
use evidence::train::data::{Dataset, Missing, TargetUse};
use ndarray::Array2;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Flags of `evidence jacobian`.
#[derive(Debug, Args)]
#[command(
    after_help = "A row is outside of the well-conditioned region where the condition number of its Jacobian is above 1/√ε: half of its \
                        digits are lost on the way back. All is measured in the scaled columns, which the flow sees. A row's time grows with the \
                        cube of the number of columns: for hundreds of them, ask about a sample of rows.\n\nExample:\n  evidence jacobian moons --data new.csv --out rows.csv"
)]
pub(super) struct JacobianArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    table: TableArguments,
    /// A .csv or .npz file for what was measured at each row
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The two precisions, in the order of [`Conditioning`]s.
const PRECISIONS: [&str; 2] = ["f64", "f32"];

/// What a column is called, and its number.
type Column = (&'static str, fn(&Conditioning) -> f64);

/// What is measured at a row.
const COLUMNS: [Column; 5] = [
    ("round_trip", |row| row.round_trip),
    ("log_det_error", Conditioning::log_det_error),
    ("log_det_sum", |row| row.log_det_sum.abs()),
    ("condition", |row| row.condition),
    ("well_conditioned", |row| f64::from(u8::from(row.well_conditioned))),
];

/// All rows, in one precision.
struct Summary {
    rows: usize,
    /// The worst of the first three columns.
    worst: [f64; 3],
    median_condition: f64,
    worst_condition: f64,
    outside: usize,
    /// The first of those outside, by their place in the file.
    first: Vec<u64>,
}

/// Rows outside that are named.
const NAMED: usize = 5;

impl Summary {
    fn of(rows: &[Conditioning], numbers: &[u64]) -> Self {
        // A NaN is the worst there is.
        let worst = |of: fn(&Conditioning) -> f64| {
            rows.iter().map(of).max_by(f64::total_cmp).unwrap_or(f64::NAN)
        };
        let mut conditions: Vec<f64> = rows.iter().map(|row| row.condition).collect();
        conditions.sort_by(f64::total_cmp);
        let outside = || rows.iter().zip(numbers).filter(|(row, _)| !row.well_conditioned);
        Self {
            rows: rows.len(),
            worst: std::array::from_fn(|i| worst(COLUMNS[i].1)),
            median_condition: conditions.get(rows.len() / 2).copied().unwrap_or(f64::NAN),
            worst_condition: conditions.last().copied().unwrap_or(f64::NAN),
            outside: outside().count(),
            first: outside().map(|(_, &number)| number).take(NAMED).collect(),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "round_trip": self.worst[0],
            "log_det_error": self.worst[1],
            "log_det_sum": self.worst[2],
            "median_condition": self.median_condition,
            "worst_condition": self.worst_condition,
            "outside": self.outside,
            "first_outside": self.first,
        })
    }
}

pub(super) fn run(arguments: &JacobianArguments, common: &Common) -> Result<(), CliError> {
    let trained = trained::open(&arguments.run)?;
    let mut all: [Vec<Conditioning>; 2] = Default::default();
    let mut places = Vec::new();
    let mut unanswered = Unanswered::default();
    with_threads(common.threads.into(), || {
        let block = |rows: &Dataset, _| trained.conditioning(rows);
        blocks(&*trained, &arguments.table, TargetUse::Ignored, block, |found, numbers| {
            for (&row, found) in numbers.iter().zip(&found[1]) {
                unanswered.look(row, [found.round_trip, found.log_det].into_iter());
            }
            all.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
            places.extend_from_slice(numbers);
            Ok(())
        })
    })?;
    unanswered.tell(&arguments.table.file);
    if let Some(out) = &arguments.out {
        let names = PRECISIONS
            .iter()
            .flat_map(|p| COLUMNS.iter().map(move |(name, _)| format!("{name}_{p}")));
        let values = Array2::from_shape_fn((all[0].len(), 2 * COLUMNS.len()), |(row, column)| {
            COLUMNS[column % COLUMNS.len()].1(&all[column / COLUMNS.len()][row])
        });
        let table = Table { names: names.collect(), values };
        // Where rows may be left out, each says which it is.
        let keyed = trained.reading(TargetUse::Ignored).missing == Missing::DropRows;
        let table = if keyed { table.keyed(&places) } else { table };
        write(Some(out), &Common { json: false, ..*common }, |writer| writer.table(&table))?;
    }
    let [double, single] = all.each_ref().map(|rows| Summary::of(rows, &places));
    if common.json {
        let run = arguments.run.display().to_string();
        let (f64, f32) = (double.to_json(), single.to_json());
        line(&json!({"run": run, "rows": double.rows, "f64": f64, "f32": f32}))?;
        return Ok(());
    }
    print(&double, &single)
}

fn print(double: &Summary, single: &Summary) -> Result<(), CliError> {
    line(&format_args!("{:<58} {:>9} {:>9}", "", PRECISIONS[0], PRECISIONS[1]))?;
    let both = |what: &str, of: fn(&Summary) -> f64| {
        line(&format_args!("{what:<58} {:>9.1e} {:>9.1e}", of(double), of(single)))
    };
    both("round trip, worst error (relative beyond 1)", |s| s.worst[0])?;
    both("log-determinant against the Jacobian's, worst", |s| s.worst[1])?;
    both("log-determinants of both directions, worst sum (nats)", |s| s.worst[2])?;
    both("condition number of the Jacobian, median", |s| s.median_condition)?;
    both("condition number of the Jacobian, worst", |s| s.worst_condition)?;
    let rows = double.rows;
    let outside = format!("rows outside of the well-conditioned region, of {rows}");
    line(&format_args!("{outside:<58} {:>9} {:>9}", double.outside, single.outside))?;
    for (precision, summary) in PRECISIONS.iter().zip([double, single]) {
        if !summary.first.is_empty() {
            let first: Vec<String> = summary.first.iter().map(u64::to_string).collect();
            line(&format_args!(
                "in {precision} the first of them, counted from 0: {}",
                first.join(", ")
            ))?;
        }
    }
    Ok(())
}
