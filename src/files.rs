//! Writing files so that what was there is never half overwritten.

use std::io::Write;
use std::path::Path;
use std::{fs, io};

/// Writes a file whole or not at all. Makes its folder if need be.
///
/// # Errors
/// What the system says; the file is then as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    evidence_train::run::replace(path, |file| file.write_all(bytes))
}

/// Makes a folder if it is not there, and tries whether files can be made in it; leaves nothing behind.
///
/// # Errors
/// What the system says.
pub(crate) fn try_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let probe = folder.join(".evidence.part");
    fs::write(&probe, "")?;
    fs::remove_file(&probe)
}
