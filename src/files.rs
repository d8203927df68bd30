//! Writing files so that what was there is never half overwritten.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Writes a file whole or not at all: beside it first, then in its place. Makes its folder if need be.
///
/// # Errors
/// What the system says; the file is then as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut part = name.to_os_string();
    part.push(".part");
    let part: PathBuf = path.with_file_name(part);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to tell; a part that was never made cannot be removed.
        let _ = fs::remove_file(&part);
    }
    written
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
