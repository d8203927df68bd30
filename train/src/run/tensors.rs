//! Named arrays in a safetensors file: what PyTorch and NumPy read too.
//!
//! ```text
//! 8 bytes: the length of the header    JSON: name → type, shape, place    the numbers, little-endian
//! ```
//!
//! Whoever sent the file, nothing is allocated before it is known to be there: the header is at most as long as the file, its
//! tensors fill the rest exactly, and a reader compares names and shapes before it asks for numbers. What this project writes
//! also carries a checksum of the numbers and of the text about them; what a name, a shape or a place must be is known.

use super::atomic::replace;
use super::error::RunError;
use evidence_autodiff::{Array, zeros};
use evidence_optim::Mismatch;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes converted at a time.
const PORTION: usize = 1 << 16;
/// The key of the header's free text under which this project keeps what belongs to the tensors.
const ABOUT: &str = "evidence";
/// A header longer than this is none: it would name a million tensors.
const MOST_HEADER: u64 = 100_000_000;

/// Replaces a file by named arrays and a text about them.
///
/// # Errors
/// If it cannot be written; the file is then as it was.
pub fn write_tensors(
    path: &Path,
    arrays: &[(String, &Array<f32>)],
    about: &str,
) -> Result<(), RunError> {
    let mut sum = crc32fast::Hasher::new();
    let mut place = 0;
    let mut infos = Vec::with_capacity(arrays.len());
    for (name, array) in arrays {
        portions(array, &mut |bytes| {
            sum.update(bytes);
            Ok(())
        })
        .expect("a sum does not fail");
        let end = place + array.len() * size_of::<f32>();
        let info = TensorInfo {
            dtype: Dtype::F32,
            shape: array.shape().to_vec(),
            data_offsets: (place, end),
        };
        infos.push((name.clone(), info));
        place = end;
    }
    sum.update(about.as_bytes());
    let about = format!("{:08x} {about}", sum.finalize());
    let metadata = Metadata::new(Some(HashMap::from([(ABOUT.to_owned(), about)])), infos)
        .expect("one tensor begins where the last ends");
    let mut header = serde_json::to_vec(&metadata).expect("names and numbers");
    header.resize(header.len().next_multiple_of(8), b' ');
    let written = replace(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        arrays.iter().try_for_each(|(_, array)| portions(array, &mut |bytes| file.write_all(bytes)))
    });
    written.map_err(RunError::write(path))
}

/// An array's bytes, little-endian, a portion at a time.
fn portions(array: &Array<f32>, each: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let array = array.as_standard_layout();
    let numbers = array.as_slice().expect("in standard layout");
    let mut bytes = [0; PORTION];
    for numbers in numbers.chunks(PORTION / size_of::<f32>()) {
        let bytes = &mut bytes[..size_of_val(numbers)];
        for (bytes, number) in bytes.chunks_exact_mut(size_of::<f32>()).zip(numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        each(bytes)?;
    }
    Ok(())
}

/// A safetensors file whose header has been read and found to fit the file's length.
#[derive(Debug)]
pub struct Tensors {
    path: PathBuf,
    file: File,
    /// Where the numbers begin.
    start: u64,
    /// Shapes and places in bytes, in the order of the file.
    entries: Vec<(String, TensorInfo)>,
    about: Option<(u32, String)>,
}

impl Tensors {
    /// Reads the header.
    ///
    /// # Errors
    /// If the file cannot be read, is cut short, or is no safetensors file of 32-bit floats.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let damaged = |what: String| RunError::Damaged { path: path.to_owned(), what };
        let there = std::fs::metadata(path).map_err(RunError::read(path))?;
        // Opened, a pipe would wait for a writer, and a device may have no end.
        if !there.is_file() {
            return Err(RunError::irregular(path));
        }
        let mut file = File::open(path).map_err(RunError::read(path))?;
        let length = there.len();
        let mut eight = [0; 8];
        if length < 8 {
            return Err(damaged(format!(
                "is {length} bytes long; a safetensors file begins with the length of its header in 8 bytes: take \
                 another copy of it"
            )));
        }
        file.read_exact(&mut eight).map_err(RunError::read(path))?;
        let header = u64::from_le_bytes(eight);
        if header > MOST_HEADER || header > length - 8 {
            return Err(damaged(format!(
                "bytes 0 to 8 announce a header of {header} bytes, and the file has {length} bytes in all: it is cut \
                 short, or no safetensors file"
            )));
        }
        let mut text = vec![0; header as usize];
        file.read_exact(&mut text).map_err(RunError::read(path))?;
        let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| {
            damaged(format!(
                "the header (bytes 8 to {}) cannot be understood: {error}; the file is damaged, or no safetensors file",
                8 + header
            ))
        })?;
        let (expected, found) = (metadata.data_len() as u64, length - 8 - header);
        if expected != found {
            return Err(damaged(format!(
                "the header announces {expected} bytes of numbers from byte {} on, the file has {found}: it is cut short \
                 or damaged; take another copy of it, or an older checkpoint",
                8 + header
            )));
        }
        let about = metadata.metadata().as_ref().and_then(|all| all.get(ABOUT));
        let about = about.map(|about| {
            let (sum, about) = about.split_at_checked(8)?;
            Some((u32::from_str_radix(sum, 16).ok()?, about.strip_prefix(' ')?.to_owned()))
        });
        let Ok(about) = about.map(|about| about.ok_or(())).transpose() else {
            return Err(damaged(format!("`{ABOUT}` in its header does not begin with a checksum")));
        };
        let entries = metadata.offset_keys().into_iter().map(|name| {
            let info = metadata.info(&name).expect("a name that it gave itself").clone();
            (name, info)
        });
        let entries: Vec<_> = entries.collect();
        if let Some((name, info)) = entries.iter().find(|(_, info)| info.dtype != Dtype::F32) {
            return Err(damaged(format!(
                "`{name}` holds numbers of type {:?}; save it as 32-bit floats (F32)",
                info.dtype
            )));
        }
        // An axis of length 0 makes an array of nothing, whatever the others say; but they must be lengths that an array can have.
        let countable = |shape: &[usize]| {
            let lengths = shape.iter().filter(|&&length| length > 0);
            let bytes = lengths.copied().try_fold(size_of::<f32>(), usize::checked_mul);
            bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok())
        };
        if let Some((name, info)) = entries.iter().find(|(_, info)| !countable(&info.shape)) {
            return Err(damaged(format!(
                "`{name}` has the shape {:?}, which no array has: take another copy of it",
                info.shape
            )));
        }
        Ok(Self { path: path.to_owned(), file, start: 8 + header, entries, about })
    }

    /// The text about the tensors, if this project wrote them.
    pub fn about(&self) -> Option<&str> {
        self.about.as_ref().map(|(_, text)| text.as_str())
    }

    /// Names and shapes, in the order of the file.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.entries.iter().map(|(name, info)| (name.as_str(), &info.shape[..]))
    }

    /// Holds names and shapes against those expected.
    ///
    /// # Errors
    /// If anything is missing, surplus or misshapen, by name.
    pub fn expect(&self, expected: &[(String, Vec<usize>)]) -> Result<(), RunError> {
        let mut mismatch = Mismatch::default();
        let mut found: BTreeMap<&str, &[usize]> = self.shapes().collect();
        for (name, shape) in expected {
            match found.remove(name.as_str()) {
                None => mismatch.missing.push(name.clone()),
                Some(found) if found != shape => {
                    mismatch.misshapen.push((name.clone(), found.to_vec(), shape.clone()));
                }
                Some(_) => {}
            }
        }
        mismatch.surplus = found.into_keys().map(str::to_owned).collect();
        if mismatch.is_empty() {
            Ok(())
        } else {
            Err(RunError::Mismatch { path: self.path.clone(), mismatch })
        }
    }

    /// Reads the numbers. What they take was held against the file's length.
    ///
    /// # Errors
    /// If the file cannot be read, the checksum is another, or a number is infinite or NaN.
    pub fn read(mut self) -> Result<Vec<(String, Array<f32>)>, RunError> {
        let damaged = |what: String| RunError::Damaged { path: self.path.clone(), what };
        let mut sum = crc32fast::Hasher::new();
        let mut arrays = Vec::with_capacity(self.entries.len());
        let mut bytes = vec![0; PORTION];
        self.file.seek(SeekFrom::Start(self.start)).map_err(RunError::read(&self.path))?;
        let mut place = self.start;
        for (name, info) in &self.entries {
            let mut array = zeros(&info.shape);
            let numbers = array.as_slice_mut().expect("in standard layout");
            for numbers in numbers.chunks_mut(PORTION / size_of::<f32>()) {
                let bytes = &mut bytes[..size_of_val(numbers)];
                self.file.read_exact(bytes).map_err(RunError::read(&self.path))?;
                sum.update(bytes);
                for (number, bytes) in numbers.iter_mut().zip(bytes.chunks_exact(size_of::<f32>()))
                {
                    *number = f32::from_le_bytes(bytes.try_into().expect("four bytes"));
                    if !number.is_finite() {
                        return Err(damaged(format!(
                            "`{name}` holds {number} at byte {place}; take another copy of it, or an older checkpoint"
                        )));
                    }
                    place += size_of::<f32>() as u64;
                }
            }
            arrays.push((name.clone(), array));
        }
        if let Some((_, text)) = &self.about {
            sum.update(text.as_bytes());
        }
        let found = sum.finalize();
        match self.about {
            Some((expected, _)) if expected != found => Err(damaged(format!(
                "the numbers from byte {} on, and the text about them, have the checksum {found:08x}, the header says \
                 {expected:08x}: the file is damaged; take another copy of it, or an older checkpoint",
                self.start
            ))),
            _ => Ok(arrays),
        }
    }
}
