//! A table's columns, fitted once and applied to other tables.

use crate::bytes::read_bytes;
use evidence_train::data::{
    Frame, Missing, ReadOptions, Scaling, Schema, SchemaOptions, SplitOptions, TargetUse,
};

fn frame(text: &str) -> Frame {
    read_bytes("csv", text.as_bytes(), &ReadOptions::default()).unwrap()
}

/// Thirty rows: a number, a colour, and a target.
fn table() -> Frame {
    let colours = ["red", "green", "blue"];
    let rows = (0..30).map(|i| format!("{},{},{}\n", i * i, colours[i % 3], 3 * i));
    frame(&format!("x,colour,y\n{}", rows.collect::<String>()))
}

fn options() -> SchemaOptions {
    SchemaOptions {
        targets: vec!["y".into()],
        categorical: vec!["colour".into()],
        ..SchemaOptions::default()
    }
}

#[test]
fn columns_are_found_by_name_in_any_order_through_json_and_back() {
    let prepared = Schema::fit(&table(), &options()).unwrap();
    assert_eq!(prepared.data.features().ncols(), 4);
    let schema = Schema::from_json(&prepared.schema.to_json()).unwrap();
    assert_eq!(schema, prepared.schema);
    assert!(schema.is_of(&table()));

    let other = frame("y,size,colour,x\n3,1,green,1\n0,1,red,0\n");
    assert!(!schema.is_of(&other));
    let applied = schema.apply(&other, TargetUse::Required).unwrap();
    assert_eq!(applied.surplus, ["size"]);
    let expected = prepared.data.select(&[1, 0]).unwrap();
    assert_eq!(applied.data.features(), expected.features());
    assert_eq!(applied.data.targets(), expected.targets());

    let back = schema.target_scaling().unwrap().inverse(applied.data.targets().unwrap().view());
    assert!((back[[0, 0]] - 3.0).abs() < 1e-12 && back[[1, 0]].abs() < 1e-12);
}

/// Statistics are those of the training rows: a wild value in another row does not move them.
#[test]
fn scales_come_from_training_rows_alone() {
    let prepared = Schema::fit(&table(), &options()).unwrap();
    let scaling = prepared.schema.target_scaling().unwrap();
    let training: Vec<f64> = prepared.split.train().iter().map(|&row| 3.0 * row as f64).collect();
    let mean = training.iter().sum::<f64>() / training.len() as f64;
    assert!((scaling.mean()[0] - mean).abs() < 1e-9);
    assert!((mean - 43.5).abs() > 1e-9, "else the law is empty");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let schema = Schema::fit(&table(), &options()).unwrap().schema;
    let table = [
        ("colour,y\nred,1\n", TargetUse::Required, vec!["\"x\"", "\"colour\""]),
        ("x,colour\n1,red\n", TargetUse::Required, vec!["\"y\""]),
        ("x,colour\n1,pink\n", TargetUse::Ignored, vec!["row 0", "\"colour\"", "pink", "\"red\""]),
        ("x,colour\nbig,red\n", TargetUse::Ignored, vec!["\"x\"", "big"]),
        ("1,2,3,4,5\n6,7,8,9,10\n", TargetUse::Ignored, vec!["found 5"]),
    ];
    for (text, targets, words) in table {
        let error = schema.apply(&frame(text), targets).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{text}: \"{word}\" is not in {error}");
        }
    }
    for (change, word) in [
        (SchemaOptions { targets: vec!["z".into()], ..options() }, "\"z\""),
        (SchemaOptions { categorical: vec![], ..options() }, "\"colour\""),
        (SchemaOptions { features: vec!["x".into(), "x".into()], ..options() }, "twice"),
        (
            SchemaOptions { features: vec!["x".into()], ..options() },
            "neither a feature nor a target",
        ),
    ] {
        let error = Schema::fit(&self::table(), &change).unwrap_err().to_string();
        assert!(error.contains(word), "\"{word}\" is not in {error}");
    }
}

/// What is taken for a class must be one; numbers in another notation are the usual reason why it is not.
#[test]
fn a_class_that_is_none_is_refused_with_what_helps() {
    let table = |target: &dyn Fn(usize) -> String, rows: usize| {
        let rows: String = (0..rows).map(|i| format!("{i};{}\n", target(i))).collect();
        frame(&format!("x;y\n{rows}"))
    };
    let options = |class| SchemaOptions { targets: vec!["y".into()], class, ..Default::default() };
    let refused =
        |frame: &Frame, class| Schema::fit(frame, &options(class)).unwrap_err().to_string();
    let commas = table(&|i| format!("{},5", 100 + i), 60);
    let error = refused(&commas, false);
    assert!(error.contains("\"y\" has 60 different values in 60 rows"), "{error}");
    assert!(error.contains("\"100,5\"") && error.contains("with a point"), "{error}");
    let names = table(&|i| format!("name {i}"), 60);
    let error = refused(&names, false);
    assert!(error.contains("several rows of each") && !error.contains("point"), "{error}");
    let same = table(&|_| "3".into(), 60);
    assert!(refused(&same, true).contains("\"3\" in every row"));
    assert!(
        Schema::fit(&same, &options(false)).is_ok(),
        "as a number it says little, but it is one"
    );
    // A class of a row each among few, and many classes of several rows.
    for (classes, rows) in [(20, 20), (30, 60)] {
        let good = table(&|i| format!("class {}", i % classes), rows);
        assert!(Schema::fit(&good, &options(false)).is_ok(), "{classes} in {rows}");
    }
    // And of a column to learn from.
    for (first, advice) in
        [("0,5", "with a point"), ("1,234.5", "with a point"), ("red", "make it categorical")]
    {
        let rows: String = (0..40).map(|i| format!("{first};{i}\n")).collect();
        let error = refused(&frame(&format!("x;y\n{rows}")), false);
        let held = format!("\"x\" holds text (\"{first}\" in row 0");
        assert!(error.contains(&held) && error.contains(advice), "{error}");
    }
}

/// A run folder may come from a stranger.
#[test]
fn stored_schemas_are_checked() {
    let json = Schema::fit(&table(), &options()).unwrap().schema.to_json();
    assert!(Schema::from_json(&json).is_ok());
    for end in 0..json.trim_end().len() {
        assert!(Schema::from_json(&json[..end]).is_err(), "cut at {end}");
    }
    assert!(Schema::from_json(&json.replace("\"scale\":", "\"scale\":-")).is_err(), "{json}");
    assert!(Schema::from_json(&json.replace("\"x\"", "\"y\"")).is_err(), "{json}");
    for rows in ["0", "281474976710657"] {
        let other = json.replace("\"rows\": 30", &format!("\"rows\": {rows}"));
        assert!(other != json && Schema::from_json(&other).is_err(), "{other}");
        // Whoever reads it by serde gets no other answer.
        let error = serde_json::from_str::<Schema>(&other).unwrap_err().to_string();
        assert!(error.contains("rows"), "{error}");
    }
    assert!(serde_json::from_str::<Schema>(&json).is_ok());
}

#[test]
fn a_level_that_only_dropped_rows_had_is_none() {
    let rows = (0..30).map(|i| format!("{i},{},{i}\n", ["red", "blue"][i % 2]));
    let text = format!("x,colour,y\n1,pink,\n{}", rows.collect::<String>());
    let options = ReadOptions { missing: Missing::DropRows, ..ReadOptions::default() };
    let frame = read_bytes("csv", text.as_bytes(), &options).unwrap();
    assert_eq!((frame.rows(), frame.dropped()), (30, 1));
    let prepared = Schema::fit(&frame, &self::options()).unwrap();
    assert_eq!(prepared.data.features().ncols(), 3, "x, blue and red");
}

/// Errors name the row of the file, not of the portion at hand, and a number that only double precision holds.
#[test]
fn a_cell_that_does_not_fit_is_named_with_its_row() {
    let rows = |n: usize| (0..n).map(|i| format!("{i},{},{i}\n", ["red", "blue"][i % 2]));
    let text = |n, last: &str| format!("x,colour,y\n{}{last}", rows(n).collect::<String>());
    let reading = ReadOptions { missing: Missing::DropRows, ..ReadOptions::default() };
    let table = |text: String| read_bytes("csv", text.as_bytes(), &reading).unwrap();
    let schema = Schema::fit(&table(text(30, "")), &options()).unwrap().schema;
    for (last, words) in [
        (",red,1\n7,pink,1\n", ["row 31", "\"pink\""]),
        ("1e300,red,1\n", ["row 30", "larger than any number in single precision"]),
    ] {
        let error = schema.apply(&table(text(30, last)), TargetUse::Ignored).unwrap_err();
        let error = error.to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    for scaling in [Scaling::Unit, Scaling::Standardize] {
        let wide = table(text(30, "1e308,red,1\n-1e308,blue,1\n"));
        let options = SchemaOptions { features_scaling: scaling, ..options() };
        let error = Schema::fit(&wide, &options).unwrap_err().to_string();
        assert!(error.contains("\"x\" runs from -1e308"), "{scaling:?}: {error}");
    }
}

/// A part of one row in thousands is one, though not of fewer rows.
#[test]
fn a_schema_of_a_small_share_is_read_again() {
    let rows = (0..20_000).map(|i| format!("{i},{},{i}\n", ["red", "blue"][i % 2]));
    let table = frame(&format!("x,colour,y\n{}", rows.collect::<String>()));
    let split = SplitOptions { train: 0.8999, validation: 0.1, test: 0.0001, seed: 0 };
    let prepared = Schema::fit(&table, &SchemaOptions { split, ..options() }).unwrap();
    assert_eq!(prepared.split.test().len(), 2);
    assert_eq!(Schema::from_json(&prepared.schema.to_json()).unwrap(), prepared.schema);
}
