//! The numbers of binary formats: their types, byte orders, and how many fit in a file.

use super::error::Fault;
use super::{Missing, ReadOptions};
use crate::data::frame::{Column, Frame};
use std::io::Read;

/// Bytes that are read at a time, or one row.
const PORTION: usize = 1 << 20;

/// The type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// A type and its byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub kind: Kind,
    pub big: bool,
}

impl Element {
    pub fn bytes(self) -> usize {
        match self.kind {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }

    /// Appends the numbers that `bytes` hold. Integers beyond 2⁵³ are rounded to the nearest `f64`.
    pub fn decode(self, bytes: &[u8], out: &mut Vec<f64>) {
        macro_rules! numbers {
            ($number:ty) => {{
                let parts = bytes.as_chunks::<{ size_of::<$number>() }>().0.iter();
                if self.big {
                    out.extend(parts.map(|part| <$number>::from_be_bytes(*part) as f64));
                } else {
                    out.extend(parts.map(|part| <$number>::from_le_bytes(*part) as f64));
                }
            }};
        }
        match self.kind {
            Kind::Bool => out.extend(bytes.iter().map(|&byte| f64::from(u8::from(byte != 0)))),
            Kind::I8 => numbers!(i8),
            Kind::U8 => numbers!(u8),
            Kind::I16 => numbers!(i16),
            Kind::U16 => numbers!(u16),
            Kind::I32 => numbers!(i32),
            Kind::U32 => numbers!(u32),
            Kind::I64 => numbers!(i64),
            Kind::U64 => numbers!(u64),
            Kind::F32 => numbers!(f32),
            Kind::F64 => numbers!(f64),
        }
    }
}

/// Rows and columns of elements, and where they begin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    /// The file or array, for errors.
    pub part: String,
    pub element: Element,
    pub rows: usize,
    pub columns: usize,
    /// Bytes before the first element.
    pub start: u64,
}

/// Columns a table may have. Each has a name, made before the first row is read: in a packed file a header may claim a thousand
/// times more columns than the file has bytes.
pub(super) const MOST_COLUMNS: usize = 1 << 20;

impl Block {
    /// Checks a shape that a header claims against the bytes that can be there.
    pub fn check(&self, available: u64, exact: bool) -> Result<(), Fault> {
        if self.rows == 0 {
            return Err(Fault::NoRows { dropped: 0 });
        }
        let (rows, columns, size) = (self.rows, self.columns, self.element.bytes());
        let needed = (rows as u64)
            .checked_mul(columns as u64)
            .and_then(|count| count.checked_mul(size as u64))
            .and_then(|bytes| bytes.checked_add(self.start));
        if columns > 0 && needed.is_some_and(|n| n == available || !exact && n < available) {
            if columns > MOST_COLUMNS {
                return Err(Fault::Unsupported {
                    part: self.part.clone(),
                    found: format!("{columns} columns, more than the {MOST_COLUMNS} that are read"),
                    advice: "cut it into tables of fewer columns",
                });
            }
            return Ok(());
        }
        let needed = needed.map_or("more than 2⁶⁴ bytes".into(), |n| format!("{n} bytes"));
        Err(Fault::Binary {
            part: self.part.clone(),
            offset: self.start,
            expected: format!("{rows} rows of {columns} elements of {size} bytes, {needed} in all"),
            found: format!("{}{available}", if exact { "" } else { "at most " }),
        })
    }

    /// Rows that are read at a time.
    pub fn portion(&self) -> usize {
        (PORTION / (self.columns * self.element.bytes()).max(1)).max(1)
    }

    /// Reads the next `bytes` of `input` into `buffer`.
    pub fn fill(
        &self,
        input: &mut impl Read,
        bytes: usize,
        offset: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        buffer.clear();
        let read = input.take(bytes as u64).read_to_end(buffer)?;
        if read == bytes {
            return Ok(());
        }
        Err(Fault::Binary {
            part: self.part.clone(),
            offset: offset + read as u64,
            expected: format!("{} more bytes", bytes - read),
            found: "the end".into(),
        })
    }
}

/// The table of some rows, the first of them row `first` of the array: those with a missing cell (NaN) are left out or refused, as
/// asked.
pub(super) fn table(
    part: &str,
    first: usize,
    (names, named): (Vec<String>, bool),
    mut columns: Vec<Vec<f64>>,
    options: &ReadOptions,
) -> Result<Frame, Fault> {
    let rows = columns[0].len();
    let wanted: Vec<bool> = names.iter().map(|name| options.columns.has(name, named)).collect();
    let mut keep = vec![true; rows];
    for (j, column) in columns.iter().enumerate().filter(|(j, _)| wanted[*j]) {
        for (i, &value) in column.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
            if options.missing == Missing::Refuse || value.is_infinite() {
                let (part, row) = (part.to_owned(), first + i);
                return Err(Fault::NotFinite { part, row, column: j, value });
            }
            keep[i] = false;
        }
    }
    let mut left_out = Vec::new();
    let mut kept = 0;
    for &keep in &keep {
        if keep {
            kept += 1;
        } else {
            left_out.push(kept);
        }
    }
    if !left_out.is_empty() {
        for column in &mut columns {
            let mut marks = keep.iter();
            column.retain(|_| *marks.next().expect("one mark a row"));
        }
    }
    let unread = || Column::Text(std::iter::repeat_n("", kept).collect());
    let columns = columns.into_iter().zip(wanted);
    let columns =
        columns.map(|(column, wanted)| if wanted { Column::Numbers(column) } else { unread() });
    Ok(Frame::read(names, named, columns.collect(), left_out))
}

/// Numbers row by row, turned into columns.
pub(super) fn columns(values: &[f64], width: usize) -> Vec<Vec<f64>> {
    (0..width).map(|j| values[j..].iter().step_by(width).copied().collect()).collect()
}
