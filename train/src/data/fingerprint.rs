//! A hash of a table that grows with its rows: a table read in portions has the hash of the same table read whole.

use super::frame::{Column, Frame};
use rayon::prelude::*;

/// The hash of the rows so far.
#[derive(Clone, Debug)]
pub(super) struct Fingerprint {
    /// One for each name; 0 where the file has none of its own.
    names: Vec<u64>,
    /// One for each column.
    columns: Vec<u64>,
}

impl Fingerprint {
    /// Of no rows yet of a table with the columns of `frame`.
    pub fn new(frame: &Frame) -> Self {
        let name = |name: &String| if frame.is_named() { hash_text(name) } else { 0 };
        let kind = |column: &Column| match column {
            Column::Numbers(_) => 1,
            Column::Text(_) => 2,
        };
        Self {
            names: frame.names().iter().map(name).collect(),
            columns: frame.columns().iter().map(kind).collect(),
        }
    }

    /// Adds the next rows.
    pub fn add(&mut self, frame: &Frame) {
        self.columns.par_iter_mut().zip(frame.columns()).for_each(|(hash, column)| {
            *hash = match column {
                // 0 and −0 are one number.
                Column::Numbers(numbers) => {
                    numbers.iter().fold(*hash, |hash, &x| mix(hash, (x + 0.0).to_bits()))
                }
                Column::Text(text) => {
                    let levels: Vec<u64> =
                        text.levels().iter().map(|level| hash_text(level)).collect();
                    text.codes().iter().fold(*hash, |hash, &code| mix(hash, levels[code as usize]))
                }
            };
        });
    }

    /// The hash of names and cells.
    pub fn value(&self) -> u64 {
        let columns = self.names.iter().zip(&self.columns);
        columns.fold(0, |hash, (&name, &column)| mix(mix(hash, name), column))
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014): a bijection of the hash for every word.
fn mix(hash: u64, word: u64) -> u64 {
    let x = hash.rotate_left(5).wrapping_add(0x9e37_79b9_7f4a_7c15) ^ word;
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn hash_text(text: &str) -> u64 {
    let words = text.as_bytes().chunks(8).map(|bytes| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    });
    words.fold(mix(3, text.len() as u64), mix)
}
