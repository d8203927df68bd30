//! The command line on tables: every subcommand on every kind of model, what is refused and how, and runs that are
//! interrupted, killed, or out of room.

use evidence::train::data::{ReadOptions, read};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const KINDS: [(&str, &[&str]); 5] = [
    ("dense", &["--target", "y"]),
    ("bayes", &["--target", "y"]),
    ("autoencoder", &["--drop", "y", "--hidden", "8"]),
    ("vae", &["--drop", "y", "--hidden", "8"]),
    ("flow", &["--drop", "y", "--hidden", "8"]),
];

fn evidence(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidence"));
    command.current_dir(folder).args(arguments).args(["--threads", "1"]);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    evidence(folder, arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", err(&output));
    out(&output)
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
    assert_eq!(out(&output), "", "{arguments:?}");
    for word in words {
        assert!(
            err(&output).contains(word),
            "{arguments:?}: \"{word}\" is not in {}",
            err(&output)
        );
    }
}

/// A hundred and twenty rows of y = a − 2 b with something added, and a column of no use.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let wave = |i: usize, k: f64| (i as f64 * k).sin();
    let rows = (0..120).map(|i| {
        let (a, b) = (3.0 * wave(i, 0.7), wave(i, 1.3));
        format!("{a},{b},{},{}\n", wave(i, 2.9), a - 2.0 * b + 0.1 * wave(i, 5.1))
    });
    fs::write(folder.path().join("t.csv"), format!("a,b,c,y\n{}", rows.collect::<String>()))
        .unwrap();
    folder
}

fn train<'a>(kind: &'a str, flags: &[&'a str], run: &'a str) -> Vec<&'a str> {
    [&["train", kind, "--data", "t.csv", "--out", run][..], flags].concat()
}

fn rows(csv: &str) -> usize {
    csv.lines().count() - 1
}

#[test]
fn every_subcommand_answers_for_every_kind_or_says_why_not() {
    for (kind, flags) in KINDS {
        let folder = folder();
        let folder = folder.path();
        let trained =
            ok(folder, &train(kind, &[flags, &["--epochs", "4", "--json"]].concat(), "r"));
        let trained: serde_json::Value = serde_json::from_str(&trained).unwrap();
        assert!(
            trained["kind"] == kind
                && trained["epochs"] == 4
                && trained["parameters"].as_u64() > Some(0)
        );
        for file in
            ["config.toml", "metrics.jsonl", "model.safetensors", "state.safetensors", "data.json"]
        {
            assert!(folder.join("r").join(file).exists(), "{kind}: {file}");
        }
        assert_eq!(fs::read_to_string(folder.join("r/metrics.jsonl")).unwrap().lines().count(), 4);

        // A finished run has nothing to go on with, and keeps its files.
        let before = fs::read(folder.join("r/model.safetensors")).unwrap();
        ok(folder, &["resume", "r"]);
        assert_eq!(fs::read(folder.join("r/model.safetensors")).unwrap(), before, "{kind}");

        ok(folder, &["evaluate", "r", "--data", "t.csv"]);
        let scores = ok(folder, &["evaluate", "r", "--data", "t.csv", "--json"]);
        let scores: serde_json::Value = serde_json::from_str(&scores).unwrap();
        assert_eq!(scores["rows"], 120, "{kind}");
        assert!(ok(folder, &["inspect", "r"]).contains("weight"), "{kind}");
        assert!(ok(folder, &["inspect", "r", "--tape"]).contains("digraph"), "{kind}");

        let does: &[&str] = match kind {
            "dense" | "bayes" => &["predict", "density"],
            "autoencoder" => &["encode", "decode", "reconstruct"],
            "vae" => &["density", "sample", "encode", "decode", "reconstruct"],
            _ => &["density", "sample", "encode", "decode"],
        };
        for subcommand in ["predict", "density", "sample", "encode", "decode", "reconstruct"] {
            let data = if subcommand == "decode" { "codes.csv" } else { "t.csv" };
            let arguments = match subcommand {
                "sample" => vec!["sample", "r", "-n", "120"],
                _ => vec![subcommand, "r", "--data", data],
            };
            if !does.contains(&subcommand) {
                if subcommand != "decode" {
                    refused(folder, &arguments, 2, &[kind, "does not"]);
                }
                continue;
            }
            let answer = ok(folder, &arguments);
            assert_eq!(rows(&answer), 120, "{kind} {subcommand}");
            assert!(
                answer
                    .lines()
                    .skip(1)
                    .all(|row| row.split(',').all(|cell| cell.parse::<f64>().unwrap().is_finite()))
            );
            // The same again, into files, and as JSON.
            ok(folder, &[&arguments[..], &["--out", "answer.csv"]].concat());
            assert_eq!(
                fs::read_to_string(folder.join("answer.csv")).unwrap(),
                answer,
                "{kind} {subcommand}"
            );
            assert_eq!(ok(folder, &[&arguments[..], &["--json"]].concat()).lines().count(), 120);
            ok(folder, &[&arguments[..], &["--out", "answer.npz"]].concat());
            let of = |file: &str| read(&folder.join(file), &ReadOptions::default()).unwrap();
            let (arrays, table) = (of("answer.npz"), of("answer.csv"));
            assert_eq!(arrays.names().len(), table.names().len());
            for name in table.names() {
                assert_eq!(arrays.column(name), table.column(name), "{kind} {subcommand}: {name}");
            }
            if subcommand == "encode" {
                fs::write(folder.join("codes.csv"), &answer).unwrap();
            }
        }
    }
}

#[test]
fn a_prediction_is_in_the_units_of_the_target_and_finds_its_columns_by_name() {
    let folder = folder();
    let folder = folder.path();
    ok(
        folder,
        &train("bayes", &["--target", "y", "--epochs", "200", "--learning-rate", "0.01"], "r"),
    );
    let table = fs::read_to_string(folder.join("t.csv")).unwrap();
    let predicted = ok(folder, &["predict", "r", "--data", "t.csv", "--quantiles", "0.1,0.9"]);
    assert!(predicted.starts_with("mean,epistemic_std,aleatoric_std,q0.1,q0.9\n"));
    let number = |row: &str, at: usize| row.split(',').nth(at).unwrap().parse::<f64>().unwrap();
    let errors = table.lines().zip(predicted.lines()).skip(1);
    let errors = errors.map(|(row, answer)| (number(row, 3) - number(answer, 0)).powi(2));
    assert!(errors.sum::<f64>() / 120.0 < 0.2, "the variance of y is about 6");
    let turned: String = table
        .lines()
        .map(|row| {
            format!("{}\n", row.split(',').rev().chain(["extra"]).collect::<Vec<_>>().join(","))
        })
        .collect();
    fs::write(folder.join("turned.csv"), turned).unwrap();
    let output = run(folder, &["predict", "r", "--data", "turned.csv", "--quantiles", "0.1,0.9"]);
    assert_eq!(out(&output), predicted);
    assert!(err(&output).contains("extra"), "what is not used is said: {}", err(&output));
}

/// The files of a run are read without this program: the same predictions come out of Python's standard library.
#[test]
fn python_predicts_the_same_from_the_files_of_a_run() {
    let folder = folder();
    let folder = folder.path();
    let flags = ["--target", "y", "--epochs", "30", "--hidden", "9,7", "--learning-rate", "0.01"];
    ok(folder, &train("dense", &flags, "r"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/predict.py");
    let python = Command::new("python3").current_dir(folder).args([script, "r", "t.csv"]).output();
    let Ok(python) = python else {
        println!("python3 is not there: not compared");
        return;
    };
    assert!(python.status.success(), "{}", err(&python));
    let ours = ok(folder, &["predict", "r", "--data", "t.csv"]);
    let number = |text: &str| text.split(',').next().unwrap().parse::<f64>().unwrap();
    assert_eq!(out(&python).lines().count(), 120);
    for (theirs, ours) in out(&python).lines().zip(ours.lines().skip(1)) {
        let (theirs, ours) = (number(theirs), number(ours));
        assert!((theirs - ours).abs() <= 1e-5 * (1.0 + ours.abs()), "{theirs} {ours}");
    }
}

#[test]
fn a_configuration_is_a_file_of_the_same_options_and_flags_go_before_it() {
    let folder = folder();
    let folder = folder.path();
    let flags = ["--target", "y", "--epochs", "3", "--hidden", "7", "--learning-rate", "0.02"];
    ok(folder, &train("dense", &flags, "flags"));
    // What a run resolved makes the same run again.
    ok(folder, &["train", "dense", "--config", "flags/config.toml", "--out", "again"]);
    let of = |run: &str, file: &str| fs::read(folder.join(run).join(file)).unwrap();
    for file in ["config.toml", "model.safetensors", "metrics.jsonl"] {
        assert_eq!(of("flags", file), of("again", file), "{file}");
    }
    ok(
        folder,
        &["train", "dense", "--config", "flags/config.toml", "--epochs", "2", "--out", "other"],
    );
    assert!(String::from_utf8(of("other", "config.toml")).unwrap().contains("epochs = 2"));
    fs::write(folder.join("typo.toml"), "[training]\nepoch = 3\n").unwrap();
    let arguments = train("dense", &["--target", "y", "--config", "typo.toml"], "r");
    refused(folder, &arguments, 2, &["typo.toml", "line 2", "epoch"]);
}

#[test]
fn what_cannot_be_is_refused_with_a_code_and_a_reason() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("dense", &["--target", "y", "--epochs", "2"], "r"));
    fs::write(folder.join("gap.csv"), "a,b,c,y\n1,2,3,4\n1,,3,4\n").unwrap();
    fs::write(folder.join("short.csv"), "a,b\n1,2\n").unwrap();
    fs::create_dir(folder.join("damaged")).unwrap();
    for file in ["config.toml", "data.json", "model.safetensors", "state.safetensors"] {
        fs::copy(folder.join("r").join(file), folder.join("damaged").join(file)).unwrap();
    }
    let cut = |name: &str, at: usize| {
        let path = folder.join("damaged").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..at.min(bytes.len() - 1)]).unwrap();
    };
    cut("model.safetensors", 500);
    cut("state.safetensors", 500);
    let dense = |flags: &[&'static str]| train("dense", flags, "new");
    let table: Vec<(Vec<&str>, i32, Vec<&str>)> = vec![
        (dense(&["--target", "y", "--frobnicate"]), 2, vec!["--frobnicate"]),
        (dense(&[]), 2, vec!["--target"]),
        (dense(&["--target", "z"]), 3, vec!["t.csv", "\"z\"", "\"a\""]),
        (dense(&["--target", "y", "--drop", "q"]), 3, vec!["q", "a, b, c, y"]),
        (dense(&["--target", "y", "--learning-rate", "-1"]), 2, vec!["-1"]),
        (dense(&["--target", "y", "--batch", "0"]), 2, vec!["0"]),
        (dense(&["--target", "y", "--hidden", "0"]), 2, vec!["0"]),
        (dense(&["--target", "y", "--hidden", "4000000000"]), 2, vec!["parameters"]),
        (train("flow", &["--target", "y"], "new"), 2, vec!["flow", "--drop"]),
        (train("dense", &["--target", "y"], "r"), 2, vec!["holds a run already"]),
        (
            vec!["train", "dense", "--data", "none.csv", "--target", "y", "--out", "new"],
            3,
            vec!["none.csv"],
        ),
        (
            vec!["train", "dense", "--data", "gap.csv", "--target", "y", "--out", "new"],
            3,
            vec!["line 3, column 2 (\"b\")"],
        ),
        (vec!["predict", "r", "--data", "short.csv"], 3, vec!["\"c\""]),
        (vec!["predict", "r", "--data", "t.csv", "--quantiles", "1.5"], 2, vec!["1.5"]),
        (
            vec!["predict", "r", "--data", "t.csv", "--out", "t.csv/answer.csv"],
            1,
            vec!["t.csv/answer.csv"],
        ),
        (vec!["predict", "none", "--data", "t.csv"], 3, vec!["none"]),
        (vec!["predict", "damaged", "--data", "t.csv"], 3, vec!["model.safetensors"]),
        (vec!["resume", "damaged"], 3, vec!["state.safetensors"]),
        (vec!["resume", "r", "--data", "short.csv"], 3, vec!["short.csv", "not the table"]),
        (vec!["completions", "cobol"], 2, vec!["cobol"]),
    ];
    for (arguments, code, words) in table {
        refused(folder, &arguments, code, &words);
        assert!(!folder.join("new").exists(), "{arguments:?}: nothing is left behind");
    }
    let diverges = train("dense", &["--target", "y", "--learning-rate", "1e30"], "diverged");
    refused(folder, &diverges, 4, &["diverged", "epoch", "step"]);
    assert!(folder.join("diverged/model.safetensors").exists());
    assert!(ok(folder, &["completions", "bash"]).contains("reconstruct"));
}

/// A training of a second or so, with checkpoints all the time.
const LONG: [&str; 8] =
    ["--target", "y", "--epochs", "150", "--checkpoint-steps", "7", "--batch", "8"];

fn start(folder: &Path, arguments: &[&str]) -> std::process::Child {
    evidence(folder, arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &std::process::Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

fn wait_for(path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A training that would take days is stopped, gone on with, and stopped again further on.
#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let folder = folder();
    let folder = folder.path();
    let first = train("bayes", &["--target", "y", "--epochs", "1000000000"], "r");
    let stopped = |arguments: &[&str]| -> u64 {
        let child = start(folder, arguments);
        wait_for(&folder.join("r/state.safetensors"));
        std::thread::sleep(Duration::from_millis(300));
        signal(&child, "INT");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", err(&output));
        assert!(err(&output).contains("evidence resume r"), "{}", err(&output));
        let said = err(&output);
        let step = said.split("behind step ").nth(1).and_then(|rest| rest.split(';').next());
        step.unwrap().parse().unwrap()
    };
    let step = stopped(&first);
    assert!(step > 0 && stopped(&["resume", "r"]) > step);
}

/// `EVIDENCE_KILLS` says how often; every run is killed until it ends by itself.
#[cfg(unix)]
#[test]
fn a_run_that_is_killed_again_and_again_ends_like_an_unbroken_one() {
    let kills: u32 = std::env::var("EVIDENCE_KILLS").map_or(6, |n| n.parse().unwrap());
    let folder = folder();
    let folder = folder.path();
    let begin = Instant::now();
    ok(folder, &train("bayes", &LONG, "unbroken"));
    let whole = begin.elapsed();
    let (mut done, mut runs, mut dice) = (0, 0, 12_345_u64);
    while done < kills {
        let name = format!("r{runs}");
        runs += 1;
        let first = train("bayes", &LONG, &name);
        let mut child = start(folder, &first);
        loop {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(whole.mul_f64((dice >> 33) as f64 / (1_u64 << 31) as f64 / 2.0));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{}", err(&child.wait_with_output().unwrap()));
                break;
            }
            signal(&child, "KILL");
            child.wait().unwrap();
            done += 1;
            // Killed before there was a run: it starts anew.
            let begun = folder.join(&name).join("config.toml").exists();
            child = if begun { start(folder, &["resume", &name]) } else { start(folder, &first) };
        }
        for file in ["model.safetensors", "metrics.jsonl"] {
            let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
            assert_eq!(of(&name), of("unbroken"), "{file} after {done} kills");
        }
    }
    println!("{done} kills of {runs} runs survived");
}

/// A limit on the size of files stands for a full disk: writes fail in the middle.
#[cfg(unix)]
#[test]
fn without_room_the_checkpoint_before_stays_whole() {
    let folder = folder();
    let folder = folder.path();
    let (small, large) =
        (["--hidden", "4", "--epochs", "3"], ["--hidden", "4000", "--epochs", "3"]);
    let limited = |arguments: &[&str]| {
        let script = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
        let mut command = Command::new("sh");
        command.current_dir(folder).args(["-c", script, "sh", env!("CARGO_BIN_EXE_evidence")]);
        command.args(arguments).args(["--threads", "1"]).output().unwrap()
    };
    let output = limited(&train("dense", &[&["--target", "y"][..], &large].concat(), "large"));
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).contains("state.safetensors") && err(&output).contains("make room"));
    assert!(!folder.join("large/state.safetensors").exists(), "no half of one");
    // With room it goes on.
    ok(folder, &["resume", "large"]);
    let output = limited(&train("dense", &[&["--target", "y"][..], &small].concat(), "small"));
    assert!(output.status.success(), "{}", err(&output));
}
