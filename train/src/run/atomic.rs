//! Files that are replaced whole or not at all.
//!
//! A name is a pointer to a file, and renaming moves it in one go: a new file is written beside the old one, brought to the
//! disk, and takes its name. Whatever happens in between (a kill, a full disk, a power cut), the name points to a whole file,
//! the old one or the new one. The folder is brought to the disk as well, or a power cut could undo the renaming.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The ending of a file that is not whole yet.
const PART: &str = ".part";

/// Replaces a file by what `write` writes, which gets the old one's permissions. Makes its folder if need be.
///
/// # Errors
/// What the system says, or `write`; the file is then as it was, unless all that failed was to bring the folder to the disk.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let (part, mut file) = part(path)?;
    let written = write(&mut file).and_then(|()| {
        if let Ok(old) = fs::symlink_metadata(path)
            && old.is_file()
        {
            file.set_permissions(old.permissions())?;
        }
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&part, path));
    if replaced.is_err() {
        // The first error is the one to tell.
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

/// A new file beside another, which is called so until it is whole: its name is no other writer's, and a link that a stranger has put
/// there is not followed.
fn part(path: &Path) -> io::Result<(PathBuf, File)> {
    static WRITERS: AtomicUsize = AtomicUsize::new(0);
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    loop {
        let mut part = OsString::from(name);
        let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
        part.push(format!(".{}-{writer}{PART}", std::process::id()));
        let part = path.with_file_name(part);
        match File::create_new(&part) {
            Ok(file) => return Ok((part, file)),
            // Left by a process that was killed and had the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes what writers that were killed left in a folder that is now this process's own.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().ends_with(PART.as_bytes()) {
            // It is in nobody's way: the next sweep may have more luck.
            let _ = fs::remove_file(entry.path());
        }
    }
}
