//! Files in: CSV and TSV text, `.npy`, `.npz` and IDX, each as a [`Frame`].
//!
//! A file is known by its first bytes; only text, which has no mark of its own, is known by having no other. What is in gzip is
//! known by the first bytes that come out. [`read`] gives the whole table, [`Chunks`] its rows a portion at a time.
//!
//! Files come from anywhere. So no length that a file claims is believed before it is compared with the bytes there are,
//! memory grows with what was read, and every error says where it is and what to do. A packed file may hold 200 times its size and
//! a megabyte more, or it is refused.

mod csv;
mod element;
mod error;
mod idx;
mod npy;
mod npz;
mod packed;

pub use csv::Delimiter;
pub(super) use error::list;
pub use error::{Fault, Place, ReadError};

use super::frame::Frame;
use csv::CsvChunks;
use flate2::bufread::MultiGzDecoder;
use idx::IdxChunks;
use npy::NpyChunks;
use packed::{Unpacked, most, unpacking};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What happens to rows with a missing cell (empty, `NA`, `N/A`, `NaN`, `null`, `?`, in any case).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The file is refused, with the first such cell named.
    #[default]
    Refuse,
    /// They are left out and counted.
    DropRows,
}

/// Which columns of a table are read. What stands in the others is not looked at, may be missing or no number, and is not kept:
/// empty text takes its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    #[default]
    All,
    /// All but those of these names.
    Without(Vec<String>),
    /// Those of these names, where the file names its columns; all where it does not.
    Only(Vec<String>),
    /// All, for somebody who knows columns by their place: names say nothing, and those of [`text`](ReadOptions::text) need not be there.
    ByPlace,
}

impl Wanted {
    /// Whether a column is read; `named` if the file names it.
    pub(super) fn has(&self, name: &String, named: bool) -> bool {
        match self {
            Self::All | Self::ByPlace => true,
            Self::Without(names) => !names.contains(name),
            Self::Only(names) => !named || names.contains(name),
        }
    }
}

/// How to read a file, where it should not be left to what the file looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// What separates the cells of a text file; found if not given.
    pub delimiter: Option<Delimiter>,
    /// Whether the first row of a text file holds names; found if not given.
    pub header: Option<bool>,
    /// What happens to rows with a missing cell.
    pub missing: Missing,
    /// Columns of a text file that hold text although cells look like numbers.
    pub text: Vec<String>,
    /// Which columns are read.
    pub columns: Wanted,
}

/// Reads a whole file.
///
/// ```
/// use evidence_train::data::{ReadOptions, read};
///
/// let path = std::env::temp_dir().join(format!("evidence-read-{}.csv", std::process::id()));
/// std::fs::write(&path, "height;colour\n1.5;red\n2.5;blue\n")?;
/// let frame = read(&path, &ReadOptions::default())?;
/// assert_eq!(frame.names(), ["height", "colour"]);
/// assert_eq!(frame.column("height").unwrap().cell(1), "2.5");
///
/// std::fs::write(&path, "height,width\n1,2\n3,\n")?;
/// let error = read(&path, &ReadOptions::default()).unwrap_err().to_string();
/// assert!(error.contains("line 3, column 2 (\"width\"): the value is missing"), "{error}");
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReadError`]: what is wrong with the file, where, and what to do.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Frame, ReadError> {
    let mut chunks = Chunks::open(path, options)?;
    let mut all: Option<Frame> = None;
    while let Some(frame) = chunks.next_chunk()? {
        match &mut all {
            None => all = Some(frame),
            Some(all) => all.append(frame),
        }
    }
    match all {
        Some(frame) if frame.rows() > 0 => Ok(frame),
        other => {
            let dropped = other.map_or(0, |frame| frame.dropped());
            Err(ReadError::at(path)(Fault::NoRows { dropped }))
        }
    }
}

/// The rows of a file in its order, a portion at a time: memory holds one portion, however long the file is.
///
/// An `.npz` archive is one portion: it stores its arrays one behind the other. So is an `.npy` array in gzip.
///
/// ```
/// use evidence_train::data::{Chunks, ReadOptions};
///
/// let path = std::env::temp_dir().join(format!("evidence-chunks-{}.csv", std::process::id()));
/// std::fs::write(&path, "x,y\n1,2\n3,4\n")?;
/// let mut rows = 0;
/// for frame in Chunks::open(&path, &ReadOptions::default())? {
///     rows += frame?.rows();
/// }
/// assert_eq!(rows, 2);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Chunks {
    path: PathBuf,
    /// `None` behind the last portion or an error.
    format: Option<Format>,
    /// Rows read, those left out included.
    rows: u64,
}

/// How a file in gzip begins (RFC 1952).
const GZIP: &[u8] = b"\x1f\x8b";

enum Format {
    Csv(CsvChunks<Box<dyn Read>>),
    Npy(NpyChunks<File>),
    /// In one portion.
    Whole(Option<Frame>),
    Idx(IdxChunks<BufReader<File>>),
    PackedIdx(Box<IdxChunks<Box<dyn Read>>>),
    PackedCsv(CsvChunks<Box<dyn Read>>),
}

impl Chunks {
    /// Opens a file and reads what its beginning says.
    ///
    /// # Errors
    /// [`ReadError`]: what is wrong with the file, where, and what to do.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let format = open(path, options).map_err(ReadError::at(path))?;
        Ok(Self { path: path.to_owned(), format: Some(format), rows: 0 })
    }

    /// The next rows, in a frame that may have none when all were dropped; `None` behind the last.
    ///
    /// # Errors
    /// [`ReadError`]: what is wrong with the file, where, and what to do. No more rows follow an error.
    pub fn next_chunk(&mut self) -> Result<Option<Frame>, ReadError> {
        let next = match &mut self.format {
            None => Ok(None),
            Some(Format::Csv(chunks)) => chunks.next_chunk(),
            Some(Format::Npy(chunks)) => chunks.next_chunk(),
            Some(Format::Whole(frame)) => Ok(frame.take()),
            Some(Format::Idx(chunks)) => chunks.next_chunk(),
            Some(Format::PackedIdx(chunks)) => chunks.next_chunk(),
            Some(Format::PackedCsv(chunks)) => chunks.next_chunk().map_err(unpacking),
        };
        if !matches!(next, Ok(Some(_))) {
            self.format = None;
        }
        let frame = next.map_err(ReadError::at(&self.path))?.map(|frame| frame.behind(self.rows));
        self.rows += frame.as_ref().map_or(0, |frame| frame.rows() + frame.dropped()) as u64;
        Ok(frame)
    }
}

impl Iterator for Chunks {
    type Item = Result<Frame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_chunk().transpose()
    }
}

fn open(path: &Path, options: &ReadOptions) -> Result<Format, Fault> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(Fault::Io(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let length = metadata.len();
    let mut head = Vec::new();
    file.by_ref().take(16).read_to_end(&mut head)?;
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    // A pipe cannot be wound back, and the binary formats are checked against a length.
    if !metadata.is_file() {
        let whole: Box<dyn Read> = Box::new(io::Cursor::new(head).chain(file));
        return Ok(Format::Csv(CsvChunks::open(whole, options)?));
    }
    file.seek(SeekFrom::Start(0))?;
    if head.starts_with(npy::MAGIC) || extension.eq_ignore_ascii_case("npy") {
        Ok(Format::Npy(NpyChunks::open(file, "array", length, options)?))
    } else if head.starts_with(b"PK") || extension.eq_ignore_ascii_case("npz") {
        Ok(Format::Whole(Some(npz::npz(BufReader::new(file), length, options)?)))
    } else if idx::is_idx(&head) {
        Ok(Format::Idx(IdxChunks::open(BufReader::new(file), length, false, options)?))
    } else if head.starts_with(GZIP) {
        packed(file, length, options).map_err(unpacking)
    } else {
        let whole: Box<dyn Read> = Box::new(file);
        Ok(Format::Csv(CsvChunks::open(whole, options)?))
    }
}

/// A file of `length` bytes in gzip, by what is in it.
fn packed(file: File, length: u64, options: &ReadOptions) -> Result<Format, Fault> {
    let mut unpacked = Unpacked::new(MultiGzDecoder::new(BufReader::new(file)), length);
    let mut head = Vec::new();
    unpacked.by_ref().take(16).read_to_end(&mut head)?;
    let whole: Box<dyn Read> = Box::new(io::Cursor::new(head.clone()).chain(unpacked));
    Ok(if idx::is_idx(&head) {
        Format::PackedIdx(Box::new(IdxChunks::open(whole, length, true, options)?))
    } else if head.starts_with(npy::MAGIC) {
        Format::Whole(Some(npy::packed(whole, most(length), options)?))
    } else if head.starts_with(b"PK") {
        return Err(Fault::Format { found: "an archive in gzip: unpack it once" });
    } else {
        Format::PackedCsv(CsvChunks::open(whole, options)?)
    })
}
