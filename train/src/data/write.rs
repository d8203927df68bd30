//! Columns of numbers as an `.npz` archive: `numpy.load(path)["mean"]` is the column of that name.

use std::io::{self, Seek, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Bytes of a version 1.0 header before its text.
const PREFIX: usize = 10;
/// Data begin at a multiple of this, as the format asks for.
const ALIGN: usize = 64;

/// Writes named columns as arrays `[n]` of 64-bit floats, uncompressed. [`read`](super::read) reads them back.
///
/// # Errors
/// What the system says.
pub fn write_npz<'a>(
    to: impl Write + Seek,
    columns: impl IntoIterator<Item = (&'a str, &'a [f64])>,
) -> io::Result<()> {
    let mut archive = ZipWriter::new(to);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, numbers) in columns {
        let large = size_of_val(numbers) >= u32::MAX as usize / 2;
        archive.start_file(format!("{name}.npy"), stored.large_file(large))?;
        archive.write_all(&header(numbers.len()))?;
        let mut bytes = Vec::with_capacity(1 << 16);
        for numbers in numbers.chunks(1 << 13) {
            bytes.clear();
            bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
            archive.write_all(&bytes)?;
        }
    }
    archive.finish()?;
    Ok(())
}

/// The header of an array `[n]`.
fn header(n: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n},), }}");
    let padding = (PREFIX + text.len() + 1).next_multiple_of(ALIGN) - (PREFIX + text.len() + 1);
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let length = u16::try_from(text.len()).expect("a few words").to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes()].concat()
}
