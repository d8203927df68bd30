//! Files made in memory, byte by byte, by this file's own reading of the formats.

use evidence_train::data::{Frame, ReadError, ReadOptions, read};
use std::io::Write;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Reads bytes as a file of a name with the given ending.
pub fn read_bytes(ending: &str, bytes: &[u8], options: &ReadOptions) -> Result<Frame, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("table.{ending}"));
    std::fs::write(&path, bytes).unwrap();
    read(&path, options)
}

/// A `.npy` file, version 1.0: magic, length of the header, header padded to 64 bytes, elements.
pub fn npy(descr: &str, fortran: bool, shape: &str, elements: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(elements);
    bytes
}

pub fn doubles(x: &[f64]) -> Vec<u8> {
    x.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// An archive of arrays, compressed.
pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An IDX file: two zeros, the element type, the number of axes, their sizes big-endian, elements.
pub fn idx(kind: u8, sizes: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(elements);
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Runs on this thread alone, whose allocations can be counted. Once in a thread.
pub fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    pool.unwrap().install(work)
}

/// A folder whose files are written again and again.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file of a name with the given ending.
    pub fn write(&self, ending: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = self.0.path().join(format!("table.{ending}"));
        std::fs::write(&path, bytes).unwrap();
        path
    }
}
