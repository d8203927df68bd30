//! `.npz`: arrays of NumPy in a zip archive, each a block of columns.
//!
//! An array `x` with one column is the column `x`; with more, the columns `x 1`, `x 2`, …. All have as many rows.

use super::ReadOptions;
use super::element::table;
use super::error::Fault;
use super::npy::{self, NpyChunks};
use super::packed::{most, too_much, unpacking};
use crate::data::frame::{Frame, repeated};
use std::io::{self, Read, Seek};

/// Arrays in an archive.
const MOST_ARRAYS: usize = 10_000;

/// Reads all arrays of an archive of `length` bytes: it has no rows to go through one at a time.
pub(super) fn npz(
    input: impl Read + Seek,
    length: u64,
    options: &ReadOptions,
) -> Result<Frame, Fault> {
    let mut archive = zip::ZipArchive::new(input).map_err(unpack)?;
    // What an archive says of the size of a packed array is a claim. Where each has bytes of its own, the sum is bound by the file.
    if archive.has_overlapping_files().map_err(unpack)? {
        let what = "its arrays share bytes, or claim more than there are";
        return Err(Fault::Unpack { source: io::Error::other(what) });
    }
    if archive.is_empty() {
        return Err(Fault::Empty);
    }
    if archive.len() > MOST_ARRAYS {
        let found = format!("an archive of {} arrays", archive.len());
        let advice = "put columns into arrays with two axes";
        return Err(Fault::Unsupported { part: "archive".into(), found, advice });
    }
    let (mut names, mut columns, mut rows) = (Vec::new(), Vec::new(), None);
    let mut total = 0_u64;
    for i in 0..archive.len() {
        // Missing cells are judged over all arrays at the end: a row is dropped from every one.
        let mut entry = archive.by_index(i).map_err(unpack)?;
        let part = entry.name().map_err(unpack)?.trim_end_matches(".npy").to_owned();
        let size = entry.size();
        total = total.saturating_add(size);
        if total > most(length) {
            return Err(Fault::Unpack { source: io::Error::other(too_much(most(length))) });
        }
        let header = npy::header(&mut entry, &part).map_err(unpacking)?;
        // The archive says how long the array is, its header says it too, and neither is believed before its bytes are there.
        let block = &header.block;
        block.check(size, true)?;
        let first = *rows.get_or_insert(block.rows);
        if first != block.rows {
            let (offset, found) = (block.start, block.rows.to_string());
            let expected = format!("{first} rows, as in the first array");
            return Err(Fault::Binary { part, offset, expected, found });
        }
        match block.columns {
            1 => names.push(part),
            many => names.extend((1..=many).map(|j| format!("{part} {j}"))),
        }
        columns.extend(NpyChunks::unpacked(&mut entry, header).map_err(unpacking)?);
    }
    if let Some(name) = repeated(&names) {
        return Err(Fault::RepeatedName { name });
    }
    table("the arrays", 0, (names, true), columns, options)
}

fn unpack(error: zip::result::ZipError) -> Fault {
    Fault::Unpack { source: io::Error::other(error) }
}
