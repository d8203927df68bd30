//! A run's folder, and the training that fills it.

use super::atomic::{folder_of, replace, sweep, sync_folder};
use super::checkpoint::shapes;
use super::error::RunError;
use super::metrics::Metrics;
use super::tensors::{Tensors, write_tensors};
use super::writer::Writer;
use super::{CHECKPOINTS, CONFIG, DATA, METRICS, MODEL, STATE, checkpoint};
use crate::data::Schema;
use crate::fit::{Epoch, Event, Stop, Trainer, load};
use evidence_autodiff::Parameters;
use evidence_models::Model;
use evidence_optim::Optimizer;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// `config.toml` and `data.json` have names of columns and levels, and are shorter than this.
const MOST_TEXT: u64 = 1 << 26;

/// A run on disk: see the [module](super).
#[derive(Clone, Debug)]
pub struct Run {
    folder: PathBuf,
}

/// When checkpoints are written, and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checkpoints {
    /// After at least so many seconds; beside the training, and left out while another is being written.
    pub seconds: f64,
    /// After every so many steps as well, waiting for the disk if need be; 0 is never.
    pub steps: usize,
    /// How many are kept, the last one included.
    pub keep: usize,
}

impl Default for Checkpoints {
    /// Every 30 seconds; the last two are kept.
    fn default() -> Self {
        Self { seconds: 30.0, steps: 0, keep: 2 }
    }
}

/// Why a training on disk came back.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It has ended.
    Stop(Stop),
    /// It was asked to stop and is saved behind this step.
    Interrupted {
        /// Counted from 1 through all epochs.
        step: usize,
    },
}

impl Run {
    /// Makes a folder for a new run, with its configuration and its data's schema.
    ///
    /// # Errors
    /// If the folder cannot be written, holds a run already, or something else where a run's files would be.
    pub fn create(folder: &Path, config: &str, data: &str) -> Result<Self, RunError> {
        unused(folder)?;
        fs::create_dir_all(folder).map_err(RunError::write(folder))?;
        sync_folder(folder_of(folder)).map_err(RunError::write(folder))?;
        // Of several at once one goes on.
        let _held = Metrics::open(&folder.join(METRICS))?;
        unused(folder)?;
        let run = Self { folder: folder.to_owned() };
        // The configuration comes last: a folder with one is a run.
        for (name, text) in [(DATA, data), (CONFIG, config)] {
            let path = run.folder.join(name);
            replace(&path, |file| file.write_all(text.as_bytes()))
                .map_err(RunError::write(path))?;
        }
        Ok(run)
    }

    /// A run that is there.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(CONFIG);
        fs::metadata(&path).map_err(RunError::read(&path))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Replaces the configuration of a run that nobody trains now.
    ///
    /// # Errors
    /// If it cannot be written, or another process trains the run.
    pub fn reconfigure(&self, config: &str) -> Result<(), RunError> {
        let _held = Metrics::open(&self.folder.join(METRICS))?;
        let path = self.folder.join(CONFIG);
        replace(&path, |file| file.write_all(config.as_bytes())).map_err(RunError::write(path))
    }

    /// Epochs that `metrics.jsonl` tells of; none if it cannot be read. A line that was cut short tells of none.
    pub fn epochs(&self) -> usize {
        fs::read(self.folder.join(METRICS))
            .map_or(0, |text| text.iter().filter(|&&byte| byte == b'\n').count())
    }

    /// `config.toml`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn config(&self) -> Result<String, RunError> {
        self.text(CONFIG)
    }

    /// `data.json`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn data(&self) -> Result<String, RunError> {
        self.text(DATA)
    }

    fn text(&self, name: &str) -> Result<String, RunError> {
        let path = self.folder.join(name);
        let there = fs::metadata(&path).map_err(RunError::read(&path))?;
        if !there.is_file() {
            return Err(RunError::irregular(path));
        }
        if there.len() > MOST_TEXT {
            let what =
                format!("is {} bytes long, no file of a run is: take another copy", there.len());
            return Err(RunError::Damaged { path, what });
        }
        fs::read_to_string(&path).map_err(RunError::read(path))
    }

    /// Bytes of `model.safetensors`: no model with more parameters than these could hold is in it.
    ///
    /// # Errors
    /// If there is none.
    pub fn model_bytes(&self) -> Result<u64, RunError> {
        let path = self.folder.join(MODEL);
        Ok(fs::metadata(&path).map_err(RunError::read(path))?.len())
    }

    /// Checkpoints older than the last, oldest first: what there is when `state.safetensors` is damaged.
    pub fn older_checkpoints(&self) -> Vec<PathBuf> {
        checkpoint::older(&self.folder)
    }

    /// Puts the parameters of `model.safetensors` into a model as configured.
    ///
    /// # Errors
    /// If the file is damaged, or of another model.
    pub fn load<M: Model<f32>>(&self, model: &mut M) -> Result<(), RunError> {
        load_tensors(&self.folder.join(MODEL), model)
    }

    /// Trains from the start or from a checkpoint until the end, a signal, or a fault.
    ///
    /// `from` is a checkpoint; `None` is `state.safetensors`, or the start if there is none. `report` is told of every epoch.
    /// The result is the same to the last bit, however often a run is stopped, killed and resumed.
    ///
    /// # Errors
    /// If a file cannot be written or read, or is not of this training. The checkpoint before stays whole.
    pub fn train<M: Model<f32>, O: Optimizer<f32>>(
        &self,
        trainer: &mut Trainer<'_, f32, M, O>,
        from: Option<&Path>,
        checkpoints: Checkpoints,
        interrupted: &AtomicBool,
        mut report: impl FnMut(&Epoch),
    ) -> Result<End, RunError> {
        let mut metrics = Metrics::open(&self.folder.join(METRICS))?;
        sweep(&self.folder);
        let state = self.folder.join(STATE);
        let from = from.map(Path::to_owned).or_else(|| state.exists().then(|| state.clone()));
        let mut last = None;
        if let Some(from) = &from {
            let snapshot = checkpoint::read(from, &shapes(trainer.model()))?;
            let restored = trainer.restore(&snapshot);
            restored.map_err(|source| RunError::Restore { path: from.clone(), source })?;
            // A kill may have fallen between the two files.
            checkpoint::write_model(&self.folder, &snapshot)?;
            let step = snapshot.position.step;
            if *from == state {
                last = Some(step);
            } else {
                checkpoint::leave(&self.folder, step)?;
            }
        }
        let handle = metrics.handle()?;
        let mut writer = Writer::start(self.folder.clone(), handle, last, checkpoints.keep.max(1));
        // From the first step on there is something to go on from.
        writer.save(trainer)?;
        // No state is ahead of its lines.
        writer.wait()?;
        metrics.cut(trainer.position().epoch - 1)?;
        let mut saved = Instant::now();
        let pause = Duration::try_from_secs_f64(checkpoints.seconds).unwrap_or(Duration::MAX);
        let end = loop {
            match trainer.advance() {
                Event::Step => {}
                Event::Epoch(epoch) => {
                    metrics.add(&epoch, trainer.position().step)?;
                    report(&epoch);
                }
                Event::Stop(stop) => break End::Stop(stop),
                Event::Unread(error) => {
                    writer.save(trainer)?;
                    writer.wait()?;
                    return Err(error.into());
                }
            }
            let step = trainer.position().step;
            if interrupted.load(Ordering::Relaxed) {
                break End::Interrupted { step };
            }
            let due = checkpoints.steps > 0 && step.is_multiple_of(checkpoints.steps);
            if due || (saved.elapsed() >= pause && !writer.busy()?) {
                writer.save(trainer)?;
                saved = Instant::now();
            }
        };
        // A training that diverged has nothing to go on with: its last checkpoint stays, its result is the best.
        if let End::Stop(Stop::Diverged(_)) = end {
            writer.wait()?;
            let arrays = trainer.result().0.named();
            let arrays: Vec<_> = arrays.iter().map(|(name, array)| (name.clone(), array)).collect();
            let about = format!("{{\"epoch\":{}}}", trainer.result().1);
            write_tensors(&self.folder.join(MODEL), &arrays, &about)?;
        } else {
            writer.save(trainer)?;
            writer.wait()?;
        }
        Ok(end)
    }

    /// Whether a checkpoint has been written.
    pub fn has_state(&self) -> bool {
        self.folder.join(STATE).exists()
    }

    /// The folder of older checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.folder.join(CHECKPOINTS)
    }
}

/// Puts the tensors of a safetensors file into a model: names and shapes must be its own.
///
/// # Errors
/// If the file is damaged, or of another model.
pub fn load_tensors<M: Model<f32>>(path: &Path, model: &mut M) -> Result<(), RunError> {
    let tensors = Tensors::open(path)?;
    tensors.expect(&shapes(model))?;
    let arrays = tensors.read()?;
    load(model, &arrays).map_err(|mismatch| RunError::Mismatch { path: path.to_owned(), mismatch })
}

/// Whether a new run could be in a folder: nothing is there but what a training left that was killed before it had a configuration.
fn unused(folder: &Path) -> Result<(), RunError> {
    if [CONFIG, STATE, MODEL].iter().any(|name| folder.join(name).exists()) {
        return Err(RunError::Exists { path: folder.to_owned() });
    }
    if fs::metadata(folder).is_ok_and(|there| !there.is_dir()) {
        return Err(RunError::Foreign { path: folder.to_owned() });
    }
    let foreign = |name| Err(RunError::Foreign { path: folder.join(name) });
    if fs::symlink_metadata(folder.join(CHECKPOINTS)).is_ok() {
        return foreign(CHECKPOINTS);
    }
    if fs::symlink_metadata(folder.join(METRICS)).is_ok_and(|there| there.len() > 0) {
        return foreign(METRICS);
    }
    let data = folder.join(DATA);
    let ours = || fs::read_to_string(&data).is_ok_and(|text| Schema::from_json(&text).is_ok());
    match fs::symlink_metadata(&data) {
        Ok(there) if !there.is_file() || there.len() > MOST_TEXT || !ours() => foreign(DATA),
        _ => Ok(()),
    }
}
