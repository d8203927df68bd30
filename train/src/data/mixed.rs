//! Minibatches of two kinds of rows, so many of either: those with labels are few, and come round again long before the others do.
//!
//! Either kind is dealt like cards: all its rows in a drawn order, then all again in another. Batch t takes places t l … t l + l − 1 of the one
//! deal and t u … t u + u − 1 of the other; it is a function of t alone, whatever batches were asked for before.

use super::error::DataError;
use evidence_autodiff::Noise;

/// Labelled and unlabelled rows side by side.
///
/// ```
/// use evidence_autodiff::Noise;
/// use evidence_train::data::MixedBatches;
///
/// let mut batches = MixedBatches::new(10, &[3, 7], (2, 4), Noise::new(1))?;
/// let (mut labelled, unlabelled) = batches.batch(5);
/// labelled.sort_unstable();
/// assert_eq!(labelled, [3, 7]);
/// assert!(unlabelled.len() == 4 && !unlabelled.contains(&3));
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MixedBatches {
    labelled: Deal,
    unlabelled: Deal,
}

impl MixedBatches {
    /// Of the rows `0..rows`, those listed have labels; `sizes` of a batch are labelled rows, then unlabelled ones.
    ///
    /// # Errors
    /// [`DataError::NoRows`] if there is none of either kind, [`DataError::ZeroBatch`] for a size of 0.
    ///
    /// # Panics
    /// If a listed row is not one of `0..rows`.
    #[track_caller]
    pub fn new(
        rows: usize,
        labelled: &[usize],
        sizes: (usize, usize),
        noise: Noise,
    ) -> Result<Self, DataError> {
        let mut known = vec![false; rows];
        for &row in labelled {
            assert!(row < rows, "MixedBatches: labelled row {row} is beyond the {rows} rows");
            known[row] = true;
        }
        let unlabelled = (0..rows).filter(|&row| !known[row]).collect();
        Ok(Self {
            labelled: Deal::new(labelled.to_vec(), sizes.0, noise.stream(0))?,
            unlabelled: Deal::new(unlabelled, sizes.1, noise.stream(1))?,
        })
    }

    /// Batches in which every unlabelled row is met once, but for the last batch, which goes on into the next deal.
    pub fn steps(&self) -> usize {
        self.unlabelled.rows.len().div_ceil(self.unlabelled.size)
    }

    /// The labelled rows of a batch, and the unlabelled ones.
    pub fn batch(&mut self, number: usize) -> (Vec<usize>, Vec<usize>) {
        (self.labelled.batch(number), self.unlabelled.batch(number))
    }
}

/// Rows, deal after deal.
#[derive(Clone, Debug)]
struct Deal {
    rows: Vec<usize>,
    size: usize,
    noise: Noise,
    /// The number of a deal, and its order.
    current: Option<(usize, Vec<usize>)>,
}

impl Deal {
    fn new(rows: Vec<usize>, size: usize, noise: Noise) -> Result<Self, DataError> {
        if rows.is_empty() {
            return Err(DataError::NoRows { purpose: "cut into batches" });
        }
        if size == 0 {
            return Err(DataError::ZeroBatch);
        }
        Ok(Self { rows, size, noise, current: None })
    }

    fn batch(&mut self, number: usize) -> Vec<usize> {
        (number * self.size..(number + 1) * self.size).map(|place| self.at(place)).collect()
    }

    fn at(&mut self, place: usize) -> usize {
        let (deal, place) = (place / self.rows.len(), place % self.rows.len());
        if self.current.as_ref().is_none_or(|(number, _)| *number != deal) {
            self.current =
                Some((deal, self.noise.stream(deal as u64).permutation(self.rows.len())));
        }
        let (_, order) = self.current.as_ref().expect("just dealt");
        self.rows[order[place]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELLED: [usize; 3] = [2, 5, 11];

    fn batches() -> MixedBatches {
        MixedBatches::new(13, &LABELLED, (2, 4), Noise::new(7)).unwrap()
    }

    /// A kind's rows over the first batches, in the order that they come.
    fn dealt(count: usize, kind: impl Fn((Vec<usize>, Vec<usize>)) -> Vec<usize>) -> Vec<usize> {
        let mut batches = batches();
        (0..count).flat_map(|number| kind(batches.batch(number))).collect()
    }

    #[test]
    fn each_deal_has_every_row_of_its_kind_once() {
        let mut orders = Vec::new();
        let labelled = dealt(6, |batch| batch.0);
        let unlabelled = dealt(5, |batch| batch.1);
        for (rows, kind) in [
            (labelled, LABELLED.to_vec()),
            (unlabelled, (0..13).filter(|row| !LABELLED.contains(row)).collect()),
        ] {
            for deal in rows.chunks(kind.len()) {
                let mut sorted = deal.to_vec();
                sorted.sort_unstable();
                assert_eq!(sorted, kind);
                orders.push(deal.to_vec());
            }
        }
        assert_eq!(orders.len(), 6);
        assert_ne!(orders[4], orders[5], "the second deal of ten rows in the order of the first");
        assert_eq!(batches().steps(), 3);
    }

    #[test]
    fn a_batch_is_a_function_of_its_number() {
        let mut used = batches();
        let forward: Vec<_> = (0..9).map(|number| used.batch(number)).collect();
        for number in [8, 0, 5, 3] {
            assert_eq!(used.batch(number), forward[number]);
            assert_eq!(batches().batch(number), forward[number]);
        }
    }

    #[test]
    fn a_batch_may_be_larger_than_its_kind() {
        let mut batches = MixedBatches::new(5, &[1], (3, 9), Noise::new(0)).unwrap();
        let (labelled, unlabelled) = batches.batch(2);
        assert_eq!((labelled, unlabelled.len(), batches.steps()), (vec![1; 3], 9, 1));
    }

    #[test]
    fn one_kind_alone_and_sizes_of_zero_are_refused() {
        let new = |labelled: &[usize], sizes| MixedBatches::new(2, labelled, sizes, Noise::new(0));
        assert!(matches!(new(&[], (1, 1)), Err(DataError::NoRows { .. })));
        assert!(matches!(new(&[0, 1], (1, 1)), Err(DataError::NoRows { .. })));
        assert!(matches!(new(&[0], (0, 1)), Err(DataError::ZeroBatch)));
        assert!(matches!(new(&[0], (1, 0)), Err(DataError::ZeroBatch)));
    }

    #[test]
    #[should_panic(expected = "labelled row 2 is beyond the 2 rows")]
    fn a_row_beyond_all_is_refused() {
        let _ = MixedBatches::new(2, &[2], (1, 1), Noise::new(0));
    }
}
