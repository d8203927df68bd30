//! Training, validation and test rows: disjoint, covering, none empty.
//!
//! Parameters and scales see the training rows, choices see the validation rows, and the test rows are read
//! once, for the report. An empty part is refused here, because everything later (a mean over no rows, a
//! best epoch by no score) would turn it into a NaN far from its cause.

use super::error::{DataError, Part};
use ndarray_rand::rand::seq::SliceRandom;
use rand_core::RngCore;

/// Three disjoint lists of row indices that together cover `0..n`, each in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    train: Vec<usize>,
    validation: Vec<usize>,
    test: Vec<usize>,
}

impl Split {
    /// Draws a split of `n` rows at random.
    ///
    /// Validation gets `round(n · validation)` rows, test `round(n · test)`, training the rest. Every row
    /// has the same chance to land in a part; the same generator state gives the same split.
    ///
    /// ```
    /// use evidence_train::data::Split;
    /// use ndarray_rand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// let split = Split::by_fraction(1_599, 0.8, 0.1, 0.1, &mut StdRng::seed_from_u64(7))?;
    /// assert_eq!([split.train().len(), split.validation().len(), split.test().len()], [1_279, 160, 160]);
    /// # Ok::<(), evidence_train::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Fraction`] unless each is above 0 and below 1, [`DataError::FractionSum`] unless they
    /// add up to 1 (to 1e-9), [`DataError::NoRows`] for `n = 0`, [`DataError::EmptyPart`] when rounding
    /// leaves a part no row.
    pub fn by_fraction<R: RngCore + ?Sized>(
        n: usize,
        train: f64,
        validation: f64,
        test: f64,
        rng: &mut R,
    ) -> Result<Self, DataError> {
        check_fractions(train, validation, test)?;
        let share = |fraction: f64| (n as f64 * fraction).round() as usize;
        let validation = share(validation).min(n);
        let test = share(test).min(n - validation);

        let mut rows: Vec<usize> = (0..n).collect();
        rows.shuffle(rng);
        let test = rows.split_off(n - test);
        let validation = rows.split_off(rows.len() - validation);
        Self { train: rows, validation, test }.checked(n)
    }

    /// Draws the `folds` splits of a cross-validation over `n` rows: each row is tested in exactly one of them.
    ///
    /// Of the rows a split does not test, validation gets `round(validation · their number)`, training the rest. Test parts
    /// differ by at most one row. A mean over all folds does not depend on which rows happened to be tested, as one over
    /// a few random splits does (Hastie, Tibshirani and Friedman 2009, §7.10).
    ///
    /// ```
    /// use evidence_train::data::Split;
    /// use ndarray_rand::rand::{SeedableRng, rngs::StdRng};
    ///
    /// let splits = Split::folds(1_599, 5, 0.1, &mut StdRng::seed_from_u64(7))?;
    /// assert_eq!(splits.iter().map(|split| split.test().len()).sum::<usize>(), 1_599);
    /// # Ok::<(), evidence_train::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Folds`] for fewer than two folds, [`DataError::Fraction`] unless `validation` is above 0 and
    /// below 1, [`DataError::NoRows`] for `n = 0`, [`DataError::EmptyPart`] when rounding leaves a part no row.
    pub fn folds<R: RngCore + ?Sized>(
        n: usize,
        folds: usize,
        validation: f64,
        rng: &mut R,
    ) -> Result<Vec<Self>, DataError> {
        if folds < 2 {
            return Err(DataError::Folds { folds });
        }
        check_fraction(Part::Validation, validation)?;
        let mut rows: Vec<usize> = (0..n).collect();
        rows.shuffle(rng);
        let split = |fold: usize| {
            let (from, to) = (n * fold / folds, n * (fold + 1) / folds);
            // Validation rows follow the tested ones around the circle: they differ from fold to fold too.
            let mut rest = [&rows[to..], &rows[..from]].concat();
            let train = rest.split_off(((rest.len() as f64 * validation).round()) as usize);
            Self { train, validation: rest, test: rows[from..to].to_vec() }.checked(n)
        };
        (0..folds).map(split).collect()
    }

    /// A split given by its rows, as published protocols do.
    ///
    /// # Errors
    /// [`DataError::NoRows`] for `n = 0`, [`DataError::EmptyPart`], [`DataError::RowOutOfRange`],
    /// [`DataError::Overlap`] when a row is listed twice, [`DataError::Uncovered`] when one of `0..n` is
    /// not listed.
    pub fn by_index(
        n: usize,
        train: Vec<usize>,
        validation: Vec<usize>,
        test: Vec<usize>,
    ) -> Result<Self, DataError> {
        Self { train, validation, test }.checked(n)
    }

    /// Rows that parameters and scales are fitted on.
    pub fn train(&self) -> &[usize] {
        &self.train
    }

    /// Rows that choices are made on.
    pub fn validation(&self) -> &[usize] {
        &self.validation
    }

    /// Rows that results are reported on.
    pub fn test(&self) -> &[usize] {
        &self.test
    }

    fn checked(mut self, n: usize) -> Result<Self, DataError> {
        if n == 0 {
            return Err(DataError::NoRows { purpose: "split" });
        }
        let mut home: Vec<Option<Part>> = vec![None; n];
        let parts = [
            (Part::Train, &mut self.train),
            (Part::Validation, &mut self.validation),
            (Part::Test, &mut self.test),
        ];
        for (part, rows) in parts {
            if rows.is_empty() {
                return Err(DataError::EmptyPart { part, rows: n });
            }
            for &row in rows.iter() {
                let home = home.get_mut(row).ok_or(DataError::RowOutOfRange { row, rows: n })?;
                if let Some(first) = home.replace(part) {
                    return Err(DataError::Overlap { row, first, second: part });
                }
            }
            // Ascending order reads memory forwards; minibatches do their own shuffling.
            rows.sort_unstable();
        }
        match home.iter().position(Option::is_none) {
            Some(row) => Err(DataError::Uncovered { row }),
            None => Ok(self),
        }
    }
}

/// Whether each is above 0 and below 1, and they add up to 1.
pub(super) fn check_fractions(train: f64, validation: f64, test: f64) -> Result<(), DataError> {
    let fractions = [(Part::Train, train), (Part::Validation, validation), (Part::Test, test)];
    for (part, fraction) in fractions {
        check_fraction(part, fraction)?;
    }
    let sum = train + validation + test;
    if (sum - 1.0).abs() > 1e-9 {
        return Err(DataError::FractionSum { sum });
    }
    Ok(())
}

fn check_fraction(part: Part, fraction: f64) -> Result<(), DataError> {
    // Written so that NaN fails too.
    if fraction > 0.0 && fraction < 1.0 {
        Ok(())
    } else {
        Err(DataError::Fraction { part, fraction })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray_rand::rand::{SeedableRng, rngs::StdRng};

    fn drawn(n: usize, fractions: [f64; 3], seed: u64) -> Result<Split, DataError> {
        let [train, validation, test] = fractions;
        Split::by_fraction(n, train, validation, test, &mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn parts_are_disjoint_cover_all_rows_and_have_their_share() {
        for n in [3, 10, 101, 1_599] {
            for fractions in [[0.4, 0.3, 0.3], [0.34, 0.33, 0.33], [0.2, 0.4, 0.4]] {
                let Ok(split) = drawn(n, fractions, n as u64) else {
                    assert!(n == 3, "n = {n} is large enough for {fractions:?}");
                    continue;
                };
                let mut all = [split.train(), split.validation(), split.test()].concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..n), "n = {n}, {fractions:?}");
                for (part, fraction) in
                    [(split.validation(), fractions[1]), (split.test(), fractions[2])]
                {
                    assert!((part.len() as f64 - n as f64 * fraction).abs() <= 0.5);
                }
            }
        }
    }

    #[test]
    fn the_seed_decides_and_every_row_has_its_chance() {
        let fractions = [0.5, 0.25, 0.25];
        assert_eq!(drawn(100, fractions, 5), drawn(100, fractions, 5));
        assert_ne!(drawn(100, fractions, 5), drawn(100, fractions, 6));

        // Row 0 is tested in a quarter of the draws: 4 standard errors of a binomial share.
        let draws = 2_000;
        let hits =
            (0..draws).filter(|&s| drawn(8, fractions, s).unwrap().test().contains(&0)).count();
        let error = (0.25 * 0.75 / draws as f64).sqrt();
        assert!((hits as f64 / draws as f64 - 0.25).abs() < 4.0 * error, "{hits} of {draws}");
    }

    #[test]
    fn folds_test_every_row_once_and_each_is_a_split() {
        for (n, folds) in [(4, 2), (10, 3), (101, 5), (1_599, 5)] {
            let splits = Split::folds(n, folds, 0.3, &mut StdRng::seed_from_u64(n as u64)).unwrap();
            assert_eq!(splits.len(), folds);
            let mut tested: Vec<usize> = splits.iter().flat_map(|s| s.test().to_vec()).collect();
            tested.sort_unstable();
            assert!(tested.into_iter().eq(0..n), "n = {n}: a row tested twice or never");
            for split in &splits {
                let all = split.train().len() + split.validation().len() + split.test().len();
                assert_eq!(all, n);
                assert!(split.test().len().abs_diff(n / folds) <= 1);
                let rest = (n - split.test().len()) as f64;
                assert!((split.validation().len() as f64 - 0.3 * rest).abs() <= 0.5);
            }
            assert!(splits[0].validation() != splits[1].validation());
        }
        let refused = |n, folds, validation| {
            Split::folds(n, folds, validation, &mut StdRng::seed_from_u64(0)).unwrap_err()
        };
        assert_eq!(refused(10, 1, 0.1), DataError::Folds { folds: 1 });
        assert_eq!(
            refused(10, 2, 1.0),
            DataError::Fraction { part: Part::Validation, fraction: 1.0 }
        );
        assert_eq!(refused(0, 2, 0.1), DataError::NoRows { purpose: "split" });
        assert_eq!(refused(3, 5, 0.5), DataError::EmptyPart { part: Part::Test, rows: 3 });
    }

    #[test]
    fn bad_fractions_are_refused() {
        let fraction = |part, fraction| DataError::Fraction { part, fraction };
        let cases = [
            (10, [0.0, 0.5, 0.5], fraction(Part::Train, 0.0)),
            (10, [0.6, -0.1, 0.5], fraction(Part::Validation, -0.1)),
            (10, [0.5, 0.4, f64::INFINITY], fraction(Part::Test, f64::INFINITY)),
            (10, [0.5, 0.25, 0.125], DataError::FractionSum { sum: 0.875 }),
            (0, [0.5, 0.25, 0.25], DataError::NoRows { purpose: "split" }),
            (1, [0.5, 0.25, 0.25], DataError::EmptyPart { part: Part::Validation, rows: 1 }),
            (4, [0.75, 0.2, 0.05], DataError::EmptyPart { part: Part::Test, rows: 4 }),
            (2, [0.2, 0.4, 0.4], DataError::EmptyPart { part: Part::Train, rows: 2 }),
        ];
        for (n, fractions, expected) in cases {
            assert_eq!(drawn(n, fractions, 1), Err(expected), "n = {n}, {fractions:?}");
        }
        assert!(matches!(drawn(10, [f64::NAN, 0.5, 0.5], 1), Err(DataError::Fraction { .. })));
    }

    #[test]
    fn lists_of_rows_are_checked() {
        type Lists = [&'static [usize]; 3];
        let made = |n, [train, validation, test]: Lists| {
            Split::by_index(n, train.to_vec(), validation.to_vec(), test.to_vec())
        };
        let split = made(5, [&[4, 0], &[2], &[3, 1]]).unwrap();
        assert_eq!([split.train(), split.validation(), split.test()], [&[0, 4][..], &[2], &[1, 3]]);

        let overlap = |row, first, second| DataError::Overlap { row, first, second };
        let cases: [(usize, Lists, DataError); 6] = [
            (3, [&[0], &[1], &[]], DataError::EmptyPart { part: Part::Test, rows: 3 }),
            (3, [&[0], &[1], &[3]], DataError::RowOutOfRange { row: 3, rows: 3 }),
            (3, [&[0], &[1], &[2, 0]], overlap(0, Part::Train, Part::Test)),
            (3, [&[0], &[1, 1], &[2]], overlap(1, Part::Validation, Part::Validation)),
            (4, [&[0], &[1], &[3]], DataError::Uncovered { row: 2 }),
            (0, [&[], &[], &[]], DataError::NoRows { purpose: "split" }),
        ];
        for (n, lists, expected) in cases {
            assert_eq!(made(n, lists), Err(expected), "{lists:?}");
        }
    }
}
