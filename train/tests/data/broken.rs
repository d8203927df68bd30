//! Broken files, and what is said about each: where, what was expected, what was found.

use crate::bytes::{doubles, gzip, idx, npy, npz, read_bytes};
use evidence_train::data::ReadOptions;

/// An archive of one array whose packed size is said to be another.
fn claiming(arrays: &[(&str, Vec<u8>)], packed: u32) -> Vec<u8> {
    let mut bytes = npz(arrays);
    // The directory's entry (APPNOTE 4.3.12) has it at byte 20, behind its signature.
    let at = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap() + 20;
    bytes[at..at + 4].copy_from_slice(&packed.to_le_bytes());
    bytes
}

#[test]
fn each_is_refused_with_its_place() {
    let good = npy("<f8", false, "(3, 2)", &doubles(&[1.0; 6]));
    let images = idx(8, &[2, 2, 2], &[7; 8]);
    let forty: Vec<String> = (0..40).map(|i| format!("x{i}")).collect();
    let packed = gzip(&images);
    let mut corrupt = packed.clone();
    let middle = corrupt.len() - 6;
    corrupt[middle] ^= 0xff;
    let table: Vec<(&str, &str, Vec<u8>, Vec<&str>)> = vec![
        ("empty", "csv", vec![], vec!["empty"]),
        ("blank lines", "csv", b"\n\n\n".to_vec(), vec!["empty"]),
        ("header alone", "csv", b"a,b\n".to_vec(), vec!["no rows"]),
        ("missing", "csv", b"a,b\n1,2\n3,\n".to_vec(), vec!["line 3, column 2 (\"b\")", "missing"]),
        ("named missing", "csv", b"a,b\n1,?\n".to_vec(), vec!["line 2, column 2 (\"b\")"]),
        (
            "ragged",
            "csv",
            b"a,b\n1,2\n3,4,5\n".to_vec(),
            vec!["line 3", "expected 2 cells", "found 3"],
        ),
        ("names twice", "csv", b"a,a\n1,2\n".to_vec(), vec!["two columns are called \"a\""]),
        ("infinite", "csv", b"a,b\n1,2\n3,inf\n".to_vec(), vec!["line 3, column 2", "inf"]),
        ("open quote", "csv", b"a,b\n\"1,2\n3,4\n".to_vec(), vec!["line 2", "never ends"]),
        (
            "open quote behind a doubled one",
            "csv",
            b"a,b\n1,\"abc\n2,\"\"\n".to_vec(),
            vec!["line 2, byte 6", "never ends"],
        ),
        ("no UTF-8", "csv", b"a,b\nx\xff,2\n".to_vec(), vec!["line 2", "byte 5", "UTF-8"]),
        ("cut in the magic", "npy", good[..5].to_vec(), vec!["byte"]),
        ("cut in the header", "npy", good[..40].to_vec(), vec!["byte"]),
        ("cut in the elements", "npy", good[..good.len() - 1].to_vec(), vec!["byte"]),
        ("surplus elements", "npy", [&good[..], &[0]].concat(), vec!["byte"]),
        (
            "sizes beyond the file",
            "npy",
            npy("<f8", false, "(4000000000000000000, 8)", &[0; 16]),
            vec!["byte"],
        ),
        ("objects", "npy", npy("|O", false, "(2,)", &[0; 16]), vec!["|O"]),
        ("complex", "npy", npy("<c16", false, "(1,)", &[0; 16]), vec!["c16"]),
        ("four axes", "npy", npy("<f8", false, "(1, 1, 1, 1)", &[0; 8]), vec!["axes"]),
        ("no rows", "npy", npy("<f8", false, "(0, 2)", &[]), vec!["no rows"]),
        (
            "not a number",
            "npy",
            npy("<f8", false, "(2, 2)", &doubles(&[1.0, 2.0, f64::NAN, 4.0])),
            vec!["row 1", "column 0"],
        ),
        ("an archive of nothing", "npz", npz(&[]), vec!["npz"]),
        (
            "rows that differ",
            "npz",
            npz(&[
                ("x", npy("<f8", false, "(2,)", &[0; 16])),
                ("y", npy("<f8", false, "(1,)", &[0; 8])),
            ]),
            vec!["y"],
        ),
        ("cut archive", "npz", npz(&[("x", good.clone())])[..60].to_vec(), vec![]),
        ("cut images", "idx", images[..images.len() - 1].to_vec(), vec!["byte"]),
        ("surplus images", "idx", [&images[..], &[0]].concat(), vec!["byte"]),
        ("an element type that is none", "idx", idx(7, &[1], &[0]), vec!["unknown format"]),
        ("images beyond the file", "idx", idx(8, &[u32::MAX; 3], &[0; 9]), vec!["byte"]),
        ("cut gzip", "gz", packed[..packed.len() - 9].to_vec(), vec![]),
        ("corrupt gzip", "gz", corrupt, vec![]),
        (
            "a header that claims two million columns",
            "gz",
            gzip(&idx(
                8,
                &[1, 2_000_000],
                &(0..2_000_000_u32)
                    .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
                    .collect::<Vec<_>>(),
            )),
            vec!["2000000 columns"],
        ),
        (
            "an array that is shorter than its shape",
            "npz",
            npz(&[("x", npy("<f8", false, "(4000, 2)", &[0; 48]))]),
            vec!["x, byte", "4000 rows", "64128 bytes"],
        ),
        (
            "an array that is longer than its shape",
            "npz",
            npz(&[("x", npy("<f8", false, "(1,)", &[0; 48]))]),
            vec!["x, byte", "1 rows"],
        ),
        (
            "an archive that is a bomb",
            "npz",
            npz(&[("x", npy("<f8", false, "(1000000,)", &vec![0; 8_000_000]))]),
            vec!["200 times", "unpack it first"],
        ),
        (
            "a bomb that claims to be large",
            "npz",
            claiming(&[("x", npy("<f8", false, "(1000000,)", &vec![0; 8_000_000]))], 400_000),
            vec!["share bytes, or claim more"],
        ),
        (
            "many arrays that are each no bomb",
            "npz",
            npz(&forty
                .iter()
                .map(|name| (&name[..], npy("|u1", false, "(1000000,)", &vec![0; 1_000_000])))
                .collect::<Vec<_>>()),
            vec!["200 times", "unpack it first"],
        ),
        ("text that is a bomb", "gz", gzip(&b"1,2\n".repeat(2_000_000)), vec!["unpack it first"]),
        (
            "an array that is a bomb",
            "gz",
            gzip(&npy("<f8", false, "(1000000,)", &vec![0; 8_000_000])),
            vec!["byte"],
        ),
        ("gzip in gzip", "gz", gzip(&packed), vec!["gzip in gzip"]),
        ("an archive in gzip", "gz", gzip(&npz(&[("x", good.clone())])), vec!["archive in gzip"]),
        ("broken text in gzip", "gz", gzip(b"a,b\n1,2\n3,\n"), vec!["line 3, column 2 (\"b\")"]),
        ("more columns than are read", "csv", b"1,".repeat(2_000_000), vec!["1048576 columns"]),
        ("a bad name", "csv", b"\"a\nb\xff\",c\n1,2\n".to_vec(), vec!["line 2, byte 4", "UTF-8"]),
        (
            "a bad name behind a mark",
            "csv",
            b"\"a\"\"\xff\",\"x\ny\"\n1,2\n".to_vec(),
            vec!["line 1, byte 4", "UTF-8"],
        ),
        (
            "a bad cell behind a line end",
            "csv",
            b"x,y\n\"a\n\"\"b\xff\",2\n\"c\",3\n".to_vec(),
            vec!["line 3, byte 10", "UTF-8"],
        ),
        ("a bomb", "gz", gzip(&[&images[..], &vec![0; 50_000_000]].concat()), vec!["byte"]),
    ];
    for (what, ending, bytes, words) in table {
        let refused = read_bytes(ending, &bytes, &ReadOptions::default());
        let error = match refused {
            Ok(frame) => panic!("{what}: read as {frame:?}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(&format!("table.{ending}: ")), "{what}: {error}");
        for word in words {
            assert!(error.contains(word), "{what}: \"{word}\" is not in {error}");
        }
    }
}

#[test]
fn options_that_do_not_fit_and_files_that_are_not_there() {
    let options = ReadOptions { text: vec!["c".into()], ..ReadOptions::default() };
    let error = read_bytes("csv", b"a,b\n1,2\n", &options).unwrap_err().to_string();
    assert!(error.contains("\"c\"") && error.contains("\"a\", \"b\""), "{error}");
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none.csv"), folder.path().to_owned()] {
        assert!(evidence_train::data::read(&path, &ReadOptions::default()).is_err());
    }
}

/// A row that does not end is called that, wherever it begins, and an open quotation mark by its place.
#[test]
fn rows_that_do_not_end() {
    let long = b"1,".repeat(36 << 20);
    let many = b"1,2\n".repeat(1_200_000);
    for (before, after, words) in [
        (&b""[..], &long[..], ["line 1, byte 0", "more than 67108864 bytes"]),
        (b"a,b\n1,2\n", &long, ["line 3, byte 8", "more than 67108864 bytes"]),
        (&many, &long, ["line 1200001, byte 4800000", "more than 67108864 bytes"]),
        (b"a,b\n1,2\n3,\"", &long, ["line 3, byte 10", "never ends"]),
        (b"a,b\n1,2\n3,4,5\n", &long, ["line 3", "found 3"]),
    ] {
        let bytes = [before, after].concat();
        let error = read_bytes("csv", &bytes, &ReadOptions::default()).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "\"{word}\" is not in {error}");
        }
    }
}
