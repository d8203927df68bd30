//! Running the built program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evidence"));
    command.args(arguments);
    command
}

/// In a folder, on one thread.
pub fn evidence(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program(arguments);
    command.current_dir(folder).args(["--threads", "1"]);
    command
}

/// Exit code, standard output, standard error.
#[track_caller]
pub fn ended(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("it starts");
    let stderr = err(&output);
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
    (output.status.code(), out(&output), stderr)
}

/// A folder of a test's own, empty.
pub fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    evidence(folder, arguments).output().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
pub fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", err(&output));
    out(&output)
}

#[track_caller]
pub fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
    assert_eq!(out(&output), "", "{arguments:?}");
    for word in words {
        assert!(
            err(&output).contains(word),
            "{arguments:?}: \"{word}\" is not in {}",
            err(&output)
        );
    }
}

/// A hundred and twenty rows of y = a − 2 b with something added, and a column of no use.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let wave = |i: usize, k: f64| (i as f64 * k).sin();
    let rows = (0..120).map(|i| {
        let (a, b) = (3.0 * wave(i, 0.7), wave(i, 1.3));
        format!("{a},{b},{},{}\n", wave(i, 2.9), a - 2.0 * b + 0.1 * wave(i, 5.1))
    });
    fs::write(folder.path().join("t.csv"), format!("a,b,c,y\n{}", rows.collect::<String>()))
        .unwrap();
    folder
}

pub fn start(folder: &Path, arguments: &[&str]) -> Child {
    evidence(folder, arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

pub fn wait_for(path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Flags of a training of a kind on `t.csv`.
pub fn train<'a>(kind: &'a str, flags: &[&'a str], run: &'a str) -> Vec<&'a str> {
    [&["train", kind, "--data", "t.csv", "--out", run][..], flags].concat()
}
