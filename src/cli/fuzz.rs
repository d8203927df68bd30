//! Configurations with anything changed in them: refused, or what they say comes back from the text written of them. Never a panic,
//! and no more memory than their length accounts for.
//!
//! `EVIDENCE_FUZZ_CASES` says how many.

use super::config::kind;
use super::kind::KINDS;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::path::Path;
use std::time::Instant;

#[test]
fn configurations_changed() {
    let cases = std::env::var("EVIDENCE_FUZZ_CASES").ok().and_then(|n| n.parse().ok());
    let config =
        Config { cases: cases.unwrap_or(400), failure_persistence: None, ..Config::default() };
    let good: Vec<String> = KINDS.iter().map(|kind| kind.defaults()).collect();
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..5_u8);
    let inputs = (0..good.len(), prop::collection::vec(change, 1..8));
    let begin = Instant::now();
    let ran = TestRunner::new(config.clone()).run(&inputs, |(which, changes)| {
        let mut bytes = good[which].clone().into_bytes();
        for (at, byte, what) in changes {
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
        let text = String::from_utf8_lossy(&bytes);
        let path = Path::new("config.toml");
        let _ = kind(path, &text);
        let mut again = None;
        let most = allocation_counter::measure(|| again = KINDS[which].parsed(path, &text).ok());
        let bound = 200 * text.len() as u64 + (64 << 10);
        prop_assert!(most.bytes_max <= bound, "{} bytes of memory", most.bytes_max);
        if let Some(written) = again {
            prop_assert_eq!(KINDS[which].parsed(path, &written).unwrap(), written);
        }
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
    println!("configurations: {} inputs in {:.1} s", config.cases, begin.elapsed().as_secs_f64());
}
