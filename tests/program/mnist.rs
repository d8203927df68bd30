//! `evidence reproduce mnist`: on the digits that come with the project, written as IDX files of 8 x 8 pixels.

use super::common::{ended, fresh, program, text};
use evidence::train::data::digits;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    ended(&mut program(arguments))
}

/// A file of bytes with axes of these lengths.
fn idx(axes: &[usize], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, axes.len() as u8];
    axes.iter().for_each(|n| file.extend((*n as u32).to_be_bytes()));
    file.extend(bytes);
    file
}

/// 1,200 digits to learn from and 200 to score on, sixteen grey levels of MNIST for one of theirs.
fn folder(name: &str) -> PathBuf {
    let folder = fresh(name);
    let data = digits();
    let labels = data.classes().unwrap();
    for (part, rows) in [("train", 0..1200), ("t10k", 1200..1400)] {
        let pixels: Vec<u8> = rows
            .clone()
            .flat_map(|row| data.features().row(row).to_vec())
            .map(|ink| (ink * 255.0 / 16.0).round() as u8)
            .collect();
        let labels: Vec<u8> = labels[rows.clone()].iter().map(|label| *label as u8).collect();
        let write = |what: &str, file: Vec<u8>| {
            fs::write(folder.join(format!("{part}-{what}-ubyte")), file).unwrap();
        };
        write("images-idx3", idx(&[rows.len(), 8, 8], &pixels));
        write("labels-idx1", idx(&[rows.len()], &labels));
    }
    folder
}

fn scores(folder: &Path, more: &[&str]) -> Vec<Value> {
    let arguments = [&["reproduce", "mnist", text(folder), "--json"], more].concat();
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let mut found: Vec<Value> = serde_json::from_str(&stdout).expect("valid JSON");
    found.iter_mut().for_each(|scores| scores["seconds"] = Value::Null);
    found
}

#[test]
fn digits_are_learned_with_calibrated_doubt_that_grows_as_they_are_turned() {
    let folder = folder("mnist");
    let plots = folder.join("plots");
    let flags = ["--epochs", "15", "--prior", "normal", "--threads"];
    let first = scores(&folder, &[&flags[..], &["1", "--out", text(&plots)]].concat());
    assert_eq!(first, scores(&folder, &[&flags[..], &["3"]].concat()), "on any number of threads");
    let [normal] = &first[..] else { panic!("one prior") };
    let number = |value: &Value| value.as_f64().expect("a number");
    assert_eq!(normal["training_images"], 1200);
    assert_eq!(normal["scored_images"], 200);
    // By chance nine in ten would be wrong. ln 10 is what knowing nothing costs.
    assert!(number(&normal["error"]) < 0.2, "{normal}");
    assert!(number(&normal["log_density"]) > -0.7, "{normal}");
    assert!(number(&normal["kl"]) > 0.0);

    // The bins hold all images; the error and the calibration error are theirs.
    let bins = normal["reliability"].as_array().unwrap();
    let sum = |of: &dyn Fn(&Value) -> f64| bins.iter().map(of).sum::<f64>() / 200.0;
    assert!((sum(&|bin| number(&bin["images"])) - 1.0).abs() < 1e-12);
    let right = sum(&|bin| number(&bin["images"]) * number(&bin["accuracy"]));
    assert!((right - 1.0 + number(&normal["error"])).abs() < 1e-9);
    let gap = sum(&|bin| {
        number(&bin["images"]) * (number(&bin["accuracy"]) - number(&bin["confidence"])).abs()
    });
    assert!((gap - number(&normal["calibration_error"])).abs() < 1e-9);

    // Upright digits are what it knows. Entropy is the sum of its two parts, and at most ln 10.
    let turned = normal["turned"].as_array().unwrap();
    let degrees: Vec<f64> = turned.iter().map(|row| number(&row["degrees"])).collect();
    assert!(degrees.iter().copied().eq((0..=12).map(|i| 15.0 * f64::from(i))));
    assert_eq!(turned[0]["error"], normal["error"], "all of them, not turned");
    for row in turned {
        let [whole, a, e] = ["entropy", "aleatoric", "epistemic"].map(|key| number(&row[key]));
        assert!((whole - a - e).abs() < 1e-9 && a > 0.0 && e > 0.0, "{row}");
        assert!(whole < 10.0_f64.ln(), "{row}");
    }
    assert!(number(&turned[6]["error"]) > 2.0 * number(&turned[0]["error"]));
    assert!(number(&turned[6]["entropy"]) > number(&turned[0]["entropy"]));

    let circles = |name: &str| {
        let svg = fs::read_to_string(plots.join(name)).unwrap();
        assert!(svg.starts_with("<svg"));
        svg.matches("<circle").count()
    };
    assert_eq!(circles("mnist_gaussian_reliability.svg"), bins.len());
    circles("mnist_gaussian_turned.svg");
}

#[test]
fn both_priors_stand_beside_what_was_published_and_a_part_may_be_held_out() {
    let folder = folder("mnist_table");
    let found = scores(&folder, &["--epochs", "4", "--hurry", "2", "--held-out"]);
    let [normal, mixture] = &found[..] else { panic!("two priors") };
    assert_eq!(normal["published_error"], 0.0182);
    assert_eq!(mixture["published_error"], 0.0136);
    for scores in &found {
        assert_eq!(scores["epochs"], 2);
        assert_eq!([&scores["training_images"], &scores["scored_images"]], [1000, 200]);
    }
    // Held out: what is in the test part has no say.
    let labels = folder.join("t10k-labels-idx1-ubyte");
    fs::write(&labels, idx(&[200], &[7; 200])).unwrap();
    assert_eq!(found, scores(&folder, &["--epochs", "4", "--hurry", "2", "--held-out"]));

    let (code, stdout, _) =
        run(&["reproduce", "mnist", text(&folder), "--epochs", "1", "--prior", "two-normals"]);
    assert_eq!(code, Some(0));
    for words in ["mixture prior", "1.36 %", "log-density", "confidence", "180°", "epistemic"] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[test]
fn folders_that_are_not_mnist_are_refused_with_their_place() {
    type Broken = (&'static str, &'static str, Option<Vec<u8>>, &'static str);
    let images = "train-images-idx3-ubyte";
    let cases: [Broken; 8] = [
        ("missing", "t10k-labels-idx1-ubyte", None, "neither \"t10k-labels-idx1-ubyte\" nor"),
        (
            "no_idx",
            images,
            Some(b"a,b\nx,y\n".to_vec()),
            "train-images-idx3-ubyte: holds 2 columns",
        ),
        ("cut", images, Some(idx(&[1200, 8, 8], &[0; 100])), "train-images-idx3-ubyte: "),
        (
            "oblong",
            images,
            Some(idx(&[1200, 4, 8], &[0; 38_400])),
            "images of (8, 8) pixels, where those of the other part have (4, 8)",
        ),
        ("count", images, Some(idx(&[2, 8, 8], &[0; 128])), "1200 labels for 2 images"),
        (
            "other",
            "t10k-images-idx3-ubyte",
            Some(idx(&[200, 7, 7], &[0; 9_800])),
            "images of (7, 7) pixels, where those of the other part have (8, 8)",
        ),
        (
            "label",
            "train-labels-idx1-ubyte",
            Some(idx(&[1200], &[[3; 700], [10; 700]].concat()[..1200])),
            "training image 700 (counted from 0) has label 10; labels are 0 to 9",
        ),
        (
            "columns",
            "train-labels-idx1-ubyte",
            Some(idx(&[1200, 2], &[0; 2400])),
            "2 columns, \"column 0\" to \"column 1\", not labels: one axis",
        ),
    ];
    for (name, file, content, reason) in cases {
        let folder = folder(&format!("mnist_{name}"));
        match content {
            Some(content) => fs::write(folder.join(file), content).unwrap(),
            None => fs::remove_file(folder.join(file)).unwrap(),
        }
        let (code, stdout, stderr) = run(&["reproduce", "mnist", text(&folder), "--epochs", "1"]);
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{name}: {stderr}");
        assert!(stderr.contains(reason), "{name}: {stderr}");
    }
    let (code, _, stderr) = run(&["reproduce", "mnist", "nowhere-at-all"]);
    assert!(code == Some(3) && stderr.contains("has neither"), "{stderr}");
    let folder = folder("mnist_oblong_all");
    for (part, rows) in [("train", 1200), ("t10k", 200)] {
        let file = idx(&[rows, 4, 16], &vec![0; rows * 64]);
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), file).unwrap();
    }
    let (code, _, stderr) = run(&["reproduce", "mnist", text(&folder), "--epochs", "1"]);
    assert!(code == Some(3) && stderr.contains("4 by 16 pixels; they must be square"), "{stderr}");
}
