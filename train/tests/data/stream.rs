//! A table read once from disk is decided upon as the same table in memory is.

use crate::bytes::{alone, doubles, npy};
use allocation_counter::measure;
use evidence_train::data::{
    Column, Dataset, Frame, Missing, ReadOptions, Scaling, SchemaOptions, Standardize, StreamError,
    Streamed, TargetUse, read,
};
use ndarray::Array2;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn wave(i: usize, k: f64) -> f64 {
    (i as f64 * k).sin()
}

/// Columns that a careless sum of squares gets wrong, and the row's number, which stays as it is.
fn awkward(i: usize) -> [f64; 9] {
    [
        i as f64,
        wave(i, 0.7),
        1e9 + wave(i, 1.3),
        1e200 * wave(i, 0.3),
        1e-200 * wave(i, 0.9),
        7.0,
        0.1 + 0.2 * f64::from(u8::from(i == 77)) * f64::EPSILON,
        i as f64 * 1e6,
        if i == 0 { 1e12 } else { wave(i, 2.1) },
    ]
}

fn options(target: &str) -> SchemaOptions {
    SchemaOptions {
        targets: vec![target.into()],
        targets_scaling: Scaling::Raw,
        ..SchemaOptions::default()
    }
}

/// The rows to train on: those that are in neither part held out. The target is the row's number.
fn training(table: &Streamed, rows: usize) -> Vec<usize> {
    let held = [&table.validation, &table.test].map(ids).concat();
    let held: std::collections::HashSet<usize> = held.into_iter().collect();
    (0..rows).filter(|row| !held.contains(row)).collect()
}

fn ids(data: &Dataset) -> Vec<usize> {
    data.targets().unwrap().iter().map(|&id| id as usize).collect()
}

fn numbers(frame: &Frame) -> Array2<f64> {
    let column = |column: &Column| match column {
        Column::Numbers(x) => x.clone(),
        Column::Text(text) => panic!("{text:?}"),
    };
    let columns: Vec<Vec<f64>> = frame.columns().iter().map(column).collect();
    Array2::from_shape_fn((frame.rows(), columns.len()), |(i, j)| columns[j][i])
}

/// The arrays are read in ten portions, the text in three.
#[test]
fn means_and_scales_are_those_of_the_rows_in_memory() {
    let rows = 150_000;
    let all: Vec<[f64; 9]> = (0..rows).map(awkward).collect();
    let array = npy("<f8", false, &format!("({rows}, 9)"), &doubles(all.as_flattened()));
    let mut text = String::new();
    for row in &all {
        let cells: Vec<String> = row.iter().map(|x| format!("{x:e}")).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    for (name, bytes) in [("t.npy", array), ("t.csv", text.into_bytes())] {
        let (_folder, path) = file(name, &bytes);
        let frame = read(&path, &ReadOptions::default()).unwrap();
        let table =
            Streamed::fit(&path, &ReadOptions::default(), &options("column 1"), rows).unwrap();
        assert!(table.schema.is_of(&frame), "{name}: the fingerprint");
        assert_eq!(table.schema.rows(), rows);
        let training = training(&table, rows);
        assert_eq!(training.len(), table.stream.rows());
        let values = numbers(&frame);
        let features = values.slice(ndarray::s![.., 1..]);
        let expected = Standardize::fit(features, &training).unwrap();
        let found = table.schema.feature_scaling();
        for column in 0..8 {
            let (mean, scale) = (expected.mean()[column], expected.scale()[column]);
            let off = (found.mean()[column] - mean).abs() / scale.max(mean.abs());
            let stretched = (found.scale()[column] / scale - 1.0).abs();
            assert!(off < 1e-12 && stretched < 1e-12, "{name}, column {column}: {off} {stretched}");
        }
        // What is held out is what the table in memory becomes.
        let applied = table.schema.apply(&frame, TargetUse::Required).unwrap().data;
        for held in [&table.validation, &table.test] {
            assert_eq!(*held, applied.select(&ids(held)).unwrap(), "{name}");
            let share = held.rows() as f64 / rows as f64;
            assert!((share - 0.1).abs() < 4.0 * (0.09 / rows as f64).sqrt(), "{name}: {share}");
        }
    }
}

/// Three columns: a colour (one of them rare), a class, and the row's number.
fn coloured(rows: usize) -> String {
    let row = |i: usize| {
        let colour = if i + 1 == rows { "pink" } else { ["red", "blue"][i % 2] };
        format!("{colour},{},{i}\n", (i * i) % 3)
    };
    format!("colour,kind,id\n{}", (0..rows).map(row).collect::<String>())
}

#[test]
fn levels_classes_and_dropped_rows_are_those_of_the_table_in_memory() {
    let text = coloured(300_000).replace("\nred,1,", "\nred,,");
    let (_folder, path) = file("t.csv", text.as_bytes());
    let reading = ReadOptions { missing: Missing::DropRows, ..ReadOptions::default() };
    let options = SchemaOptions {
        targets: vec!["kind".into()],
        categorical: vec!["colour".into()],
        class: true,
        ..SchemaOptions::default()
    };
    let table = Streamed::fit(&path, &reading, &options, 1000).unwrap();
    let frame = read(&path, &reading).unwrap();
    assert!(table.dropped == frame.dropped() && table.dropped > 0);
    assert!(table.schema.is_of(&frame));
    let names = ["colour=blue", "colour=pink", "colour=red", "id"];
    assert_eq!(table.schema.feature_names(), names);
    assert_eq!(table.schema.classes().unwrap(), ["0", "1"]);
    // The same by the schema alone, as a run that goes on does it.
    let again = Streamed::again(&path, &reading, table.schema.clone(), 1000).unwrap();
    assert_eq!((&again.validation, &again.test), (&table.validation, &table.test));
    assert_eq!(again.stream.rows(), table.stream.rows());
}

#[test]
fn rows_held_out_are_no_more_than_the_window_and_from_all_over_the_file() {
    let (_folder, path) = file("t.csv", coloured(20_000).as_bytes());
    let options = SchemaOptions { features: vec!["kind".into()], ..options("id") };
    for window in [100, 500] {
        let table = Streamed::fit(&path, &ReadOptions::default(), &options, window).unwrap();
        for held in [&table.validation, &table.test] {
            let ids = ids(held);
            assert!(ids.len() == window && ids.is_sorted());
            let mean = ids.iter().sum::<usize>() as f64 / window as f64 / 20_000.0;
            assert!((mean - 0.5).abs() < 4.0 / (12.0 * window as f64).sqrt(), "{mean}");
        }
    }
}

#[test]
fn what_cannot_be_streamed_is_refused() {
    let (folder, path) = file("t.csv", coloured(200).as_bytes());
    let reading = ReadOptions::default();
    let fit = |path: &Path, options: &SchemaOptions, window| {
        Streamed::fit(path, &reading, options, window).unwrap_err().to_string()
    };
    let good = SchemaOptions { features: vec!["kind".into()], ..options("id") };
    let greedy = evidence_train::data::SplitOptions {
        train: 0.999_999_8,
        validation: 1e-7,
        test: 1e-7,
        seed: 0,
    };
    let table = [
        (fit(&path, &good, 0), "a window of 0 rows"),
        (fit(&folder.path().join("none.csv"), &good, 9), "none.csv"),
        (fit(&path, &options("id"), 9), "column \"colour\" holds text"),
        (fit(&path, &options("nosuch"), 9), "no column is called \"nosuch\""),
        (fit(&path, &SchemaOptions { split: greedy, ..good.clone() }, 9), "validation"),
        (
            fit(
                &path,
                &SchemaOptions {
                    split: evidence_train::data::SplitOptions { test: 0.5, ..greedy },
                    ..good.clone()
                },
                9,
            ),
            "add up to",
        ),
    ];
    for (error, word) in table {
        assert!(error.contains(word), "\"{word}\" is not in {error}");
    }
    let schema = Streamed::fit(&path, &reading, &good, 9).unwrap().schema;
    std::fs::write(&path, coloured(201)).unwrap();
    let error = Streamed::again(&path, &reading, schema, 9).unwrap_err();
    assert!(matches!(error, StreamError::Changed { .. }), "{error}");
    #[cfg(unix)]
    {
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(fit(&pipe, &good, 9).contains("only once"));
    }
}

/// Memory holds a portion of the file and the window, however many rows there are.
#[test]
fn a_pass_over_four_times_the_rows_takes_no_more_memory() {
    let peak = |rows: usize| {
        let (_folder, path) = file("t.csv", coloured(rows).as_bytes());
        let options = SchemaOptions { features: vec!["kind".into()], ..options("id") };
        let reading = ReadOptions::default();
        measure(|| drop(Streamed::fit(&path, &reading, &options, 1000).unwrap())).bytes_max
    };
    // Two portions and eight.
    let (short, long) = alone(|| (peak(600_000), peak(2_400_000)));
    assert!(short > 4 << 20, "the count sees the portions, {short} bytes");
    assert!(long < short + short / 10, "{long} bytes in place of {short}");
}
