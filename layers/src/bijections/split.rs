//! Which columns of a coupling condition, and which are transformed.

use super::CouplingError;
use std::sync::Arc;

/// Which columns condition; the others are transformed. From one coupling to the next they should change roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// The first ⌊d/2⌋ condition.
    First,
    /// The last ⌈d/2⌉ condition.
    Second,
    /// Columns 0, 2, 4, … condition.
    Even,
    /// Columns 1, 3, 5, … condition.
    Odd,
    /// Columns marked true condition: see [`checkerboard`](Split::checkerboard) and [`channels`](Split::channels).
    Mask(Arc<[bool]>),
}

impl Split {
    /// Of an image `[rows, columns, channels]`, its channels side by side: pixels where row + column is even condition; `turned`,
    /// the others (Dinh and others 2017, figure 3, left).
    pub fn checkerboard([rows, columns, channels]: [usize; 3], turned: bool) -> Self {
        let pixel = |at: usize| (at / columns + at % columns).is_multiple_of(2) != turned;
        Self::Mask((0..rows * columns * channels).map(|i| pixel(i / channels)).collect())
    }

    /// Of an image `[pixels, channels]`: the first ⌊c/2⌋ channels of every pixel condition; `turned`, the others (figure 3, right).
    pub fn channels([pixels, channels]: [usize; 2], turned: bool) -> Self {
        let first = channels / 2;
        Self::Mask((0..pixels * channels).map(|i| (i % channels < first) != turned).collect())
    }

    /// The columns that condition and those that are transformed, in order.
    ///
    /// # Errors
    /// If there are fewer than two columns, either would be none, or a mask has another length.
    pub(super) fn columns(&self, width: usize) -> Result<(Vec<usize>, Vec<usize>), CouplingError> {
        if width < 2 {
            return Err(CouplingError::TooNarrow(width));
        }
        let conditions = |column: usize| match self {
            Self::First => column < width / 2,
            Self::Second => column >= width / 2,
            Self::Even => column.is_multiple_of(2),
            Self::Odd => !column.is_multiple_of(2),
            Self::Mask(mask) => mask[column],
        };
        if let Self::Mask(mask) = self
            && mask.len() != width
        {
            return Err(CouplingError::MaskLength { mask: mask.len(), width });
        }
        let (condition, transform): (Vec<_>, Vec<_>) = (0..width).partition(|&j| conditions(j));
        if condition.is_empty() || transform.is_empty() {
            return Err(CouplingError::Mask { conditioning: condition.len(), width });
        }
        Ok((condition, transform))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_take_the_columns_they_name() {
        let mask = |split: Split| {
            let (condition, _) = split.columns(8).unwrap();
            (0..8).map(|j| if condition.contains(&j) { '1' } else { '0' }).collect::<String>()
        };
        for (split, expected) in [
            (Split::First, "11110000"),
            (Split::Second, "00001111"),
            (Split::Even, "10101010"),
            (Split::Odd, "01010101"),
            (Split::checkerboard([2, 4, 1], false), "10100101"),
            (Split::checkerboard([2, 4, 1], true), "01011010"),
            (Split::checkerboard([2, 2, 2], false), "11000011"),
            (Split::channels([4, 2], false), "10101010"),
            (Split::channels([2, 4], true), "00110011"),
        ] {
            assert_eq!(mask(split.clone()), expected, "{split:?}");
        }
        assert_eq!(Split::First.columns(3).unwrap(), (vec![0], vec![1, 2]));
        assert_eq!(Split::Second.columns(3).unwrap(), (vec![1, 2], vec![0]));
    }

    #[test]
    fn splits_that_leave_nothing_are_refused() {
        for (split, width, reason) in [
            (Split::First, 1, "for 1-D data use an elementwise bijection"),
            (Split::Even, 0, "0 column(s)"),
            (Split::Mask([true; 3].into()), 3, "3 of 3 columns condition"),
            (Split::Mask([false; 3].into()), 3, "0 of 3 columns condition"),
            (Split::Mask([true, false].into()), 3, "a mask of 2 columns for rows of 3"),
            // One channel has no first half.
            (Split::channels([4, 1], false), 4, "0 of 4 columns condition"),
        ] {
            let error = split.columns(width).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
