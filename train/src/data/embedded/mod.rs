//! The sets that come with the project, compiled into the program: no download, no path, no failure.
//!
//! Sources and licences are in each file here and in `train/data/README.md`.

mod digits;
mod red_wine;

pub use digits::{DIGITS_MAX, digits};
pub use red_wine::red_wine;

use super::Dataset;
use ndarray::{Array2, Axis};

/// Parses CSV text with a header whose last column is the target.
///
/// The text is part of the program, and the tests read all of it, so a malformed cell is a mistake in the
/// project and not of its user.
fn parse(csv_text: &str) -> Dataset {
    let mut reader = csv::Reader::from_reader(csv_text.as_bytes());
    let mut names: Vec<String> =
        reader.headers().expect("embedded CSV has a header").iter().map(Into::into).collect();
    let columns = names.len();
    let mut values = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).expect("embedded CSV has rows of one length") {
        values.extend(
            record.iter().map(|cell| cell.parse::<f64>().expect("embedded CSV holds numbers")),
        );
    }
    let values = Array2::from_shape_vec((values.len() / columns, columns), values)
        .expect("every row has as many cells as the header");
    let target_names = names.split_off(columns - 1);
    let (features, targets) = values.view().split_at(Axis(1), columns - 1);
    Dataset::checked(features.to_owned(), Some(targets.to_owned()), names, target_names)
        .expect("embedded data is sound")
}
