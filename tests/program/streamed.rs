//! `--window`: tables that are read from disk in every epoch.

use crate::common::{err, folder, ok, refused, run, signal, start, train, wait_for};
use std::fs;

const FLAGS: [&str; 8] =
    ["--target", "y", "--window", "30", "--batch", "16", "--checkpoint-steps", "1"];

#[test]
fn a_streamed_training_is_a_run_like_any_other() {
    let folder = folder();
    let folder = folder.path();
    let flags = [&FLAGS[..], &["--epochs", "40", "--learning-rate", "0.02", "--json"]].concat();
    let trained: serde_json::Value =
        serde_json::from_str(&ok(folder, &train("dense", &flags, "r"))).unwrap();
    let losses = fs::read_to_string(folder.join("r/metrics.jsonl")).unwrap();
    let loss =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"].as_f64();
    let (first, last) = (losses.lines().next().unwrap(), losses.lines().last().unwrap());
    assert!(loss(last) < loss(first), "{losses}");
    assert!(trained["epochs"] == 40 && trained["test_rows"].as_u64() > Some(0));
    assert!(fs::read_to_string(folder.join("r/config.toml")).unwrap().contains("window = 30"));
    ok(folder, &["evaluate", "r", "--data", "t.csv"]);
    assert_eq!(ok(folder, &["predict", "r", "--data", "t.csv"]).lines().count(), 121);
    // The configuration makes the same run again.
    ok(folder, &["train", "dense", "--config", "r/config.toml", "--out", "again"]);
    let of = |run: &str, file: &str| fs::read(folder.join(run).join(file)).unwrap();
    for file in ["data.json", "model.safetensors", "metrics.jsonl"] {
        assert_eq!(of("r", file), of("again", file), "{file}");
    }
}

#[cfg(unix)]
#[test]
fn stopped_and_gone_on_with_it_ends_like_an_unbroken_one() {
    let folder = folder();
    let folder = folder.path();
    let flags = [&FLAGS[..], &["--epochs", "60"]].concat();
    ok(folder, &train("bayes", &flags, "unbroken"));
    for (name, run) in [("INT", "stopped"), ("KILL", "killed")] {
        let child = start(folder, &train("bayes", &flags, run));
        wait_for(&folder.join(run).join("state.safetensors"));
        std::thread::sleep(std::time::Duration::from_millis(20));
        signal(&child, name);
        child.wait_with_output().unwrap();
        ok(folder, &["resume", run]);
        for file in ["model.safetensors", "metrics.jsonl"] {
            let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
            assert_eq!(of(run), of("unbroken"), "{name}: {file}");
        }
    }
}

#[test]
fn another_table_and_a_table_without_end_are_refused() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("dense", &[&FLAGS[..], &["--epochs", "2"]].concat(), "r"));
    let table = fs::read_to_string(folder.join("t.csv")).unwrap();
    fs::write(folder.join("longer.csv"), format!("{table}1,2,3,4\n")).unwrap();
    let words = ["longer.csv", "not the table"];
    refused(folder, &["resume", "r", "--data", "longer.csv"], 3, &words);
    let flags = ["--drop", "y", "--window", "30", "--likelihood", "bernoulli"];
    refused(folder, &train("vae", &flags, "new"), 2, &["--scaling unit"]);
    refused(folder, &train("dense", &["--target", "z", "--window", "9"], "new"), 3, &["\"z\""]);
    fs::write(folder.join("empty.csv"), "a,y\n").unwrap();
    let empty = ["train", "dense", "--data", "empty.csv", "--out", "new", "--target", "y"];
    refused(folder, &[&empty[..], &["--window", "9"]].concat(), 3, &["empty.csv", "no rows"]);
    assert!(!folder.join("new").exists());
    // A table that has moved is the same one.
    fs::rename(folder.join("t.csv"), folder.join("moved.csv")).unwrap();
    let output = run(folder, &["resume", "r"]);
    assert!(output.status.code() == Some(3) && err(&output).contains("t.csv"), "{}", err(&output));
    ok(folder, &["resume", "r", "--data", "moved.csv"]);
    // Where it is now is remembered.
    ok(folder, &["resume", "r", "--epochs", "3"]);
}
