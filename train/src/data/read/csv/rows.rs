//! From the bytes of some rows to columns.

use super::layout::{Kind, Layout, is_missing, number};
use super::lexer::{Delimiter, Lexer, Slip};
use crate::data::frame::{Categories, Column, Frame};
use crate::data::read::Missing;
use crate::data::read::error::{Fault, Place, excerpt};

/// Rows, and the line ends among them.
pub(super) struct Rows {
    pub frame: Frame,
    pub lines: u64,
}

/// Reads whole rows that begin in line `line` (from 1), at byte `offset` of the file.
///
/// Rows are read in parallel pieces whose place is not known before. So they are read as if each began the file, and one
/// that has something wrong again with its true place, to say so.
pub(super) fn rows(bytes: &[u8], layout: &Layout, line: u64, offset: u64) -> Result<Rows, Fault> {
    let mut lexer = Lexer::new(bytes, layout.delimiter);
    let width = layout.kinds.len();
    let mut columns: Vec<Column> = layout.kinds.iter().map(|kind| empty(*kind)).collect();
    let (mut kept, mut left_out) = (0, Vec::new());
    while lexer.row() {
        let row_line = line + lexer.lines;
        let (mut count, mut drop) = (0, false);
        loop {
            let numbers = match columns.get_mut(count) {
                Some(Column::Numbers(numbers)) => Some(numbers),
                _ => None,
            };
            if let Some(numbers) = numbers
                && let Some((value, last)) = lexer.number()
            {
                numbers.push(value);
                count += 1;
                if last {
                    break;
                }
                continue;
            }
            let cell_line = line + lexer.lines;
            let cell = lexer.cell().map_err(|slip| place(slip, line, offset, &lexer))?;
            let text = &cell.text[..];
            let place =
                || Place { line: cell_line, column: count + 1, name: layout.names[count].clone() };
            match columns.get_mut(count) {
                None => {}
                Some(Column::Text(all)) if layout.kinds[count] == Kind::Unread => all.push(""),
                Some(_) if is_missing(text) => match layout.missing {
                    Missing::Refuse => {
                        return Err(Fault::Missing { place: place(), found: excerpt(text) });
                    }
                    // The rest of the row is read all the same: it may be of the wrong length.
                    Missing::DropRows => drop = true,
                },
                Some(Column::Numbers(numbers)) => match number(text) {
                    Some(value) if value.is_finite() => numbers.push(value),
                    _ => {
                        let comma = number(&replace_comma(text)).is_some();
                        let found = excerpt(text);
                        return Err(Fault::NotANumber { place: place(), found, comma });
                    }
                },
                Some(Column::Text(all)) => match std::str::from_utf8(text) {
                    Ok(text) => all.push(text),
                    Err(error) => {
                        let (lines, byte) = cell.place(error.valid_up_to());
                        return Err(Fault::Utf8 { line: line + lines, offset: offset + byte });
                    }
                },
            }
            count += 1;
            if cell.last {
                break;
            }
        }
        if count != width {
            let delimiter = layout.delimiter.describe();
            let (line, expected, found) = (row_line, width, count);
            return Err(Fault::Ragged { line, expected, found, delimiter });
        }
        if drop {
            left_out.push(kept);
            columns.iter_mut().for_each(|column| column.truncate(kept));
        } else {
            kept += 1;
            if kept == 1 {
                // Most rows are about as long as the first.
                let rows = bytes.len() / lexer.at;
                columns.iter_mut().for_each(|column| column.reserve(rows));
            }
        }
    }
    let frame = Frame::read(layout.names.clone(), layout.named, columns, left_out);
    Ok(Rows { frame, lines: lexer.lines })
}

/// The first thing wrong with quotation marks in `bytes`.
pub(super) fn slip(bytes: &[u8], delimiter: Delimiter, line: u64, offset: u64) -> Option<Fault> {
    let mut lexer = Lexer::new(bytes, delimiter);
    while lexer.row() {
        if let Err(slip) = lexer.cell() {
            return Some(place(slip, line, offset, &lexer));
        }
    }
    None
}

fn place(slip: Slip, line: u64, offset: u64, lexer: &Lexer<'_>) -> Fault {
    let line = line + lexer.lines;
    match slip {
        Slip::Open(byte) => Fault::OpenQuote { line, offset: offset + byte as u64 },
        Slip::Stray(byte) => Fault::StrayQuote { line, offset: offset + byte as u64 },
    }
}

fn empty(kind: Kind) -> Column {
    match kind {
        Kind::Number => Column::Numbers(Vec::new()),
        Kind::Text | Kind::Unread => Column::Text(Categories::default()),
    }
}

fn replace_comma(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&byte| if byte == b',' { b'.' } else { byte }).collect()
}
