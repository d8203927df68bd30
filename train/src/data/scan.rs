//! One pass over a table of any length: what its columns are, what they are scaled by, and some of the rows held out.
//!
//! Memory holds a portion of the file and the rows held out, of each part at most as many as asked for: those with the smallest
//! of the draws that made them part of it, which is a sample without replacement, each row as likely as any other.

use super::error::Part;
use super::fingerprint::Fingerprint;
use super::frame::{Column, Frame};
use super::moments::Moments;
use super::parts::Parts;
use super::read::{Chunks, Fault, ReadError};
use super::schema::{Choice, SchemaError, SchemaOptions, levels};
use super::stream::StreamError;
use rayon::prelude::*;
use std::path::Path;

/// What a pass over a file found.
pub(super) struct Scan {
    choice: Choice,
    fingerprint: Fingerprint,
    rows: usize,
    training: usize,
    dropped: usize,
    /// No rows: names and what the columns hold.
    columns: Frame,
    /// Of the rows to train on.
    moments: Vec<Moments>,
    /// The distinct cells of the columns whose levels matter.
    levels: Vec<Option<Column>>,
    validation: Held,
    test: Held,
}

impl Scan {
    /// Reads all rows that are left in `chunks`; of each part held out at most `most`.
    pub fn new(
        path: &Path,
        chunks: Chunks,
        options: &SchemaOptions,
        most: usize,
    ) -> Result<Self, StreamError> {
        let at = |source| StreamError::Schema { path: path.to_owned(), source };
        let mut parts = Parts::new(&options.split);
        let mut scan: Option<Self> = None;
        for frame in chunks {
            let frame = frame?;
            let scan = match &mut scan {
                Some(scan) => scan,
                None => scan.insert(Self::begin(&frame, options, most).map_err(at)?),
            };
            scan.add(&frame, &mut parts).map_err(at)?;
        }
        let dropped = scan.as_ref().map_or(0, |scan| scan.dropped);
        let Some(mut scan) = scan.filter(|scan| scan.rows > 0) else {
            let (path, fault) = (path.to_owned(), Fault::NoRows { dropped });
            return Err(ReadError { path, fault }.into());
        };
        for (rows, purpose) in [
            (scan.training, "training"),
            (scan.validation.draws.len(), "validation"),
            (scan.test.draws.len(), "testing"),
        ] {
            if rows == 0 {
                return Err(StreamError::NoRows {
                    path: path.to_owned(),
                    rows: scan.rows,
                    purpose,
                });
            }
        }
        scan.validation.cut();
        scan.test.cut();
        Ok(scan)
    }

    fn begin(frame: &Frame, options: &SchemaOptions, most: usize) -> Result<Self, SchemaError> {
        let choice = Choice::new(frame, options)?;
        choice.check(frame)?;
        let columns = frame.select(&[]);
        let mut levels = vec![None; columns.columns().len()];
        for i in choice.leveled() {
            levels[i] = Some(columns.columns()[i].clone());
        }
        Ok(Self {
            fingerprint: Fingerprint::new(frame),
            rows: 0,
            training: 0,
            dropped: 0,
            moments: vec![Moments::NONE; levels.len()],
            validation: Held::new(columns.clone(), most),
            test: Held::new(columns.clone(), most),
            choice,
            columns,
            levels,
        })
    }

    fn add(&mut self, frame: &Frame, parts: &mut Parts) -> Result<(), SchemaError> {
        self.fingerprint.add(frame);
        self.rows += frame.rows();
        self.dropped += frame.dropped();
        let mut training = Vec::with_capacity(frame.rows());
        for (row, (part, draw)) in (0..frame.rows()).zip(parts) {
            match part {
                Part::Train => training.push(row),
                Part::Validation => self.validation.offer(row, draw),
                Part::Test => self.test.offer(row, draw),
            }
        }
        self.training += training.len();
        self.validation.take(frame);
        self.test.take(frame);
        self.moments.par_iter_mut().zip(frame.columns()).for_each(|(moments, column)| {
            if let Column::Numbers(x) = column {
                *moments = moments.with(Moments::of(training.iter().map(|&row| x[row])));
            }
        });
        let named = self.levels.iter_mut().zip(frame.names()).zip(frame.columns());
        for ((known, name), column) in named {
            if let Some(known) = known {
                known.append(column.distinct());
                *known = known.distinct();
                levels(name, known)?;
            }
        }
        Ok(())
    }

    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.value()
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows to train on.
    pub fn training(&self) -> usize {
        self.training
    }

    /// Rows left out for a missing cell.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    pub fn columns(&self) -> &Frame {
        &self.columns
    }

    /// The moments of a column, over the rows to train on.
    pub fn moments(&self, column: usize) -> Moments {
        self.moments[column]
    }

    /// The distinct cells of a column whose levels matter.
    pub fn levels(&self, column: usize) -> &Column {
        self.levels[column].as_ref().expect("levels are kept of the columns that need them")
    }

    /// Rows to validate on and rows to test on.
    pub fn held(&self) -> [&Frame; 2] {
        [&self.validation.frame, &self.test.frame]
    }
}

/// At most so many rows, drawn at random from all that are offered.
struct Held {
    most: usize,
    frame: Frame,
    draws: Vec<u64>,
    /// Rows of the next frame to be taken.
    offered: Vec<usize>,
    /// Rows with a larger draw are not among those kept.
    bound: u64,
}

impl Held {
    fn new(frame: Frame, most: usize) -> Self {
        Self { most, frame, draws: Vec::new(), offered: Vec::new(), bound: u64::MAX }
    }

    fn offer(&mut self, row: usize, draw: u64) {
        if draw <= self.bound {
            self.offered.push(row);
            self.draws.push(draw);
        }
    }

    /// Takes the rows offered.
    fn take(&mut self, frame: &Frame) {
        self.frame.append(frame.select(&self.offered));
        self.offered.clear();
        // Twice as many, so that each row is looked at a few times at most.
        if self.draws.len() > self.most.saturating_mul(2) {
            self.cut();
        }
    }

    /// Keeps the rows with the smallest draws, in the order of the file.
    fn cut(&mut self) {
        if self.draws.len() <= self.most {
            return;
        }
        let mut draws = self.draws.clone();
        self.bound = *draws.select_nth_unstable(self.most - 1).1;
        let kept: Vec<usize> =
            (0..self.draws.len()).filter(|&i| self.draws[i] <= self.bound).collect();
        self.frame = self.frame.select(&kept);
        self.draws = kept.iter().map(|&i| self.draws[i]).collect();
    }
}
