//! Tables larger than memory: read from disk in every epoch, shuffled within a window.
//!
//! A first pass finds what a [`Schema`] is made of, as it would be found in memory: levels, means and scales (of the rows to train
//! on alone), and the fingerprint. Every epoch then goes through the file again. The window is filled with its first rows to train on;
//! each row of a batch is drawn uniformly from the window, and the next row of the file takes its place. So every row is seen once
//! an epoch, never more than a window before its turn, and as much later as chance has it.
//!
//! The draws are a function of the seed and the epoch. A training that goes on in the middle of an epoch reads its beginning once
//! more and repeats the draws: it ends with the bits of an unbroken one.
//!
//! Text, `.npy` and IDX files are read a portion at a time, also in gzip but for `.npy`; an `.npz` archive is read whole.
//!
//! Which part a row belongs to is a function of the split's seed and the row's number. Of the rows to validate and to test on, at
//! most as many as the window has are held in memory, drawn at random from all of them.

mod batches;
mod error;
mod window;

pub(crate) use batches::StreamBatches;
pub use error::StreamError;

use super::dataset::Dataset;
use super::error::DataError;
use super::fingerprint::Fingerprint;
use super::read::{Chunks, ReadOptions};
use super::scan::Scan;
use super::schema::{Encoding, Field, Schema, SchemaOptions, TargetUse};
use evidence_autodiff::Noise;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The rows of a file to train on, read from disk in every epoch and shuffled within a window: each row of a batch is drawn uniformly
/// from the window, and the next of the file takes its place. Memory holds the window and a portion of the file.
#[derive(Clone, Debug)]
pub struct Stream {
    path: PathBuf,
    reading: ReadOptions,
    schema: Schema,
    window: usize,
    rows: usize,
    stamp: Stamp,
}

/// A table on disk made ready for a model.
///
/// ```
/// use evidence_train::data::{ReadOptions, SchemaOptions, Streamed};
///
/// let path = std::env::temp_dir().join(format!("evidence-stream-{}.csv", std::process::id()));
/// let rows: String = (0..1000).map(|i| format!("{i},{}\n", 2 * i)).collect();
/// std::fs::write(&path, format!("x,y\n{rows}"))?;
/// let options = SchemaOptions { targets: vec!["y".into()], ..SchemaOptions::default() };
/// let table = Streamed::fit(&path, &ReadOptions::default(), &options, 100)?;
/// assert!(table.stream.rows() > 700 && table.validation.rows() <= 100);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Streamed {
    /// The decisions, for the run folder.
    pub schema: Schema,
    /// The rows to train on.
    pub stream: Stream,
    /// Rows to choose by: at most as many as the window has.
    pub validation: Dataset,
    /// Rows to test on: at most as many as the window has.
    pub test: Dataset,
    /// Rows left out for a missing cell.
    pub dropped: usize,
}

impl Streamed {
    /// Reads a file once and decides by it. `window` is the number of rows that are shuffled at a time.
    ///
    /// # Errors
    /// [`StreamError`]: what is wrong with the file or the options.
    pub fn fit(
        path: &Path,
        reading: &ReadOptions,
        options: &SchemaOptions,
        window: usize,
    ) -> Result<Self, StreamError> {
        let stamp = Stamp::of(path);
        let scan = scan(path, reading, options, window)?;
        let schema = Schema::of_scan(&scan, options)
            .map_err(|source| StreamError::Schema { path: path.to_owned(), source })?;
        Self::new(path, reading, &scan, schema, window, stamp)
    }

    /// The same table once more, by the decisions made on it.
    ///
    /// # Errors
    /// [`StreamError`], if it is another table among others.
    pub fn again(
        path: &Path,
        reading: &ReadOptions,
        schema: Schema,
        window: usize,
    ) -> Result<Self, StreamError> {
        let names = |fields: &[Field]| fields.iter().map(|field| field.name.clone()).collect();
        let fields = schema.features().iter().chain(schema.targets());
        let leveled = fields.filter(|field| !matches!(field.encoding, Encoding::Number { .. }));
        let options = SchemaOptions {
            targets: names(schema.targets()),
            features: names(schema.features()),
            categorical: leveled.map(|field| field.name.clone()).collect(),
            split: schema.split(),
            ..SchemaOptions::default()
        };
        let stamp = Stamp::of(path);
        let scan = scan(path, reading, &options, window)?;
        if !schema.has_fingerprint(scan.fingerprint()) {
            return Err(StreamError::Changed { path: path.to_owned() });
        }
        Self::new(path, reading, &scan, schema, window, stamp)
    }

    fn new(
        path: &Path,
        reading: &ReadOptions,
        scan: &Scan,
        schema: Schema,
        window: usize,
        stamp: Stamp,
    ) -> Result<Self, StreamError> {
        let at = |source| StreamError::Schema { path: path.to_owned(), source };
        let applied = |frame| Ok(schema.apply(frame, TargetUse::Required)?.data);
        let [validation, test] = scan.held().map(applied);
        Ok(Self {
            validation: validation.map_err(at)?,
            test: test.map_err(at)?,
            dropped: scan.dropped(),
            stream: Stream {
                path: path.to_owned(),
                reading: reading.clone(),
                schema: schema.clone(),
                window,
                rows: scan.training(),
                stamp,
            },
            schema,
        })
    }
}

/// What changes when a file is written to, for all that a system tells of it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stamp(Option<(u64, SystemTime)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let of = |there: Metadata| Some((there.len(), there.modified().ok()?));
        Self(path.metadata().ok().and_then(of))
    }
}

impl Stream {
    fn changed(&self) -> StreamError {
        StreamError::Changed { path: self.path.clone() }
    }

    /// Whether the file is what it was. Where it was written to since `stamp`, it is read to know.
    fn verify(&self, stamp: &mut Stamp) -> Result<(), StreamError> {
        let now = Stamp::of(&self.path);
        if now == *stamp {
            return Ok(());
        }
        let mut found: Option<Fingerprint> = None;
        for frame in Chunks::open(&self.path, &self.reading)? {
            let frame = frame?;
            found.get_or_insert_with(|| Fingerprint::new(&frame)).add(&frame);
        }
        if !found.is_some_and(|found| self.schema.has_fingerprint(found.value())) {
            return Err(self.changed());
        }
        *stamp = now;
        Ok(())
    }

    /// Rows in an epoch, at least 1.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Batches of `size` rows, in orders drawn from `orders`.
    pub(crate) fn batches(
        &self,
        size: usize,
        orders: Noise,
    ) -> Result<StreamBatches<'_>, DataError> {
        StreamBatches::new(self, size, orders)
    }
}

fn scan(
    path: &Path,
    reading: &ReadOptions,
    options: &SchemaOptions,
    window: usize,
) -> Result<Scan, StreamError> {
    if window == 0 {
        return Err(StreamError::NoWindow);
    }
    let at = |source| StreamError::Schema { path: path.to_owned(), source };
    options.split.check().map_err(|error| at(error.into()))?;
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return Err(StreamError::NoFile { path: path.to_owned() });
    }
    Scan::new(path, Chunks::open(path, reading)?, options, window)
}
