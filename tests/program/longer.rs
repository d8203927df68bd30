//! Trainings that go on for longer than planned, and trainings that begin with weights of another program.

use crate::common::{err, folder, ok, refused, run, train};
use evidence::train::run::{load_tensors, write_tensors};
use evidence::{Activation, Array, Mlp, Noise, models::DenseNetwork};
use std::fs;

#[test]
fn more_epochs_end_like_a_run_that_had_planned_them() {
    let folder = folder();
    let folder = folder.path();
    let flags = |epochs| ["--target", "y", "--epochs", epochs];
    ok(folder, &train("bayes", &flags("7"), "long"));
    ok(folder, &train("bayes", &flags("4"), "r"));
    ok(folder, &["resume", "r", "--epochs", "7"]);
    for file in ["config.toml", "model.safetensors", "state.safetensors", "metrics.jsonl"] {
        let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
        assert_eq!(of("r"), of("long"), "{file}");
    }
    // It is written down: resuming once more has nothing to do.
    ok(folder, &["resume", "r"]);
    assert_eq!(fs::read_to_string(folder.join("r/metrics.jsonl")).unwrap().lines().count(), 7);
    // What has been cannot be undone.
    let config = fs::read(folder.join("r/config.toml")).unwrap();
    refused(folder, &["resume", "r", "--epochs", "6"], 2, &["--epochs 6", "7 epochs behind it"]);
    assert_eq!(fs::read(folder.join("r/config.toml")).unwrap(), config);
}

/// The weights of a network as PyTorch saves them, with outputs first.
fn torch(path: &std::path::Path, sizes: &[usize]) -> Mlp<Array<f32>> {
    let net = Mlp::<Array<f32>>::new(sizes, Activation::Relu, Noise::new(9));
    let arrays: Vec<(String, Array<f32>)> = net
        .layers
        .iter()
        .enumerate()
        .flat_map(|(i, layer)| {
            let weight = layer.weight.clone().reversed_axes();
            [(format!("{}.weight", 2 * i), weight), (format!("{}.bias", 2 * i), layer.bias.clone())]
        })
        .collect();
    let named: Vec<_> = arrays.iter().map(|(name, array)| (name.clone(), array)).collect();
    write_tensors(path, &named, "").unwrap();
    net
}

#[test]
fn a_training_begins_with_the_weights_of_pytorch() {
    let folder = folder();
    let folder = folder.path();
    let net = torch(&folder.join("w.safetensors"), &[3, 5, 1]);
    torch(&folder.join("other.safetensors"), &[3, 6, 1]);
    // No epoch leaves the model as it began.
    let flags = ["--target", "y", "--hidden", "5", "--epochs", "0", "--weights", "w.safetensors"];
    ok(folder, &train("dense", &flags, "r"));
    let mut loaded = DenseNetwork::regression(&[3, 5, 1], Activation::Relu, Noise::new(0));
    load_tensors(&folder.join("r/model.safetensors"), &mut loaded).unwrap();
    for (ours, theirs) in loaded.net.layers.iter().zip(&net.layers) {
        assert!(ours.weight == theirs.weight && ours.bias == theirs.bias);
    }
    ok(folder, &train("bayes", &flags, "bayes"));
    let bytes = fs::read(folder.join("bayes/model.safetensors")).unwrap();
    let first: Vec<u8> = net.layers[0].weight.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert!(bytes.windows(first.len()).any(|window| window == first), "the means are theirs");

    let with = |kind, file| {
        let flags = ["--hidden", "5", "--weights", file];
        let target = if kind == "flow" { ["--drop", "y"] } else { ["--target", "y"] };
        run(folder, &train(kind, &[&flags[..], &target].concat(), "new"))
    };
    for (kind, file, code, word) in [
        ("dense", "other.safetensors", 3, "0.weight has shape [6, 3] instead of [5, 3]"),
        ("dense", "none.safetensors", 3, "none.safetensors"),
        ("bayes", "t.csv", 3, "safetensors"),
        ("flow", "w.safetensors", 2, "--weights"),
    ] {
        let output = with(kind, file);
        assert_eq!(output.status.code(), Some(code), "{kind} {file}: {}", err(&output));
        assert!(err(&output).contains(word), "{kind} {file}: {}", err(&output));
        assert!(!folder.join("new").exists(), "{kind} {file}");
    }
    refused(folder, &["resume", "r", "--weights", "w.safetensors"], 2, &["--weights"]);
}
