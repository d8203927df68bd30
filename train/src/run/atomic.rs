//! Files that are replaced whole or not at all.
//!
//! A name is a pointer to a file, and renaming moves it in one go: a new file is written beside the old one, brought to the
//! disk, and takes its name. Whatever happens in between (a kill, a full disk, a power cut), the name points to a whole file,
//! the old one or the new one. The folder is brought to the disk as well, or a power cut could undo the renaming.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Replaces a file by what `write` writes. Makes its folder if need be.
///
/// # Errors
/// What the system says, or `write`; the file is then as it was.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let part = part(path)?;
    let written = File::create(&part).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&part, path));
    if replaced.is_err() {
        // The first error is the one to tell; a part that was never made cannot be removed.
        let _ = fs::remove_file(&part);
    }
    replaced.and_then(|()| sync_folder(folder))
}

/// Brings a folder's names to the disk.
///
/// # Errors
/// What the system says.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and renaming is a matter of the file system's journal.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What a file is called until it is whole.
fn part(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let mut part = OsString::from(name);
    part.push(".part");
    Ok(path.with_file_name(part))
}
