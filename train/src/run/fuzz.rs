//! Files of a run with anything changed in them: refused or read, never a panic, and never more memory than the bytes that are
//! there account for.
//!
//! A longer run is `EVIDENCE_FUZZ_CASES=1000000 EVIDENCE_FUZZ_SECONDS=600 cargo test --release -p
//! evidence-train --lib fuzz`.

#[path = "../../tests/common/changes.rs"]
mod changes;

use super::checkpoint;
use super::metrics::Metrics;
use super::tensors::{Tensors, write_tensors};
use super::{load_tensors, load_torch};
use crate::data::{Dataset, red_wine};
use crate::fit::{FitOptions, Snapshot, Trainer};
use allocation_counter::measure;
use changes::{change, changes, fuzz};
use evidence_autodiff::{Array, Noise, Parameters};
use evidence_layers::{Activation, Mlp};
use evidence_models::DenseNetwork;
use evidence_optim::Adam;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Bytes of memory for a byte of a file, and whatever the file.
const BOUND: (u64, u64) = (60, 256 << 10);

/// What reading took, against the bound for a file of so many bytes.
fn within(length: usize, read: impl FnOnce()) -> Result<(), TestCaseError> {
    let most = measure(read).bytes_max;
    prop_assert!(most <= BOUND.0 * length as u64 + BOUND.1, "{most} bytes of memory for {length}");
    Ok(())
}

type Model = DenseNetwork<Array<f32>>;

fn model() -> Model {
    DenseNetwork::regression(&[11, 3, 1], Activation::Tanh, Noise::new(1))
}

fn shapes(model: &Model) -> Vec<(String, Vec<usize>)> {
    model.named().into_iter().map(|(name, leaf)| (name, leaf.shape().to_vec())).collect()
}

/// The checkpoint of a training behind its third step.
struct State {
    _folder: TempDir,
    path: PathBuf,
    wine: Dataset,
    model: Model,
    /// The file as it should be.
    good: Vec<u8>,
}

impl State {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wine = red_wine().select(&(0..100).collect::<Vec<_>>()).unwrap();
        let mut adam = Adam::<f32>::new(1e-4).unwrap();
        let options = FitOptions::default();
        let mut trainer = Trainer::new(model(), &wine, None, &mut adam, options).unwrap();
        for _ in 0..3 {
            trainer.advance();
        }
        let mut snapshot = Snapshot::new();
        trainer.snapshot(&mut snapshot);
        checkpoint::write(folder.path(), &snapshot, None, 1).unwrap();
        let path = folder.path().join(super::STATE);
        let good = fs::read(&path).unwrap();
        Self { _folder: folder, path, wine, model: model(), good }
    }

    /// Reads bytes as a checkpoint and goes on with it, if it can.
    fn try_with(&self, bytes: &[u8]) -> Result<(), TestCaseError> {
        fs::write(&self.path, bytes).unwrap();
        let shapes = shapes(&self.model);
        let mut read = None;
        within(bytes.len(), || read = Some(checkpoint::read(&self.path, &shapes)))?;
        if let Some(Ok(snapshot)) = read {
            let mut adam = Adam::<f32>::new(1e-4).unwrap();
            let (model, options) = (self.model.clone(), FitOptions::default());
            let mut trainer = Trainer::new(model, &self.wine, None, &mut adam, options).unwrap();
            if trainer.restore(&snapshot).is_ok() {
                trainer.advance();
            }
        }
        Ok(())
    }
}

/// A file's header and numbers.
fn parts(bytes: &[u8]) -> (Value, &[u8]) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + length]).unwrap(), &bytes[8 + length..])
}

/// The file of a header, whose length is right, and numbers.
fn file(header: &[u8], numbers: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, numbers].concat()
}

#[test]
fn states_changed() {
    let state = State::new();
    fuzz("states", changes(), |changes| state.try_with(&change(state.good.clone(), &changes)));
}

/// The header changed, its length right.
#[test]
fn headers_of_states_changed() {
    let state = State::new();
    let (header, numbers) = parts(&state.good);
    let header = header.to_string().into_bytes();
    fuzz("headers of states", changes(), |changes| {
        state.try_with(&file(&change(header.clone(), &changes), numbers))
    });
}

/// The text about the position changed, its checksum right.
#[test]
fn positions_changed() {
    let state = State::new();
    let (header, numbers) = parts(&state.good);
    let about = header["__metadata__"]["evidence"].as_str().unwrap()[9..].to_owned();
    fuzz("positions", changes(), |changes| {
        let about = change(about.clone().into_bytes(), &changes);
        let about = String::from_utf8_lossy(&about);
        let mut sum = crc32fast::Hasher::new();
        sum.update(numbers);
        sum.update(about.as_bytes());
        let mut header = header.clone();
        header["__metadata__"]["evidence"] = json!(format!("{:08x} {about}", sum.finalize()));
        state.try_with(&file(header.to_string().as_bytes(), numbers))
    });
}

/// Numbers changed, in a file that says nothing about itself: read if finite.
#[test]
fn models_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let net = model();
    let named: Vec<_> = net.named();
    let arrays: Vec<_> = named.iter().map(|(name, array)| (name.clone(), array)).collect();
    write_tensors(&path, &arrays, "").unwrap();
    let good = fs::read(&path).unwrap();
    let (mut header, numbers) = parts(&good);
    header.as_object_mut().unwrap().remove("__metadata__");
    let plain = file(header.to_string().as_bytes(), numbers);
    let empty = model();
    fuzz("models", changes(), |changes| {
        let changed = change(plain.clone(), &changes);
        fs::write(&path, &changed).unwrap();
        let mut net = empty.clone();
        let mut loaded = false;
        within(changed.len(), || loaded = load_tensors(&path, &mut net).is_ok())?;
        let finite = net.named().iter().all(|(_, leaf)| leaf.iter().all(|x| x.is_finite()));
        prop_assert!(finite, "loaded: {loaded}");
        let mut all = None;
        within(changed.len(), || all = Some(Tensors::open(&path).and_then(Tensors::read)))?;
        prop_assert!(!loaded || all.is_some_and(|all| all.is_ok()));
        Ok(())
    });
}

#[test]
fn networks_of_pytorch_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let net = Mlp::<Array<f32>>::new(&[3, 4, 2], Activation::Relu, Noise::new(0));
    let arrays = net.layers.iter().enumerate().flat_map(|(i, layer)| {
        let weight = layer.weight.clone().reversed_axes();
        [(format!("{}.weight", 2 * i), weight), (format!("{}.bias", 2 * i), layer.bias.clone())]
    });
    let arrays: Vec<_> = arrays.collect();
    let arrays: Vec<_> = arrays.iter().map(|(name, array)| (name.clone(), array)).collect();
    write_tensors(&path, &arrays, "").unwrap();
    let good = fs::read(&path).unwrap();
    let (mut header, numbers) = parts(&good);
    header.as_object_mut().unwrap().remove("__metadata__");
    let header = header.to_string().into_bytes();
    fuzz("networks of PyTorch", changes(), |changes| {
        let changed = file(&change(header.clone(), &changes), numbers);
        fs::write(&path, &changed).unwrap();
        let mut other = net.clone();
        within(changed.len(), || drop(load_torch(&path, &mut other)))?;
        for (ours, theirs) in other.layers.iter().zip(&net.layers) {
            prop_assert_eq!(ours.weight.shape(), theirs.weight.shape());
            prop_assert_eq!(ours.bias.shape(), theirs.bias.shape());
        }
        Ok(())
    });
}

/// What is left of `metrics.jsonl` is a beginning of it, and nothing of a later epoch.
#[test]
fn metrics_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(super::METRICS);
    let line = |epoch| format!("{{\"epoch\":{epoch},\"loss\":1.5,\"parts\":{{}},\"step\":8}}\n");
    let good: String = (1..=6).map(line).collect();
    fuzz("metrics", changes(), |changes| {
        let changed = change(good.clone().into_bytes(), &changes);
        fs::write(&path, &changed).unwrap();
        within(changed.len(), || {
            Metrics::open(&path).and_then(|mut metrics| metrics.cut(4)).unwrap();
        })?;
        let left = fs::read(&path).unwrap();
        prop_assert!(changed.starts_with(&left) && (left.is_empty() || left.ends_with(b"\n")));
        for line in left.split_inclusive(|&byte| byte == b'\n') {
            let line: Value = serde_json::from_slice(line).unwrap();
            prop_assert!(line["epoch"].as_u64().unwrap() <= 4);
        }
        Ok(())
    });
}
