//! One column of a schema: where it stands in a file, and how its cells become numbers.

use super::error::SchemaError;
use crate::data::frame::{Column, Frame};
use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The most levels of a categorical column.
pub(super) const MOST_LEVELS: usize = 1000;
/// Rows filled at a time: a block of them stays in the cache while its columns are written one by one.
const BLOCK: usize = 256;

/// How the cells of a column become numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Encoding {
    /// `(x − mean) / scale`.
    Number {
        /// What becomes 0.
        mean: f64,
        /// What becomes a distance of 1.
        scale: f64,
    },
    /// A column for each level, 1 in the one that stands there and 0 in the others.
    OneHot {
        /// The levels, in the columns' order.
        levels: Vec<String>,
    },
    /// The index of the level.
    Class {
        /// The levels, in the order of their indices.
        levels: Vec<String>,
    },
}

/// A column of the table a schema was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its place among all columns, from 0.
    pub position: usize,
    /// How its cells become numbers.
    pub encoding: Encoding,
}

impl Encoding {
    /// Whether it is of words: its levels are not all numbers.
    pub fn is_text(&self) -> bool {
        match self {
            Self::Number { .. } => false,
            Self::OneHot { levels } | Self::Class { levels } => {
                levels.iter().any(|level| level.parse::<f64>().is_err())
            }
        }
    }
}

impl Field {
    /// Columns it becomes.
    pub fn width(&self) -> usize {
        match &self.encoding {
            Encoding::OneHot { levels } => levels.len(),
            Encoding::Number { .. } | Encoding::Class { .. } => 1,
        }
    }

    /// The names of those.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.encoding {
            Encoding::OneHot { levels } => {
                levels.iter().map(|level| format!("{}={level}", self.name)).collect()
            }
            Encoding::Number { .. } | Encoding::Class { .. } => vec![self.name.clone()],
        }
    }
}

/// The levels of a column: numbers by size, text by the alphabet.
pub(in crate::data) fn levels(name: &str, column: &Column) -> Result<Vec<String>, SchemaError> {
    // Rows that were dropped may have had levels of their own: a class without rows is none.
    let all: Vec<String> = match column.distinct() {
        Column::Numbers(numbers) => numbers.iter().map(f64::to_string).collect(),
        Column::Text(text) => {
            let mut levels = text.levels().to_vec();
            levels.sort_unstable();
            levels
        }
    };
    if all.len() > MOST_LEVELS {
        let (name, levels, limit) = (name.to_owned(), all.len(), MOST_LEVELS);
        return Err(SchemaError::Levels { name, levels, limit });
    }
    Ok(all)
}

/// The numbers of `fields`, found in the columns of `frame` at `places`, into `out` `[rows, sum of their widths]`.
pub(super) fn encode(
    frame: &Frame,
    fields: &[Field],
    places: &[usize],
    mut out: ArrayViewMut2<'_, f64>,
) -> Result<(), SchemaError> {
    let mut cells = Vec::new();
    for (field, &place) in fields.iter().zip(places) {
        cells.push(Cells::new(field, frame, place)?);
    }
    for start in (0..frame.rows()).step_by(BLOCK) {
        let mut first = 0;
        for (field, cells) in fields.iter().zip(&cells) {
            for row in start..(start + BLOCK).min(frame.rows()) {
                match cells {
                    Cells::Numbers { values, mean, scale } => {
                        let scaled = (values[row] - mean) / scale;
                        if scaled.abs() > f64::from(f32::MAX) {
                            return Err(SchemaError::Large {
                                name: field.name.clone(),
                                row: frame.number(row),
                                found: values[row],
                            });
                        }
                        out[[row, first]] = scaled;
                    }
                    Cells::Levels { hot: true, levels } => out[[row, first + levels[row]]] = 1.0,
                    Cells::Levels { levels, .. } => out[[row, first]] = levels[row] as f64,
                }
            }
            first += field.width();
        }
    }
    Ok(())
}

/// A column's cells, checked.
enum Cells<'a> {
    Numbers { values: &'a [f64], mean: f64, scale: f64 },
    Levels { levels: Vec<usize>, hot: bool },
}

impl<'a> Cells<'a> {
    fn new(field: &Field, frame: &'a Frame, place: usize) -> Result<Self, SchemaError> {
        match (&field.encoding, &frame.columns()[place]) {
            (&Encoding::Number { mean, scale }, Column::Numbers(values)) => {
                Ok(Self::Numbers { values, mean, scale })
            }
            (Encoding::Number { .. }, Column::Text(text)) => Err(SchemaError::Text {
                name: field.name.clone(),
                row: if text.codes().is_empty() { 0 } else { frame.number(0) },
                found: if text.codes().is_empty() {
                    String::new()
                } else {
                    text.text(0).to_owned()
                },
            }),
            (Encoding::OneHot { levels }, column) => {
                Ok(Self::Levels { levels: indices(field, levels, frame, column)?, hot: true })
            }
            (Encoding::Class { levels }, column) => {
                Ok(Self::Levels { levels: indices(field, levels, frame, column)?, hot: false })
            }
        }
    }
}

/// For each row, the index of its level.
fn indices(
    field: &Field,
    levels: &[String],
    frame: &Frame,
    column: &Column,
) -> Result<Vec<usize>, SchemaError> {
    let unknown = |row: usize| SchemaError::Level {
        name: field.name.clone(),
        row: frame.number(row),
        found: column.cell(row),
        levels: levels.to_vec(),
    };
    match column {
        Column::Numbers(values) => {
            let number = |level: &String| level.parse::<f64>().ok().map(|x| (x + 0.0).to_bits());
            let known: HashMap<u64, usize> = levels
                .iter()
                .enumerate()
                .filter_map(|(i, level)| number(level).map(|bits| (bits, i)))
                .collect();
            let index = |(row, value): (usize, &f64)| {
                known.get(&(value + 0.0).to_bits()).copied().ok_or_else(|| unknown(row))
            };
            values.iter().enumerate().map(index).collect()
        }
        Column::Text(text) => {
            let known: HashMap<&str, usize> =
                levels.iter().enumerate().map(|(i, level)| (level.as_str(), i)).collect();
            let of_code: Vec<Option<usize>> =
                text.levels().iter().map(|level| known.get(level.as_str()).copied()).collect();
            let index =
                |(row, &code): (usize, &u32)| of_code[code as usize].ok_or_else(|| unknown(row));
            text.codes().iter().enumerate().map(index).collect()
        }
    }
}
