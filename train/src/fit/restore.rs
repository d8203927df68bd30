//! Putting named arrays back into a tree: all of them, and nothing else.

use super::snapshot::Position;
use evidence_autodiff::{Array, Path, Real, Tree, expect_one_order};
use evidence_optim::{Mismatch, OptimError};
use std::collections::BTreeMap;

/// A snapshot that is not of this training.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RestoreError {
    /// Parameters that are not the model's.
    #[error("the parameters were saved of another model: {0}")]
    Model(Mismatch),
    /// Best parameters that are not the model's.
    #[error("the best parameters were saved of another model: {0}")]
    Best(Mismatch),
    /// The optimiser's memory.
    #[error(transparent)]
    Optimizer(#[from] OptimError),
    /// A place where no training with these data and this batch size can be.
    #[error(
        "step {} of epoch {}, {} steps in all, best epoch {}: no training with {steps} steps an epoch is there; \
         resume with the data and the batch size of the start",
        position.taken, position.epoch, position.step, position.best
    )]
    Position {
        /// The place.
        position: Position,
        /// Steps in an epoch of this training.
        steps: usize,
    },
}

/// Replaces a model's parameters by named arrays, whose order is free.
///
/// # Errors
/// Strict: names what is missing, surplus (or double) and misshapen. Nothing is changed then.
///
/// # Panics
/// If the two walks of the model's [`Tree`] [differ](expect_one_order).
pub fn load<T: Real, M: Tree<Array<T>>>(
    model: &mut M,
    arrays: &[(String, Array<T>)],
) -> Result<(), Mismatch> {
    fits(model, arrays)?;
    put(arrays, model);
    Ok(())
}

/// Whether named arrays are a model's leaves.
pub(super) fn fits<T: Real, M: Tree<Array<T>>>(
    model: &M,
    arrays: &[(String, Array<T>)],
) -> Result<(), Mismatch> {
    let mut mismatch = Mismatch::default();
    let mut found = BTreeMap::new();
    for (name, array) in arrays {
        if found.insert(name.as_str(), array.shape()).is_some() {
            mismatch.surplus.push(name.clone());
        }
    }
    model.map(&Path::root(), &mut |path, leaf| {
        let name = path.to_string();
        match found.remove(name.as_str()) {
            None => mismatch.missing.push(name),
            Some(shape) if shape != leaf.shape() => {
                mismatch.misshapen.push((name, shape.to_vec(), leaf.shape().to_vec()));
            }
            Some(_) => {}
        }
    });
    mismatch.surplus.extend(found.into_keys().map(str::to_owned));
    if mismatch.is_empty() { Ok(()) } else { Err(mismatch) }
}

/// Copies arrays that fit into the model's own memory.
#[track_caller]
pub(super) fn put<T: Real, M: Tree<Array<T>>>(arrays: &[(String, Array<T>)], model: &mut M) {
    expect_one_order(model);
    let by_name: BTreeMap<&str, &Array<T>> =
        arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    let mut sources = Vec::new();
    model.map(&Path::root(), &mut |path, _| {
        sources.push(by_name.get(path.to_string().as_str()).copied());
    });
    let mut leaves = Vec::new();
    model.leaves_mut(&mut leaves);
    for (leaf, source) in leaves.into_iter().zip(sources) {
        leaf.assign(source.expect("the names were compared"));
    }
}
