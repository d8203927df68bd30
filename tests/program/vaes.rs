//! Autoencoders by every likelihood and objective, what is refused of them, and the published table of binarised images.

use crate::common::{ended, folder, ok, program, refused, text, train};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A hundred and twenty rows of four columns of five levels, and a table of numbers.
fn tables() -> tempfile::TempDir {
    let folder = folder();
    let level = |i: usize, k: usize| (i * (k + 3) / 7 + i * i / (k + 2)) % 5;
    let row = |i: usize| [0, 1, 2, 3].map(|k| level(i, k).to_string()).join(",");
    let rows: String = (0..120).map(|i| row(i) + "\n").collect();
    fs::write(folder.path().join("p.csv"), format!("a,b,c,d\n{rows}")).unwrap();
    folder
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A formula gives a number for any row, also for one that has no probability.
#[test]
fn rows_without_a_probability_are_refused_wherever_one_is_asked_for() {
    let tables = tables();
    let folder = tables.path();
    let table = fs::read_to_string(folder.join("p.csv")).unwrap();
    // One number in the midst of the others, which no column's least and greatest show.
    let spoilt = |row: usize, cell: &str| {
        let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
        lines[row + 1] = format!("{cell},1,1,1");
        lines.join("\n") + "\n"
    };
    fs::write(folder.join("between.csv"), spoilt(7, "1.5")).unwrap();
    fs::write(folder.join("beyond.csv"), spoilt(7, "-300")).unwrap();
    let start = ["--scaling", "unit", "--epochs", "2", "--hidden", "8"];
    let levels = ["--likelihood", "levels", "--levels", "5"];
    for (kind, name, flags) in [
        ("vae", "levels", &levels[..]),
        ("vae", "bernoulli", &["--likelihood", "bernoulli"]),
        ("autoencoder", "steps", &levels),
    ] {
        ok(
            folder,
            &[&["train", kind, "--data", "p.csv", "--out", name][..], &start, flags].concat(),
        );
        let file = if flags.len() > 2 { "between.csv" } else { "beyond.csv" };
        refused(
            folder,
            &["evaluate", name, "--data", file],
            3,
            &["row 7, column 0", "counted from 0"],
        );
        if kind == "vae" {
            refused(folder, &["density", name, "--data", file], 3, &["row 7, column 0"]);
        }
        // To be encoded, a row needs no probability.
        ok(folder, &["encode", name, "--data", file]);
    }
    // Of a table that is read in windows, every row to learn from is looked at.
    for window in ["0", "20"] {
        let data = ["train", "vae", "--data", "between.csv", "--out", "new", "--window", window];
        refused(
            folder,
            &[&data[..], &start, &levels].concat(),
            2,
            &["row 7, column 0", "--scaling unit"],
        );
        assert!(!folder.join("new").exists());
    }
    fs::write(folder.join("counts.csv"), table.replacen("a,b,c,d", "y,b,c,d", 1)).unwrap();
    fs::write(folder.join("half.csv"), spoilt(7, "1.5").replacen("a,b,c,d", "y,b,c,d", 1)).unwrap();
    for window in ["0", "20"] {
        let of = |data, out| {
            let start =
                ["train", "bayes", "--target", "y", "--likelihood", "poisson", "--epochs", "1"];
            [&start[..], &["--hidden", "4", "--window", window, "--data", data, "--out", out]]
                .concat()
        };
        refused(folder, &of("half.csv", "new"), 3, &["row 7, column 0", "whole number"]);
        ok(folder, &of("counts.csv", &format!("counts{window}")));
    }
}

#[test]
fn every_likelihood_and_objective_trains_and_answers() {
    let tables = tables();
    let folder = tables.path();
    let unit: &[&str] = &["--data", "p.csv", "--scaling", "unit"];
    let raw: &[&str] = &["--data", "t.csv", "--drop", "y"];
    let cases: [(&str, &[&str], &[&str]); 16] = [
        ("known", raw, &["--likelihood", "known", "--noise-scale", "0.5"]),
        ("predicted", raw, &["--likelihood", "predicted"]),
        ("bernoulli", unit, &["--likelihood", "bernoulli"]),
        ("continuous", unit, &["--likelihood", "continuous-bernoulli"]),
        ("levels", unit, &["--likelihood", "levels", "--levels", "5"]),
        ("beta", raw, &["--beta", "0.5", "--warm-up", "2"]),
        ("free", raw, &["--free-bits", "0.3"]),
        ("weighted", raw, &["--step-draws", "3"]),
        (
            "pathwise",
            unit,
            &["--likelihood", "bernoulli", "--step-draws", "3", "--gradient", "pathwise"],
        ),
        ("vamp", unit, &["--likelihood", "bernoulli", "--prior", "vamp", "--prior-parts", "7"]),
        ("flow", raw, &["--prior", "flow"]),
        ("bent", raw, &["--posterior-layers", "2"]),
        ("full", raw, &["--posterior", "full"]),
        ("fuller", raw, &["--posterior", "full", "--step-draws", "3", "--prior", "vamp"]),
        ("fullest", raw, &["--posterior", "full", "--posterior-layers", "1", "--kl", "sampled"]),
        ("warm", raw, &["--step-draws", "3", "--warm-up", "3"]),
    ];
    for (name, data, flags) in cases {
        let start = ["train", "vae", "--out", name, "--epochs", "5", "--hidden", "8", "--json"];
        let found: Value =
            serde_json::from_str(&ok(folder, &[&start[..], data, flags].concat())).unwrap();
        for score in ["ELBO", "log p(x)", "effective samples"] {
            assert!(number(&found["test"][score]).is_finite(), "{name}: {found}");
        }
        let file = data[1];
        let told = ok(folder, &["evaluate", name, "--data", file, "--latents", "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        for latent in 0..2 {
            assert!(number(&told["latents"]["kl"][latent]) >= 0.0, "{name}");
            let active = number(&told["latents"]["variance_of_mean"][latent]) > 0.01;
            assert_eq!(told["latents"]["active"][latent], active, "{name}");
        }
        let text = ok(folder, &["evaluate", name, "--data", file, "--latents"]);
        assert!(text.contains("of 2 latents are active over 120 rows"), "{name}: {text}");
        let sample = ok(folder, &["sample", name, "-n", "40"]);
        let cells = sample.lines().skip(1).flat_map(|line| line.split(','));
        let cells: Vec<f64> = cells.map(|cell| cell.parse().unwrap()).collect();
        assert!(cells.iter().all(|cell| cell.is_finite()));
        // Draws are data: of five levels, or of two, in the table's own units.
        let whole =
            |among: &[f64]| cells.iter().all(|cell| among.iter().any(|x| (x - cell).abs() < 1e-4));
        match name {
            "levels" => assert!(whole(&[0.0, 1.0, 2.0, 3.0, 4.0]), "{sample}"),
            "bernoulli" | "pathwise" | "vamp" => assert!(whole(&[0.0, 4.0]), "{sample}"),
            "continuous" => assert!(cells.iter().all(|x| (0.0..=4.0).contains(x)), "{sample}"),
            _ => {}
        }
        if name.starts_with("full") {
            let config = fs::read_to_string(folder.join(name).join("config.toml")).unwrap();
            assert!(config.contains("posterior = \"full\""), "{config}");
            // Two means, two log-scales and one number below the diagonal.
            let about = ok(folder, &["inspect", name]);
            let row = about.lines().find(|line| line.contains("encoder.1.bias")).unwrap();
            assert!(row.contains('5'), "{row}");
            ok(folder, &["resume", name, "--epochs", "6"]);
        }
        for subcommand in ["density", "reconstruct", "encode"] {
            assert_eq!(ok(folder, &[subcommand, name, "--data", file]).lines().count(), 121);
        }
    }
    // A density has the table's unit, a probability none: columns twice as wide halve the one and leave the other.
    let wide = fs::read_to_string(folder.join("p.csv")).unwrap();
    let wide = wide.replace('4', "8").replace('3', "6").replace('2', "4").replace('1', "2");
    fs::write(folder.join("wide.csv"), wide).unwrap();
    for (likelihood, change) in [
        ("known", -4.0 * 2.0_f64.ln()),
        ("predicted", -4.0 * 2.0_f64.ln()),
        ("continuous-bernoulli", -4.0 * 2.0_f64.ln()),
        ("bernoulli", 0.0),
        ("levels", 0.0),
    ] {
        let score = |data: &str| {
            let out = format!("{data}-{likelihood}");
            let start = ["train", "vae", "--scaling", "unit", "--epochs", "2", "--json"];
            let levels: &[&str] = if likelihood == "levels" { &["--levels", "5"] } else { &[] };
            let rest = ["--likelihood", likelihood, "--data", data, "--out", &out];
            let found = ok(folder, &[&start[..], levels, &rest].concat());
            let found: Value = serde_json::from_str(&found).unwrap();
            number(&found["test"]["log p(x)"])
        };
        let apart = score("wide.csv") - score("p.csv");
        assert!((apart - change).abs() < 1e-3, "{likelihood}: {apart}, not {change}");
    }
}

#[test]
fn options_that_cannot_be_are_refused_with_a_reason() {
    let tables = tables();
    let folder = tables.path();
    for (kind, flags, words) in [
        ("vae", &["--latents", "5"][..], &["5 latents for data of 4 columns", "--latents"][..]),
        ("vae", &["--latents", "0"], &["at least one column", "--latents"]),
        ("autoencoder", &["--latents", "4"], &["it must be narrower", "--latents"]),
        ("autoencoder", &["--latents", "0"], &["at least one column"]),
        ("vae", &["--hidden", "0"], &["at least one unit", "--hidden"]),
        ("vae", &["--beta", "0"], &["β is 0", "--beta"]),
        ("vae", &["--free-bits=-1"], &["-1 nats free", "--free-bits"]),
        ("vae", &["--step-draws", "5", "--beta", "2"], &["--step-draws"]),
        ("vae", &["--posterior-layers", "1", "--free-bits", "1"], &["--free-bits", "diagonal"]),
        ("vae", &["--posterior", "full", "--free-bits", "1"], &["--free-bits", "diagonal"]),
        ("vae", &["--posterior-layers", "1", "--prior", "vamp"], &["--posterior-layers"]),
        ("vae", &["--posterior-layers", "99999999999"], &["64 layers"]),
        ("vae", &["--prior", "vamp", "--prior-parts", "99999999999"], &["parameters"]),
        ("vae", &["--likelihood", "known", "--noise-scale", "0"], &["--noise-scale is 0"]),
        (
            "autoencoder",
            &["--likelihood", "levels", "--levels", "1"],
            &["--levels: there are at least 2"],
        ),
        ("autoencoder", &["--denoise=-1"], &["-1", "--denoise"]),
        ("autoencoder", &["--mask", "1"], &["masked", "--mask"]),
        ("autoencoder", &["--mask", "0.1", "--denoise", "0.1"], &["choose one"]),
        ("autoencoder", &["--tied", "--likelihood", "predicted"], &["needs 8", "--tied"]),
        ("vae", &["--likelihood", "bernoulli"], &["between 0 and 1", "--scaling unit"]),
        ("vae", &["--likelihood", "continuous-bernoulli"], &["between 0 and 1", "--scaling unit"]),
        ("vae", &["--likelihood", "levels", "--levels", "4", "--scaling", "unit"], &["4 levels"]),
    ] {
        let start = ["train", kind, "--data", "p.csv", "--out", "r"];
        refused(folder, &[&start[..], flags].concat(), 2, words);
        assert!(!folder.join("r").exists());
    }
    ok(folder, &train("autoencoder", &["--drop", "y", "--epochs", "1", "--denoise", "0.3"], "a"));
    ok(folder, &train("autoencoder", &["--drop", "y", "--epochs", "1", "--mask", "0.3"], "b"));
    refused(folder, &["evaluate", "a", "--data", "t.csv", "--latents"], 2, &["no latents"]);
}

#[test]
fn tied_weights_are_kept_by_the_run_and_each_is_saved_once() {
    let tables = tables();
    let folder = tables.path();
    let flags = ["--hidden", "6,5", "--latents", "2", "--epochs", "3", "--mask", "0.1"];
    let train = |out: &str, more: &[&str]| {
        let start = ["train", "autoencoder", "--data", "p.csv", "--out", out];
        ok(folder, &[&start[..], &flags, more].concat());
        let about = ok(folder, &["inspect", out]);
        (fs::read_to_string(folder.join(out).join("config.toml")).unwrap(), about)
    };
    let (config, about) = train("tied", &["--tied"]);
    assert!(config.contains("tied = true"), "{config}");
    assert!(about.contains("encoder.2.weight") && about.contains("decoder.0.bias"), "{about}");
    assert!(!about.contains("decoder.0.weight"), "{about}");
    let (config, about) = train("untied", &[]);
    assert!(config.contains("tied = false") && about.contains("decoder.0.weight"), "{config}");
    ok(folder, &["resume", "tied", "--epochs", "5"]);
    let codes = ok(folder, &["encode", "tied", "--data", "p.csv"]);
    fs::write(folder.join("codes.csv"), &codes).unwrap();
    let decoded = ok(folder, &["decode", "tied", "--data", "codes.csv"]);
    let through = ok(folder, &["reconstruct", "tied", "--data", "p.csv"]);
    let cells = |table: &str| -> Vec<f64> {
        table.lines().skip(1).flat_map(|l| l.split(',')).map(|c| c.parse().unwrap()).collect()
    };
    let (decoded, through) = (cells(&decoded), cells(&through));
    assert_eq!(through.len(), 120 * 4);
    assert!(decoded.iter().zip(&through).all(|(a, b)| (a - b).abs() < 1e-4), "code by code");
    assert!(through.iter().any(|x| (x - through[0]).abs() > 1e-3), "rows differ");
}

/// A latent that the decoder has no use for collapses, and that is said.
#[test]
fn a_collapse_is_told_with_what_to_try() {
    let tables = tables();
    let arguments = train(
        "vae",
        &[
            "--drop",
            "y",
            "--hidden",
            "4",
            "--epochs",
            "60",
            "--beta",
            "50",
            "--learning-rate",
            "0.01",
        ],
        "r",
    );
    let output = crate::common::run(tables.path(), &arguments);
    let said = crate::common::err(&output);
    assert!(output.status.success() && said.contains("the same of every row"), "{said}");
    assert!(said.contains("warms up") && said.contains("free"), "{said}");
}

/// Four files of images of 8 × 8 pixels.
fn images(folder: &Path) {
    let idx = |sizes: &[u32], elements: Vec<u8>| {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(elements);
        bytes
    };
    for (part, n) in [("train", 60_u32), ("t10k", 20)] {
        let pixel = |i: u32, p: u32| if (p / 8 + i).is_multiple_of(4) { 240 } else { 10 };
        let pixels = (0..n).flat_map(|i| (0..64).map(move |p| pixel(i, p))).collect();
        let labels = (0..n).map(|i| (i % 4) as u8).collect();
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), idx(&[n, 8, 8], pixels))
            .unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), idx(&[n], labels)).unwrap();
    }
}

#[test]
fn the_published_network_is_trained_and_set_beside_the_published_rows() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let path = text(folder.path());
    let flags = ["--epochs", "3", "--batch", "20", "--samples", "20"];
    let run = |more: &[&str]| {
        ended(&mut program(&[&["reproduce", "vae", path][..], &flags, more].concat()))
    };
    for draws in ["1", "4"] {
        let (code, stdout, stderr) = run(&["--draws", draws, "--test-images", "10", "--json"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let found: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(found["test_images"], 10);
        assert!(number(&found["nll"]) > 0.0 && number(&found["nll"]) < -number(&found["elbo"]));
    }
    let (code, stdout, stderr) = run(&["--lead", "2"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("86.76") && stdout.contains("84.78") && stderr.contains("epoch    5"));
    let (code, _, stderr) = run(&["--learning-rate", "0"]);
    assert_eq!(code, Some(2), "{stderr}");
    fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte")).unwrap();
    let (code, _, stderr) = run(&[]);
    assert!(code == Some(3) && stderr.contains("t10k-labels-idx1-ubyte"), "{stderr}");
}
