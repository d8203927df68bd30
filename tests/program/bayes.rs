//! `evidence train bayes`: every posterior, prior, likelihood and estimator by its name, and what is refused.

use super::common::{ended, evidence};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(&mut evidence(folder, arguments))
}

/// Eighty rows of a number, a count and a class that depend on two others.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let wave = |i: usize, k: f64| (i as f64 * k).sin();
    let rows = (0..80).map(|i| {
        let (a, b) = (wave(i, 0.7), wave(i, 1.3));
        let y = a - 2.0 * b + 0.1 * wave(i, 5.1);
        let class = if y > 0.0 { "up" } else { "down" };
        format!("{a},{b},{y},{},{class}\n", (y.exp() + 0.5 * wave(i, 3.1).abs()).floor())
    });
    let text = format!("a,b,y,n,c\n{}", rows.collect::<String>());
    fs::write(folder.path().join("t.csv"), text).unwrap();
    folder
}

fn train<'a>(target: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    let others = match target {
        "y" => "n,c",
        "n" => "y,c",
        _ => "y,n",
    };
    let start =
        ["train", "bayes", "--data", "t.csv", "--out", "r", "--epochs", "3", "--hidden", "6"];
    [&start[..], &["--target", target, "--drop", others], flags].concat()
}

#[test]
fn every_combination_trains_predicts_and_says_what_it_learned() {
    let cases: &[(&str, &[&str])] = &[
        ("y", &[]),
        ("y", &["--estimator", "local", "--warm-up", "2", "--prior", "learned"]),
        (
            "y",
            &[
                "--estimator",
                "flipout",
                "--posterior",
                "low-rank",
                "--rank",
                "2",
                "--prior",
                "laplace",
            ],
        ),
        ("y", &["--posterior", "full", "--prior", "two-normals", "--step-draws", "3"]),
        ("y", &["--posterior", "point,mean-field", "--likelihood", "predicted"]),
        ("y", &["--likelihood", "known", "--noise-scale", "0.2"]),
        ("y", &["--likelihood", "student-t", "--freedom", "3"]),
        ("n", &["--likelihood", "poisson", "--estimator", "local"]),
        ("c", &["--estimator", "local", "--posterior", "mean-field,low-rank"]),
        ("c", &["--prior", "horseshoe", "--posterior", "mean-field,point"]),
    ];
    for (target, flags) in cases {
        let folder = folder();
        let folder = folder.path();
        let ok = |arguments: &[&str]| {
            let (code, stdout, stderr) = run(folder, arguments);
            assert_eq!(code, Some(0), "{flags:?}, {arguments:?}: {stderr}");
            stdout
        };
        ok(&train(target, flags));
        let quantiles: &[&str] = if *target == "c" { &[] } else { &["--quantiles", "0.1,0.9"] };
        let predicted = ok(&[&["predict", "r", "--data", "t.csv"], quantiles].concat());
        assert_eq!(predicted.lines().count(), 81, "{flags:?}");
        let density = ok(&["density", "r", "--data", "t.csv"]);
        let densities = density.lines().skip(1).map(|line| line.trim().parse::<f64>().unwrap());
        assert!(densities.into_iter().all(f64::is_finite), "{flags:?}");
        assert!(ok(&["inspect", "r"]).contains("layer 1: "), "{flags:?}");
        ok(&["evaluate", "r", "--data", "t.csv"]);
        if *target == "n" {
            // Quantiles of counts are counts.
            let whole = predicted.lines().skip(1).flat_map(|line| line.split(',').rev().take(2));
            let mut whole = whole.map(|value| value.trim().parse::<f64>().unwrap());
            assert!(whole.all(|value| value >= 0.0 && value.fract() == 0.0), "{predicted}");
        }
    }
}

/// Rows so far out that single precision overflows, among others.
#[test]
fn rows_beyond_the_networks_precision_are_answered_with_nan_and_no_other_row_notices() {
    for (target, likelihood) in
        [("y", "gaussian"), ("y", "predicted"), ("y", "student-t"), ("n", "poisson")]
    {
        let folder = folder();
        let folder = folder.path();
        let ok = |arguments: &[&str]| {
            let (code, stdout, stderr) = run(folder, arguments);
            assert_eq!(code, Some(0), "{likelihood}, {arguments:?}: {stderr}");
            stdout
        };
        ok(&train(target, &["--likelihood", likelihood]));
        let rows = |far: &str| {
            let text = format!("a,b\n0.3,-0.2\n-{far},{far}\n0.1,0.9\n");
            fs::write(folder.join("new.csv"), text).unwrap();
            let answer = ok(&["predict", "r", "--data", "new.csv", "--quantiles", "0.1"]);
            answer.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        let near = rows("0.5");
        for far in ["1e20", "1e38"] {
            let found = rows(far);
            assert_eq!([&found[0], &found[2]], [&near[0], &near[2]], "{likelihood}, {far}");
            assert_ne!(found[1], near[1], "{likelihood}, {far}");
            // A rate is an exponential, which overflows before its logarithm does.
            let lost = if target == "n" { "inf" } else { "NaN" };
            assert!(far != "1e38" || found[1].contains(lost), "{likelihood}: {}", found[1]);
        }
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let folder = folder();
    for (target, flags, code, reason) in [
        ("y", &["--prior-scale", "0"][..], 2, "--prior-scale is 0"),
        ("y", &["--prior", "laplace", "--prior-scale=-1"], 2, "--prior-scale is -1"),
        (
            "y",
            &["--prior", "two-normals", "--narrow-scale", "3"],
            2,
            "the first must be the larger",
        ),
        ("y", &["--prior", "two-normals", "--wide-share", "1"], 2, "between 0 and 1"),
        ("y", &["--posterior", "full", "--estimator", "local"], 2, "only the shared draw"),
        ("y", &["--posterior", "full,full,full"], 2, "names 3 for 2 layers"),
        ("y", &["--posterior", "low-rank", "--rank", "0"], 2, "at least 1"),
        ("y", &["--posterior", "mean-field,point", "--prior", "learned"], 2, "without bound"),
        ("y", &["--prior", "horseshoe", "--prior-scale", "nan"], 2, "--prior-scale is NaN"),
        ("y", &["--step-draws", "0"], 2, "at least 1"),
        ("y", &["--likelihood", "known", "--noise-scale", "0"], 2, "--noise-scale is 0"),
        ("y", &["--likelihood", "student-t", "--freedom=-2"], 2, "--freedom is -2"),
        ("c", &["--likelihood", "poisson"], 2, "a class has its own"),
        ("y", &["--likelihood", "poisson"], 3, "a Poisson target is a whole number"),
    ] {
        let (found, stdout, stderr) = run(folder.path(), &train(target, flags));
        assert_eq!((found, stdout.as_str()), (Some(code), ""), "{flags:?}: {stderr}");
        assert!(stderr.contains(reason) && !stderr.contains("panicked"), "{flags:?}: {stderr}");
        assert!(!folder.path().join("r").exists(), "{flags:?}: a run was begun");
    }
}
