//! Trying readers on changed files, for the fuzzers of every crate that reads one.
//!
//! `EVIDENCE_FUZZ_CASES` says how many of each, 400 without it, and `EVIDENCE_FUZZ_SECONDS` how long it goes on at least.

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

fn number(name: &str, without: u32) -> u32 {
    let Ok(text) = std::env::var(name) else { return without };
    text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a whole number"))
}

/// Tries a law on inputs, and tells how many and how long it took.
pub fn fuzz<S: Strategy>(
    name: &str,
    inputs: S,
    law: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let round = number("EVIDENCE_FUZZ_CASES", 400);
    let seconds = f64::from(number("EVIDENCE_FUZZ_SECONDS", 0));
    let (begin, mut tried) = (Instant::now(), 0);
    loop {
        // A new runner has a new seed.
        let config = Config { cases: round, failure_persistence: None, ..Config::default() };
        if let Err(error) = TestRunner::new(config).run(&inputs, &law) {
            panic!("{name}: {error}");
        }
        tried += round;
        if begin.elapsed().as_secs_f64() >= seconds {
            break;
        }
    }
    println!("{name}: {tried} inputs in {:.1} s", begin.elapsed().as_secs_f64());
}
