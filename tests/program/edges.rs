//! Tables, files and streams that are not quite what a program expects of them.

use crate::common::{err, evidence, folder, ok, out, program, refused, run, train};
use std::fs;
use std::process::Stdio;

/// Empty cells matter in columns that are used, and nowhere else.
#[test]
fn columns_that_are_not_used_may_hold_anything() {
    let folder = folder();
    let folder = folder.path();
    let table = fs::read_to_string(folder.join("t.csv")).unwrap();
    let with = |cell: &dyn Fn(usize) -> String| {
        let row = |(i, row): (usize, &str)| match i {
            0 => format!("cabin,{row}\n"),
            _ => format!("{},{row}\n", cell(i)),
        };
        table.lines().enumerate().map(row).collect::<String>()
    };
    let odd = with(&|i| if i % 10 == 0 { "B-7".to_owned() } else { String::new() });
    fs::write(folder.join("odd.csv"), odd).unwrap();
    let flags = ["--target", "y", "--epochs", "3"];
    ok(folder, &train("dense", &flags, "plain"));
    for (name, more) in [("dropped", &[][..]), ("both", &["--drop-missing"])] {
        let arguments = ["train", "dense", "--data", "odd.csv", "--drop", "cabin", "--out", name];
        let output = run(folder, &[&arguments[..], &flags, more].concat());
        assert!(output.status.success() && !err(&output).contains("left out"), "{}", err(&output));
        // The same rows, so the same model.
        let of = |run: &str| fs::read(folder.join(run).join("model.safetensors")).unwrap();
        assert_eq!(of(name), of("plain"), "{name}");
        ok(folder, &["resume", name, "--epochs", "4"]);
    }
    // What is predicted with needs no target, and no cabin.
    let expected = ok(folder, &["predict", "plain", "--data", "t.csv"]);
    let empty: String = table
        .lines()
        .enumerate()
        .map(|(i, row)| {
            let inputs = row.rsplit_once(',').unwrap().0;
            if i == 0 { format!("{row},cabin\n") } else { format!("{inputs},,\n") }
        })
        .collect();
    fs::write(folder.join("empty.csv"), empty).unwrap();
    assert_eq!(ok(folder, &["predict", "plain", "--data", "empty.csv"]), expected);
    refused(folder, &["evaluate", "plain", "--data", "empty.csv"], 3, &["line 2", "\"y\""]);
}

/// The log-density of a target needs the target.
#[test]
fn a_density_without_a_target_is_refused() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("features.csv"), "a,b,c\n1,2,3\n4,5,6\n").unwrap();
    fs::write(folder.join("unnamed.csv"), "1,2,3\n4,5,6\n").unwrap();
    for kind in ["dense", "bayes"] {
        ok(folder, &train(kind, &["--target", "y", "--epochs", "1"], kind));
        refused(folder, &["density", kind, "--data", "features.csv"], 3, &["\"y\""]);
        refused(folder, &["density", kind, "--data", "unnamed.csv"], 3, &["expected 4 columns"]);
    }
}

/// Where rows are left out, each of the others says which it is.
#[test]
fn rows_left_out_of_an_answer_can_be_told() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("dense", &["--target", "y", "--epochs", "1", "--drop-missing"], "r"));
    fs::write(folder.join("gaps.csv"), "a,b,c\n,1,1\n1,2,3\n1,NA,3\n?,2,3\n4,5,6\n").unwrap();
    let output = run(folder, &["predict", "r", "--data", "gaps.csv"]);
    let answer = out(&output);
    assert!(err(&output).contains("3 rows"), "{}", err(&output));
    let first: Vec<&str> = answer.lines().map(|row| row.split(',').next().unwrap()).collect();
    assert_eq!(first, ["row", "1", "4"]);
    let words = ["row 5", "\"a\"", "single precision"];
    fs::write(folder.join("far.csv"), "a,b,c\n,1,1\n1,2,3\n1,NA,3\n?,2,3\n4,5,6\n1e39,5,6\n")
        .unwrap();
    let output = run(folder, &["predict", "r", "--data", "far.csv"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(words.iter().all(|word| err(&output).contains(word)), "{}", err(&output));
}

/// How a text table is to be read, where it does not look like it.
#[test]
fn what_a_text_table_is_can_be_said() {
    let folder = folder();
    let folder = folder.path();
    // Names that are numbers, and codes that are words only further down.
    let rows = (0..300).map(|i| {
        let code = if i == 200 { "2A".to_owned() } else { (i % 3).to_string() };
        format!("{};{code};{}\n", i % 7, i % 5)
    });
    fs::write(folder.join("n.csv"), format!("0;1;2\n{}", rows.collect::<String>())).unwrap();
    let base = ["train", "dense", "--data", "n.csv", "--target", "2", "--epochs", "1"];
    let flags = ["--header", "true", "--text", "1", "--categorical", "1", "--delimiter", ";"];
    let with =
        |more: &[&'static str], name: &'static str| [&base[..], more, &["--out", name]].concat();
    refused(folder, &with(&[], "new"), 3, &["2A"]);
    ok(folder, &with(&flags, "r"));
    let data = fs::read_to_string(folder.join("r/data.json")).unwrap();
    assert!(data.contains("\"rows\": 300") && data.contains("\"2A\""), "{data}");
    // Codes alone are words all the same where the model knows words.
    fs::write(folder.join("codes.csv"), "0;1\n3;1\n4;0\n").unwrap();
    assert_eq!(ok(folder, &["predict", "r", "--data", "codes.csv"]).lines().count(), 3);
    // Words that are all numbers are words where the training was told so: 1.1 is not 1.10.
    let rows =
        (0..90).map(|i| format!("{},{},{}\n", ["1.1", "1.10", "1.2"][i % 3], i % 7, i % 3 * 10));
    let rows: String = rows.collect();
    fs::write(folder.join("v.csv"), format!("version,x,y\n{rows}")).unwrap();
    let words = ["--text", "version", "--categorical", "version"];
    let start =
        ["train", "dense", "--data", "v.csv", "--target", "y", "--epochs", "30", "--out", "v"];
    ok(folder, &[&start[..], &words].concat());
    let only = |version: &str| {
        fs::write(folder.join("one.csv"), format!("version,x\n{version},3\n")).unwrap();
        ok(folder, &["predict", "v", "--data", "one.csv"])
    };
    let [short, long] = ["1.1", "1.10"].map(only);
    assert_ne!(short, long);
    for (flag, value) in [("--delimiter", "ab"), ("--delimiter", "."), ("--header", "maybe")] {
        refused(folder, &with(&[flag, value], "new"), 2, &[value]);
    }
}

/// Draws belong to rows of the table, not to portions of a file.
#[test]
fn an_answer_does_not_depend_on_the_format_of_the_table() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("vae", &["--drop", "y", "--hidden", "4", "--epochs", "1"], "r"));
    let n = 60_000;
    let value = |i: usize, j: usize| ((i * 3 + j) as f64 * 0.37).sin();
    let row = |i: usize| (0..4).map(|j| value(i, j).to_string()).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..n).map(row).collect();
    fs::write(folder.join("l.csv"), format!("a,b,c,y\n{}\n", rows.join("\n"))).unwrap();
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n}, 4), }}");
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    (0..n).for_each(|i| (0..4).for_each(|j| bytes.extend(value(i, j).to_le_bytes())));
    fs::write(folder.join("l.npy"), bytes).unwrap();
    let density = |file| ok(folder, &["density", "r", "--data", file, "--draws", "2"]);
    assert!(density("l.csv") == density("l.npy"));
}

#[test]
fn codes_that_are_none_are_refused() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("vae", &["--drop", "y", "--hidden", "4", "--epochs", "1"], "r"));
    let codes = ok(folder, &["encode", "r", "--data", "t.csv"]);
    let (names, rows) = codes.split_once('\n').unwrap();
    fs::write(folder.join("none.csv"), format!("{names}\n")).unwrap();
    refused(folder, &["decode", "r", "--data", "none.csv"], 3, &["none.csv"]);
    let cells = names.split(',').count();
    let far = format!("{names}\n{}\n", vec!["1e39"; cells].join(","));
    fs::write(folder.join("far.csv"), far).unwrap();
    refused(folder, &["decode", "r", "--data", "far.csv"], 3, &["row 0", "single precision"]);
    fs::write(folder.join("good.csv"), format!("{names}\n{rows}")).unwrap();
    assert_eq!(ok(folder, &["decode", "r", "--data", "good.csv"]).lines().count(), 121);
}

#[test]
fn a_run_whose_files_contradict_each_other_is_refused() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("dense", &["--target", "y", "--epochs", "1"], "r"));
    ok(folder, &train("flow", &["--drop", "y", "--epochs", "1", "--hidden", "4"], "f"));
    fs::copy(folder.join("f/data.json"), folder.join("r/data.json")).unwrap();
    for arguments in [&["predict", "r", "--data", "t.csv"][..], &["resume", "r"]] {
        refused(folder, arguments, 3, &["data.json", "0 targets", "\"dense\""]);
    }
}

/// A warning that nobody reads is no error.
#[test]
fn a_closed_standard_error_changes_nothing() {
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("dense", &["--target", "y", "--epochs", "1"], "r"));
    for arguments in [
        &["predict", "r", "--data", "t.csv"][..],
        &train("dense", &["--target", "y", "--epochs", "40"], "other"),
    ] {
        let mut command = evidence(folder, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
    }
}

/// Where an answer goes is what it was: the end of a link, a file with its permissions, a pipe.
#[cfg(unix)]
#[test]
fn an_answer_goes_where_it_is_sent() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let folder = folder();
    let folder = folder.path();
    ok(folder, &train("dense", &["--target", "y", "--epochs", "1"], "r"));
    let predict = |to: &str| ok(folder, &["predict", "r", "--data", "t.csv", "--out", to]);
    let expected = ok(folder, &["predict", "r", "--data", "t.csv"]);
    let at = |name: &str| folder.join(name);
    fs::write(at("real.csv"), "old").unwrap();
    fs::set_permissions(at("real.csv"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("real.csv", at("link.csv")).unwrap();
    predict("link.csv");
    assert!(fs::symlink_metadata(at("link.csv")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(at("real.csv")).unwrap(), expected);
    assert_eq!(fs::metadata(at("real.csv")).unwrap().permissions().mode() & 0o777, 0o600);
    let pipe = at("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::read_to_string(pipe).unwrap())
    };
    predict("pipe");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(reader.join().unwrap(), expected);
}

/// A configuration is text.
#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let folder = folder.path();
    let name = std::ffi::OsStr::from_bytes(b"\xff.csv");
    fs::copy(folder.join("t.csv"), folder.join(name)).unwrap();
    let mut command = program(&["train", "dense", "--target", "y", "--out", "r", "--data"]);
    let output = command.current_dir(folder).arg(name).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("UTF-8") && !folder.join("r").exists(), "{}", err(&output));
}

/// In JSON it is told as far as it is text.
#[cfg(target_os = "linux")]
#[test]
fn a_run_whose_path_is_no_text_answers_in_json() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    let folder = folder.path();
    let run = std::ffi::OsStr::from_bytes(b"r\xff");
    let with = |before: &[&str], after: &[&str]| {
        let mut command = program(before);
        let output = command.current_dir(folder).arg(run).args(after).output().unwrap();
        assert!(output.status.success(), "{before:?}: {}", err(&output));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let flags = ["--data", "t.csv", "--drop", "y", "--epochs", "1", "--json"];
    let trained = with(&["train", "flow", "--out"], &flags);
    assert_eq!(trained["run"], "r\u{fffd}");
    for before in ["evaluate", "jacobian"] {
        assert_eq!(with(&[before], &["--data", "t.csv", "--json"])["run"], "r\u{fffd}");
    }
    assert_eq!(with(&["inspect"], &["--json"])["run"], "r\u{fffd}");
}

#[test]
fn what_would_be_without_effect_or_meaning_is_refused() {
    let folder = folder();
    let folder = folder.path();
    let flags = |more: &[&'static str]| [&["--target", "y", "--epochs", "1"][..], more].concat();
    ok(folder, &train("dense", &flags(&[]), "r"));
    ok(folder, &train("flow", &["--drop", "y", "--epochs", "1"], "f"));
    let with = |more: &[&'static str]| train("dense", &flags(more), "new");
    refused(folder, &with(&["--drop", "c,y"]), 2, &["--drop y", "the target"]);
    refused(folder, &with(&["--drop", "a,b,c"]), 2, &["none is left", "a, b, c, y"]);
    for (flag, value) in [("--seed", "5"), ("--out", "o"), ("--hurry", "9")] {
        let lost = [&[flag, value][..], &["predict", "r", "--data", "t.csv"]].concat();
        refused(folder, &lost, 2, &[flag, "before `predict`"]);
    }
    ok(folder, &["--json", "predict", "r", "--data", "t.csv"]);
    for name in ["a.csv.gz", "a.npy", "a.PARQUET"] {
        let answer = ["predict", "r", "--data", "t.csv", "--out", name];
        refused(folder, &answer, 2, &["--out", ".csv or .npz"]);
        assert!(!folder.join(name).exists());
    }
    for p in ["0", "1", "1e-13", "nan"] {
        let answer = ["predict", "r", "--data", "t.csv", "--quantiles", p];
        refused(folder, &answer, 2, &["--quantiles"]);
    }
    let twice = ["predict", "r", "--data", "t.csv", "--quantiles", "0.5,0.1,0.50"];
    refused(folder, &twice, 2, &["--quantiles", "0.5 is asked for twice"]);
    let printed = ["predict", "r", "--data", "t.csv", "--quantiles", "0.05,0.5,0.95"];
    assert_eq!(ok(folder, &printed), ok(folder, &printed[..4]));
    refused(folder, &with(&["--checkpoint-seconds", "nan"]), 2, &["--checkpoint-seconds"]);
    refused(folder, &["sample", "f", "-n", "0"], 2, &["at least one row"]);
    refused(
        folder,
        &["evaluate", "r", "--data", "t.csv", "--draws", "4000000000"],
        2,
        &["--draws"],
    );
    refused(folder, &["sample", "f", "--mean"], 2, &["--mean"]);
    refused(folder, &["predict", "f", "--data", "t.csv"], 2, &["predict a target"]);
}

/// A space in the name of an only column is no sign between columns.
#[test]
fn a_code_of_one_column_is_decoded_again() {
    let folder = folder();
    let folder = folder.path();
    let flags = ["--drop", "y", "--latents", "1", "--epochs", "1", "--hidden", "4"];
    ok(folder, &train("autoencoder", &flags, "r"));
    ok(folder, &["encode", "r", "--data", "t.csv", "--out", "code.csv"]);
    let code = fs::read_to_string(folder.join("code.csv")).unwrap();
    assert!(code.starts_with("code 0\n"), "{code}");
    assert_eq!(ok(folder, &["decode", "r", "--data", "code.csv"]).lines().count(), 121);
    fs::write(folder.join("one.csv"), "code 0\n0.5\n").unwrap();
    assert_eq!(ok(folder, &["decode", "r", "--data", "one.csv"]).lines().count(), 2);
}
