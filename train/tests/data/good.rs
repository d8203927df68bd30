//! One small table in every way it can be written.

use crate::bytes::{doubles, gzip, idx, npy, npz, read_bytes};
use evidence_train::data::{Chunks, Column, Delimiter, Frame, Missing, ReadOptions, Wanted, read};
use proptest::prelude::*;
use std::path::Path;

fn numbers(frame: &Frame) -> Vec<Vec<f64>> {
    let numbers = |column: &Column| match column {
        Column::Numbers(x) => x.clone(),
        Column::Text(text) => panic!("text {text:?}"),
    };
    frame.columns().iter().map(numbers).collect()
}

#[test]
fn one_table_in_every_format() {
    let expected = [vec![1.0, 3.0, 5.0], vec![2.0, -4.5, 6e3]];
    let rows = doubles(&[1.0, 2.0, 3.0, -4.5, 5.0, 6e3]);
    let columns = doubles(&[1.0, 3.0, 5.0, 2.0, -4.5, 6e3]);
    let big: Vec<u8> =
        [1.0_f32, 2.0, 3.0, -4.5, 5.0, 6e3].iter().flat_map(|x| x.to_be_bytes()).collect();
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("csv", b"a,b\n1,2\n3,-4.5\n5,6e3\n".to_vec()),
        ("csv", b"a;b\r\n1;2\r\n3;-4.5\r\n5;6e3".to_vec()),
        ("tsv", b"a\tb\n1\t2\n3\t-4.5\n5\t6e3\n".to_vec()),
        ("csv", b"a|b\n1|2\n3|-4.5\n5|6e3\n".to_vec()),
        ("csv", b"1,2\n3,-4.5\n5,6e3\n".to_vec()),
        ("csv", b"\xef\xbb\xbf\"a\",\"b\"\n\"1\",2\n3,\"-4.5\"\n\n5,6e3\n".to_vec()),
        ("gz", gzip(b"a,b\n1,2\n3,-4.5\n5,6e3\n")),
        ("csv.gz", gzip(b"a\tb\n1\t2\n3\t-4.5\n5\t6e3\n")),
        ("gz", gzip(&npy("<f8", false, "(3, 2)", &rows))),
        ("gz", gzip(&npy("<f8", true, "(3, 2)", &columns))),
        ("npy", npy("<f8", false, "(3, 2)", &rows)),
        ("npy", npy("<f8", true, "(3, 2)", &columns)),
        ("npy", npy(">f4", false, "(3, 2)", &big)),
        ("npz", npz(&[("x", npy("<f8", false, "(3, 2)", &rows))])),
        (
            "npz",
            npz(&[
                ("x", npy("<f8", false, "(3,)", &doubles(&expected[0]))),
                ("y", npy("<f8", false, "(3, 1)", &doubles(&expected[1]))),
            ]),
        ),
    ];
    for (i, (ending, bytes)) in table.iter().enumerate() {
        let frame = read_bytes(ending, bytes, &ReadOptions::default());
        let frame = frame.unwrap_or_else(|error| panic!("row {i}: {error}"));
        assert_eq!(numbers(&frame), expected, "row {i}");
    }
}

#[test]
fn whole_numbers_images_and_labels() {
    let options = ReadOptions::default();
    let ints: Vec<u8> = [-3_i16, 7].iter().flat_map(|x| x.to_le_bytes()).collect();
    let frame = read_bytes("npy", &npy("<i2", false, "(2,)", &ints), &options).unwrap();
    assert_eq!(numbers(&frame), [[-3.0, 7.0]]);
    let frame = read_bytes("npy", &npy("|b1", false, "(2, 1)", &[1, 0]), &options).unwrap();
    assert_eq!(numbers(&frame), [[1.0, 0.0]]);
    let images = idx(8, &[2, 2, 2], &[0, 1, 2, 3, 252, 253, 254, 255]);
    for bytes in [images.clone(), gzip(&images)] {
        let frame = read_bytes("idx", &bytes, &options).unwrap();
        assert_eq!(numbers(&frame), [[0.0, 252.0], [1.0, 253.0], [2.0, 254.0], [3.0, 255.0]]);
    }
    let labels = read_bytes("idx", &idx(8, &[3], &[9, 0, 4]), &options).unwrap();
    assert_eq!(numbers(&labels), [[9.0, 0.0, 4.0]]);
}

#[test]
fn text_missing_cells_and_what_the_options_say() {
    let mixed = b"x,colour\n1,red\n2,\"blue, light\"\n3,red\n";
    let frame = read_bytes("csv", mixed, &ReadOptions::default()).unwrap();
    assert_eq!(frame.names(), ["x", "colour"]);
    let cells: Vec<String> = (0..3).map(|row| frame.column("colour").unwrap().cell(row)).collect();
    assert_eq!(cells, ["red", "blue, light", "red"]);

    let gaps = b"a,b\n1,2\n,4\n5,NA\n7,8\n";
    let drop = ReadOptions { missing: Missing::DropRows, ..ReadOptions::default() };
    let frame = read_bytes("csv", gaps, &drop).unwrap();
    assert_eq!((numbers(&frame), frame.dropped()), (vec![vec![1.0, 7.0], vec![2.0, 8.0]], 2));

    let codes = ReadOptions { text: vec!["a".into()], ..ReadOptions::default() };
    let frame = read_bytes("csv", b"a,b\n01,2\n1,4\n", &codes).unwrap();
    assert_eq!(frame.column("a").unwrap().cell(0), "01");

    let no_header = ReadOptions { header: Some(false), ..ReadOptions::default() };
    let frame = read_bytes("csv", b"1,2\n3,4\n", &no_header).unwrap();
    assert!(frame.rows() == 2 && !frame.is_named());
    let header = ReadOptions { header: Some(true), ..ReadOptions::default() };
    let frame = read_bytes("csv", b"1,2\n3,4\n", &header).unwrap();
    assert_eq!((frame.rows(), frame.names()), (1, &["1".to_string(), "2".to_string()][..]));
}

/// A row of more bytes than are looked at first, with words above numbers.
#[test]
fn a_table_of_very_many_columns() {
    let columns = 400_000;
    let names: Vec<String> = (0..columns).map(|i| format!("a_long_name_{i}")).collect();
    let cells = vec!["1"; columns].join(",");
    let text = format!("{}\n{cells}\n{cells}\n", names.join(","));
    assert!(names.join(",").len() > 5 << 20);
    let frame = read_bytes("csv", text.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!((frame.rows(), frame.names().len()), (2, columns));
    assert_eq!(frame.names()[columns - 1], names[columns - 1]);
}

/// A pipe cannot be read twice: what was looked at to know the format is not lost.
#[cfg(unix)]
#[test]
fn a_pipe_gives_the_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || std::fs::write(path, "a,b\n1,2\n3,4\n5,6\n7,8\n").unwrap())
    };
    let frame = read(&path, &ReadOptions::default()).unwrap();
    writer.join().unwrap();
    assert_eq!(frame.names(), ["a", "b"]);
    assert_eq!(numbers(&frame), [[1.0, 3.0, 5.0, 7.0], [2.0, 4.0, 6.0, 8.0]]);
}

/// The white wine and the digits of the mission's data folder, where it is beside the project.
#[test]
fn real_files() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let wine = shared.join("wine/winequality-white.csv");
    let digits = shared.join("t10k-images-idx3-ubyte.gz");
    if !wine.exists() || !digits.exists() {
        eprintln!("skipped: {} is not here", shared.display());
        return;
    }
    let frame = read(&wine, &ReadOptions::default()).unwrap();
    assert_eq!((frame.rows(), frame.columns().len()), (4898, 12));
    assert_eq!(frame.names()[11], "quality");
    let images = read(&digits, &ReadOptions::default()).unwrap();
    assert_eq!((images.rows(), images.columns().len()), (10_000, 784));
    let streamed: usize = Chunks::open(&digits, &ReadOptions::default())
        .unwrap()
        .map(|frame| frame.unwrap().rows())
        .sum();
    assert_eq!(streamed, 10_000);
}

/// Words with all that may stand in a quoted cell, none of which stands for a missing value.
fn word() -> impl Strategy<Value = String> {
    "x[a-z,;\"\r\n|é ]{0,6}x"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The crate `csv` writes a table of words, and reads it as we do.
    #[test]
    fn words_are_those_that_another_reader_finds(
        rows in prop::collection::vec([word(), word()], 1..60),
        delimiter in prop::sample::select(vec![b',', b';', b'\t']),
    ) {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let bytes = writer.into_inner().unwrap();
        let options = ReadOptions {
            delimiter: Some(Delimiter::Byte(delimiter)),
            header: Some(true),
            ..ReadOptions::default()
        };
        let frame = read_bytes("csv", &bytes, &options).unwrap();
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(&bytes[..]);
        let mut seen = 0;
        for (i, record) in reader.records().enumerate() {
            for (j, cell) in record.unwrap().iter().enumerate() {
                prop_assert_eq!(&frame.columns()[j].cell(i), cell);
                prop_assert_eq!(cell, &rows[i][j]);
            }
            seen += 1;
        }
        prop_assert_eq!((seen, frame.rows()), (rows.len(), rows.len()));
    }

    /// Rust prints the shortest text that reads back as the same number.
    #[test]
    fn numbers_come_back_with_the_same_bits(
        rows in prop::collection::vec([-1e300_f64..1e300, -1.0..1.0, -1e-300..1e-300], 1..400),
        delimiter in prop::sample::select(vec![(',', Delimiter::Byte(b',')), (';', Delimiter::Byte(b';'))]),
    ) {
        let mut text = format!("a{0}b{0}c\n", delimiter.0);
        for [a, b, c] in &rows {
            text.push_str(&format!("{a}{0}{b:e}{0}{c}\n", delimiter.0));
        }
        let given = ReadOptions { delimiter: Some(delimiter.1), ..ReadOptions::default() };
        for options in [ReadOptions::default(), given] {
            let columns = numbers(&read_bytes("csv", text.as_bytes(), &options).unwrap());
            for (i, row) in rows.iter().enumerate() {
                for (j, x) in row.iter().enumerate() {
                    prop_assert_eq!(columns[j][i].to_bits(), x.to_bits());
                }
            }
        }
    }
}

/// What stands in columns that are not read may be anything.
#[test]
fn columns_that_are_not_read() {
    let nan = f64::NAN;
    let text = b"x,note,y\n1,,2\n3,\"a, b\",4\n5,\xff,6\n".to_vec();
    let arrays = npz(&[
        ("x", npy("<f8", false, "(3,)", &doubles(&[1.0, 3.0, 5.0]))),
        ("note", npy("<f8", false, "(3,)", &doubles(&[nan, f64::INFINITY, 0.0]))),
        ("y", npy("<f8", false, "(3,)", &doubles(&[2.0, 4.0, 6.0]))),
    ]);
    let without = Wanted::Without(vec!["note".into()]);
    let only = Wanted::Only(vec!["x".into(), "y".into(), "absent".into()]);
    for (ending, bytes) in [("csv", &text), ("npz", &arrays)] {
        for missing in [Missing::Refuse, Missing::DropRows] {
            for columns in [without.clone(), only.clone()] {
                let options = ReadOptions { missing, columns, ..ReadOptions::default() };
                let frame = read_bytes(ending, bytes, &options).unwrap();
                assert_eq!((frame.rows(), frame.dropped()), (3, 0), "{ending}");
                assert_eq!(frame.names(), ["x", "note", "y"]);
                assert_eq!(frame.column("y"), Some(&Column::Numbers(vec![2.0, 4.0, 6.0])));
                assert_eq!(frame.column("note").unwrap().cell(1), "");
            }
        }
        let all = ReadOptions { missing: Missing::DropRows, ..ReadOptions::default() };
        assert!(
            read_bytes(ending, bytes, &all).is_err(),
            "{ending}: nothing is passed over unasked"
        );
    }
    // A table without names is matched by the places of its columns: all are read.
    let options = ReadOptions { columns: only, ..ReadOptions::default() };
    let frame = read_bytes("csv", b"1,2\n3,4\n", &options).unwrap();
    assert_eq!(numbers(&frame), [[1.0, 3.0], [2.0, 4.0]]);
}

/// Rows keep their numbers, however many portions are read and rows left out before them.
#[test]
fn rows_are_numbered_as_in_the_file() {
    let rows = 600_000_u64;
    let gap = |i: &u64| i % 7 == 3 || (1000..2000).contains(i);
    let cell = |i: u64| if gap(&i) { String::new() } else { i.to_string() };
    let text: String = (0..rows).map(|i| format!("{},1\n", cell(i))).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, format!("id,x\n{text}")).unwrap();
    let options = ReadOptions { missing: Missing::DropRows, ..ReadOptions::default() };
    let check = |frame: &Frame| {
        let Some(Column::Numbers(ids)) = frame.column("id") else { panic!("numbers") };
        ids.iter().enumerate().for_each(|(row, &id)| assert_eq!(frame.number(row), id as u64));
        frame.rows()
    };
    let mut portions: Vec<Frame> =
        Chunks::open(&path, &options).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(portions.len() > 1);
    let kept = (0..rows).filter(|i| !gap(i)).count();
    assert_eq!(portions.iter().map(check).sum::<usize>(), kept);
    assert_eq!(check(&read(&path, &options).unwrap()), kept);
    // Cut anywhere, and put together again.
    for cut in [0, 1, 853, 999, 1000, 1001, portions[0].rows()] {
        let mut first = portions[0].clone();
        let rest = first.split_off(cut);
        assert_eq!((check(&first), check(&rest)), (cut, portions[0].rows() - cut));
        if cut > 0 {
            first.append(rest);
            assert_eq!(first, portions[0]);
        }
    }
    let last = portions.pop().unwrap();
    assert_eq!(last.number(last.rows() - 1), rows - 1 - u64::from(gap(&(rows - 1))));
}
