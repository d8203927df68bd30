//! What a text file looks like, found from its first rows: delimiter, header, and what each column holds.
//!
//! - **Delimiter**: of `,` `;` tab and `|` the one by which most rows have as many cells as the first, then the one with
//!   most cells; white space where none of them cuts most rows.
//! - **Header**: the first row, if in some column it has a word where the rows below have numbers, or if nothing at all is a
//!   number.
//! - **Columns**: numbers, if any of the cells is one; text, if there are only words. A word further down among numbers is
//!   an error that says where, rather than a silent change of the whole column.

use super::lexer::{Cell, Delimiter, Lexer};
use super::rows::slip;
use crate::data::frame::repeated;
use crate::data::read::element::MOST_COLUMNS;
use crate::data::read::error::Fault;
use crate::data::read::{Missing, ReadOptions, Wanted};

/// Rows that are looked at.
const SAMPLE_ROWS: usize = 100;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    /// Whatever it is, it is not asked for.
    Unread,
}

/// How to read the rows of one file.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub delimiter: Delimiter,
    pub names: Vec<String>,
    pub named: bool,
    pub kinds: Vec<Kind>,
    pub missing: Missing,
}

/// The layout of a file that begins with `sample`, and where its data begin: the byte, and the lines before it.
pub(super) fn layout(
    sample: &[u8],
    first_byte: u64,
    options: &ReadOptions,
) -> Result<(Layout, usize, u64), Fault> {
    let delimiter = options.delimiter.unwrap_or_else(|| delimiter(sample));
    let mut lexer = Lexer::new(sample, delimiter);
    let Some(first) = cells(&mut lexer) else {
        return Err(match lexer.row() {
            // What is wrong with it is said in full where rows are read.
            true => slip(sample, delimiter, 1, first_byte).unwrap_or(Fault::Empty),
            false => Fault::Empty,
        });
    };
    if first.len() > MOST_COLUMNS {
        return Err(Fault::Unsupported {
            part: "the first row".into(),
            found: format!("more than the {MOST_COLUMNS} columns that are read"),
            advice: "cut it into tables of fewer columns, or name the delimiter",
        });
    }
    let start = (lexer.at, lexer.lines);
    let rows: Vec<_> = std::iter::from_fn(|| cells(&mut lexer)).take(SAMPLE_ROWS).collect();
    let numbers_below: Vec<bool> = (0..first.len())
        .map(|i| rows.iter().any(|row| row.get(i).is_some_and(|cell| number(&cell.text).is_some())))
        .collect();
    let word = |cell: &Cell<'_>| number(&cell.text).is_none() && !is_missing(&cell.text);
    let named = options.header.unwrap_or_else(|| {
        let above_numbers = first.iter().zip(&numbers_below).any(|(cell, &n)| word(cell) && n);
        let no_numbers =
            !numbers_below.contains(&true) && first.iter().all(|cell| number(&cell.text).is_none());
        above_numbers || no_numbers
    });

    let mut names = Vec::new();
    for (i, cell) in first.iter().enumerate() {
        let text = std::str::from_utf8(&cell.text).map_err(|error| {
            let (lines, byte) = cell.place(error.valid_up_to());
            Fault::Utf8 { line: 1 + lines, offset: first_byte + byte }
        });
        names.push(match text.map(str::trim) {
            Ok(text) if named && !text.is_empty() => text.to_owned(),
            Err(fault) if named => return Err(fault),
            _ => format!("column {}", i + 1),
        });
    }
    if let Some(name) = repeated(&names) {
        return Err(Fault::RepeatedName { name });
    }
    // Of columns that only may be there, whoever wants them misses them.
    let must = !matches!(options.columns, Wanted::Only(_) | Wanted::ByPlace);
    if let Some(name) = options.text.iter().find(|name| must && !names.contains(name)) {
        return Err(Fault::NoColumn { name: name.clone(), known: names });
    }
    let sampled = || rows.iter().chain((!named).then_some(&first));
    let kind = |(i, name): (usize, &String)| {
        if !options.columns.has(name, named) {
            return Kind::Unread;
        }
        let cells = || sampled().filter_map(|row| row.get(i));
        let text = options.text.contains(name)
            || cells().any(word) && !cells().any(|cell| number(&cell.text).is_some());
        if text { Kind::Text } else { Kind::Number }
    };
    let kinds = names.iter().enumerate().map(kind).collect();
    let (byte, lines) = if named { start } else { (0, 0) };
    let missing = options.missing;
    Ok((Layout { delimiter, names, named, kinds, missing }, byte, lines))
}

/// The next row, or `None` at the end and where the cells cannot be told apart.
fn cells<'a>(lexer: &mut Lexer<'a>) -> Option<Vec<Cell<'a>>> {
    if !lexer.row() {
        return None;
    }
    let before = lexer.clone();
    let mut row = Vec::new();
    loop {
        match lexer.cell() {
            Ok(cell) => row.push(cell),
            Err(_) => {
                *lexer = before;
                return None;
            }
        }
        // One more column than there may be is enough to know.
        if row.len() > MOST_COLUMNS || row.last().is_some_and(|cell| cell.last) {
            return Some(row);
        }
    }
}

fn delimiter(sample: &[u8]) -> Delimiter {
    let judged = |delimiter| {
        let mut lexer = Lexer::new(sample, delimiter);
        let counts: Vec<usize> = std::iter::from_fn(|| cells(&mut lexer).map(|row| row.len()))
            .take(SAMPLE_ROWS)
            .collect();
        let fields = counts.first().copied().unwrap_or(0);
        let agreeing = counts.iter().filter(|&&count| count == fields && count > 1).count();
        let cut = counts.iter().filter(|&&count| count > 1).count();
        (delimiter, agreeing, fields, 2 * cut >= counts.len().max(1), 2 * cut > counts.len())
    };
    [b',', b';', b'\t', b'|']
        .map(|byte| judged(Delimiter::Byte(byte)))
        .into_iter()
        .filter(|&(_, agreeing, _, most, _)| agreeing > 0 && most)
        // Of equals the first: `max_by_key` takes the last.
        .rev()
        .max_by_key(|&(_, agreeing, fields, ..)| (agreeing, fields))
        // A space may stand in the name of a single column.
        .or_else(|| {
            let spaced = Some(judged(Delimiter::Whitespace));
            spaced.filter(|&(_, agreeing, .., more)| agreeing > 0 && more)
        })
        .map_or(Delimiter::Byte(b','), |(delimiter, ..)| delimiter)
}

/// A cell as a number, finite or not.
pub(super) fn number(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    fast_float2::parse(text).ok().filter(|_| !is_missing(text))
}

/// Whether a cell stands for a value that is not there.
pub(super) fn is_missing(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.is_empty()
        || text == b"?"
        || [&b"na"[..], b"n/a", b"nan", b"null"].iter().any(|word| text.eq_ignore_ascii_case(word))
}
