//! Text tables: CSV, TSV and columns between blanks.
//!
//! The file is read a few megabytes at a time. Each portion is cut at row ends into pieces by size alone, the pieces are
//! read in parallel and put together in order, so the result is the same on any number of threads and memory holds no more
//! than the numbers and one portion of text.
//!
//! Why no general reader of CSV: cells that are numbers, nearly all of them, are parsed where they stand, without being
//! searched for delimiters and copied first. That is what the speed is made of. The crate `csv` is the oracle of the tests.

mod layout;
mod lexer;
mod rows;

pub use lexer::Delimiter;

use super::ReadOptions;
use super::error::Fault;
use crate::data::frame::Frame;
use layout::{Layout, layout};
use rayon::prelude::*;
use rows::rows;
use std::io::Read;
use std::ops::Range;

/// Bytes of a piece that is read by one thread.
const PIECE: usize = 256 << 10;
/// Pieces of a portion: work for 16 threads.
const PIECES: usize = 16;
/// Bytes of the first rows that the layout is found from.
const SAMPLE: usize = 256 << 10;
/// The longest row, in bytes.
const LONGEST: usize = 64 << 20;

/// The rows of a text file, a portion at a time.
pub(super) struct CsvChunks<R> {
    input: R,
    layout: Layout,
    /// Bytes that were read and not yet parsed.
    buffer: Vec<u8>,
    ended: bool,
    /// Where the buffer begins: line, from 1, and byte.
    line: u64,
    offset: u64,
}

impl<R: Read> CsvChunks<R> {
    pub fn open(mut input: R, options: &ReadOptions) -> Result<Self, Fault> {
        let mut buffer = Vec::new();
        let ended = fill(&mut input, &mut buffer, PIECE * PIECES)?;
        let mark = if buffer.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        if let Some(found) = not_text(&buffer[mark..]) {
            return Err(Fault::Format { found });
        }
        // Rows that are longer than a portion: two of them, a header and what stands below it.
        let mut ended = ended;
        let mut wanted = 2 * buffer.len();
        while !ended && second_row_end(&buffer[mark..]).is_none() && buffer.len() < 2 * LONGEST {
            ended = fill(&mut input, &mut buffer, wanted)?;
            wanted *= 2;
        }
        let text = &buffer[mark..];
        let within = last_row_end(&text[..text.len().min(SAMPLE)]);
        let sample = match within.max(second_row_end(text)) {
            Some(end) if !ended || text.len() > SAMPLE => &text[..end],
            _ => text,
        };
        if sample.len() > LONGEST && row_end(sample, 0).is_none_or(|end| end > LONGEST) {
            return Err(long_row(sample, options.delimiter, 1, mark as u64));
        }
        let (layout, bytes, lines) = layout(sample, mark as u64, options)?;
        buffer.drain(..mark + bytes);
        let (line, offset) = (1 + lines, (mark + bytes) as u64);
        Ok(Self { input, layout, buffer, ended, line, offset })
    }

    /// The next rows, at least one of them or dropped ones, or `None` at the end.
    pub fn next_chunk(&mut self) -> Result<Option<Frame>, Fault> {
        let mut wanted = PIECE * PIECES;
        let (pieces, used) = loop {
            if !self.ended && self.buffer.len() < wanted {
                self.ended = fill(&mut self.input, &mut self.buffer, wanted)?;
            }
            let (pieces, used) = pieces(&self.buffer, self.ended);
            if !pieces.is_empty() || self.ended {
                break (pieces, used);
            }
            // One that is short enough ends within as many bytes, wherever among the first it begins.
            if self.buffer.len() >= LONGEST + PIECE {
                let whole = last_row_end(&self.buffer).unwrap_or(0);
                let before = rows(&self.buffer[..whole], &self.layout, self.line, self.offset)?;
                let (line, offset) = (self.line + before.lines, self.offset + whole as u64);
                let delimiter = Some(self.layout.delimiter);
                return Err(long_row(&self.buffer[whole..], delimiter, line, offset));
            }
            wanted = (2 * self.buffer.len()).min(LONGEST + PIECE);
        };
        let parsed: Vec<_> = pieces
            .par_iter()
            .map(|piece| rows(&self.buffer[piece.clone()], &self.layout, 1, 0))
            .collect();
        let mut all: Option<Frame> = None;
        let mut left: usize = parsed.iter().flatten().map(|part| part.frame.rows()).sum();
        for (piece, parsed) in pieces.iter().zip(parsed) {
            let Ok(part) = parsed else {
                let offset = self.offset + piece.start as u64;
                rows(&self.buffer[piece.clone()], &self.layout, self.line, offset)?;
                unreachable!("the same bytes are read the same way again");
            };
            self.line += part.lines;
            left -= part.frame.rows();
            match &mut all {
                None => {
                    // The first of them grows once.
                    let all = all.insert(part.frame);
                    all.reserve(left);
                }
                Some(all) => all.append(part.frame),
            }
        }
        self.buffer.drain(..used);
        self.offset += used as u64;
        Ok(all)
    }
}

/// Reads until `buffer` holds `wanted` bytes; whether the input has ended.
fn fill(input: &mut impl Read, buffer: &mut Vec<u8>, wanted: usize) -> Result<bool, Fault> {
    let missing = wanted.saturating_sub(buffer.len());
    buffer.reserve_exact(missing);
    Ok(input.take(missing as u64).read_to_end(buffer)? < missing)
}

/// Cuts the bytes of a portion into pieces of whole rows; and how many bytes those are.
fn pieces(bytes: &[u8], ended: bool) -> (Vec<Range<usize>>, usize) {
    let (mut pieces, mut start) = (Vec::new(), 0);
    while let Some(end) = row_end(&bytes[start..], PIECE) {
        pieces.push(start..start + end);
        start += end;
    }
    if ended && start < bytes.len() {
        pieces.push(start..bytes.len());
        start = bytes.len();
    }
    (pieces, start)
}

/// Where the first row ends that reaches to byte `from` or further, if it ends here.
fn row_end(bytes: &[u8], from: usize) -> Option<usize> {
    let quoted = |part| memchr::memchr_iter(b'"', part).count() % 2 == 1;
    let mut inside = quoted(bytes.get(..from)?);
    for at in memchr::memchr2_iter(b'"', b'\n', &bytes[from..]) {
        match bytes[from + at] {
            b'"' => inside = !inside,
            _ if !inside => return Some(from + at + 1),
            _ => {}
        }
    }
    None
}

/// Where the second row ends that may have cells: blank lines before it have none.
fn second_row_end(bytes: &[u8]) -> Option<usize> {
    let blank = |byte: &&u8| byte.is_ascii_whitespace();
    let start = bytes.iter().take_while(blank).count();
    let first = start + row_end(&bytes[start..], 0)?;
    let next = first + bytes[first..].iter().take_while(blank).count();
    row_end(&bytes[next..], 0).map(|second| next + second)
}

/// What is wrong with a row that does not end: most likely a quotation mark out of place, which is then named.
fn long_row(bytes: &[u8], delimiter: Option<Delimiter>, line: u64, offset: u64) -> Fault {
    match rows::slip(bytes, delimiter.unwrap_or(Delimiter::Byte(b',')), line, offset) {
        Some(fault) => fault,
        None => Fault::LongRow { line, offset, limit: LONGEST },
    }
}

/// Where the last whole row ends.
fn last_row_end(bytes: &[u8]) -> Option<usize> {
    let (mut inside, mut last) = (false, None);
    for at in memchr::memchr2_iter(b'"', b'\n', bytes) {
        match bytes[at] {
            b'"' => inside = !inside,
            _ if !inside => last = Some(at + 1),
            _ => {}
        }
    }
    last
}

/// What a file that is no text seems to be.
fn not_text(start: &[u8]) -> Option<&'static str> {
    let head = &start[..start.len().min(4096)];
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        Some("text in UTF-16")
    } else if head.starts_with(b"PAR1") {
        Some("a Parquet file")
    } else if head.starts_with(b"\x1f\x8b") {
        Some("gzip in gzip or in a pipe")
    } else if head.contains(&0) {
        Some("a binary file of an unknown format")
    } else {
        None
    }
}
