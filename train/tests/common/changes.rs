//! Trying readers on changed files, for the fuzzers of every crate that reads one.
//!
//! `EVIDENCE_FUZZ_CASES` says how many of each, 400 without it.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::time::Instant;

/// A change of a file: bytes set, put in, taken away or repeated.
pub type Change = (prop::sample::Index, u8, u8);

/// One to seven changes.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5_u8), 1..8)
}

/// The bytes with all of that done to them.
pub fn change(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for &(at, byte, what) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match what {
            0 => bytes[at] = byte,
            1 => bytes[at] ^= 1 << (byte % 8),
            2 => bytes.insert(at, byte),
            3 => bytes.truncate(at),
            _ => {
                let end = bytes.len().min(at + usize::from(byte % 32));
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

/// Tries a law on inputs, and tells how many and how long it took.
pub fn fuzz<S: Strategy>(
    name: &str,
    inputs: S,
    law: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let cases = std::env::var("EVIDENCE_FUZZ_CASES").ok().and_then(|n| n.parse().ok());
    let cases = cases.unwrap_or(400);
    let begin = Instant::now();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(error) = TestRunner::new(config).run(&inputs, law) {
        panic!("{name}: {error}");
    }
    println!("{name}: {cases} inputs in {:.1} s", begin.elapsed().as_secs_f64());
}
