//! What subcommands that answer for each row share: the table is read a portion at a time, and so is the answer written.

use super::config::DataOptions;
use super::error::CliError;
use super::kind::{Ask, Table};
use super::rows::left_out;
use super::separator::Separator;
use super::trained::{self, Trained};
use super::{Common, say};
use clap::Args;
use evidence::autodiff::kernels::threads::{is_parallel, with_threads};
use evidence::train::data::{Chunks, Dataset, Frame, Missing, ReadOptions, TargetUse, write_npz};
use evidence::train::run::replace;
use rayon::prelude::*;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

/// Rows answered for at a time, by one thread. Draws of latents depend on where a block begins: at a multiple of this in the file.
const ROWS: usize = 1024;

/// More draws than these say nothing new, and each takes memory for a block of rows.
const MOST_DRAWS: i64 = 100_000;

/// Endings of files that hold tables in other ways, which CSV under such a name would not be.
const FOREIGN: [&str; 10] =
    ["npy", "gz", "zip", "zst", "json", "jsonl", "parquet", "xlsx", "safetensors", "tsv"];

/// Flags of subcommands that answer for each row.
#[derive(Debug, Args)]
pub(super) struct RowsArguments {
    /// The run's folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    #[command(flatten)]
    pub table: TableArguments,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// Flags of every answer.
#[derive(Debug, Args)]
pub(super) struct AnswerArguments {
    /// A .csv or .npz file for the answer, instead of CSV on standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The flags of answers that are means over draws.
#[derive(Debug, Args)]
pub(super) struct DrawsArgument {
    /// Draws of weights or latents [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_DRAWS))]
    draws: Option<u32>,
    /// Decides the draws: how much answers differ between seeds is their Monte Carlo error [default: the training's seed]
    #[arg(long, value_name = "SEED")]
    draw_seed: Option<u64>,
}

impl DrawsArgument {
    /// What is asked, by so many draws.
    pub(super) fn of<'a>(&self, model: &dyn Trained, ask: &Ask<'a>) -> Result<Ask<'a>, CliError> {
        for (flag, given) in
            [("draws", self.draws.is_some()), ("draw-seed", self.draw_seed.is_some())]
        {
            if given && !model.draws() {
                let kind = model.kind();
                return Err(CliError::Usage(format!(
                    "--{flag}: a model of kind \"{kind}\" draws nothing to answer; leave it out"
                )));
            }
        }
        Ok(ask.drawn(self.draws.map(|draws| draws as usize), self.draw_seed))
    }
}

/// Flags of every table that a trained model is asked about.
#[derive(Debug, Args)]
pub(super) struct TableArguments {
    /// The table
    #[arg(long = "data", value_name = "FILE")]
    pub file: PathBuf,
    /// What separates the cells of a text table: a sign, `tab` or `space`; as for the training if not given (of codes: found)
    #[arg(long, value_name = "SIGN")]
    delimiter: Option<Separator>,
    /// Whether the first row of a text table has the names of the columns; as for the training if not given (of codes: found)
    #[arg(long)]
    header: Option<bool>,
}

impl TableArguments {
    /// The table that a training began with, where it is now.
    pub(super) fn of_training(&self, then: &DataOptions) -> DataOptions {
        DataOptions {
            file: self.file.clone(),
            delimiter: self.delimiter.or(then.delimiter),
            header: self.header.or(then.header),
            ..then.clone()
        }
    }

    /// How it is read, where it would be read so without flags.
    pub(super) fn reading(&self, otherwise: ReadOptions) -> ReadOptions {
        ReadOptions {
            delimiter: self.delimiter.map(|Separator(sign)| sign).or(otherwise.delimiter),
            header: self.header.or(otherwise.header),
            ..otherwise
        }
    }
}

/// Rows that have no answer: numbers that are none, or the logarithm of a density that rounded to 0.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    rows: usize,
    first: Option<u64>,
}

impl Unanswered {
    /// Looks at the numbers of a row of the file.
    pub(super) fn look(&mut self, row: u64, mut numbers: impl Iterator<Item = f64>) {
        if numbers.any(|x| x.is_nan() || x == f64::NEG_INFINITY) {
            self.rows += 1;
            self.first.get_or_insert(row);
        }
    }

    /// Says so.
    pub(super) fn tell(&self, data: &Path) {
        if let Some(first) = self.first {
            say(format_args!(
                "{}: {} rows, the first of them row {first}, counted from 0, have no finite answer: they lie too far from those trained on \
                 for single precision",
                data.display(),
                self.rows
            ));
        }
    }
}

/// Answers for a file's rows, encoded and scaled, with the number of rows before them; takes the answers in order, with the place in
/// the file of each row.
///
/// How many rows there were. Blocks are answered for side by side: small models gain nothing from threads inside.
pub(super) fn blocks<R: Send>(
    trained: &dyn Trained,
    table: &TableArguments,
    targets: TargetUse,
    answer: impl Fn(&Dataset, u64) -> Result<R, CliError> + Sync,
    mut take: impl FnMut(R, &[u64]) -> Result<(), CliError>,
) -> Result<usize, CliError> {
    let (mut seen, mut dropped, mut told) = (0, 0, false);
    let data = table.file.as_path();
    let mut chunks = Chunks::open(data, &table.reading(trained.reading(targets)))?;
    let mut left: Option<Frame> = None;
    loop {
        let next = chunks.next_chunk()?;
        let ended = next.is_none();
        dropped += next.as_ref().map_or(0, Frame::dropped);
        let mut frame = match (left.take(), next) {
            (Some(mut left), Some(next)) => {
                left.append(next);
                left
            }
            (Some(frame), None) | (None, Some(frame)) => frame,
            (None, None) => break,
        };
        // Blocks are the same however the file is cut into portions.
        if !ended {
            left = Some(frame.split_off(frame.rows() / ROWS * ROWS));
        }
        if frame.rows() == 0 {
            continue;
        }
        let at = |source| CliError::Schema { path: data.to_owned(), source };
        let applied = trained.schema().apply(&frame, targets).map_err(at)?;
        if !applied.surplus.is_empty() && !told {
            told = true;
            let surplus = applied.surplus.join(", ");
            say(format_args!("{}: not used: {surplus}", data.display()));
        }
        let answers = side_by_side(&applied.data, seen as u64, &answer);
        let numbers: Vec<u64> = (0..frame.rows()).map(|row| frame.number(row)).collect();
        for (answer, numbers) in answers.into_iter().zip(numbers.chunks(ROWS)) {
            take(answer?, numbers)?;
        }
        seen += applied.data.rows();
    }
    left_out(data, dropped);
    if seen == 0 {
        return Err(CliError::Data(format!("{}: there are no rows to answer for", data.display())));
    }
    Ok(seen)
}

/// Answers for rows behind `seen` others, in order.
pub(super) fn side_by_side<R: Send>(
    data: &Dataset,
    seen: u64,
    answer: impl Fn(&Dataset, u64) -> Result<R, CliError> + Sync,
) -> Vec<Result<R, CliError>> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let block =
        |(i, rows): (usize, &[usize])| answer(&data.select(rows)?, seen + (i * ROWS) as u64);
    if is_parallel() {
        rows.par_chunks(ROWS).enumerate().map(block).collect()
    } else {
        rows.chunks(ROWS).enumerate().map(block).collect()
    }
}

/// Answers for every row of a table.
pub(super) fn rows(
    arguments: &RowsArguments,
    targets: TargetUse,
    common: &Common,
    answer: impl Fn(&dyn Trained, &Dataset, &Ask<'_>) -> Result<Table, CliError> + Sync,
) -> Result<(), CliError> {
    let trained = trained::open(&arguments.run)?;
    let plain = Ask::plain(trained.schema(), trained.seed());
    with_threads(common.threads.into(), || {
        write(arguments.answer.out.as_deref(), common, |writer| {
            let block =
                |rows: &Dataset, first| answer(&*trained, rows, &Ask { first, ..plain.clone() });
            // Where rows may be left out, each says which it is.
            let keyed = trained.reading(targets).missing == Missing::DropRows;
            let mut unanswered = Unanswered::default();
            let take = |table: Table, numbers: &[u64]| {
                for (&row, values) in numbers.iter().zip(table.values.outer_iter()) {
                    unanswered.look(row, values.iter().copied());
                }
                writer.table(&if keyed { table.keyed(numbers) } else { table })
            };
            blocks(&*trained, &arguments.table, targets, block, take)?;
            unanswered.tell(&arguments.table.file);
            Ok(())
        })
    })
}

/// Where an answer goes.
pub(super) enum Writer<'a> {
    /// Names first, then a line for each row.
    Csv(Box<csv::Writer<&'a mut dyn Write>>, bool),
    /// One JSON object for each row.
    Json(&'a mut dyn Write),
    /// An array for each column, written when all rows are known.
    Npz(&'a mut dyn Write, Vec<(String, Vec<f64>)>),
}

impl Writer<'_> {
    /// Adds rows.
    pub(super) fn table(&mut self, table: &Table) -> Result<(), CliError> {
        match self {
            Self::Csv(csv, begun) => {
                if !*begun {
                    csv.write_record(&table.names).map_err(of_output)?;
                    *begun = true;
                }
                for row in table.values.outer_iter() {
                    csv.write_record(row.iter().map(f64::to_string)).map_err(of_output)?;
                }
            }
            Self::Json(to) => {
                for row in table.values.outer_iter() {
                    let row = table.names.iter().zip(row);
                    let row: serde_json::Map<_, _> =
                        row.map(|(name, value)| (name.clone(), json!(value))).collect();
                    writeln!(to, "{}", serde_json::Value::Object(row))?;
                }
            }
            Self::Npz(_, columns) => {
                columns.resize_with(table.names.len(), Default::default);
                let new = table.names.iter().zip(table.values.columns());
                for ((known, numbers), (name, values)) in columns.iter_mut().zip(new) {
                    known.clone_from(name);
                    numbers.extend(values);
                }
            }
        }
        Ok(())
    }
}

/// The system's own error, so that a reader that has gone is told from a full disk.
fn of_output(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Writes an answer whole or not at all where it goes to a file.
pub(super) fn write(
    out: Option<&Path>,
    common: &Common,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let ending =
        out.and_then(Path::extension).map(|ending| ending.to_string_lossy().to_lowercase());
    if let Some(ending) = ending.filter(|ending| FOREIGN.contains(&ending.as_str())) {
        return Err(CliError::Usage(format!(
            "--out: an answer is written as .csv or .npz, not as .{ending}"
        )));
    }
    let archive = out.and_then(Path::extension).is_some_and(|ext| ext.eq_ignore_ascii_case("npz"));
    let into = |to: &mut dyn Write| -> Result<(), CliError> {
        let mut writer = match (archive, common.json) {
            (true, _) => Writer::Npz(to, Vec::new()),
            (false, true) => Writer::Json(to),
            (false, false) => Writer::Csv(Box::new(csv::Writer::from_writer(to)), false),
        };
        fill(&mut writer)?;
        match writer {
            Writer::Csv(mut csv, _) => csv.flush()?,
            Writer::Json(to) => to.flush()?,
            Writer::Npz(to, columns) => {
                let mut bytes = Cursor::new(Vec::new());
                let columns = columns.iter().map(|(name, numbers)| (name.as_str(), &numbers[..]));
                write_npz(&mut bytes, columns)?;
                to.write_all(bytes.get_ref())?;
                to.flush()?;
            }
        }
        Ok(())
    };
    let Some(path) = out else {
        return into(&mut BufWriter::new(io::stdout().lock()));
    };
    let unwritten = |source| CliError::Write { path: path.to_owned(), source };
    if common.json {
        return Err(CliError::Usage("--json prints on standard output: leave out --out".into()));
    }
    // A device or a pipe is written to; the end of a link is what is replaced.
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let mut file = OpenOptions::new().write(true).open(path).map_err(unwritten)?;
        return into(&mut BufWriter::new(&mut file)).map_err(|error| match error {
            CliError::Output(source) => unwritten(source),
            other => other,
        });
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut failed = None;
    let written = replace(&target, |file| {
        into(&mut BufWriter::new(file)).map_err(|error| {
            let text = error.to_string();
            failed = Some(error);
            io::Error::other(text)
        })
    });
    match (failed, written) {
        (Some(CliError::Output(source)), _) | (None, Err(source)) => Err(unwritten(source)),
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
    }
}
