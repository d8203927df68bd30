//! What is said has an effect, or is refused; and what is refused is named.

use crate::common::{err, folder, ok, out, refused, run, train};
use std::fs;

/// Each with what it is for.
const WITHOUT_EFFECT: &[(&str, &[&str], &str)] = &[
    ("dense", &["--warm-up", "3"], "bayes, vae"),
    ("autoencoder", &["--warm-up", "3"], "bayes, vae"),
    ("flow", &["--warm-up", "3"], "bayes, vae"),
    ("bayes", &["--noise-scale", "0.5"], "--likelihood known"),
    ("bayes", &["--freedom", "6"], "--likelihood student-t"),
    ("bayes", &["--rank", "2"], "--posterior low-rank"),
    ("bayes", &["--posterior-scale", "0.1", "--posterior", "point"], "--posterior point"),
    ("bayes", &["--estimator", "flipout", "--posterior", "point"], "--posterior point"),
    ("bayes", &["--step-draws", "2", "--posterior", "point,point"], "--posterior point"),
    ("bayes", &["--narrow-scale", "0.1"], "--prior two-normals"),
    ("bayes", &["--wide-share", "0.1"], "--prior two-normals"),
    ("vae", &["--noise-scale", "0.5"], "--likelihood known"),
    ("vae", &["--levels", "16"], "--likelihood levels"),
    ("vae", &["--gradient", "pathwise"], "--step-draws"),
    ("vae", &["--prior-parts", "3"], "--prior vamp"),
    ("autoencoder", &["--noise-scale", "0.5"], "--likelihood known"),
    ("autoencoder", &["--levels", "16"], "--likelihood levels"),
    ("flow", &["--bins", "5"], "--bijection spline"),
    ("flow", &["--interval", "5"], "--bijection spline"),
    ("flow", &["--recompute", "--bijection", "maf"], "--bijection affine or spline"),
];

/// The same flags where they are looked at.
const WITH_EFFECT: &[(&str, &[&str])] = &[
    ("bayes", &["--noise-scale", "0.5", "--likelihood", "known"]),
    ("bayes", &["--freedom", "6", "--likelihood", "student-t", "--warm-up", "3"]),
    ("bayes", &["--rank", "2", "--posterior", "low-rank"]),
    ("bayes", &["--estimator", "local", "--step-draws", "2", "--posterior", "point,mean-field"]),
    ("bayes", &["--narrow-scale", "0.1", "--wide-share", "0.1", "--prior", "two-normals"]),
    ("vae", &["--noise-scale", "0.5", "--likelihood", "known", "--warm-up", "3"]),
    (
        "vae",
        &["--gradient", "pathwise", "--step-draws", "2", "--prior-parts", "3", "--prior", "vamp"],
    ),
    ("autoencoder", &["--noise-scale", "0.5", "--likelihood", "known"]),
    ("flow", &["--bins", "5", "--interval", "5", "--bijection", "spline"]),
];

fn with<'a>(kind: &'a str, flags: &[&'a str], name: &'a str) -> Vec<&'a str> {
    let column = match kind {
        "dense" | "bayes" => ["--target", "y"],
        _ => ["--drop", "y"],
    };
    let epochs = if flags.contains(&"--epochs") { &[][..] } else { &["--epochs", "1"] };
    train(kind, &[&column[..], epochs, &["--hidden", "4"], flags].concat(), name)
}

#[test]
fn a_flag_that_nothing_looks_at_is_refused() {
    let folder = folder();
    let folder = folder.path();
    for (kind, flags, of) in WITHOUT_EFFECT {
        refused(folder, &with(kind, flags, "new"), 2, &[flags[0], of, "leave it out"]);
        assert!(!folder.join("new").exists(), "{kind} {flags:?}");
    }
    for (i, (kind, flags)) in WITH_EFFECT.iter().enumerate() {
        ok(folder, &with(kind, flags, &format!("r{i}")));
    }
    ok(folder, &with("vae", &[], "v"));
    for command in ["encode", "reconstruct"] {
        refused(folder, &[command, "v", "--data", "t.csv", "--draws", "3"], 2, &["--draws"]);
    }
}

#[test]
fn a_number_out_of_bounds_is_told_by_its_flag() {
    let folder = folder();
    let folder = folder.path();
    for (flag, value) in [
        ("--learning-rate", "-1"),
        ("--clip", "-1"),
        ("--clip", "nan"),
        ("--validation", "nan"),
        ("--validation", "-0.1"),
        ("--test", "1.5"),
        ("--checkpoint-seconds", "-3"),
        ("--epochs", "-1"),
    ] {
        let words: &[&str] = match flag {
            // What is read by the optimiser.
            "--learning-rate" => &["learning rate", "-1"],
            _ => &[flag, value],
        };
        let text = refusal(folder, &with("dense", &[flag, value], "new"));
        for word in words {
            assert!(text.to_lowercase().contains(&word.to_lowercase()), "{word}: {text}");
        }
        assert!(!text.contains("unexpected argument"), "{text}");
    }
    for kind in ["bayes", "vae"] {
        refused(folder, &with(kind, &["--step-draws", "10001"], "new"), 2, &["--step-draws"]);
    }
    ok(folder, &with("dense", &[], "r"));
    let text = refusal(folder, &["predict", "r", "--data", "t.csv", "--draws", "-1"]);
    assert!(text.contains("--draws") && text.contains("-1"), "{text}");
}

/// What is said where the usage is wrong.
#[track_caller]
fn refusal(folder: &std::path::Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", err(&output));
    err(&output)
}

#[test]
fn a_shorter_gradient_is_another_training() {
    let folder = folder();
    let folder = folder.path();
    for (name, clip) in [("free", "0"), ("long", "1e6"), ("short", "0.01")] {
        ok(folder, &with("dense", &["--clip", clip, "--optimizer", "sgd"], name));
    }
    let model = |name: &str| fs::read(folder.join(name).join("model.safetensors")).unwrap();
    assert!(model("free") == model("long") && model("free") != model("short"));
    let config = fs::read_to_string(folder.join("short/config.toml")).unwrap();
    assert!(config.contains("clip = 0.01"), "{config}");
    ok(folder, &["resume", "short", "--epochs", "2"]);
}

#[test]
fn a_configuration_of_another_kind_says_so() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &with("vae", &[], "v"));
    let arguments = ["train", "dense", "--config", "v/config.toml", "--out", "new"];
    refused(folder, &arguments, 2, &["v/config.toml", "`evidence train vae`", "not for dense"]);
}

#[test]
fn no_epochs_leave_the_first_weights() {
    let folder = folder();
    let folder = folder.path();
    let said = ok(folder, &with("dense", &["--epochs", "0"], "r"));
    assert!(said.contains("0 epochs") && said.contains("first weights"), "{said}");
    assert!(!said.contains("NaN"), "{said}");
}

#[test]
fn a_class_has_no_quantiles() {
    let folder = folder();
    let folder = folder.path();
    let rows = (0..60).map(|i| format!("{},{}\n", i % 7, ["red", "blue"][i % 2]));
    fs::write(folder.join("t.csv"), format!("x,y\n{}", rows.collect::<String>())).unwrap();
    ok(folder, &with("dense", &[], "r"));
    let predict = ["predict", "r", "--data", "t.csv"];
    assert!(
        ok(folder, &predict).starts_with("p(blue),p(red),epistemic_entropy,aleatoric_entropy\n")
    );
    let asked = [&predict[..], &["--quantiles", "0.5"]].concat();
    refused(folder, &asked, 2, &["--quantiles", "a class"]);
}

/// Columns without names are known by their place, whatever another table calls them.
#[test]
fn a_table_with_names_is_read_for_a_run_without() {
    let folder = folder();
    let folder = folder.path();
    let table = fs::read_to_string(folder.join("t.csv")).unwrap();
    let (_, rows) = table.split_once('\n').unwrap();
    fs::write(folder.join("named.csv"), &table).unwrap();
    fs::write(folder.join("t.csv"), rows).unwrap();
    for kind in ["flow", "vae"] {
        let flags = ["--epochs", "1", "--hidden", "4"];
        ok(folder, &train(kind, &flags, kind));
        let density = |file| ok(folder, &["density", kind, "--data", file]);
        assert_eq!(density("named.csv"), density("t.csv"), "{kind}");
    }
    // Words, of a table whose columns are fewer where there is no target.
    let rows = (0..60).map(|i| format!("{},{},{}\n", i % 7, ["red", "blue"][i % 2], i % 5));
    let rows = rows.collect::<String>();
    fs::write(folder.join("t.csv"), &rows).unwrap();
    fs::write(folder.join("named.csv"), format!("size,colour,price\n{rows}")).unwrap();
    let inputs: String = rows.lines().map(|row| format!("{}\n", &row[..row.len() - 2])).collect();
    fs::write(folder.join("inputs.csv"), inputs).unwrap();
    let target = ["--target", "column 3", "--categorical", "column 2"];
    ok(folder, &train("dense", &[&target[..], &["--epochs", "1"]].concat(), "words"));
    let predict = |file| ok(folder, &["predict", "words", "--data", file]);
    assert_eq!([predict("named.csv"), predict("inputs.csv")], [predict("t.csv"), predict("t.csv")]);
}

/// A run was told how its table is laid out; another table may be laid out otherwise.
#[test]
fn how_a_table_is_laid_out_can_be_said_again() {
    let folder = folder();
    let folder = folder.path();
    let table = fs::read_to_string(folder.join("t.csv")).unwrap();
    fs::write(folder.join("other.csv"), table.replace(',', "|")).unwrap();
    let told = ["--delimiter", ",", "--header", "true"];
    ok(folder, &with("dense", &told, "r"));
    for command in ["predict", "evaluate", "density"] {
        let expected = ok(folder, &[command, "r", "--data", "t.csv"]);
        let other = [command, "r", "--data", "other.csv"];
        refused(folder, &other, 3, &["other.csv"]);
        assert_eq!(ok(folder, &[&other[..], &["--delimiter", "|"]].concat()), expected);
    }
    // Without its first row there are no names.
    let (_, rows) = table.split_once('\n').unwrap();
    fs::write(folder.join("rows.csv"), rows).unwrap();
    let unnamed = ["predict", "r", "--data", "rows.csv", "--header", "false"];
    assert_eq!(ok(folder, &unnamed), ok(folder, &["predict", "r", "--data", "t.csv"]));
    ok(folder, &with("flow", &told, "f"));
    let codes = ok(folder, &["encode", "f", "--data", "t.csv"]).replace(',', "|");
    fs::write(folder.join("codes.csv"), codes).unwrap();
    let decoded = ok(folder, &["decode", "f", "--data", "codes.csv", "--delimiter", "|"]);
    assert_eq!(decoded.lines().count(), 121);
    ok(folder, &["jacobian", "f", "--data", "other.csv", "--delimiter", "|"]);
}

#[test]
fn rows_too_far_for_an_answer_are_told() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &with("vae", &[], "v"));
    fs::write(folder.join("far.csv"), "a,b,c\n1,2,0.5\n1e30,2,0.5\n0,0,0\n-1e30,0,0\n").unwrap();
    for command in ["density", "evaluate"] {
        let output = run(folder, &[command, "v", "--data", "far.csv", "--draws", "3"]);
        assert!(output.status.success(), "{}", err(&output));
        assert!(!out(&output).is_empty());
        for word in ["far.csv: 2 rows", "row 1", "no finite answer", "single precision"] {
            assert!(err(&output).contains(word), "{word}: {}", err(&output));
        }
        let near = run(folder, &[command, "v", "--data", "t.csv", "--draws", "3"]);
        assert!(!err(&near).contains("no finite answer"), "{}", err(&near));
    }
}

#[test]
fn a_network_may_have_no_hidden_layer() {
    let folder = folder();
    let folder = folder.path();
    for kind in ["dense", "bayes", "autoencoder", "vae", "flow"] {
        let column = if matches!(kind, "dense" | "bayes") { "--target" } else { "--drop" };
        let flags = |hidden| [column, "y", "--epochs", "1", "--hidden", hidden];
        ok(folder, &train(kind, &flags("none"), kind));
        let config = fs::read_to_string(folder.join(kind).join("config.toml")).unwrap();
        assert!(config.contains("hidden = []"), "{kind}: {config}");
        ok(folder, &["evaluate", kind, "--data", "t.csv"]);
        for bad in ["-1,2", "5,", "few", ""] {
            refused(folder, &train(kind, &flags(bad), "new"), 2, &["--hidden", "or none"]);
        }
        ok(folder, &train(kind, &flags("4, 3"), &format!("{kind}-two")));
    }
}
