//! Shuffled minibatches: every epoch visits every row once, in an order that its generator alone decides.
//!
//! The order of an epoch does not depend on the epochs before it. Seed the generator by (seed, epoch) and a
//! run resumed at epoch 40 sees what the unbroken run saw, without replaying the 40 epochs.

use super::error::DataError;
use ndarray_rand::rand::seq::SliceRandom;
use rand_core::RngCore;

/// Cuts `0..rows` into shuffled batches, epoch after epoch, in one buffer.
///
/// A batch larger than the data is one batch of all the rows. The last batch of an epoch is smaller when
/// the size does not divide the rows; it is kept, so that each row counts once an epoch. A loss that is a
/// mean over its batch therefore weighs those rows more: average over an epoch by rows, not by batches.
///
/// ```
/// use evidence_train::data::Batches;
/// use ndarray_rand::rand::{SeedableRng, rngs::StdRng};
///
/// let (seed, mut batches) = (1_u64, Batches::new(10, 4)?);
/// for epoch in 0..3 {
///     let mut rng = StdRng::seed_from_u64(seed ^ (epoch << 32));
///     let sizes: Vec<usize> = batches.epoch(&mut rng).map(|rows| rows.len()).collect();
///     assert_eq!(sizes, [4, 4, 2]);
/// }
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    order: Vec<usize>,
    size: usize,
}

impl Batches {
    /// Batches of `size` rows out of `rows`.
    ///
    /// # Errors
    /// [`DataError::NoRows`] for no rows, [`DataError::ZeroBatch`] for a size of 0.
    pub fn new(rows: usize, size: usize) -> Result<Self, DataError> {
        if rows == 0 {
            return Err(DataError::NoRows { purpose: "cut into batches" });
        }
        if size == 0 {
            return Err(DataError::ZeroBatch);
        }
        Ok(Self { order: (0..rows).collect(), size: size.min(rows) })
    }

    /// Rows in a batch (all but perhaps the last): the size asked for, or all the rows if those are fewer.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Batches in an epoch, `⌈rows / size⌉`.
    pub fn steps(&self) -> usize {
        self.order.len().div_ceil(self.size)
    }

    /// The batches of one epoch, each a list of rows; allocates nothing.
    ///
    /// The order is a function of the generator's state alone: give it one seeded by (seed, epoch).
    pub fn epoch<R: RngCore + ?Sized>(&mut self, rng: &mut R) -> std::slice::Chunks<'_, usize> {
        // Back to 0, 1, 2, …, or the order would depend on the epochs before.
        self.order.iter_mut().enumerate().for_each(|(i, row)| *row = i);
        self.order.shuffle(rng);
        self.order.chunks(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    fn epoch(batches: &mut Batches, seed: u64) -> Vec<Vec<usize>> {
        batches.epoch(&mut StdRng::seed_from_u64(seed)).map(<[usize]>::to_vec).collect()
    }

    #[test]
    fn an_epoch_visits_each_row_once_in_batches_of_the_size() {
        for (rows, size, sizes) in [
            (10, 4, vec![4, 4, 2]),
            (10, 5, vec![5, 5]),
            (10, 1, vec![1; 10]),
            (10, 10, vec![10]),
            (10, 11, vec![10]),
            (10, usize::MAX, vec![10]),
            (1, 64, vec![1]),
        ] {
            let mut batches = Batches::new(rows, size).unwrap();
            let seen = epoch(&mut batches, 9);
            assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{rows} by {size}");
            assert_eq!((batches.steps(), batches.size()), (sizes.len(), sizes[0]));
            let mut all = seen.concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..rows));
        }
    }

    #[test]
    fn the_order_is_the_generators_alone_whatever_came_before() {
        let (mut fresh, mut used) = (Batches::new(100, 7).unwrap(), Batches::new(100, 7).unwrap());
        epoch(&mut used, 1);
        epoch(&mut used, 2);
        assert_eq!(epoch(&mut used, 3), epoch(&mut fresh, 3));
        assert_ne!(epoch(&mut used, 3), epoch(&mut used, 4));
    }

    #[test]
    fn every_row_reaches_every_place() {
        let (draws, rows) = (4_000, 5);
        let mut batches = Batches::new(rows, rows).unwrap();
        let mut counts = vec![[0_u32; 5]; rows];
        for seed in 0..draws {
            for (place, &row) in epoch(&mut batches, seed)[0].iter().enumerate() {
                counts[row][place] += 1;
            }
        }
        let share = 1.0 / rows as f64;
        let error = (share * (1.0 - share) / draws as f64).sqrt();
        for count in counts.iter().flatten() {
            assert!((f64::from(*count) / draws as f64 - share).abs() < 4.0 * error, "{counts:?}");
        }
    }

    #[test]
    fn bad_sizes_are_refused() {
        assert!(matches!(Batches::new(0, 4), Err(DataError::NoRows { .. })));
        assert!(matches!(Batches::new(4, 0), Err(DataError::ZeroBatch)));
    }
}
