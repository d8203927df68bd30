//! Flows on the command line: every kind of layer and base, and what is measured of a trained one.

use super::common::{ended, fresh, program};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with a table of two columns in it, and one of a single column.
fn tables(name: &str) -> PathBuf {
    let folder = fresh(name);
    let row = |i: usize| {
        let t = i as f64 * 0.7;
        (t.sin() + 0.1 * (3.1 * t).cos(), 2.0 * t.cos() + 0.2 * (1.7 * t).sin())
    };
    let table: String = (0..300).map(row).map(|(x, y)| format!("{x},{y}\n")).collect();
    fs::write(folder.join("table.csv"), format!("x,y\n{table}")).unwrap();
    let column: String = (0..300).map(row).map(|(x, _)| format!("{x}\n")).collect();
    fs::write(folder.join("column.csv"), format!("x\n{column}")).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(program(arguments).current_dir(folder))
}

#[track_caller]
fn ok(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(folder, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    stdout
}

fn train<'a>(table: &'a str, out: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let short = ["--epochs", "3", "--couplings", "2", "--hidden", "8"];
    [&["train", "flow", "--data", table, "--out", out], &short[..], rest].concat()
}

#[test]
fn every_layer_and_base_trains_and_is_measured() {
    let folder = &tables("flows-kinds");
    for (i, rest) in [
        &["--bijection", "affine"][..],
        &["--bijection", "spline", "--bins", "5", "--interval", "3"],
        &["--bijection", "maf", "--base", "normal"],
        &["--bijection", "maf-spline", "--base", "mixture"],
        &["--bijection", "affine", "--base", "student-t", "--recompute"],
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("run{i}");
        ok(folder, &train("table.csv", &name, rest));
        let densities = ok(folder, &["density", &name, "--data", "table.csv"]);
        assert!(
            densities.lines().skip(1).all(|l| l.parse::<f64>().unwrap().is_finite()),
            "{rest:?}"
        );
        assert_eq!(ok(folder, &["sample", &name, "-n", "7"]).lines().count(), 8, "{rest:?}");
        // To codes and back, to the digits of single precision.
        ok(folder, &["encode", &name, "--data", "table.csv", "--out", "codes.csv"]);
        let back = ok(folder, &["decode", &name, "--data", "codes.csv"]);
        let table = fs::read_to_string(folder.join("table.csv")).unwrap();
        let numbers = |text: &str| -> Vec<f64> {
            text.lines()
                .skip(1)
                .flat_map(|l| l.split(',').map(|x| x.parse().unwrap()).collect::<Vec<f64>>())
                .collect()
        };
        for (a, b) in numbers(&back).iter().zip(numbers(&table)) {
            assert!((a - b).abs() < 1e-3, "{rest:?}: {a} {b}");
        }
        let json = ok(folder, &["jacobian", &name, "--data", "table.csv", "--json"]);
        let measured: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(measured["rows"], 300);
        for (precision, bound) in [("f64", 1e-9), ("f32", 1e-3)] {
            for what in ["round_trip", "log_det_error", "log_det_sum"] {
                let error = measured[precision][what].as_f64().unwrap();
                assert!(error <= bound, "{rest:?}, {precision}, {what}: {error}");
            }
            assert!(measured[precision]["worst_condition"].as_f64().unwrap() >= 1.0);
            assert_eq!(measured[precision]["outside"], 0);
        }
        // The log-determinant in single precision is not that in double.
        assert!(
            measured["f32"]["log_det_error"].as_f64() > measured["f64"]["log_det_error"].as_f64()
        );
    }
}

#[test]
fn what_was_measured_of_each_row_goes_to_a_file() {
    let folder = &tables("flows-rows");
    ok(folder, &train("table.csv", "r", &[]));
    let table = ok(folder, &["jacobian", "r", "--data", "table.csv", "--out", "rows.csv"]);
    for part in ["f64", "f32", "round trip", "condition number", "of 300"] {
        assert!(table.contains(part), "no {part}: {table}");
    }
    let rows = fs::read_to_string(folder.join("rows.csv")).unwrap();
    let mut lines = rows.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert!(names.contains(&"round_trip_f64") && names.contains(&"condition_f32"), "{names:?}");
    assert_eq!(lines.clone().count(), 300);
    assert!(lines.all(|line| line.split(',').all(|x| x.parse::<f64>().unwrap().is_finite())));
}

#[test]
fn options_that_cannot_be_are_refused_with_a_reason() {
    let folder = &tables("flows-refused");
    for (table, rest, code, reasons) in [
        ("column.csv", &["--bijection", "affine"][..], 3, ["for 1-D data", "maf-spline"]),
        ("column.csv", &["--bijection", "spline"], 3, ["for 1-D data", "maf-spline"]),
        ("table.csv", &["--bijection", "spline", "--bins", "0"], 2, ["--bins", "0 bins"]),
        ("table.csv", &["--bijection", "spline", "--bins", "99"], 2, ["--bins", "from 1 to 32"]),
        ("table.csv", &["--bijection", "spline", "--interval", "0"], 2, ["--interval", "positive"]),
        ("table.csv", &["--bijection", "nosuch"], 2, ["nosuch", "maf"]),
        ("table.csv", &["--couplings", "0"], 2, ["--couplings", "at least one"]),
    ] {
        let mut arguments = train(table, "r", rest);
        if rest[0] == "--couplings" {
            arguments = vec!["train", "flow", "--data", table, "--out", "r", "--couplings", "0"];
        }
        let (found, _, stderr) = run(folder, &arguments);
        assert_eq!(found, Some(code), "{rest:?}: {stderr}");
        for reason in reasons {
            assert!(stderr.contains(reason), "{rest:?}: {stderr}");
        }
    }
    // A single column is no trouble for what needs no other column.
    ok(folder, &train("column.csv", "one", &["--bijection", "maf-spline"]));
    // And what is no flow has no Jacobian.
    let vae =
        ["train", "vae", "--data", "table.csv", "--out", "v", "--epochs", "1", "--hidden", "4"];
    ok(folder, &vae);
    let (code, _, stderr) = run(folder, &["jacobian", "v", "--data", "table.csv"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("train a flow"), "{stderr}");
}

/// A chain that single precision cannot invert is trained all the same, and said.
#[test]
fn recomputed_activations_that_are_off_are_told() {
    let folder = &tables("flows-recompute");
    let deep = [
        "--couplings",
        "40",
        "--hidden",
        "16",
        "--bijection",
        "spline",
        "--learning-rate",
        "0.01",
        "--epochs",
        "40",
        "--recompute",
    ];
    let arguments =
        [&["train", "flow", "--data", "table.csv", "--out", "deep"], &deep[..]].concat();
    let (code, _, said) = run(folder, &arguments);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("recomputed points were off by up to"), "{said}");
    let (code, _, said) = run(folder, &train("table.csv", "shallow", &["--recompute"]));
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("recomputed points"), "{said}");
}
