//! Runs on disk: what was stopped goes on to the same files, and what is damaged is refused.

mod folders;

use evidence_autodiff::{Array, Noise, Parameters};
use evidence_layers::{Activation, Mlp};
use evidence_models::DenseNetwork;
use evidence_optim::Adam;
use evidence_train::data::{Dataset, red_wine};
use evidence_train::run::{
    Checkpoints, End, METRICS, MODEL, Run, RunError, STATE, load_tensors, load_torch, write_tensors,
};
use evidence_train::{FitOptions, Stop, Trainer};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

type Model = DenseNetwork<Array<f32>>;

/// Three epochs of four steps.
const OPTIONS: FitOptions = FitOptions {
    epochs: 3,
    batch: 16,
    patience: None,
    seed: 4,
    schedule: evidence_train::Schedule::Cosine,
    warm_up: 2,
    clip: Some(0.5),
};
const STEPS: usize = 12;
const ALL: Checkpoints = Checkpoints { seconds: 1e9, steps: 1, keep: 3 };
const FILES: [&str; 3] = [MODEL, STATE, METRICS];

fn model(hidden: usize) -> Model {
    DenseNetwork::regression(&[11, hidden, 1], Activation::Tanh, Noise::new(1))
}

fn rows(range: std::ops::Range<usize>) -> Dataset {
    let wine = red_wine().select(&range.collect::<Vec<_>>()).unwrap();
    Dataset::new(wine.features() / 100.0, Some(wine.targets().unwrap() / 10.0)).unwrap()
}

/// Trains until the end, or for one step; what the training said.
fn train(run: &Run, from: Option<&Path>, one_step: bool) -> Result<End, RunError> {
    let (training, validation) = (rows(0..64), rows(64..80));
    let mut adam = Adam::new(1e-2).unwrap();
    let mut trainer =
        Trainer::new(model(5), &training, Some(&validation), &mut adam, OPTIONS).unwrap();
    run.train(&mut trainer, from, ALL, &AtomicBool::new(one_step), |_| ())
}

/// A run in a folder of its own.
fn new() -> (TempDir, Run) {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::create(&folder.path().join("run"), "kind = \"dense\"", "{}").unwrap();
    (folder, run)
}

fn finished() -> (TempDir, Run) {
    let (folder, run) = new();
    assert_eq!(train(&run, None, false).unwrap(), End::Stop(Stop::Finished));
    (folder, run)
}

fn files(run: &Run) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| fs::read(run.folder().join(name)).unwrap()).collect()
}

fn path(run: &Run, name: &str) -> PathBuf {
    run.folder().join(name)
}

#[test]
fn a_run_stopped_behind_every_step_ends_with_the_files_of_an_unbroken_one() {
    let (_folder, unbroken) = finished();
    let (_other, run) = new();
    for step in 1..=STEPS {
        assert_eq!(train(&run, None, true).unwrap(), End::Interrupted { step });
    }
    assert_eq!(train(&run, None, true).unwrap(), End::Stop(Stop::Finished));
    assert_eq!(files(&run), files(&unbroken));
    // Once more changes nothing.
    assert_eq!(train(&run, None, false).unwrap(), End::Stop(Stop::Finished));
    assert_eq!(files(&run), files(&unbroken));
}

/// What a kill can leave: a result older than the checkpoint, lines beyond it, a torn line, a part of a file.
#[test]
fn what_a_kill_leaves_is_put_right() {
    let (_folder, unbroken) = finished();
    let (_other, run) = new();
    for _ in 0..5 {
        train(&run, None, true).unwrap();
    }
    let (old, metrics) =
        (fs::read(path(&run, MODEL)).unwrap(), fs::read(path(&unbroken, METRICS)).unwrap());
    train(&run, None, true).unwrap();
    fs::write(path(&run, MODEL), old).unwrap();
    fs::write(path(&run, METRICS), &metrics[..metrics.len() - 7]).unwrap();
    fs::write(path(&run, "state.safetensors.part"), "half").unwrap();
    assert_eq!(train(&run, None, false).unwrap(), End::Stop(Stop::Finished));
    assert_eq!(files(&run), files(&unbroken));
}

#[test]
fn older_checkpoints_are_kept_and_lead_to_the_same_end() {
    let (_folder, run) = finished();
    let expected = files(&run);
    let older = run.older_checkpoints();
    assert_eq!(older.len(), ALL.keep - 1);
    let older = older.iter().map(|checkpoint| fs::read(checkpoint).unwrap()).collect::<Vec<_>>();
    for checkpoint in older {
        let copy = run.folder().join("copy.safetensors");
        fs::write(&copy, checkpoint).unwrap();
        assert_eq!(train(&run, Some(&copy), false).unwrap(), End::Stop(Stop::Finished));
        assert_eq!(files(&run), expected);
    }
}

#[test]
fn a_damaged_checkpoint_is_refused_whatever_the_damage() {
    let (_folder, run) = finished();
    let whole = fs::read(path(&run, STATE)).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let refused = |bytes: &[u8], what: String| {
        fs::write(path(&run, STATE), bytes).unwrap();
        match train(&run, None, false) {
            Ok(end) => panic!("{what}: {end:?}"),
            Err(error) => assert!(error.to_string().contains(STATE), "{what}: {error}"),
        }
        assert_eq!(fs::read(path(&run, STATE)).unwrap(), bytes, "{what}: left as it was");
    };
    for end in (0..whole.len()).step_by(97).chain([7, 8, 9, header, whole.len() - 1]) {
        refused(&whole[..end], format!("cut at {end}"));
    }
    for at in (header..whole.len()).step_by(61).chain(0..8) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        refused(&bytes, format!("another byte {at}"));
    }
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    refused(&huge, "a header larger than memory".into());
    refused(&[&whole[..], &[0; 4]].concat(), "surplus bytes".into());
    // Any byte of the header may be another: it is refused, or means the same.
    fs::write(path(&run, STATE), &whole).unwrap();
    let expected = fs::read(path(&run, MODEL)).unwrap();
    let accepted = (8..header).filter(|&at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x01;
        fs::write(path(&run, STATE), &bytes).unwrap();
        let accepted = train(&run, None, false).is_ok();
        assert!(!accepted || fs::read(path(&run, MODEL)).unwrap() == expected, "header byte {at}");
        accepted
    });
    assert!(accepted.count() < 8, "most are refused");
}

#[test]
fn the_result_is_a_safetensors_file_for_everyone() {
    let (_folder, run) = finished();
    let mut loaded = model(5);
    run.load(&mut loaded).unwrap();
    let bytes = fs::read(path(&run, MODEL)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.len(), loaded.named().len());
    for (name, leaf) in loaded.named() {
        let tensor = tensors.tensor(&name).unwrap();
        assert_eq!(tensor.shape(), leaf.shape(), "{name}");
        let numbers: Vec<u8> = leaf.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(tensor.data(), numbers, "{name}");
    }
    // And one that another program wrote, without a word about itself.
    let views = tensors.tensors();
    let written = safetensors::serialize(views, None).unwrap();
    let other = run.folder().join("other.safetensors");
    fs::write(&other, written).unwrap();
    let mut again = model(5);
    load_tensors(&other, &mut again).unwrap();
    assert_eq!(again.named(), loaded.named());
}

#[test]
fn files_of_other_models_and_folders_that_do_not_fit_are_refused_by_name() {
    let (folder, run) = finished();
    let error = run.load(&mut model(6)).unwrap_err().to_string();
    for word in ["net.0.weight", "[11, 5]", "[11, 6]"] {
        assert!(error.contains(word), "{error}");
    }
    let deeper = &mut DenseNetwork::regression(&[11, 5, 1, 1], Activation::Tanh, Noise::new(1));
    let error = run.load(deeper).unwrap_err().to_string();
    assert!(error.contains("net.2.weight"), "{error}");
    assert!(matches!(Run::create(run.folder(), "", ""), Err(RunError::Exists { .. })));
    assert!(Run::open(folder.path()).is_err());
    assert!(Run::create(&path(&run, MODEL).join("run"), "", "").is_err());
}

/// A network as PyTorch saves it: weights turned over, activations counted, the layers in the order of their names' letters.
#[test]
fn a_network_of_pytorch_becomes_the_same_function_here() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("torch.safetensors");
    let sizes: Vec<usize> = (0..14).map(|i| 3 + i % 4).collect();
    let net = Mlp::<Array<f32>>::new(&sizes, Activation::Tanh, Noise::new(7));
    for prefix in ["fc", "a1.net", "net."] {
        let arrays = net.layers.iter().enumerate().flat_map(|(i, layer)| {
            let weight = layer.weight.clone().reversed_axes();
            let bias = layer.bias.mapv(|_| i as f32).into_shared();
            let name = |what: &str| format!("{prefix}{}.{what}", 2 * i);
            [(name("weight"), weight), (name("bias"), bias)]
        });
        let arrays: Vec<(String, Array<f32>)> = arrays.collect();
        let mut by_letters: Vec<_> =
            arrays.iter().map(|(name, array)| (name.clone(), array)).collect();
        by_letters.sort_by(|a, b| a.0.cmp(&b.0));
        write_tensors(&file, &by_letters, "").unwrap();
        let mut loaded = Mlp::new(&sizes, Activation::Tanh, Noise::new(8));
        load_torch(&file, &mut loaded).unwrap_or_else(|error| panic!("{prefix}: {error}"));
        for (i, (ours, theirs)) in loaded.layers.iter().zip(&net.layers).enumerate() {
            assert_eq!(ours.weight, theirs.weight);
            assert!(ours.bias.iter().all(|&b| b == i as f32), "{prefix}");
        }
    }
    // Another shape, a layer more and a layer less are refused by PyTorch's names.
    let mut wider = sizes.clone();
    wider[1] += 1;
    for (sizes, word) in [
        (&wider[..], "net.0.weight has shape [4, 3] instead of [5, 3]"),
        (&sizes[..13], "surplus: net.24.bias, net.24.weight"),
        (&[&sizes[..], &[2]].concat(), "missing: layer 13.weight, layer 13.bias"),
    ] {
        let mut other = Mlp::new(sizes, Activation::Tanh, Noise::new(8));
        let error = load_torch(&file, &mut other).unwrap_err().to_string();
        assert!(error.contains(word), "no {word:?} in {error}");
    }
}
