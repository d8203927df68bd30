//! Unpacking no more than a file can be meant to hold.
//!
//! Deflate makes up to 1,032 bytes of one (RFC 1951: 258 bytes from two codes of one bit), so that a small file can fill any memory.
//! Tables of numbers are packed to a fifth; the most regular ones met to a fiftieth. So a packed file, or an array of an archive, may
//! hold up to [`RATIO`] times its size, and [`FREE`] bytes in any case. Whoever means more unpacks it first.

use super::error::Fault;
use std::io::{self, Read};

/// Unpacked bytes for a packed one.
const RATIO: u64 = 200;
/// Unpacked bytes whatever the size.
const FREE: u64 = 1 << 20;

/// The most bytes that so many packed ones may stand for.
pub(super) fn most(packed: u64) -> u64 {
    packed.saturating_mul(RATIO).saturating_add(FREE)
}

/// What an unpacker says, up to a limit.
pub(super) struct Unpacked<R> {
    input: R,
    limit: u64,
    left: u64,
}

impl<R: Read> Unpacked<R> {
    /// What comes out of so many packed bytes.
    pub fn new(input: R, packed: u64) -> Self {
        let limit = most(packed);
        Self { input, limit, left: limit }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // The end, or one byte too many.
            return match self.input.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(too_much(self.limit))),
            };
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.input.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

/// What is said of more bytes than the limit.
pub(super) fn too_much(limit: u64) -> String {
    format!(
        "it holds more than {limit} bytes, {RATIO} times its size and {FREE} more: if that is meant, unpack it first"
    )
}

/// An error of reading is one of unpacking.
pub(super) fn unpacking(fault: Fault) -> Fault {
    match fault {
        Fault::Io(source) => Fault::Unpack { source },
        other => other,
    }
}
