//! The minibatches of a stream, epoch after epoch.

use super::window::Window;
use super::{Stamp, Stream, StreamError};
use crate::data::dataset::Dataset;
use crate::data::error::{DataError, Part};
use crate::data::parts::Parts;
use crate::data::read::Chunks;
use crate::data::schema::TargetUse;
use crate::data::source::Minibatch;
use evidence_autodiff::Noise;
use evidence_autodiff::kernels::noise::NoiseRng;
use ndarray::{Array2, Axis};

/// Batches of a stream.
pub(crate) struct StreamBatches<'a> {
    stream: &'a Stream,
    /// Of the file when it was last known to be what it was.
    stamp: Stamp,
    size: usize,
    orders: Noise,
    features: usize,
    /// The epoch under way.
    pass: Option<Pass>,
    /// The batch made last: features and targets side by side, `[size, d + k]`.
    batch: Array2<f64>,
    /// `0..size`.
    order: Vec<usize>,
    /// Rows of the batch made last.
    filled: usize,
}

/// An epoch under way.
struct Pass {
    epoch: usize,
    /// Batches made.
    made: usize,
    rows: TrainingRows,
    window: Window,
    draws: NoiseRng,
}

impl<'a> StreamBatches<'a> {
    pub fn new(stream: &'a Stream, size: usize, orders: Noise) -> Result<Self, DataError> {
        if size == 0 {
            return Err(DataError::ZeroBatch);
        }
        let size = size.min(stream.rows);
        let features = stream.schema.feature_names().len();
        let width = features + stream.schema.target_names().len();
        let (batch, order) = (Array2::zeros((size, width)), (0..size).collect());
        let stamp = stream.stamp;
        Ok(Self { stream, stamp, size, orders, features, pass: None, batch, order, filled: 0 })
    }

    /// Opens the file at the beginning of an epoch and fills the window.
    fn open(&mut self, epoch: usize) -> Result<(), StreamError> {
        self.pass = None;
        self.stream.verify(&mut self.stamp)?;
        let mut rows = TrainingRows::open(self.stream)?;
        let mut window = Window::new(self.batch.ncols());
        let most = self.stream.window.min(self.stream.rows);
        while window.rows() < most
            && let Some(row) = rows.next(self.stream)?
        {
            window.push(row);
        }
        let draws = self.orders.stream(epoch as u64).rng();
        self.pass = Some(Pass { epoch, made: 0, rows, window, draws });
        Ok(())
    }

    /// Makes the next batch.
    fn make(&mut self) -> Result<(), StreamError> {
        let pass = self.pass.as_mut().expect("an epoch is under way");
        let left = self.stream.rows - pass.made * self.size;
        self.filled = self.size.min(left);
        for mut out in self.batch.axis_iter_mut(Axis(0)).take(self.filled) {
            let next = pass.rows.next(self.stream)?;
            // Fewer rows than there were.
            if pass.window.rows() == 0 {
                return Err(self.stream.changed());
            }
            let out = out.as_slice_mut().expect("rows in order");
            pass.window.draw(&mut pass.draws, next, out);
        }
        // More rows than there were, or others while they were read.
        if left <= self.size
            && (pass.window.rows() > 0 || Stamp::of(&self.stream.path) != self.stamp)
        {
            return Err(self.stream.changed());
        }
        pass.made += 1;
        Ok(())
    }

    /// Rows in an epoch.
    pub fn rows(&self) -> usize {
        self.stream.rows
    }

    /// Batches in an epoch.
    pub fn steps(&self) -> usize {
        self.stream.rows.div_ceil(self.size)
    }

    /// A batch of an epoch: the next, the last once more, or any other for the price of reading up to it.
    pub fn batch(&mut self, epoch: usize, batch: usize) -> Result<Minibatch<'_>, StreamError> {
        let there = |pass: &Pass| pass.epoch == epoch && pass.made <= batch + 1;
        if !self.pass.as_ref().is_some_and(there) {
            self.open(epoch)?;
        }
        while self.pass.as_ref().is_some_and(|pass| pass.made <= batch) {
            if let Err(error) = self.make() {
                // What was half made is no batch.
                self.pass = None;
                return Err(error);
            }
        }
        let (features, targets) = self.batch.view().split_at(Axis(1), self.features);
        let targets = (targets.ncols() > 0).then_some(targets);
        Ok(Minibatch { features, targets, rows: &self.order[..self.filled] })
    }
}

/// The rows to train on, encoded and scaled, in the order of the file.
struct TrainingRows {
    chunks: Chunks,
    parts: Parts,
    /// The rows at hand, features and targets side by side, and which is the next.
    values: Array2<f64>,
    at: usize,
}

impl TrainingRows {
    fn open(stream: &Stream) -> Result<Self, StreamError> {
        let chunks = Chunks::open(&stream.path, &stream.reading)?;
        let parts = Parts::new(&stream.schema.split());
        Ok(Self { chunks, parts, values: Array2::zeros((0, 0)), at: 0 })
    }

    fn next(&mut self, stream: &Stream) -> Result<Option<&[f64]>, StreamError> {
        while self.at == self.values.nrows() {
            let Some(frame) = self.chunks.next_chunk()? else {
                return Ok(None);
            };
            if frame.rows() == 0 {
                continue;
            }
            let at = |source| StreamError::Schema { path: stream.path.clone(), source };
            let data = stream.schema.apply(&frame, TargetUse::Required).map_err(at)?.data;
            let rows: Vec<usize> = (0..data.rows())
                .zip(&mut self.parts)
                .filter_map(|(row, (part, _))| (part == Part::Train).then_some(row))
                .collect();
            (self.values, self.at) = (side_by_side(&data, &rows), 0);
        }
        self.at += 1;
        let row = self.values.row(self.at - 1);
        Ok(Some(row.to_slice().expect("rows in order")))
    }
}

/// Features and targets of the rows listed.
fn side_by_side(data: &Dataset, rows: &[usize]) -> Array2<f64> {
    let (features, targets) = (data.features(), data.targets());
    let width = features.ncols() + targets.map_or(0, Array2::ncols);
    let mut values = Array2::zeros((rows.len(), width));
    for (mut out, &row) in values.rows_mut().into_iter().zip(rows) {
        let (mut left, mut right) = out.view_mut().split_at(Axis(0), features.ncols());
        left.assign(&features.row(row));
        if let Some(targets) = targets {
            right.assign(&targets.row(row));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ReadOptions, Scaling, SchemaOptions, Streamed};
    use std::fmt::Write;
    use std::path::{Path, PathBuf};
    use tempfile::TempDir;

    /// A file of the rows `id, 2 id`.
    fn file(rows: usize) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        write(&path, rows, 2);
        (folder, path)
    }

    fn write(path: &Path, rows: usize, factor: usize) {
        let mut text = "id,y\n".to_owned();
        (0..rows).for_each(|id| writeln!(text, "{id},{}", factor * id).unwrap());
        std::fs::write(path, text).unwrap();
    }

    fn streamed(path: &Path, window: usize) -> Streamed {
        let options = SchemaOptions {
            targets: vec!["y".into()],
            features_scaling: Scaling::Raw,
            targets_scaling: Scaling::Raw,
            ..SchemaOptions::default()
        };
        Streamed::fit(path, &ReadOptions::default(), &options, window).unwrap()
    }

    /// The ids of a batch, whose targets must be theirs.
    fn ids(batch: &Minibatch<'_>) -> Vec<usize> {
        let each = batch.rows.iter().map(|&row| {
            let id = batch.features[[row, 0]];
            assert_eq!(
                batch.targets.unwrap()[[row, 0]],
                2.0 * id,
                "features and targets of one row"
            );
            id as usize
        });
        each.collect()
    }

    fn epoch(source: &mut StreamBatches<'_>, epoch: usize) -> Vec<Vec<usize>> {
        (0..source.steps()).map(|batch| ids(&source.batch(epoch, batch).unwrap())).collect()
    }

    #[test]
    fn an_epoch_visits_each_row_to_train_on_once_and_none_long_before_its_turn() {
        // The last file is read in several portions.
        for (rows, window, size) in
            [(40, 1, 1), (40, 7, 4), (100, 1000, 16), (500, 50, 1000), (400_000, 300, 999)]
        {
            let (_folder, path) = file(rows);
            let table = streamed(&path, window);
            let mut source = table.stream.batches(size, Noise::new(3)).unwrap();
            let first = epoch(&mut source, 1);
            let (full, training) = (size.min(table.stream.rows()), table.stream.rows());
            let sizes: Vec<usize> = first.iter().map(Vec::len).collect();
            assert!(sizes[..sizes.len() - 1].iter().all(|&n| n == full), "{sizes:?}");
            assert_eq!(sizes.iter().sum::<usize>(), training);
            let order = first.concat();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), training, "each once: {rows} rows, window {window}");
            if rows <= window {
                let held = [&table.validation, &table.test];
                let held = held.into_iter().flat_map(|data| data.features().iter());
                let mut all: Vec<usize> =
                    held.map(|&id| id as usize).chain(order.clone()).collect();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..rows), "and the others are held out");
            }
            for (turn, id) in order.iter().enumerate() {
                let place = sorted.binary_search(id).unwrap();
                assert!(place < turn + window, "row {place} of the file as row {turn}");
            }
            // The order is the epoch's own.
            assert_eq!(epoch(&mut source, 1), first);
            assert!(window == 1 || epoch(&mut source, 2) != first);
            assert!(window > 1 || order == sorted);
        }
    }

    #[test]
    fn a_batch_is_the_same_whichever_was_asked_for_before() {
        let (_folder, path) = file(100);
        let table = streamed(&path, 9);
        let mut source = table.stream.batches(8, Noise::new(3)).unwrap();
        let expected = [epoch(&mut source, 1), epoch(&mut source, 2)];
        for of in 1..=2 {
            for batch in (0..source.steps()).rev() {
                let mut fresh = table.stream.batches(8, Noise::new(3)).unwrap();
                for _ in 0..2 {
                    assert_eq!(ids(&fresh.batch(of, batch).unwrap()), expected[of - 1][batch]);
                    assert_eq!(ids(&source.batch(of, batch).unwrap()), expected[of - 1][batch]);
                }
            }
        }
        let other = epoch(&mut table.stream.batches(8, Noise::new(4)).unwrap(), 1);
        assert_ne!(other, expected[0], "another seed, another order");
    }

    #[test]
    fn each_row_of_the_window_is_as_likely() {
        let (_folder, path) = file(40);
        let (window, draws) = (5, 2_000);
        let table = streamed(&path, window);
        let mut source = table.stream.batches(1, Noise::new(8)).unwrap();
        let mut counts = std::collections::BTreeMap::<usize, u32>::new();
        for epoch in 1..=draws {
            *counts.entry(ids(&source.batch(epoch, 0).unwrap())[0]).or_default() += 1;
        }
        assert_eq!(counts.len(), window);
        let share = 1.0 / window as f64;
        let error = (share * (1.0 - share) / draws as f64).sqrt();
        for count in counts.values() {
            assert!((f64::from(*count) / draws as f64 - share).abs() < 4.0 * error, "{counts:?}");
        }
    }

    #[test]
    fn a_file_that_changes_under_the_training_is_noticed() {
        // Fewer rows, more, and as many others.
        for (rows, factor) in [(90, 2), (110, 2), (100, 3)] {
            let (_folder, path) = file(100);
            let table = streamed(&path, 9);
            let mut source = table.stream.batches(8, Noise::new(3)).unwrap();
            epoch(&mut source, 1);
            write(&path, rows, factor);
            let steps = source.steps();
            let mut wrong = (0..steps).filter_map(|batch| source.batch(2, batch).map(drop).err());
            assert!(matches!(wrong.next(), Some(StreamError::Changed { .. })), "{rows} rows");
            // With the file as it was the training goes on.
            write(&path, 100, 2);
            epoch(&mut source, 2);
        }
        let (_folder, path) = file(100);
        assert!(matches!(
            streamed(&path, 9).stream.batches(0, Noise::new(3)).err(),
            Some(DataError::ZeroBatch)
        ));
    }

    /// Memory holds the window and a portion of the file.
    #[test]
    fn an_epoch_over_four_times_the_rows_takes_no_more_memory() {
        let peak = |rows| {
            let (_folder, path) = file(rows);
            let table = streamed(&path, 300);
            let mut source = table.stream.batches(999, Noise::new(3)).unwrap();
            let pass = || {
                (0..source.steps()).for_each(|batch| assert!(source.batch(1, batch).is_ok()));
            };
            allocation_counter::measure(pass).bytes_max
        };
        // On this thread, whose allocations are counted: two portions and eight.
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
        let (short, long) = alone.unwrap().install(|| (peak(600_000), peak(2_400_000)));
        assert!(short > 4 << 20, "the count sees the portions, {short} bytes");
        assert!(long < short + short / 10, "{long} bytes in place of {short}");
    }
}
