//! `.npy`: one array of NumPy (NEP 1, versions 1 to 3 of the format).
//!
//! ```text
//! \x93NUMPY  major minor  length of the header (2 bytes, from version 2 on 4)
//! {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }  spaces, a line end
//! the elements, row by row, or column by column in Fortran's order
//! ```
//!
//! The header is a Python literal. It is read by a scanner that knows these three entries and no nesting, where a general
//! parser of literals recurses as deeply as a file asks it to.

use super::ReadOptions;
use super::element::{Block, Element, Kind, columns, table};
use super::error::{Fault, excerpt};
use crate::data::frame::Frame;
use std::io::{Cursor, Read, Seek, SeekFrom};

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read; NumPy itself stops at 10,000.
const LONGEST: u32 = 1 << 16;

/// The rows of an array, a portion at a time.
pub(super) struct NpyChunks<R> {
    input: R,
    header: Header,
    row: usize,
    options: ReadOptions,
    buffer: Vec<u8>,
    values: Vec<f64>,
}

/// What the header says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub block: Block,
    pub fortran: bool,
}

impl<R: Read + Seek> NpyChunks<R> {
    /// Reads and checks the header of an array that fills `length` bytes.
    pub fn open(
        mut input: R,
        part: &str,
        length: u64,
        options: &ReadOptions,
    ) -> Result<Self, Fault> {
        let header = header(&mut input, part)?;
        header.block.check(length, true)?;
        Ok(Self::new(input, header, options.clone()))
    }

    fn new(input: R, header: Header, options: ReadOptions) -> Self {
        Self { input, header, row: 0, options, buffer: Vec::new(), values: Vec::new() }
    }

    pub fn next_chunk(&mut self) -> Result<Option<Frame>, Fault> {
        let first = self.row;
        let Some(values) = self.next_columns()? else { return Ok(None) };
        let names = (1..=values.len()).map(|j| format!("column {j}")).collect();
        let part = &self.header.block.part;
        table(part, first, (names, false), values, &self.options).map(Some)
    }

    fn next_columns(&mut self) -> Result<Option<Vec<Vec<f64>>>, Fault> {
        let block = &self.header.block;
        let (size, width, first) = (block.element.bytes(), block.columns, self.row);
        let rows = block.portion().min(block.rows - first);
        if rows == 0 {
            return Ok(None);
        }
        self.row += rows;
        if !self.header.fortran {
            let offset = block.start + (first * width * size) as u64;
            block.fill(&mut self.input, rows * width * size, offset, &mut self.buffer)?;
            self.values.clear();
            block.element.decode(&self.buffer, &mut self.values);
            return Ok(Some(columns(&self.values, width)));
        }
        let mut all = Vec::new();
        for column in 0..width {
            let offset = block.start + ((column * block.rows + first) * size) as u64;
            self.input.seek(SeekFrom::Start(offset))?;
            block.fill(&mut self.input, rows * size, offset, &mut self.buffer)?;
            let mut values = Vec::with_capacity(rows);
            block.element.decode(&self.buffer, &mut values);
            all.push(values);
        }
        Ok(Some(all))
    }
}

impl NpyChunks<Cursor<Vec<u8>>> {
    /// All columns of an array whose elements are still packed: memory grows as they appear, not as the header says.
    pub fn unpacked(input: &mut impl Read, mut header: Header) -> Result<Vec<Vec<f64>>, Fault> {
        let block = &mut header.block;
        let start = std::mem::take(&mut block.start);
        let bytes = (block.rows * block.columns * block.element.bytes()) as u64;
        let mut packed = Vec::new();
        input.take(bytes + 1).read_to_end(&mut packed)?;
        if packed.len() as u64 != bytes {
            let more = packed.len() as u64 > bytes;
            return Err(Fault::Binary {
                part: block.part.clone(),
                offset: start + bytes.min(packed.len() as u64),
                expected: format!("{bytes} bytes of elements"),
                found: if more { "more" } else { "the end" }.into(),
            });
        }
        let mut all = vec![Vec::new(); block.columns];
        all.iter_mut().for_each(|column| column.reserve_exact(block.rows));
        let mut chunks = Self::new(Cursor::new(packed), header, ReadOptions::default());
        while let Some(part) = chunks.next_columns()? {
            all.iter_mut().zip(part).for_each(|(all, part)| all.extend(part));
        }
        Ok(all)
    }
}

/// All of an array that is packed by itself.
pub(super) fn packed(
    mut input: impl Read,
    most: u64,
    options: &ReadOptions,
) -> Result<Frame, Fault> {
    let header = header(&mut input, "array")?;
    header.block.check(most, false)?;
    let part = header.block.part.clone();
    let columns = NpyChunks::unpacked(&mut input, header)?;
    let names = (1..=columns.len()).map(|j| format!("column {j}")).collect();
    table(&part, 0, (names, false), columns, options)
}

/// Reads an array's header. Its shape is a claim, to be checked before it is believed.
pub(super) fn header(input: &mut impl Read, part: &str) -> Result<Header, Fault> {
    let bad = |offset: u64, expected: &str, found: &[u8]| Fault::Binary {
        part: part.to_owned(),
        offset,
        expected: expected.to_owned(),
        found: if found.is_empty() { "the end".into() } else { format!("\"{}\"", excerpt(found)) },
    };
    let mut head = Vec::new();
    input.take(8).read_to_end(&mut head)?;
    if !head.starts_with(MAGIC) {
        return Err(bad(0, "the mark \\x93NUMPY", &head));
    }
    let digits = match head.get(6) {
        Some(1) => 2,
        Some(2 | 3) => 4,
        _ => return Err(bad(6, "version 1, 2 or 3", head.get(6..).unwrap_or_default())),
    };
    let mut length = Vec::new();
    input.take(digits).read_to_end(&mut length)?;
    if (length.len() as u64) < digits {
        return Err(bad(8, "the header's length", &length));
    }
    let size = length.iter().rev().fold(0, |size, &byte| size << 8 | u32::from(byte));
    if size > LONGEST {
        return Err(bad(
            8,
            &format!("a header of at most {LONGEST} bytes"),
            size.to_string().as_bytes(),
        ));
    }
    let mut text = Vec::new();
    let read = input.take(size.into()).read_to_end(&mut text)?;
    let start = 8 + digits;
    if read < size as usize {
        return Err(bad(start + read as u64, &format!("a header of {size} bytes"), &[]));
    }

    let mut scan = Scan { text: &text, at: 0 };
    let literal = scan.header().ok_or_else(|| {
        let expected = "a header of 'descr', 'fortran_order' and 'shape'";
        bad(start + scan.at as u64, expected, &text[scan.at..])
    })?;
    let unsupported =
        |found: String, advice| Fault::Unsupported { part: part.into(), found, advice };
    let element = element(literal.descr).ok_or_else(|| {
        let found = format!("elements of type '{}'", excerpt(literal.descr));
        unsupported(
            found,
            "save it as floating-point numbers of 32 or 64 bits, integers or booleans",
        )
    })?;
    let (rows, columns) = match literal.shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => {
            let found = format!("an array with {} axes", literal.shape.len());
            return Err(unsupported(found, "reshape it to rows and columns"));
        }
    };
    let block = Block { part: part.into(), element, rows, columns, start: start + u64::from(size) };
    Ok(Header { block, fortran: literal.fortran })
}

fn element(descr: &[u8]) -> Option<Element> {
    let (order, kind) = descr.split_at_checked(1)?;
    let kind = match kind {
        b"b1" => Kind::Bool,
        b"i1" => Kind::I8,
        b"u1" => Kind::U8,
        b"i2" => Kind::I16,
        b"u2" => Kind::U16,
        b"i4" => Kind::I32,
        b"u4" => Kind::U32,
        b"i8" => Kind::I64,
        b"u8" => Kind::U64,
        b"f4" => Kind::F32,
        b"f8" => Kind::F64,
        _ => return None,
    };
    let big = match order {
        b">" => true,
        b"<" => false,
        b"|" if matches!(kind, Kind::Bool | Kind::I8 | Kind::U8) => false,
        _ => return None,
    };
    Some(Element { kind, big })
}

/// The entries of a header.
struct Literal<'a> {
    descr: &'a [u8],
    fortran: bool,
    shape: Vec<usize>,
}

/// Reads the header's literal from left to right; `at` is where it stopped.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn header(&mut self) -> Option<Literal<'a>> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect(b"{")?;
        while self.expect(b"}").is_none() {
            let key = self.string()?;
            self.expect(b":")?;
            match key {
                b"descr" if descr.is_none() => descr = Some(self.string()?),
                b"fortran_order" if fortran.is_none() => {
                    let yes = self.expect(b"True").is_some();
                    if !yes {
                        self.expect(b"False")?;
                    }
                    fortran = Some(yes);
                }
                b"shape" if shape.is_none() => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.expect(b",").is_none() {
                self.expect(b"}")?;
                break;
            }
        }
        self.blanks();
        (self.at == self.text.len())
            .then(|| Some(Literal { descr: descr?, fortran: fortran?, shape: shape? }))?
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        self.expect(b"(")?;
        while self.expect(b")").is_none() {
            self.blanks();
            let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
            let number = std::str::from_utf8(&self.text[self.at..self.at + digits]).ok()?;
            shape.push(number.parse().ok()?);
            self.at += digits;
            if self.expect(b",").is_none() {
                self.expect(b")")?;
                break;
            }
        }
        Some(shape)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let quote =
            if self.expect(b"'").is_some() { b'\'' } else { self.expect(b"\"").map(|()| b'"')? };
        let rest = &self.text[self.at..];
        let length = memchr::memchr(quote, rest)?;
        self.at += length + 1;
        Some(&rest[..length])
    }

    fn expect(&mut self, token: &[u8]) -> Option<()> {
        self.blanks();
        self.text[self.at..].starts_with(token).then(|| self.at += token.len())
    }

    fn blanks(&mut self) {
        self.at += self.text[self.at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    }
}
