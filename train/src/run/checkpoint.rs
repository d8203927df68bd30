//! A checkpoint: one file, `state.safetensors`, with all that the rest of a training depends on.
//!
//! Parameters, best parameters, the optimiser's memory and the position are in **one** file that takes its name in one go, so
//! they always belong together. `model.safetensors`, the result so far, is written behind it and follows from it: should a kill
//! fall between the two, resuming loses nothing.
//!
//! Before a new checkpoint takes the name, the old one gets another, `checkpoints/step-000000123.safetensors`; of these the
//! youngest few are kept.

use super::atomic::{folder_of, sync_folder};
use super::error::RunError;
use super::tensors::{Tensors, write_tensors};
use crate::fit::{Position, Snapshot};
use evidence_autodiff::{Array, Path as TreePath, Tree};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// What the numbers of another format could mean, this program does not guess.
const FORMAT: u32 = 1;
/// Arrays of the size of the parameters that an optimiser may keep; those here keep two at most.
const MOST_SLOTS: usize = 4;

/// The text about the tensors of a checkpoint.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    format: u32,
    position: Position,
    last: bool,
}

/// The groups of a checkpoint's arrays.
const GROUPS: [&str; 3] = ["model.", "best.", "optimizer."];

/// Writes `state.safetensors` and behind it `model.safetensors`; `before` is the step of the checkpoint that is there.
///
/// Whether it was written: with a number that is not finite it could not be read again, and the one before stays.
pub(super) fn write(
    folder: &Path,
    snapshot: &Snapshot<f32>,
    before: Option<usize>,
    keep: usize,
) -> Result<bool, RunError> {
    if !is_finite(snapshot) {
        return Ok(false);
    }
    let state = folder.join(super::STATE);
    if let Some(step) = before.filter(|&step| step != snapshot.position.step && keep > 1) {
        set_aside(&state, &aside(folder, step)).map_err(RunError::write(&state))?;
    }
    write_state(&state, snapshot)?;
    write_model(folder, snapshot)?;
    forget(folder, keep.saturating_sub(1))?;
    Ok(true)
}

/// A snapshot's arrays, group by group.
fn groups(snapshot: &Snapshot<f32>) -> [&[(String, Array<f32>)]; 3] {
    [&snapshot.model, &snapshot.best, &snapshot.optimizer]
}

/// Whether all of its numbers could be read again.
fn is_finite(snapshot: &Snapshot<f32>) -> bool {
    let finite = |array: &Array<f32>| array.iter().all(|x| x.is_finite());
    groups(snapshot).iter().all(|arrays| arrays.iter().all(|(_, array)| finite(array)))
}

fn write_state(path: &Path, snapshot: &Snapshot<f32>) -> Result<(), RunError> {
    let arrays = GROUPS.iter().zip(groups(snapshot)).flat_map(|(group, arrays)| {
        arrays.iter().map(move |(name, array)| (format!("{group}{name}"), array))
    });
    let about = About { format: FORMAT, position: snapshot.position.clone(), last: snapshot.last };
    let about = serde_json::to_string(&about).expect("numbers");
    write_tensors(path, &arrays.collect::<Vec<_>>(), &about)
}

impl Snapshot<f32> {
    /// Writes it to a file, whole or not at all, as a [`Run`](super::Run) writes its checkpoints.
    ///
    /// # Errors
    /// If it cannot be written, or a number is not finite.
    pub fn write(&self, path: &Path) -> Result<(), RunError> {
        if !is_finite(self) {
            let what = "a number of the snapshot is infinite or NaN: it could not be read again";
            return Err(RunError::Damaged { path: path.to_owned(), what: what.to_owned() });
        }
        write_state(path, self)
    }

    /// Reads one of a model of the same parameters as `model`.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or of another model.
    pub fn read<M: Tree<Array<f32>>>(path: &Path, model: &M) -> Result<Self, RunError> {
        read(path, &shapes(model))
    }
}

/// Names and shapes of a model's parameters.
pub(super) fn shapes<M: Tree<Array<f32>>>(model: &M) -> Vec<(String, Vec<usize>)> {
    let mut shapes = Vec::new();
    model.map(&TreePath::root(), &mut |path, leaf| {
        shapes.push((path.to_string(), leaf.shape().to_vec()));
    });
    shapes
}

/// Writes `model.safetensors`: the result as of now.
pub(super) fn write_model(folder: &Path, snapshot: &Snapshot<f32>) -> Result<(), RunError> {
    let arrays = snapshot.result().iter().map(|(name, array)| (name.clone(), array));
    let Position { epoch, best, step, .. } = snapshot.position;
    let epoch = if snapshot.last { epoch - 1 } else { best };
    let about = format!("{{\"format\":{FORMAT},\"epoch\":{epoch},\"of_step\":{step}}}");
    write_tensors(&folder.join(super::MODEL), &arrays.collect::<Vec<_>>(), &about)
}

/// The step behind which a checkpoint was taken.
fn step_of(tensors: &Tensors) -> Option<usize> {
    Some(serde_json::from_str::<About>(tensors.about()?).ok()?.position.step)
}

/// Leaves a history behind for another that begins with an earlier checkpoint: later ones are kept under names that no training
/// goes on from or forgets.
pub(super) fn leave(folder: &Path, from: usize) -> Result<(), RunError> {
    let state = folder.join(super::STATE);
    let left = |step: usize| {
        let name = format!("left-{step:09}.safetensors");
        folder.join(super::CHECKPOINTS).join(name)
    };
    // A damaged one is what the user turned away from.
    let last = Tensors::open(&state).ok().and_then(|tensors| step_of(&tensors));
    if let Some(step) = last.filter(|&step| step > from) {
        set_aside(&state, &left(step)).map_err(RunError::write(&state))?;
    }
    for (step, path) in numbered(folder) {
        if step > from {
            fs::rename(&path, left(step)).map_err(RunError::write(&path))?;
        }
    }
    Ok(())
}

/// Reads a checkpoint of a model with the parameters named.
pub(super) fn read(
    path: &Path,
    parameters: &[(String, Vec<usize>)],
) -> Result<Snapshot<f32>, RunError> {
    let tensors = Tensors::open(path)?;
    let damaged = |what: String| RunError::Damaged { path: path.to_owned(), what };
    let about: About = match tensors.about().map(serde_json::from_str) {
        Some(Ok(about)) => about,
        Some(Err(error)) => {
            return Err(damaged(format!("`evidence` in its header is no position: {error}")));
        }
        None => {
            return Err(damaged("is no checkpoint: its header has no `evidence`".to_owned()));
        }
    };
    if about.format != FORMAT {
        return Err(damaged(format!(
            "has format {}, this program knows {FORMAT}: go on with the version that wrote it",
            about.format
        )));
    }
    // The optimiser compares its own names; how much it may be is known before anything is allocated.
    let optimizer: Vec<(String, Vec<usize>)> = tensors
        .shapes()
        .filter(|(name, _)| name.starts_with(GROUPS[2]))
        .map(|(name, shape)| (name.to_owned(), shape.to_vec()))
        .collect();
    let volume = |arrays: &[(String, Vec<usize>)]| {
        arrays.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>()
    };
    let (found, most) = (volume(&optimizer), MOST_SLOTS * volume(parameters) + 16);
    if found > most {
        return Err(damaged(format!(
            "holds {found} numbers of an optimiser, of a model of {} parameters: no optimiser keeps so many",
            volume(parameters)
        )));
    }
    let mut expected = optimizer;
    for group in &GROUPS[..2] {
        expected.extend(
            parameters.iter().map(|(name, shape)| (format!("{group}{name}"), shape.clone())),
        );
    }
    tensors.expect(&expected)?;
    let mut snapshot = Snapshot { position: about.position, last: about.last, ..Snapshot::new() };
    for (name, array) in tensors.read()? {
        let [model, best, optimizer] = GROUPS.map(|group| name.strip_prefix(group));
        let (list, name): (&mut Vec<(String, Array<f32>)>, _) = match (model, best, optimizer) {
            (Some(name), ..) => (&mut snapshot.model, name),
            (_, Some(name), _) => (&mut snapshot.best, name),
            (_, _, Some(name)) => (&mut snapshot.optimizer, name),
            _ => unreachable!("names were compared"),
        };
        list.push((name.to_owned(), array));
    }
    Ok(snapshot)
}

/// The name of a checkpoint that is no longer the last.
fn aside(folder: &Path, step: usize) -> PathBuf {
    folder.join(super::CHECKPOINTS).join(format!("step-{step:09}.safetensors"))
}

/// Gives a checkpoint a second name; where a file cannot have two, a copy.
fn set_aside(state: &Path, to: &Path) -> std::io::Result<()> {
    if to.exists() || !state.exists() {
        return Ok(());
    }
    let folder = folder_of(to);
    if fs::symlink_metadata(folder).is_ok_and(|there| !there.is_dir()) {
        return Err(std::io::Error::other("the folder of checkpoints is a link or no folder"));
    }
    fs::create_dir_all(folder)?;
    if fs::hard_link(state, to).is_err() {
        super::atomic::replace(to, |file| {
            std::io::copy(&mut fs::File::open(state)?, file).map(|_| ())
        })?;
    }
    sync_folder(folder)
}

/// Removes all but the youngest checkpoints set aside.
fn forget(folder: &Path, keep: usize) -> Result<(), RunError> {
    let mut names = older(folder);
    names.truncate(names.len().saturating_sub(keep));
    for path in names {
        fs::remove_file(&path).map_err(RunError::write(&path))?;
    }
    Ok(())
}

/// The checkpoints set aside, oldest first.
pub(super) fn older(folder: &Path) -> Vec<PathBuf> {
    numbered(folder).into_iter().map(|(_, path)| path).collect()
}

/// The same with their steps.
fn numbered(folder: &Path) -> Vec<(usize, PathBuf)> {
    let folder = folder.join(super::CHECKPOINTS);
    // What a link leads to is not this run's to forget.
    if !fs::symlink_metadata(&folder).is_ok_and(|there| there.is_dir()) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(usize, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok().filter(|entry| entry.file_type().is_ok_and(|t| t.is_file()))?;
            let path = entry.path();
            let name = path.file_name()?.to_str()?;
            let step = name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()?;
            Some((step, path))
        })
        .collect();
    found.sort_unstable();
    found
}
