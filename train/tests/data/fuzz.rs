//! Arbitrary bytes, and good files with bytes changed, cut, put in and repeated: a table or an error, never a panic, and never more
//! memory than the bytes that are there account for.
//!
//! A longer run is `EVIDENCE_FUZZ_CASES=1000000 EVIDENCE_FUZZ_SECONDS=600 cargo test --release -p
//! evidence-train --test data fuzz`.

#[path = "../common/changes.rs"]
mod changes;

use crate::bytes::{Scratch, alone, doubles, gzip, idx, npy, npz};
use allocation_counter::measure;
use changes::{change, changes, fuzz};
use evidence_train::data::{Missing, ReadOptions, Schema, SchemaOptions, TargetUse, read};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// Bytes of memory for a byte of a file. The worst is a row of very many short cells: each has a name and a column of its own.
const MULTIPLE: u64 = 400;
/// What readers take whatever the file: a portion of text, the windows of the unpackers.
const CONSTANT: u64 = 6 << 20;
/// What a packed byte may stand for, as `packed.rs` has it.
const UNPACKED: (u64, u64) = (200, 1 << 20);

/// Good files, with their endings.
fn good() -> Vec<(&'static str, Vec<u8>)> {
    let array = npy("<f8", false, "(3, 2)", &doubles(&[0.5; 6]));
    let turned = npy(">i2", true, "(4, 3)", &[7; 24]);
    let images = idx(8, &[2, 2, 2], &[9; 8]);
    let text = b"name,\"x, y\"\nred,1.5\n\"bl\"\"ue\",-2e-3\ngreen,NA\n".to_vec();
    vec![
        ("csv", text.clone()),
        ("csv", b"a;b;c\r\n1;2,5;x\r\n3;4;y\r\n".to_vec()),
        ("tsv", b"1\t2\n3\t4\n".to_vec()),
        ("txt", b"  1.5   2\n 3  4e400\n".to_vec()),
        ("npy", array.clone()),
        ("npy", turned.clone()),
        ("npz", npz(&[("x", array.clone()), ("y", array.clone())])),
        ("npz", npz(&[("z", turned)])),
        ("idx", images.clone()),
        ("gz", gzip(&images)),
        ("gz", gzip(&text)),
        ("gz", gzip(&array)),
    ]
}

/// Reads a file both ways; a table is whole, and took no more memory than it may.
fn try_file(scratch: &Scratch, ending: &str, bytes: &[u8]) -> Result<(), TestCaseError> {
    let path = scratch.write(ending, bytes);
    let packed = bytes.starts_with(b"PK") || bytes.starts_with(b"\x1f\x8b");
    let length = bytes.len() as u64;
    let length = if packed { length * UNPACKED.0 + UNPACKED.1 } else { length };
    for missing in [Missing::Refuse, Missing::DropRows] {
        let options = ReadOptions { missing, ..ReadOptions::default() };
        let mut found = None;
        let most = measure(|| found = Some(read(&path, &options))).bytes_max;
        prop_assert!(most <= MULTIPLE * length + CONSTANT, "{most} bytes of memory for {length}");
        if let Some(Ok(frame)) = found {
            let rows = frame.rows();
            prop_assert!(rows > 0 && frame.columns().iter().all(|column| column.len() == rows));
        }
    }
    Ok(())
}

fn files(name: &str, endings: &'static [&'static str]) {
    alone(|| {
        let scratch = Scratch::new();
        let good: Vec<_> =
            good().into_iter().filter(|(ending, _)| endings.contains(ending)).collect();
        let inputs = (0..good.len(), changes());
        fuzz(name, inputs, |(which, changes)| {
            let (ending, bytes) = good[which].clone();
            try_file(&scratch, ending, &change(bytes, &changes))
        });
    });
}

#[test]
fn text_changed() {
    files("text", &["csv", "tsv", "txt"]);
}

#[test]
fn npy_changed() {
    files("npy", &["npy"]);
}

#[test]
fn npz_changed() {
    files("npz", &["npz"]);
}

#[test]
fn idx_changed() {
    files("idx", &["idx"]);
}

#[test]
fn gzip_changed() {
    files("gzip", &["gz"]);
}

/// What is in gzip is changed before it is packed: its checksum is right.
#[test]
fn packed_after_the_change() {
    alone(|| {
        let scratch = Scratch::new();
        let good: Vec<_> =
            good().into_iter().filter(|(ending, _)| !["gz", "npz"].contains(ending)).collect();
        fuzz("packed", (0..good.len(), changes()), |(which, changes)| {
            let changed = change(good[which].1.clone(), &changes);
            try_file(&scratch, "gz", &gzip(&changed))?;
            try_file(&scratch, "npz", &npz(&[("x", changed)]))
        });
    });
}

#[test]
fn arbitrary_bytes() {
    let endings = ["csv", "npy", "npz", "gz", "idx"];
    let begin: [&[u8]; 6] = [
        b"",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x02\x00",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"\x00\x00\x08\x03",
    ];
    alone(|| {
        let scratch = Scratch::new();
        let bytes = prop::collection::vec(any::<u8>(), 0..200);
        let inputs = (bytes, 0..endings.len(), 0..begin.len());
        fuzz("arbitrary bytes", inputs, |(bytes, ending, which)| {
            try_file(&scratch, endings[ending], &[begin[which], &bytes].concat())
        });
    });
}

#[test]
fn text_of_the_bytes_that_matter() {
    let letters = b"\",;\t|\r\n 01.eE+-xNA\xff\xc3\xa9".to_vec();
    alone(|| {
        let scratch = Scratch::new();
        let inputs = prop::collection::vec(prop::sample::select(letters), 0..120);
        fuzz("bytes that matter", inputs, |text| try_file(&scratch, "csv", &text));
    });
}

/// A stored schema with anything changed: refused, or it keeps its promises.
#[test]
fn schemas_changed() {
    alone(|| {
        let scratch = Scratch::new();
        let rows = (0..30).map(|i| format!("{i},{},{}\n", ["red", "blue"][i % 2], 3 * i));
        let text = format!("x,colour,y\n{}", rows.collect::<String>());
        let table = read(&scratch.write("csv", text.as_bytes()), &ReadOptions::default()).unwrap();
        let options = SchemaOptions {
            targets: vec!["y".into()],
            categorical: vec!["colour".into()],
            ..SchemaOptions::default()
        };
        let json = Schema::fit(&table, &options).unwrap().schema.to_json();
        fuzz("schemas", changes(), |changes| {
            let bytes = change(json.clone().into_bytes(), &changes);
            let text = String::from_utf8_lossy(&bytes);
            let mut found = None;
            let most = measure(|| found = Some(Schema::from_json(&text))).bytes_max;
            let length = text.len() as u64;
            prop_assert!(most <= 20 * length + (16 << 10), "{most} bytes of memory for {length}");
            let by_serde = serde_json::from_str::<Schema>(&text);
            if let Some(Ok(schema)) = found {
                prop_assert_eq!(&by_serde.unwrap(), &schema);
                prop_assert!(schema.rows() > 0 && schema.rows() <= 1 << 48);
                // Applied to the table it is a table or an error.
                let _ = schema.apply(&table, TargetUse::Optional);
                let _ = (schema.feature_scaling(), schema.target_scaling(), schema.classes());
            } else {
                prop_assert!(by_serde.is_err(), "serde has a door of its own");
            }
            Ok(())
        });
    });
}
