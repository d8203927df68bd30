//! Configurations with anything changed in them: refused, or what they say comes back from the text written of them. Never a panic,
//! and no more memory than their length accounts for.

#[path = "../../train/tests/common/changes.rs"]
mod changes;

use super::config::kind;
use super::kind::KINDS;
use changes::{change, changes, fuzz};
use proptest::prelude::*;
use std::path::Path;

#[test]
fn configurations_changed() {
    let good: Vec<String> = KINDS.iter().map(|kind| kind.defaults()).collect();
    fuzz("configurations", (0..good.len(), changes()), |(which, changes)| {
        let bytes = change(good[which].clone().into_bytes(), &changes);
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
}
