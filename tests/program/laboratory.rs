//! `evidence estimators` and `evidence reproduce` as a user meets them.

use super::common::{ended, fresh, program, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(&mut program(arguments))
}

#[test]
fn the_laboratory_measures_every_estimator() {
    let folder = fresh("estimators");
    let plot = folder.join("variance.svg");
    let measured = |seed: &str| -> Vec<Value> {
        let (code, stdout, stderr) = run(&[
            "estimators",
            "--draws",
            "300",
            "--batch",
            "64",
            "--plot",
            text(&plot),
            "--json",
            "--seed",
            seed,
        ]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        serde_json::from_str(&stdout).expect("a list in JSON")
    };
    let seeds: Vec<_> = ["0", "1", "2", "3", "4", "5", "6", "7"].map(measured).into();
    let number = |seed: usize, name: &str, batch: u64, key: &str| {
        let found =
            seeds[seed].iter().find(|row| row["estimator"] == name && row["batch"] == batch);
        let row = found.unwrap_or_else(|| panic!("no {name} of {batch} rows"));
        row[key].as_f64().expect("a number")
    };
    for name in ["shared", "local", "flipout"] {
        for batch in [1, 2, 4, 8, 16, 32, 64] {
            assert!(number(0, name, batch, "microseconds") > 0.0);
            // The z of one run's parameters hang together, those of other seeds do not.
            let square = |seed| number(seed, name, batch, "bias").powi(2);
            let bias = (0..seeds.len()).map(square).sum::<f64>() / seeds.len() as f64;
            assert!((0.8..1.2).contains(&bias.sqrt()), "{name}, {batch} rows: {}", bias.sqrt());
        }
    }
    // One row has its noise to itself, whoever draws it; many rows with noise of their own average it out.
    let variance = |name: &str, batch| number(0, name, batch, "variance");
    for (name, share) in [("local", 0.5), ("flipout", 0.8)] {
        let (alone, many) = (variance(name, 1), variance(name, 64));
        assert!(alone < 2.0 * variance("shared", 1), "{name}: {alone}");
        assert!(many < share * variance("shared", 64), "{name}: {many}");
    }
    // Batches of every size meet the same rows, so that it falls from each to the next, and noise of their own is averaged as one over n.
    let over_seeds =
        |name, batch| (0..8).map(|seed| number(seed, name, batch, "variance")).sum::<f64>();
    for name in ["shared", "local", "flipout"] {
        for batch in [1, 2, 4, 8, 16, 32] {
            let (less, more) = (over_seeds(name, batch), over_seeds(name, 2 * batch));
            assert!(less > more, "{name}: {less} on {batch} rows, {more} on twice as many");
            let ratio = batch as f64 * less / (64.0 * over_seeds(name, 64));
            assert!(name != "local" || (0.6..1.6).contains(&ratio), "{batch} rows: {ratio}");
        }
    }
    let svg = fs::read_to_string(&plot).unwrap();
    let places = ["shared", "local", "flipout"].map(|name| svg.find(&format!(">\n{name}\n<")));
    assert!(svg.starts_with("<svg") && places[0].is_some() && places.is_sorted(), "{places:?}");
    assert_eq!(svg.matches("<circle").count(), 3 * 7, "a dot for each measurement");

    let (code, stdout, _) = run(&["estimators", "--draws", "20"]);
    assert_eq!((code, stdout.lines().count()), (Some(0), 5), "{stdout}");
    assert!(stdout.contains("bias / its noise is about 1 where there is no bias"), "{stdout}");
    for (arguments, reason) in [
        (&["estimators", "--posterior-scale", "0"][..], "choose a positive number"),
        (&["estimators", "--draws", "1"], "1 is not in 2.."),
        (&["estimators", "--batch", "0"], "0 is not in 1..=1599"),
        (&["estimators", "--plot", "variance.jpg"], "choose svg or png"),
    ] {
        let (code, _, stderr) = run(arguments);
        assert!(code == Some(2) && stderr.contains(reason), "{arguments:?}: {stderr}");
    }
    let (code, _, stderr) =
        run(&["estimators", "--draws", "2", "--batch", "1", "--plot", text(&folder)]);
    assert_eq!(code, Some(1), "{stderr}");
}

/// Names and contents.
type Files<'a> = &'a [(&'a str, &'a str)];

/// A set of 120 rows, y = x₀ − 2 x₁ and a little noise, with two splits; files replaced by what is given.
fn set(name: &str, replaced: Files<'_>) -> PathBuf {
    let folder = fresh(name).join("wine-quality-red");
    fs::create_dir_all(&folder).unwrap();
    let mut data = String::new();
    let wave = |i: usize, k: f64| ((i + 1) as f64 * k).sin();
    for i in 0..120 {
        let (a, b) = (wave(i, 1.3), wave(i, 2.9));
        data += &format!("{a:.5}  {b:.5e}\t{:.5}\n", a - 2.0 * b + 0.05 * wave(i, 7.7));
    }
    let list =
        |rows: std::ops::Range<usize>| rows.map(|row| format!("{row}\n")).collect::<String>();
    let files = [
        ("data.txt", data),
        ("index_features.txt", "0\n1\n".into()),
        ("index_target.txt", "2\n".into()),
        ("index_train_0.txt", list(0..114)),
        ("index_test_0.txt", list(114..120)),
        ("index_train_1.txt", list(6..120)),
        ("index_test_1.txt", "0.0\n1e0\n2\n3\n4\n5\n".into()),
        ("other.txt", "not of the format".into()),
    ];
    for (file, content) in files {
        fs::write(folder.join(file), content).unwrap();
    }
    for (file, content) in replaced {
        fs::write(folder.join(file), content).unwrap();
    }
    folder
}

fn scores(folder: &Path, more: &[&str]) -> Value {
    let arguments = [&["reproduce", "uci", text(folder), "--json", "--hurry", "10"], more].concat();
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let mut found: Value = serde_json::from_str(&stdout).expect("valid JSON");
    found[0]["seconds"] = Value::Null;
    found
}

#[test]
fn a_table_is_computed_again_from_training_rows_alone() {
    let folder = set("reproduced", &[]);
    let found = scores(&folder, &["--threads", "1"]);
    assert_eq!(found, scores(folder.parent().unwrap(), &["--threads", "3"]), "a folder of sets");
    let splits = found[0]["splits"].as_array().expect("a list");
    assert_eq!(splits.len(), 2);
    assert_eq!(found[0]["published"].as_array().map(Vec::len), Some(3));
    for split in splits {
        // The targets have a deviation of some 1.6, their noise one of 0.035.
        assert!(split["rmse"].as_f64().unwrap() < 0.1, "{split}");
        assert!(split["log_density"].as_f64().unwrap() > 0.0, "{split}");
    }
    // What is tested on changes the scores and nothing that was chosen.
    let data = fs::read_to_string(folder.join("data.txt")).unwrap();
    let mut lines: Vec<&str> = data.lines().collect();
    lines[114..].fill("9.0 -9.0 1000.0");
    let other = set("reproduced_other", &[("data.txt", &lines.join("\n"))]);
    let changed = scores(&other, &["--splits", "1"]);
    assert_eq!(changed[0]["splits"][0]["choice"], found[0]["splits"][0]["choice"]);
    assert!(changed[0]["splits"][0]["rmse"].as_f64() > Some(500.0));
}

#[test]
fn folders_that_are_not_of_the_format_are_refused_with_their_place() {
    let long = "1 2 3\n".repeat(40);
    let constant = "1 2 7\n3 1 7\n".repeat(60);
    let cases: [(&str, Files<'_>, &str); 12] = [
        (
            "text",
            &[("data.txt", "1 2 3\n1 x 3\n")],
            "data.txt: line 2, column 3: \"x\" is not a finite",
        ),
        (
            "nan",
            &[("data.txt", "1 NaN 3\n")],
            "data.txt: line 1, column 3: \"NaN\" is not a finite",
        ),
        ("ragged", &[("data.txt", "1 2 3\n\n1 2\n")], "line 3 has 2 numbers, the lines before 3"),
        ("empty", &[("data.txt", "\n \n")], "data.txt: there is nothing in it"),
        ("short", &[("data.txt", "1 2 3\n")], "index_train_0.txt: line 2: row 1 of only 1"),
        ("wide", &[("index_features.txt", "0\n3\n")], "line 2: column 3 of only 3"),
        ("half", &[("index_test_0.txt", "35.5\n")], "\"35.5\" is not a whole number from 0"),
        ("minus", &[("index_test_0.txt", "-1\n")], "\"-1\" is not a whole number from 0"),
        ("twice", &[("index_test_0.txt", "115\n12\n")], "line 2: row 12 is a training row"),
        ("targets", &[("index_target.txt", "1\n2\n")], "2 columns; the protocol has one target"),
        ("leak", &[("index_target.txt", "1\n")], "column 1 is the target, and a feature too"),
        (
            "constant",
            &[("data.txt", &constant)],
            "split 0, training rows: column 0 of the targets is 7",
        ),
    ];
    for (name, replaced, reason) in cases {
        let folder = set(&format!("refused_{name}"), replaced);
        let (code, stdout, stderr) = run(&["reproduce", "uci", text(&folder), "--json"]);
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{name}: {stderr}");
        assert!(stderr.contains(reason), "{name}: {stderr}");
    }
    let folder = set("refused_names", &[("data.txt", &long)]);
    let (code, _, stderr) = run(&["reproduce", "uci", text(&folder), "--set", "boston"]);
    assert!(code == Some(3) && stderr.contains("is called \"boston\""), "{stderr}");
    fs::remove_file(folder.join("index_train_0.txt")).unwrap();
    let (code, _, stderr) = run(&["reproduce", "uci", text(&folder)]);
    assert!(code == Some(3) && stderr.contains("there is no index_train_0.txt"), "{stderr}");
    let (code, _, stderr) = run(&["reproduce", "uci", "nowhere-at-all"]);
    assert!(code == Some(3) && stderr.contains("cannot be read"), "{stderr}");
}
