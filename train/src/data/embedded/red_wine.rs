//! Red wine quality: 1,599 wines, 11 measurements, one grade.
//!
//! P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. Reis, "Modeling wine preferences by data mining from
//! physicochemical properties", Decision Support Systems 47 (2009) 547–553. UCI Machine Learning Repository
//! 186, CC BY 4.0.

use crate::data::Dataset;

/// UCI red wine quality: features `[1599, 11]` in the units below, one target `quality` (grades 3 to 8).
///
/// | column | unit | column | unit |
/// | --- | --- | --- | --- |
/// | fixed acidity | g tartaric acid / dm³ | total sulfur dioxide | mg / dm³ |
/// | volatile acidity | g acetic acid / dm³ | density | g / cm³ |
/// | citric acid | g / dm³ | pH | |
/// | residual sugar | g / dm³ | sulphates | g potassium sulphate / dm³ |
/// | chlorides | g sodium chloride / dm³ | alcohol | % by volume |
/// | free sulfur dioxide | mg / dm³ | | |
///
/// Source: P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. Reis, Decision Support Systems 47 (2009)
/// 547–553; UCI Machine Learning Repository, doi:10.24432/C56S3T; licence CC BY 4.0. 240 of the rows repeat
/// an earlier one.
///
/// ```
/// let wine = evidence_train::data::red_wine();
/// assert_eq!((wine.features().dim(), wine.target_names()), ((1599, 11), &["quality".to_string()][..]));
/// ```
pub fn red_wine() -> Dataset {
    super::parse(include_str!("../../../data/winequality-red.csv"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Name, minimum, mean to four digits, maximum, as published summaries of the set print them.
    const PUBLISHED: [(&str, f64, f64, f64); 11] = [
        ("fixed acidity", 4.6, 8.32, 15.9),
        ("volatile acidity", 0.12, 0.5278, 1.58),
        ("citric acid", 0.0, 0.271, 1.0),
        ("residual sugar", 0.9, 2.539, 15.5),
        ("chlorides", 0.012, 0.08747, 0.611),
        ("free sulfur dioxide", 1.0, 15.87, 72.0),
        ("total sulfur dioxide", 6.0, 46.47, 289.0),
        ("density", 0.99007, 0.9967, 1.00369),
        ("pH", 2.74, 3.311, 4.01),
        ("sulphates", 0.33, 0.6581, 2.0),
        ("alcohol", 8.4, 10.42, 14.9),
    ];

    #[test]
    fn columns_are_as_published() {
        let wine = red_wine();
        assert_eq!(wine.rows(), 1_599);
        assert_eq!(wine.feature_names(), PUBLISHED.map(|(name, ..)| name.to_string()));
        for ((name, min, mean, max), column) in PUBLISHED.iter().zip(wine.features().columns()) {
            assert_eq!(column.iter().copied().fold(f64::INFINITY, f64::min), *min, "{name}");
            assert_eq!(column.iter().copied().fold(f64::NEG_INFINITY, f64::max), *max, "{name}");
            let digit = 10_f64.powi(mean.log10().floor() as i32 - 3);
            let found = column.mean().unwrap();
            assert!((found - mean).abs() <= 0.5001 * digit, "{name}: {found}");
        }
    }

    #[test]
    fn grades_and_repeated_rows_are_as_published() {
        let wine = red_wine();
        let grades = wine.classes().unwrap();
        let count = |grade| grades.iter().filter(|&&g| g == grade).count();
        assert_eq!([3, 4, 5, 6, 7, 8].map(count), [10, 53, 681, 638, 199, 18]);
        let distinct: HashSet<Vec<u64>> = wine
            .features()
            .rows()
            .into_iter()
            .zip(&grades)
            .map(|(row, &grade)| row.iter().map(|x| x.to_bits()).chain([grade as u64]).collect())
            .collect();
        assert_eq!(distinct.len(), 1_359);
    }
}
