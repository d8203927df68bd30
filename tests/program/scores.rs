//! Scores and what is said beside them: of which rows, how sure, and of what they warn.

use crate::common::{err, folder, ok, refused, run, train};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&ok(folder, &[arguments, &["--json"]].concat())).unwrap()
}

fn cells(csv: &str) -> Vec<Vec<f64>> {
    let row = |row: &str| row.split(',').map(|cell| cell.parse().unwrap()).collect();
    csv.lines().skip(1).map(row).collect()
}

/// Three classes in a plane, overlapping, and a column of no use.
fn classes(folder: &Path) {
    let wave = |i: usize, k: f64| (i as f64 * k).sin();
    let rows = (0..240).map(|i| {
        let (a, b) = (2.0 * wave(i, 0.7), 2.0 * wave(i, 1.3));
        let at = a + 0.8 * wave(i, 5.1);
        let class = if at < -0.7 {
            "left"
        } else if at < 0.7 {
            "middle"
        } else {
            "right"
        };
        format!("{a},{b},{class}\n")
    });
    fs::write(folder.join("c.csv"), format!("a,b,k\n{}", rows.collect::<String>())).unwrap();
}

fn classifier<'a>(kind: &'a str, out: &'a str) -> Vec<&'a str> {
    let rest = ["--epochs", "15", "--learning-rate", "0.02", "--hidden", "6"];
    [&["train", kind, "--data", "c.csv", "--target", "k", "--out", out][..], &rest].concat()
}

#[test]
fn the_rows_kept_apart_are_scored_again_to_the_last_bit() {
    for (kind, flags) in
        [("dense", ["--target", "y"]), ("bayes", ["--target", "y"]), ("vae", ["--drop", "y"])]
    {
        let folder = folder();
        let folder = folder.path();
        let trained = json(folder, &train(kind, &[&flags[..], &["--epochs", "3"]].concat(), "r"));
        let of = |part| json(folder, &["evaluate", "r", "--data", "t.csv", "--part", part]);
        let (test, validation) = (of("test"), of("validation"));
        assert_eq!(test["scores"], trained["test"], "{kind}");
        assert_eq!(test["standard_errors"], trained["test_standard_errors"], "{kind}");
        assert_eq!((&test["rows"], &validation["rows"]), (&12.into(), &12.into()), "{kind}");
        assert_ne!(validation["scores"], test["scores"], "{kind}");
        // Another table has no such parts.
        let text = fs::read_to_string(folder.join("t.csv")).unwrap();
        fs::write(folder.join("t.csv"), text.replacen('1', "2", 1)).unwrap();
        let other = ["evaluate", "r", "--data", "t.csv", "--part", "test"];
        refused(folder, &other, 3, &["not the table"]);
    }
}

#[test]
fn draws_are_decided_by_their_seed() {
    let folder = folder();
    let folder = folder.path();
    for kind in ["dense", "bayes"] {
        ok(folder, &train(kind, &["--target", "y", "--epochs", "2", "--seed", "5"], kind));
    }
    for command in ["predict", "density", "evaluate"] {
        let answer = |more: &[&str]| {
            ok(folder, &[&[command, "bayes", "--data", "t.csv", "--draws", "5"], more].concat())
        };
        let plain = answer(&[]);
        assert_eq!(answer(&["--draw-seed", "5"]), plain, "{command}: that of the training");
        assert_ne!(answer(&["--draw-seed", "6"]), plain, "{command}");
        for flag in ["--draws", "--draw-seed"] {
            let without = [command, "dense", "--data", "t.csv", flag, "7"];
            refused(folder, &without, 2, &[flag, "\"dense\" draws nothing"]);
        }
    }
}

/// Probabilities, their entropy in two parts, and four scores, each computed again from what is answered for the rows.
#[test]
fn a_class_comes_with_its_uncertainty_and_scores() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classes(folder);
    let text = fs::read_to_string(folder.join("c.csv")).unwrap();
    let names = ["left", "middle", "right"];
    let labels: Vec<usize> = text
        .lines()
        .skip(1)
        .map(|line| names.iter().position(|name| line.ends_with(name)).unwrap())
        .collect();
    for kind in ["dense", "bayes"] {
        ok(folder, &classifier(kind, kind));
        let answer = ok(folder, &["predict", kind, "--data", "c.csv"]);
        let head = "p(left),p(middle),p(right),epistemic_entropy,aleatoric_entropy";
        assert_eq!(answer.lines().next(), Some(head));
        let rows = cells(&answer);
        let (mut right, mut brier, mut log_p, mut disagreement) = (0.0, 0.0, 0.0, 0.0);
        let mut bins = [0.0; 15];
        for (row, &label) in rows.iter().zip(&labels) {
            let p = &row[..3];
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{kind}: {row:?}");
            let entropy: f64 = p.iter().map(|p| -p * p.ln()).sum();
            assert!((row[3] + row[4] - entropy).abs() < 1e-9, "{kind}: {row:?}");
            assert!(row[3] > -1e-9 && row[4] > 0.0, "{kind}: {row:?}");
            disagreement += row[3];
            let best = (0..3).max_by(|&i, &j| p[i].total_cmp(&p[j])).unwrap();
            let hit = f64::from(u8::from(best == label));
            right += hit;
            bins[(p[best] * 15.0) as usize] += hit - p[best];
            brier += (0..3).map(|k| (p[k] - f64::from(u8::from(k == label))).powi(2)).sum::<f64>();
            log_p += p[label].ln();
        }
        let n = rows.len() as f64;
        assert!(if kind == "bayes" { disagreement / n > 1e-4 } else { disagreement < 1e-9 });
        assert!(
            right / n > 0.6 && right / n < 0.99,
            "{kind}: a task that is neither easy nor hopeless"
        );
        let found = json(folder, &["evaluate", kind, "--data", "c.csv"]);
        for (name, truth) in [
            ("accuracy", right / n),
            ("log-probability", log_p / n),
            ("Brier score", brier / n),
            ("calibration error", bins.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / n),
        ] {
            let score = found["scores"][name].as_f64().unwrap_or_else(|| panic!("{found}"));
            assert!((score - truth).abs() < 1e-9, "{kind}, {name}: {score}, not {truth}");
        }
        let error = found["standard_errors"]["accuracy"].as_f64().unwrap();
        let share = right / n;
        assert!(
            (error - (share * (1.0 - share) / (n - 1.0)).sqrt()).abs() < 1e-9,
            "{kind}: {error}"
        );
        assert!(found["standard_errors"]["calibration error"].is_null(), "{found}");
    }
    assert!(ok(folder, &classifier("dense", "again")).contains("parameters, 3 classes, 15 epochs"));
}

#[test]
fn what_a_training_is_told_of_its_columns() {
    let folder = folder();
    let folder = folder.path();
    let text = fs::read_to_string(folder.join("t.csv")).unwrap();
    let with = |name: &str, cell: &dyn Fn(usize) -> String| {
        let rows = text.lines().skip(1).enumerate();
        let rows: String = rows.map(|(i, row)| format!("{row},{}\n", cell(i))).collect();
        fs::write(folder.join(name), format!("a,b,c,y,k\n{rows}")).unwrap();
    };
    with("constant.csv", &|_| "7".into());
    with("whole.csv", &|i| (i % 2).to_string());
    with("fine.csv", &|i| (0.1 * i as f64).cos().to_string());
    with("far.csv", &|i| (50.0 + 0.1 * i as f64).to_string());
    let flow = |table: &'static str, out: &'static str, more: &[&'static str]| {
        let short = ["--epochs", "1", "--couplings", "2", "--hidden", "4"];
        [&["train", "flow", "--data", table, "--out", out][..], &short, more].concat()
    };
    refused(folder, &flow("constant.csv", "f0", &[]), 3, &["\"k\" holds one value only", "--drop"]);
    let said = |arguments: &[&str]| {
        let output = run(folder, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", err(&output));
        err(&output)
    };
    let few = said(&flow("whole.csv", "f1", &[]));
    assert!(
        few.contains("few different values: \"k\" (2)") && few.contains("dequantisation"),
        "{few}"
    );
    assert!(!said(&flow("fine.csv", "f2", &[])).contains("different values"));
    // Where splines are the identity.
    let raw = ["--bijection", "spline", "--scaling", "raw"];
    let outside = said(&flow("far.csv", "f3", &raw));
    assert!(outside.contains("beyond ±4") && outside.contains("--interval"), "{outside}");
    for (name, flags) in [("f4", &["--bijection", "spline"][..]), ("f5", &["--scaling", "raw"])] {
        assert!(!said(&flow("far.csv", name, flags)).contains("beyond"), "{flags:?}");
    }
    // A training that makes things worse.
    let rate = |rate| ["--target", "y", "--epochs", "2", "--learning-rate", rate];
    let worse = said(&train("dense", &rate("3"), "d1"));
    assert!(
        worse.contains("as good as the first weights") && worse.contains("--learning-rate"),
        "{worse}"
    );
    assert!(!said(&train("dense", &rate("0.003"), "d2")).contains("first weights"));
    assert!(said(&["resume", "d2"]).contains("all 2 epochs are behind it"));
    let shares = train("dense", &["--target", "y", "--test", "0.6", "--validation", "0.4"], "d3");
    refused(folder, &shares, 2, &["--validation 0.4 and --test 0.6", "no rows to train on"]);
}

/// In the units of what is trained on, and said so.
#[test]
fn a_validation_loss_says_what_it_is_of() {
    let folder = folder();
    let folder = folder.path();
    classes(folder);
    let short = ["--epochs", "1"];
    for (arguments, of) in [
        (
            train("dense", &[&["--target", "y"][..], &short].concat(), "a"),
            "per datum, of the scaled target)",
        ),
        (
            train("flow", &[&["--drop", "y"][..], &short].concat(), "b"),
            "per datum, of the scaled columns)",
        ),
        (
            train("flow", &[&["--drop", "y", "--scaling", "raw"][..], &short].concat(), "c"),
            "per datum)",
        ),
        (classifier("dense", "d"), "per datum)"),
    ] {
        let printed = ok(folder, &arguments);
        assert!(printed.contains(of), "{of}: {printed}");
    }
}

/// Flags that a kind refuses are not among those it shows.
#[test]
fn help_shows_what_a_kind_takes() {
    let folder = folder();
    for (kind, shown, hidden) in [
        ("dense", &["--target", "--class", "--weights"][..], &["--warm-up"][..]),
        ("bayes", &["--target", "--class", "--weights", "--warm-up"], &[]),
        ("vae", &["--warm-up"], &["--target", "--class", "--weights"]),
        ("flow", &["--drop"], &["--target", "--class", "--weights", "--warm-up"]),
    ] {
        let help = ok(folder.path(), &["train", kind, "--help"]);
        let lists = |flag: &&str| {
            help.lines().any(|line| line.trim_start().split([' ', '[']).next() == Some(flag))
        };
        assert!(shown.iter().all(lists), "{kind}: {help}");
        assert!(!hidden.iter().any(lists), "{kind}: {help}");
    }
}
