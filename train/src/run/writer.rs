//! Checkpoints written beside the training, one at a time.
//!
//! A step waits for a copy of the arrays and no longer. Files are written by a thread of their own, from two snapshots that take
//! turns: one is written while the next is taken.

use super::checkpoint;
use super::error::RunError;
use crate::fit::{Snapshot, Trainer};
use evidence_models::Model;
use evidence_optim::Optimizer;
use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

/// A snapshot that may be used again, and how writing it went.
type Written = (Snapshot<f32>, Result<(), RunError>);

/// Writes the checkpoints of one training.
#[derive(Debug)]
pub(super) struct Writer {
    /// Snapshots to be written.
    jobs: Option<SyncSender<Snapshot<f32>>>,
    /// The same back again, and how it went.
    done: Receiver<Written>,
    thread: Option<JoinHandle<()>>,
    free: Vec<Snapshot<f32>>,
    writing: usize,
    /// The step of the last checkpoint handed over.
    last: Option<usize>,
}

impl Writer {
    /// For a run's folder, whose checkpoint is of a step, if there is one. `metrics` is brought to the disk first: no
    /// checkpoint is ahead of it.
    pub(super) fn start(folder: PathBuf, metrics: File, last: Option<usize>, keep: usize) -> Self {
        let (jobs, todo) = sync_channel::<Snapshot<f32>>(1);
        let (finished, done) = sync_channel(2);
        let mut before = last;
        let thread = std::thread::spawn(move || {
            for snapshot in todo {
                let written = metrics
                    .sync_data()
                    .map_err(RunError::write(folder.join(super::METRICS)))
                    .and_then(|()| checkpoint::write(&folder, &snapshot, before, keep));
                if let Ok(true) = written {
                    before = Some(snapshot.position.step);
                }
                if finished.send((snapshot, written.map(|_| ()))).is_err() {
                    return;
                }
            }
        });
        let free = vec![Snapshot::default(), Snapshot::default()];
        Self { jobs: Some(jobs), done, thread: Some(thread), free, writing: 0, last }
    }

    /// Whether a checkpoint is being written now.
    ///
    /// # Errors
    /// If the last one could not be written.
    pub(super) fn busy(&mut self) -> Result<bool, RunError> {
        match self.done.try_recv() {
            Ok(done) => self.take_back(done)?,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
        Ok(self.writing > 0)
    }

    /// Takes a snapshot and has it written; waits for an earlier one to be written first.
    ///
    /// # Errors
    /// If an earlier one could not be written.
    pub(super) fn save<M: Model<f32>, O: Optimizer<f32>>(
        &mut self,
        trainer: &Trainer<'_, f32, M, O>,
    ) -> Result<(), RunError> {
        let step = trainer.position().step;
        if self.last == Some(step) {
            return Ok(());
        }
        let mut snapshot = self.free.pop().unwrap_or_default();
        trainer.snapshot(&mut snapshot);
        self.wait()?;
        self.jobs
            .as_ref()
            .expect("until it ends")
            .send(snapshot)
            .expect("the thread waits for jobs");
        self.writing += 1;
        self.last = Some(step);
        Ok(())
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// If something could not be written.
    pub(super) fn wait(&mut self) -> Result<(), RunError> {
        while self.writing > 0 {
            let done = self.done.recv().expect("the thread answers each job");
            self.take_back(done)?;
        }
        Ok(())
    }

    fn take_back(&mut self, (snapshot, written): Written) -> Result<(), RunError> {
        self.free.push(snapshot);
        self.writing -= 1;
        written
    }
}

impl Drop for Writer {
    /// Lets the thread finish what it writes.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // Its channel has room for both answers: it never waits for us.
            let _ = thread.join();
        }
    }
}
