//! Handwritten digits: 1,797 images of 8 × 8 pixels, ten classes.
//!
//! E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", 1998 (its test part). UCI Machine
//! Learning Repository 80, CC BY 4.0.

use crate::data::Dataset;

/// The largest pixel value in [`digits`]; divide by it for pixels in `[0, 1]`.
pub const DIGITS_MAX: f64 = 16.0;

/// UCI's 8 × 8 digits: features `[1797, 64]`, one target `digit` (0 to 9).
///
/// A pixel counts the ink in a 4 × 4 block of the scanned bitmap, 0 to [`DIGITS_MAX`]; column `8 r + c`,
/// named `rRcC`, is row `r` from the top, column `c` from the left.
///
/// Source: E. Alpaydin, C. Kaynak, UCI Machine Learning Repository 1998, doi:10.24432/C50P49 (the test
/// part, by 13 writers); licence CC BY 4.0.
///
/// ```
/// use evidence_train::data::{DIGITS_MAX, digits};
///
/// let data = digits();
/// let first = data.features().row(0).mapv(|ink| if ink > DIGITS_MAX / 2.0 { '#' } else { '.' });
/// for row in first.to_vec().chunks(8) {
///     println!("{}", row.iter().collect::<String>());   // draws a zero
/// }
/// assert_eq!(data.classes()?[0], 0);
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
pub fn digits() -> Dataset {
    super::parse(include_str!("../../../data/digits.csv"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    #[test]
    fn pixels_and_class_counts_are_as_published() {
        let data = digits();
        assert_eq!(data.features().dim(), (1_797, 64));
        let classes = data.classes().unwrap();
        let count = |digit| classes.iter().filter(|&&c| c == digit).count();
        let published = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(count), published);

        let pixels = data.features();
        assert!(pixels.iter().all(|&p| p.fract() == 0.0 && (0.0..=DIGITS_MAX).contains(&p)));
        assert!(pixels.iter().any(|&p| p == DIGITS_MAX));
        let blank: Vec<&str> = (0..64)
            .filter(|&j| pixels.column(j).iter().all(|&p| p == 0.0))
            .map(|j| data.feature_names()[j].as_str())
            .collect();
        assert_eq!(blank, ["r0c0", "r4c0", "r4c7"]);
        // The mean over all pixels, as commonly quoted for this set.
        assert!((pixels.mean().unwrap() - 4.884).abs() < 5e-4);
    }

    /// Rows, columns and labels must belong together: a shifted or transposed reading would lose the
    /// digits' shapes.
    #[test]
    fn the_nearest_class_mean_reads_most_digits() {
        let data = digits();
        let classes = data.classes().unwrap();
        let mean = |digit| {
            let rows: Vec<usize> = (0..data.rows()).filter(|&i| classes[i] == digit).collect();
            data.features().select(Axis(0), &rows).mean_axis(Axis(0)).unwrap()
        };
        let means: Vec<_> = (0..10).map(mean).collect();
        let right = data.features().rows().into_iter().zip(&classes).filter(|(x, class)| {
            let distance = |k: &usize| (x - &means[*k]).mapv(|d| d * d).sum();
            (0..10).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap() == **class
        });
        assert!(right.count() as f64 > 0.88 * data.rows() as f64);
        // A zero has an empty middle and a one does not, in reading order.
        assert!(means[0][8 * 3 + 3] < 2.0 && means[1][8 * 3 + 3] > 8.0);
    }
}
