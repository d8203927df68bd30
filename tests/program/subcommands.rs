//! Every subcommand on every kind of model, and what is refused and how.

use crate::common::{err, evidence, folder, ok, out, refused, run, train};
use evidence::train::data::{ReadOptions, read};
use std::fs;
use std::process::{Command, Stdio};

const KINDS: [(&str, &[&str]); 5] = [
    ("dense", &["--target", "y"]),
    ("bayes", &["--target", "y"]),
    ("autoencoder", &["--drop", "y", "--hidden", "8"]),
    ("vae", &["--drop", "y", "--hidden", "8"]),
    ("flow", &["--drop", "y", "--hidden", "8"]),
];

fn rows(csv: &str) -> usize {
    csv.lines().count() - 1
}

/// The cells of an answer, by row.
fn cells(csv: &str) -> Vec<Vec<f64>> {
    let row = |row: &str| row.split(',').map(|cell| cell.parse().unwrap()).collect();
    csv.lines().skip(1).map(row).collect()
}

/// Scores are means of what is answered for each row, computed again.
#[test]
fn scores_are_of_what_each_row_is_answered() {
    for (kind, flags) in KINDS {
        let folder = folder();
        let folder = folder.path();
        ok(folder, &train(kind, &[flags, &["--epochs", "4"]].concat(), "r"));
        let table = cells(&fs::read_to_string(folder.join("t.csv")).unwrap());
        let n = table.len() as f64;
        let scores = ok(folder, &["evaluate", "r", "--data", "t.csv", "--json"]);
        let scores: serde_json::Value = serde_json::from_str(&scores).unwrap();
        let is = |name: &str, truth: f64| {
            let found =
                scores["scores"][name].as_f64().unwrap_or_else(|| panic!("{kind}: {scores}"));
            assert!((found / truth - 1.0).abs() <= 1e-9, "{kind}, {name}: {found}, not {truth}");
        };
        let answer = |arguments: &[&str]| cells(&ok(folder, arguments));
        if kind != "autoencoder" {
            let density = answer(&["density", "r", "--data", "t.csv"]);
            let mean = density.iter().map(|row| row[0]).sum::<f64>() / n;
            is(if flags[0] == "--target" { "log-density" } else { "log p(x)" }, mean);
        }
        if flags[0] == "--target" {
            let quantiles = ["--quantiles", "0.05,0.95"];
            let predicted =
                answer(&[&["predict", "r", "--data", "t.csv"], &quantiles[..]].concat());
            let pairs = || predicted.iter().zip(&table).map(|(row, known)| (row, known[3]));
            let square = pairs().map(|(row, y)| (row[0] - y).powi(2)).sum::<f64>() / n;
            is("RMSE", square.sqrt());
            let inside = pairs().filter(|(row, y)| row[3] <= *y && *y <= row[4]).count();
            assert!(inside > 0 && inside < table.len(), "{kind}: {inside} inside");
            is("90 % interval covers", inside as f64 / n);
        }
        if kind == "dense" {
            // The density is the normal's that is predicted.
            let predicted = answer(&["predict", "r", "--data", "t.csv"]);
            let density = answer(&["density", "r", "--data", "t.csv"]);
            for ((row, known), density) in predicted.iter().zip(&table).zip(&density) {
                let z = (known[3] - row[0]) / row[2];
                let truth = -0.5 * z * z - row[2].ln() - 0.5 * std::f64::consts::TAU.ln();
                assert!(
                    (density[0] - truth).abs() <= 1e-9 * truth.abs().max(1.0),
                    "{density:?} {truth}"
                );
            }
        }
        if kind == "flow" {
            // In the units of the columns: twice as wide, half as dense in each of them.
            let wide = table.iter().map(|row| {
                let row: Vec<String> = row.iter().map(|x| (2.0 * x).to_string()).collect();
                row.join(",") + "\n"
            });
            fs::write(folder.join("t.csv"), format!("a,b,c,y\n{}", wide.collect::<String>()))
                .unwrap();
            ok(folder, &train(kind, &[flags, &["--epochs", "4"]].concat(), "wide"));
            let wide = answer(&["density", "wide", "--data", "t.csv"]);
            let mean = wide.iter().map(|row| row[0]).sum::<f64>() / n;
            let apart = mean - scores["scores"]["log p(x)"].as_f64().unwrap();
            assert!((apart + 3.0 * 2.0_f64.ln()).abs() < 1e-3, "{apart}");
        }
        if kind == "autoencoder" {
            // Columns as the model sees them: standardised by the rows it was trained on.
            let schema = fs::read_to_string(folder.join("r/data.json")).unwrap();
            let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
            let scale = |k: usize| {
                let encoding = &schema["features"][k]["encoding"];
                encoding["scale"].as_f64().unwrap_or_else(|| panic!("{encoding}"))
            };
            let again = answer(&["reconstruct", "r", "--data", "t.csv"]);
            let error = again.iter().zip(&table).map(|(row, known)| {
                (0..3).map(|k| ((row[k] - known[k]) / scale(k)).powi(2)).sum::<f64>()
            });
            let found = scores["scores"]["squared error, scaled"].as_f64().unwrap();
            let truth = error.sum::<f64>() / n;
            assert!((found / truth - 1.0).abs() <= 1e-5, "{kind}: {found}, not {truth}");
        }
    }
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
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/predict.py");
    for activation in ["relu", "tanh", "gelu", "leaky-relu"] {
        let flags =
            ["--target", "y", "--epochs", "30", "--hidden", "9,7", "--learning-rate", "0.01"];
        ok(
            folder,
            &train("dense", &[&flags[..], &["--activation", activation]].concat(), activation),
        );
        let mut python = Command::new("python3");
        let Ok(python) = python.current_dir(folder).args([script, activation, "t.csv"]).output()
        else {
            println!("python3 is not there: not compared");
            return;
        };
        if err(&python).contains("tomllib") {
            println!("python3 is older than 3.11: not compared");
            return;
        }
        assert!(python.status.success(), "{}", err(&python));
        let ours = ok(folder, &["predict", activation, "--data", "t.csv"]);
        let number = |text: &str| text.split(',').next().unwrap().parse::<f64>().unwrap();
        assert_eq!(out(&python).lines().count(), 120);
        for (theirs, ours) in out(&python).lines().zip(ours.lines().skip(1)) {
            let (theirs, ours) = (number(theirs), number(ours));
            assert!(
                (theirs - ours).abs() <= 1e-5 * (1.0 + ours.abs()),
                "{activation}: {theirs} {ours}"
            );
        }
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

/// `evidence predict … | head`: a reader that has gone had what it wanted.
#[test]
fn an_answer_that_nobody_reads_to_its_end_is_no_error() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("dense", &["--target", "y", "--epochs", "1"], "r"));
    let table = fs::read_to_string(folder.join("t.csv")).unwrap();
    let rows = table.split_once('\n').unwrap().1.repeat(50);
    fs::write(folder.join("long.csv"), format!("a,b,c,y\n{rows}")).unwrap();
    for json in [&[][..], &["--json"]] {
        let arguments = [&["predict", "r", "--data", "long.csv"][..], json].concat();
        let mut child = evidence(folder, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && err(&output).is_empty(), "{}", err(&output));
    }
}
