//! IDX, the format of MNIST: images and labels, plain or in gzip.
//!
//! ```text
//! 0  0  type of the elements  number of axes        (a byte each)
//! the axes' lengths                                  (4 bytes each, the largest first)
//! the elements, the last axis running fastest        (all numbers big-endian)
//! ```
//!
//! The first axis is rows; the others become columns: `pixel r,c` for images, `label` for a single axis.

use super::ReadOptions;
use super::element::{Block, Element, Kind, columns, table};
use super::error::{Fault, excerpt};
use super::packed::most;
use crate::data::frame::Frame;
use std::io::Read;

/// Axes an image may have: rows, and three more.
const MOST_AXES: usize = 4;

/// The rows of an IDX file, a portion at a time.
pub(super) struct IdxChunks<R> {
    input: R,
    block: Block,
    /// The lengths of a row's axes.
    axes: Vec<usize>,
    row: usize,
    packed: bool,
    options: ReadOptions,
    buffer: Vec<u8>,
}

/// Whether a file begins as IDX does.
pub(super) fn is_idx(head: &[u8]) -> bool {
    head.len() >= 4 && head[..2] == [0, 0] && kind(head[2]).is_some() && head[3] > 0
}

fn kind(byte: u8) -> Option<Kind> {
    Some(match byte {
        0x08 => Kind::U8,
        0x09 => Kind::I8,
        0x0b => Kind::I16,
        0x0c => Kind::I32,
        0x0d => Kind::F32,
        0x0e => Kind::F64,
        _ => return None,
    })
}

impl<R: Read> IdxChunks<R> {
    /// Reads and checks the header of a file of `length` bytes, or of that many packed ones.
    pub fn open(
        mut input: R,
        length: u64,
        packed: bool,
        options: &ReadOptions,
    ) -> Result<Self, Fault> {
        let part = "IDX";
        let mut head = Vec::new();
        input.by_ref().take(4).read_to_end(&mut head).map_err(|e| failed(packed, e))?;
        if !is_idx(&head) {
            return Err(Fault::Binary {
                part: part.into(),
                offset: 0,
                expected: "two zeros, a type (8, 9, b, c, d, e) and a number of axes".into(),
                found: if head.is_empty() {
                    "the end".into()
                } else {
                    format!("\"{}\"", excerpt(&head))
                },
            });
        }
        let axes = usize::from(head[3]);
        if axes > MOST_AXES {
            let found = format!("an array with {axes} axes");
            let advice = "reshape it to at most four";
            return Err(Fault::Unsupported { part: part.into(), found, advice });
        }
        let mut bytes = Vec::new();
        input
            .by_ref()
            .take(4 * axes as u64)
            .read_to_end(&mut bytes)
            .map_err(|e| failed(packed, e))?;
        if bytes.len() < 4 * axes {
            return Err(Fault::Binary {
                part: part.into(),
                offset: 4 + bytes.len() as u64,
                expected: format!("the lengths of {axes} axes, 4 bytes each"),
                found: "the end".into(),
            });
        }
        let lengths: Vec<usize> =
            bytes.as_chunks::<4>().0.iter().map(|b| u32::from_be_bytes(*b) as usize).collect();
        let width = lengths[1..].iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
        let element = Element { kind: kind(head[2]).expect("checked above"), big: true };
        let block = Block {
            part: part.into(),
            element,
            rows: lengths[0],
            columns: width.unwrap_or(usize::MAX),
            start: 4 + 4 * axes as u64,
        };
        let available = if packed { most(length) } else { length };
        block.check(available, !packed)?;
        let axes = lengths[1..].to_vec();
        let options = options.clone();
        Ok(Self { input, block, axes, row: 0, packed, options, buffer: Vec::new() })
    }

    pub fn next_chunk(&mut self) -> Result<Option<Frame>, Fault> {
        let block = &self.block;
        let (width, first) = (block.columns, self.row);
        let rows = block.portion().min(block.rows - first);
        let bytes = width * block.element.bytes();
        let offset = block.start + (first * bytes) as u64;
        let fault = |fault| match fault {
            Fault::Io(error) => failed(self.packed, error),
            other => other,
        };
        if rows == 0 {
            self.buffer.clear();
            self.input
                .by_ref()
                .take(1)
                .read_to_end(&mut self.buffer)
                .map_err(|e| fault(e.into()))?;
            return match self.buffer.is_empty() {
                true => Ok(None),
                false => Err(Fault::Binary {
                    part: block.part.clone(),
                    offset,
                    expected: "the end, by the lengths of the axes".into(),
                    found: "more bytes".into(),
                }),
            };
        }
        block.fill(&mut self.input, rows * bytes, offset, &mut self.buffer).map_err(fault)?;
        self.row += rows;
        let mut values = Vec::new();
        block.element.decode(&self.buffer, &mut values);
        // As many names as the bytes that were there.
        let names = (names(&self.axes), false);
        table(&block.part, first, names, columns(&values, width), &self.options).map(Some)
    }
}

fn failed(packed: bool, error: std::io::Error) -> Fault {
    if packed { Fault::Unpack { source: error } } else { Fault::Io(error) }
}

fn names(axes: &[usize]) -> Vec<String> {
    let word = if axes.len() == 1 { "column" } else { "pixel" };
    let mut names = vec![String::new()];
    for &axis in axes {
        let longer = |name: &String, i| match name.is_empty() {
            true => format!("{word} {i}"),
            false => format!("{name},{i}"),
        };
        names = names.iter().flat_map(|name| (0..axis).map(move |i| longer(name, i))).collect();
    }
    if axes.is_empty() { vec!["label".into()] } else { names }
}
