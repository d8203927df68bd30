//! From bytes to cells, after RFC 4180: cells in quotation marks may hold delimiters, line ends and doubled marks.
//!
//! A quotation mark anywhere else is an error and not a letter. So their parity alone tells whether a line end is inside a
//! cell, and a large file can be cut at row ends without reading its cells.

use std::borrow::Cow;

/// What separates the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// One byte: `,`, `;`, a tab, `|`.
    Byte(u8),
    /// Any run of spaces and tabs.
    Whitespace,
}

impl Delimiter {
    /// How an error calls it.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Byte(b'\t') => "a tab".into(),
            Self::Byte(byte) => format!("\"{}\"", char::from(byte).escape_default()),
            Self::Whitespace => "white space".into(),
        }
    }
}

/// What can be wrong with the bytes of a cell, and at which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    Open(usize),
    Stray(usize),
}

/// A cell, and whether it is the last of its row.
#[derive(Debug, PartialEq)]
pub(super) struct Cell<'a> {
    pub text: Cow<'a, [u8]>,
    /// Its first byte, and the line ends before it.
    start: usize,
    lines: u64,
    pub last: bool,
}

impl Cell<'_> {
    /// Where a byte of its text stands: the line ends before it, and its place among all bytes.
    pub fn place(&self, at: usize) -> (u64, u64) {
        let before = &self.text[..at];
        let count = |byte| memchr::memchr_iter(byte, before).count();
        // A quotation mark of the text was doubled.
        let doubled = if matches!(self.text, Cow::Owned(_)) { count(b'"') } else { 0 };
        (self.lines + count(b'\n') as u64, (self.start + at + doubled) as u64)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    delimiter: Delimiter,
    /// The byte read next.
    pub at: usize,
    /// Line ends met so far.
    pub lines: u64,
}

impl<'a> Lexer<'a> {
    pub fn new(bytes: &'a [u8], delimiter: Delimiter) -> Self {
        Self { bytes, delimiter, at: 0, lines: 0 }
    }

    /// Steps over blank lines; whether a row follows.
    pub fn row(&mut self) -> bool {
        loop {
            if self.delimiter == Delimiter::Whitespace {
                self.skip_blanks();
            }
            match self.bytes.get(self.at) {
                Some(b'\n' | b'\r') => self.line_end(),
                Some(_) => return true,
                None => return false,
            }
        }
    }

    /// A number that is a whole cell, and whether it is the row's last. Otherwise `None`, and nothing is read.
    pub fn number(&mut self) -> Option<(f64, bool)> {
        let rest = &self.bytes[self.at..];
        let (value, bytes) = match short_decimal(rest) {
            Some(found) => found,
            None => fast_float2::parse_partial::<f64, _>(rest).ok()?,
        };
        if !value.is_finite() {
            return None;
        }
        let start = self.at;
        self.at += bytes;
        let last = self.end_of_cell();
        if last.is_none() {
            self.at = start;
        }
        Some((value, last?))
    }

    /// The next cell: quoted as it stands between its marks, otherwise without blanks around it.
    pub fn cell(&mut self) -> Result<Cell<'a>, Slip> {
        while self.bytes.get(self.at) == Some(&b' ') && self.delimiter != Delimiter::Byte(b' ') {
            self.at += 1;
        }
        let (start, lines) = (self.at, self.lines);
        if self.bytes.get(start) == Some(&b'"') {
            let Some(text) = self.quoted() else {
                // It is known by where it began.
                self.lines = lines;
                return Err(Slip::Open(start));
            };
            let last = self.end_of_cell().ok_or(Slip::Stray(self.at))?;
            return Ok(Cell { text, start: start + 1, lines, last });
        }
        let rest = &self.bytes[start..];
        let ends = |&byte: &u8| match self.delimiter {
            _ if matches!(byte, b'\n' | b'\r' | b'"') => true,
            Delimiter::Byte(delimiter) => byte == delimiter,
            Delimiter::Whitespace => matches!(byte, b' ' | b'\t'),
        };
        let text = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
        self.at += text.len();
        let last = self.end_of_cell().ok_or(Slip::Stray(self.at))?;
        Ok(Cell { text: Cow::Borrowed(text.trim_ascii_end()), start, lines, last })
    }

    /// `None` without an end.
    fn quoted(&mut self) -> Option<Cow<'a, [u8]>> {
        let mut whole = Vec::new();
        let mut start = self.at + 1;
        loop {
            let length = memchr::memchr(b'"', &self.bytes[start..])?;
            let part = &self.bytes[start..start + length];
            self.lines += memchr::memchr_iter(b'\n', part).count() as u64;
            self.at = start + length + 1;
            let doubled = self.bytes.get(self.at) == Some(&b'"');
            if !doubled && whole.is_empty() {
                return Some(Cow::Borrowed(part));
            }
            whole.extend_from_slice(part);
            if !doubled {
                return Some(Cow::Owned(whole));
            }
            whole.push(b'"');
            start = self.at + 1;
        }
    }

    /// Reads what follows a cell: whether that ends its row, or `None` where neither a delimiter nor a line end stands.
    fn end_of_cell(&mut self) -> Option<bool> {
        let before = self.at;
        match self.delimiter {
            Delimiter::Whitespace => self.skip_blanks(),
            Delimiter::Byte(delimiter) => {
                while delimiter != b' ' && self.bytes.get(self.at) == Some(&b' ') {
                    self.at += 1;
                }
            }
        }
        match self.bytes.get(self.at) {
            None => Some(true),
            Some(b'\n' | b'\r') => {
                self.line_end();
                Some(true)
            }
            Some(&byte) if self.delimiter == Delimiter::Byte(byte) => {
                self.at += 1;
                Some(false)
            }
            Some(_) => {
                (self.delimiter == Delimiter::Whitespace && self.at > before).then_some(false)
            }
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Over `\n`, `\r\n` or a lone `\r`.
    fn line_end(&mut self) {
        self.at += if self.bytes[self.at..].starts_with(b"\r\n") { 2 } else { 1 };
        self.lines += 1;
    }
}

/// The digits of a short decimal fit exactly into an `f64`.
const DIGITS: usize = 15;
/// Powers of ten, each exact in an `f64`.
const POWERS: [f64; DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A number of at most 15 digits without an exponent, and its bytes: nearly all there are in tables.
///
/// Its digits as a whole number and the power of ten that divides it are both exact, so their quotient is rounded once and is the
/// nearest `f64` (Clinger 1990, *How to read floating point numbers accurately*). Anything else is left to a general parser.
fn short_decimal(bytes: &[u8]) -> Option<(f64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let (mut whole, mut at, mut point) = (0_u64, start, None);
    while let Some(&byte) = bytes.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            // Wraps where there are too many digits, which is noticed below.
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if byte == b'.' && point.is_none() {
            point = Some(at);
        } else if matches!(byte, b'e' | b'E' | b'.') {
            return None;
        } else {
            break;
        }
        at += 1;
    }
    let digits = at - start - usize::from(point.is_some());
    if digits == 0 || digits > DIGITS {
        return None;
    }
    let value = whole as f64 / POWERS[point.map_or(0, |point| at - point - 1)];
    Some((if negative { -value } else { value }, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The standard library reads correctly rounded.
        #[test]
        fn a_short_decimal_is_the_nearest_number(
            sign in "-?",
            whole in "[0-9]{0,16}",
            fraction in prop::option::of("[0-9]{0,16}"),
            behind in "[;, \neEx.+-]?",
        ) {
            let number = match &fraction {
                Some(fraction) => format!("{sign}{whole}.{fraction}"),
                None => format!("{sign}{whole}"),
            };
            let digits = whole.len() + fraction.as_ref().map_or(0, String::len);
            let short = (1..=DIGITS).contains(&digits) && !["e", "E", "."].contains(&&behind[..]);
            let found = short_decimal(format!("{number}{behind}").as_bytes());
            let dotted = behind == "." && fraction.is_none();
            if short {
                let (value, bytes) = found.unwrap();
                prop_assert_eq!(value.to_bits(), number.parse::<f64>().unwrap().to_bits());
                prop_assert_eq!(bytes, number.len());
            } else if !dotted {
                prop_assert_eq!(found, None);
            }
        }
    }
}
