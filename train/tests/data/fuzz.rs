//! Arbitrary bytes, and good files with bytes changed, cut and put in: a table or an error, never a panic.
//!
//! `EVIDENCE_FUZZ_CASES` says how many of each; a longer run is `EVIDENCE_FUZZ_CASES=1000000 cargo test --release -p
//! evidence-train --test data fuzz`.

use crate::bytes::{doubles, gzip, idx, npy, npz, read_bytes};
use evidence_train::data::{Missing, ReadOptions};
use proptest::prelude::*;

fn cases() -> u32 {
    std::env::var("EVIDENCE_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

/// A good file of each format, with its ending.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let array = npy("<f8", false, "(3, 2)", &doubles(&[0.5; 6]));
    let images = idx(8, &[2, 2, 2], &[9; 8]);
    vec![
        ("csv", b"name,\"x, y\"\nred,1.5\n\"bl\"\"ue\",-2e-3\ngreen,NA\n".to_vec()),
        ("tsv", b"1\t2\n3\t4\n".to_vec()),
        ("npz", npz(&[("x", array.clone()), ("y", array.clone())])),
        ("npy", array),
        ("gz", gzip(&images)),
        ("idx", images),
    ]
}

fn try_all(ending: &str, bytes: &[u8]) {
    for missing in [Missing::Refuse, Missing::DropRows] {
        let options = ReadOptions { missing, ..ReadOptions::default() };
        if let Ok(frame) = read_bytes(ending, bytes, &options) {
            assert!(frame.rows() > 0 && frame.columns().iter().all(|c| c.len() == frame.rows()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn arbitrary_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        ending in prop::sample::select(vec!["csv", "npy", "npz", "gz", "idx"]),
        begin in prop::sample::select(vec![
            &b""[..], b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x00\x00\x08\x03",
        ]),
    ) {
        try_all(ending, &[begin, &bytes].concat());
    }

    #[test]
    fn text_of_the_bytes_that_matter(
        text in prop::collection::vec(prop::sample::select(b"\",;\t|\r\n 01.eE+-xNA\xff\xc3\xa9".to_vec()), 0..80),
    ) {
        try_all("csv", &text);
    }

    #[test]
    fn good_files_changed(
        seed in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let (ending, mut bytes) = seeds().swap_remove(seed);
        for (at, byte, what) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        try_all(ending, &bytes);
    }
}
