//! Which part each row of a long table belongs to, drawn row by row.
//!
//! A permutation of all rows gives parts of exactly the shares asked for and takes memory for every row. Here a row's part is a
//! function of the seed and its number: the shares are met on average, and no memory is taken.

use super::error::Part;
use super::schema::SplitOptions;
use evidence_autodiff::Noise;
use evidence_autodiff::kernels::noise::NoiseRng;
use rand_core::RngCore;

/// The stream of the seed that parts are drawn from: the fit loop has 0 to 2, first weights and answers 3 and 4.
const PARTS: u64 = 5;

/// The parts of the rows of a table, from the first row on.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    draws: NoiseRng,
    train: f64,
    validation: f64,
}

impl Parts {
    pub fn new(split: &SplitOptions) -> Self {
        let draws = Noise::new(split.seed).stream(PARTS).rng();
        Self { draws, train: split.train, validation: split.validation }
    }
}

impl Iterator for Parts {
    /// A part, and the draw that decided it: rows of one part are told apart by it at random.
    type Item = (Part, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let draw = self.draws.next_u64();
        let share = (draw >> 11) as f64 / (1_u64 << 53) as f64;
        let part = if share < self.train {
            Part::Train
        } else if share < self.train + self.validation {
            Part::Validation
        } else {
            Part::Test
        };
        Some((part, draw))
    }
}
