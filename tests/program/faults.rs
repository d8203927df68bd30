//! Trainings that are interrupted, killed, or out of room.

use crate::common::{err, folder, ok, signal, start, train, wait_for};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// A training of a second or so, with checkpoints all the time.
const LONG: [&str; 8] =
    ["--target", "y", "--epochs", "150", "--checkpoint-steps", "7", "--batch", "8"];

/// A training that would take days is stopped, gone on with, and stopped again further on.
#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let folder = folder();
    let folder = folder.path();
    let first = train("bayes", &["--target", "y", "--epochs", "1000000000"], "r");
    let stopped = |arguments: &[&str]| -> u64 {
        let child = start(folder, arguments);
        wait_for(&folder.join("r/state.safetensors"));
        std::thread::sleep(Duration::from_millis(300));
        signal(&child, "INT");
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", err(&output));
        assert!(err(&output).contains("evidence resume r"), "{}", err(&output));
        let said = err(&output);
        let step = said.split("behind step ").nth(1).and_then(|rest| rest.split(';').next());
        step.unwrap().parse().unwrap()
    };
    let step = stopped(&first);
    assert!(step > 0 && stopped(&["resume", "r"]) > step);
}

/// `EVIDENCE_KILLS` says how often; every run is killed until it ends by itself.
#[cfg(unix)]
#[test]
fn a_run_that_is_killed_again_and_again_ends_like_an_unbroken_one() {
    let kills: u32 = std::env::var("EVIDENCE_KILLS").map_or(6, |n| n.parse().unwrap());
    let folder = folder();
    let folder = folder.path();
    let begin = Instant::now();
    ok(folder, &train("bayes", &LONG, "unbroken"));
    let whole = begin.elapsed();
    let (mut done, mut runs, mut dice) = (0, 0, 12_345_u64);
    while done < kills {
        let name = format!("r{runs}");
        runs += 1;
        let first = train("bayes", &LONG, &name);
        let mut child = start(folder, &first);
        loop {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(whole.mul_f64((dice >> 33) as f64 / (1_u64 << 31) as f64 / 2.0));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{}", err(&child.wait_with_output().unwrap()));
                break;
            }
            signal(&child, "KILL");
            child.wait().unwrap();
            done += 1;
            // Killed before there was a run: it starts anew.
            let begun = folder.join(&name).join("config.toml").exists();
            child = if begun { start(folder, &["resume", &name]) } else { start(folder, &first) };
        }
        for file in ["model.safetensors", "metrics.jsonl"] {
            let of = |run: &str| fs::read(folder.join(run).join(file)).unwrap();
            assert_eq!(of(&name), of("unbroken"), "{file} after {done} kills");
        }
    }
    println!("{done} kills of {runs} runs survived");
}

/// A limit on the size of files, in blocks, stands for a full disk: writes fail in the middle.
#[cfg(unix)]
fn limited(folder: &Path, blocks: u32, arguments: &[&str]) -> Output {
    let script = format!("ulimit -f {blocks}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.current_dir(folder).args(["-c", &script, "sh", env!("CARGO_BIN_EXE_evidence")]);
    command.args(arguments).args(["--threads", "1"]).output().unwrap()
}

#[cfg(unix)]
#[test]
fn without_room_there_is_no_half_of_a_checkpoint() {
    let folder = folder();
    let folder = folder.path();
    let flags = |hidden| ["--target", "y", "--hidden", hidden, "--epochs", "3"];
    let output = limited(folder, 64, &train("dense", &flags("4000"), "large"));
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).contains("state.safetensors") && err(&output).contains("make room"));
    assert!(!folder.join("large/state.safetensors").exists(), "no half of one");
    // With room it goes on.
    ok(folder, &["resume", "large"]);
    let output = limited(folder, 64, &train("dense", &flags("4"), "small"));
    assert!(output.status.success(), "{}", err(&output));
}

/// There is room for the result (80 kB) and none for another checkpoint (320 kB).
#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_leaves_the_checkpoint_before_as_it_was() {
    let folder = folder();
    let folder = folder.path();
    let flags = |epochs| ["--target", "y", "--hidden", "4000", "--epochs", epochs];
    ok(folder, &train("dense", &flags("6"), "unbroken"));
    ok(folder, &train("dense", &flags("3"), "r"));
    let of = |run: &str, file: &str| fs::read(folder.join(run).join(file)).unwrap();
    let before = [of("r", "state.safetensors"), of("r", "model.safetensors")];
    let output = limited(folder, 300, &["resume", "r", "--epochs", "6"]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    for word in ["state.safetensors: cannot be written", "as it was", "make room"] {
        assert!(err(&output).contains(word), "{word}: {}", err(&output));
    }
    assert!([of("r", "state.safetensors"), of("r", "model.safetensors")] == before);
    let parts = fs::read_dir(folder.join("r")).unwrap();
    let left: Vec<_> = parts.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
    ok(folder, &["resume", "r"]);
    for file in ["model.safetensors", "metrics.jsonl"] {
        assert!(of("r", file) == of("unbroken", file), "{file}");
    }
}
