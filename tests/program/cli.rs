//! The command line as a user meets it: what it prints, what it writes, how it ends.

use super::common::{ended, fresh, program, text};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::process::Stdio;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(&mut program(arguments))
}

#[test]
fn help_names_every_flag_and_the_exit_codes() {
    let (code, stdout, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for part in ["check", "--out", "--json", "--threads", "--seed", "--hurry", "Exit codes"] {
        assert!(stdout.contains(part), "no {part}: {stdout}");
    }
    assert_eq!(run(&["check", "--help"]).0, Some(0));
    // Each kind of model is told apart, by a line of its own.
    let (_, kinds, _) = run(&["train", "--help"]);
    for kind in ["dense", "bayes", "autoencoder", "vae", "flow"] {
        let mut lines = kinds.lines().filter_map(|line| line.trim().strip_prefix(kind));
        let about = lines.next().unwrap_or_else(|| panic!("no {kind}: {kinds}")).trim();
        assert_eq!(kinds.matches(about).count(), 1, "{kinds}");
        assert!(run(&["train", kind, "--help"]).1.starts_with(about), "{kind}");
    }
    let (code, stdout, _) = run(&["--version"]);
    assert_eq!((code, stdout.trim()), (Some(0), concat!("evidence ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn wrong_usage_is_refused_with_a_reason() {
    for (arguments, reason) in [
        (&["--nosuch"][..], "--nosuch"),
        (&["nosuch"], "nosuch"),
        (&["check", "--nosuch"], "--nosuch"),
        (&["--hurry", "0"], "0 is not in 1.."),
        (&["--hurry", "-1"], "-1"),
        (&["--seed", "x"], "invalid digit"),
        (&["--threads", "1000000"], "1000000 is not in 0..=1024"),
        (&["--out"], "--out"),
        (&["check", "nosuch"], "no check has \"nosuch\" in its name; `evidence check` alone lists"),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
    }
}

#[test]
fn checks_print_a_line_each_and_end_with_a_count() {
    let (code, stdout, _) = run(&["check", "matmul"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = stdout.lines().collect();
    let (last, rows) = lines.split_last().expect("lines");
    assert!(!rows.is_empty());
    assert_eq!(*last, format!("{} passed, 0 failed", rows.len()));
    assert!(rows.iter().all(|row| row.starts_with("ok ") && row.contains("matmul")), "{stdout}");

    for threads in ["1", "3"] {
        let (code, json, _) = run(&["check", "matmul", "--json", "--threads", threads]);
        assert_eq!(code, Some(0));
        let json: Value = serde_json::from_str(&json).expect("valid JSON");
        let json = json.as_array().expect("a list");
        assert_eq!(json.len(), rows.len());
        for (row, line) in json.iter().zip(rows) {
            assert!(line.contains(row["name"].as_str().expect("a name")), "{row} {line}");
            assert_eq!(row["passed"], true);
            let errors = row["errors"].as_array().expect("measured errors");
            assert!(!errors.is_empty());
            for error in errors {
                assert!(error["error"].as_f64() <= error["bound"].as_f64(), "{row}");
            }
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command = program(&["check", "a"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

/// Refused at once: the lecture itself would take a minute and more.
#[test]
fn a_folder_that_cannot_be_written_is_refused_before_any_work() {
    let folder = fresh("unwritable");
    let file = folder.join("file");
    fs::write(&file, "mine").unwrap();
    let mut cases = vec![file.clone(), file.join("below")];
    let locked = folder.join("locked");
    fs::create_dir(&locked).unwrap();
    let mut permissions = fs::metadata(&locked).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&locked, permissions).unwrap();
    // The administrator may write anywhere.
    if fs::write(locked.join("try"), "").is_err() {
        cases.extend([locked.clone(), locked.join("below")]);
    }
    for case in cases {
        let (code, stdout, stderr) = run(&["--out", text(&case)]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for part in [text(&case), "cannot be written", "choose another folder with --out"] {
            assert!(stderr.contains(part), "no {part}: {stderr}");
        }
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

/// Without what the clock decides.
fn timeless(mut summary: Value) -> Value {
    summary["seconds"] = Value::Null;
    for model in summary["models"].as_array_mut().expect("models") {
        assert!(model["seconds"].as_f64().expect("seconds") >= 0.0);
        model["seconds"] = Value::Null;
    }
    summary
}

#[test]
fn the_lecture_in_a_hurry_writes_everything_the_same_on_any_number_of_threads() {
    let folder = fresh("lecture");
    let mut summaries = Vec::new();
    let mut pictures = Vec::new();
    for (threads, seed) in [("1", "0"), ("3", "0"), ("2", "5")] {
        // Not there yet, and not directly below a folder that is.
        let out = folder.join(threads).join("out");
        let (code, stdout, stderr) = run(&[
            "--hurry",
            "60",
            "--json",
            "--threads",
            threads,
            "--seed",
            seed,
            "--out",
            text(&out),
        ]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert_eq!(stdout, fs::read_to_string(out.join("summary.json")).unwrap());
        let summary: Value = serde_json::from_str(&stdout).expect("valid JSON");
        assert_eq!(summary["models"].as_array().map(Vec::len), Some(7), "{summary}");
        let mut files: Vec<_> =
            fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        let names: Vec<&str> = files.iter().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(names, FILES, "all of them and nothing else");
        pictures.push(FILES.map(|name| {
            let content = fs::read_to_string(out.join(name)).unwrap();
            assert!(!content.is_empty(), "{name}");
            if name.ends_with(".svg") {
                assert!(content.starts_with("<svg") && content.trim_end().ends_with("</svg>"));
                content
            } else {
                String::new()
            }
        }));
        summaries.push(timeless(summary));
    }
    assert_eq!(summaries[0], summaries[1], "threads");
    assert!(pictures[0] == pictures[1], "pictures on 1 and on 3 threads");
    assert_ne!(summaries[0]["models"], summaries[2]["models"], "the seed");

    // The VAE's importance estimate is above its ELBO.
    let find = |part: &str| {
        let vae = summaries[0]["models"]
            .as_array()
            .unwrap()
            .iter()
            .find(|model| model["model"].as_str().is_some_and(|name| name.starts_with("VAE")));
        let metrics = vae.expect("a VAE")["metrics"].as_array().unwrap().clone();
        let metric = metrics.iter().find(|m| m[0].as_str().is_some_and(|n| n.starts_with(part)));
        metric.expect("a metric")[1].as_f64().expect("a number")
    };
    assert!(find("log p(x)") >= find("ELBO"));
}

const FILES: [&str; 9] = [
    "digits_latent_plane.svg",
    "digits_reconstructions.svg",
    "digits_samples.svg",
    "digits_training.svg",
    "moons_density.svg",
    "moons_samples.svg",
    "summary.json",
    "wine_intervals.svg",
    "wine_training.svg",
];
