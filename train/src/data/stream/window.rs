//! Rows that wait to be drawn.

use ndarray_rand::rand::Rng;
use rand_core::RngCore;

/// A window of rows `[n, width]`: each drawn uniformly, the next to come in its place.
#[derive(Debug)]
pub(super) struct Window {
    width: usize,
    /// Row by row.
    values: Vec<f64>,
}

impl Window {
    /// Without a row.
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::new() }
    }

    /// Rows that wait.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[f64]) {
        self.values.extend_from_slice(row);
    }

    /// Draws a row into `out`, and puts the next of the file there, or if there is none the window's last.
    ///
    /// # Panics
    /// If no row waits.
    pub fn draw<R: RngCore>(&mut self, draws: &mut R, next: Option<&[f64]>, out: &mut [f64]) {
        let (rows, width) = (self.rows(), self.width);
        let at = draws.random_range(0..rows as u64) as usize * width;
        out.copy_from_slice(&self.values[at..at + width]);
        match next {
            Some(next) => self.values[at..at + width].copy_from_slice(next),
            None => {
                let last = (rows - 1) * width;
                self.values.copy_within(last.., at);
                self.values.truncate(last);
            }
        }
    }
}
