//! `metrics.jsonl`: a line of JSON for each epoch, only ever added to.
//!
//! A run that goes on from a checkpoint cuts off what was written after it, a line torn by a kill included, and writes the
//! same lines again: the file of a run that was killed a hundred times is that of an unbroken one.

use super::error::RunError;
use crate::fit::Epoch;
use serde_json::{Map, Value, json};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A line with more bytes is none of ours.
const LONGEST: u64 = 1 << 16;

/// The file, held by this process alone.
#[derive(Debug)]
pub(super) struct Metrics {
    path: PathBuf,
    file: File,
}

impl Metrics {
    /// Opens the file, made if it is not there, and takes hold of it.
    pub(super) fn open(path: &Path) -> Result<Self, RunError> {
        // A link out of a folder that came from a stranger would let lines be added to any file.
        if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(RunError::irregular(path));
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.map_err(RunError::write(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), file }),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy { path: path.to_owned() }),
            // A file system without locks: nothing is lost but the warning.
            Err(TryLockError::Error(_)) => Ok(Self { path: path.to_owned(), file }),
        }
    }

    /// Cuts off every line behind that of an epoch; an empty file for epoch 0. Lines are in the order of epochs.
    pub(super) fn cut(&mut self, epoch: usize) -> Result<(), RunError> {
        let mut length = 0;
        self.file.seek(SeekFrom::Start(0)).map_err(RunError::read(&self.path))?;
        let mut lines = BufReader::new(&self.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = lines
                .by_ref()
                .take(LONGEST)
                .read_until(b'\n', &mut line)
                .map_err(RunError::read(&self.path))?;
            let number = line.strip_suffix(b"\n").and_then(number);
            if number.is_none_or(|number| number > epoch as u64) {
                break;
            }
            length += read as u64;
        }
        self.file.set_len(length).map_err(RunError::write(&self.path))
    }

    /// Adds a line.
    pub(super) fn add(&mut self, epoch: &Epoch, step: usize) -> Result<(), RunError> {
        let parts: Map<String, Value> =
            epoch.parts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut line = json!({
            "epoch": epoch.number,
            "step": step,
            "loss": epoch.loss,
            "parts": parts,
            "validation": epoch.validation,
        })
        .to_string();
        line.push('\n');
        // One call: a kill tears the line at most at its end.
        self.file.write_all(line.as_bytes()).map_err(RunError::write(&self.path))
    }

    /// A second handle, to bring the lines to the disk from another thread.
    pub(super) fn handle(&self) -> Result<File, RunError> {
        self.file.try_clone().map_err(RunError::write(&self.path))
    }
}

/// The epoch of a line; `None` if it is no line of ours.
fn number(line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(line).ok()?.get("epoch")?.as_u64()
}
