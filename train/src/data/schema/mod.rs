//! From a table to what a model sees, and back: decided once on the training table, stored with the run, applied again.
//!
//! A schema says which columns are features and which are targets and in what order, how words become numbers, by what
//! numbers are scaled (fitted on the training rows alone), how the rows are split, and what table all this was made of.

mod choice;
mod error;
mod field;
mod options;
mod stored;

pub use error::SchemaError;
pub use field::{Encoding, Field};
pub use options::{Scaling, SchemaOptions, SplitOptions, TargetUse};

use super::dataset::Dataset;
pub(super) use choice::Choice;
pub(super) use field::levels;

use super::frame::{Column, Frame};
use super::moments::Moments;
use super::scan::Scan;
use super::split::Split;
use super::standardize::Standardize;
use field::encode;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// So many classes may be of a row each: a table to try something out.
const FEW_LEVELS: usize = 20;

/// A table made ready for a model.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The decisions, for the run folder.
    pub schema: Schema,
    /// All rows, encoded and scaled.
    pub data: Dataset,
    /// Which rows are for what.
    pub split: Split,
}

/// A table that a schema was applied to.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// All rows, encoded and scaled.
    pub data: Dataset,
    /// Columns that the schema has no use for.
    pub surplus: Vec<String>,
}

/// Which columns are what, and how they become numbers.
///
/// ```
/// use evidence_train::data::{Column, Frame, Schema, SchemaOptions, TargetUse};
///
/// let numbers = |f: fn(f64) -> f64| Column::Numbers((0..20).map(|i| f(f64::from(i))).collect());
/// let colours = |n| Column::Text(["red", "blue"].into_iter().cycle().take(n).collect());
/// let frame = Frame::new(
///     ["height", "colour", "weight"].map(String::from).to_vec(),
///     vec![numbers(|i| i), colours(20), numbers(|i| 3.0 * i)],
/// )?;
/// let options = SchemaOptions {
///     targets: vec!["weight".into()],
///     categorical: vec!["colour".into()],
///     ..SchemaOptions::default()
/// };
/// let prepared = Schema::fit(&frame, &options)?;
/// assert_eq!(prepared.data.feature_names(), ["height", "colour=blue", "colour=red"]);
///
/// // Stored with the run, and applied to a table in another order and without the target.
/// let schema = Schema::from_json(&prepared.schema.to_json())?;
/// let names = ["colour", "shape", "height"].map(String::from).to_vec();
/// let other = Frame::new(names, vec![colours(1), colours(1), Column::Numbers(vec![4.0])])?;
/// let applied = schema.apply(&other, TargetUse::Ignored)?;
/// assert_eq!(applied.data.features().row(0), prepared.data.features().row(4));
/// assert_eq!(applied.surplus, ["shape"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// What is read by serde is checked as well: see `stored`.
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Schema {
    /// The version of this layout.
    version: u32,
    /// Whether columns are known by name; otherwise by their place.
    named: bool,
    /// Columns of the table it was made of.
    columns: usize,
    features: Vec<Field>,
    targets: Vec<Field>,
    split: SplitOptions,
    /// Whether each row's part is drawn by itself, as it is where rows are streamed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    by_row: bool,
    /// Rows of the table it was made of.
    rows: usize,
    /// [`Frame::fingerprint`] of that table, in hexadecimal digits.
    fingerprint: String,
}

impl Schema {
    /// Decides by a table, and makes it ready.
    ///
    /// # Errors
    /// [`SchemaError`] if the options name columns that are not there or do not fit together, or the split leaves a part empty.
    pub fn fit(frame: &Frame, options: &SchemaOptions) -> Result<Prepared, SchemaError> {
        let choice = Choice::new(frame, options)?;
        let mut schema = Self::chosen(frame, &choice, options, |i| &frame.columns()[i])?;
        (schema.rows, schema.fingerprint) = (frame.rows(), hexadecimal(frame.fingerprint()));
        schema.check_class()?;
        let split = options.split.split(frame.rows())?;
        let moments = |i: usize| match &frame.columns()[i] {
            Column::Numbers(x) => Moments::of(split.train().iter().map(|&row| x[row])),
            Column::Text(_) => Moments::NONE,
        };
        schema.scale(options, moments)?;
        let data = schema.apply(frame, TargetUse::Required)?.data;
        Ok(Prepared { schema, data, split })
    }

    /// Of a table on disk that was read once.
    pub(super) fn of_scan(scan: &Scan, options: &SchemaOptions) -> Result<Self, SchemaError> {
        let frame = scan.columns();
        let mut schema = Self::chosen(frame, scan.choice(), options, |i| scan.levels(i))?;
        (schema.rows, schema.fingerprint) = (scan.rows(), hexadecimal(scan.fingerprint()));
        schema.check_class()?;
        schema.by_row = true;
        schema.scale(options, |i| scan.moments(i))?;
        Ok(schema)
    }

    /// The chosen columns of `frame`, with the levels that `column` has; numbers not yet scaled.
    fn chosen<'a>(
        frame: &Frame,
        choice: &Choice,
        options: &SchemaOptions,
        column: impl Fn(usize) -> &'a Column,
    ) -> Result<Self, SchemaError> {
        Ok(Self {
            version: stored::VERSION,
            named: frame.is_named(),
            columns: frame.names().len(),
            features: Choice::fields(&choice.features, frame.names(), &column)?,
            targets: Choice::fields(&choice.targets, frame.names(), &column)?,
            split: options.split,
            by_row: false,
            rows: 0,
            fingerprint: String::new(),
        })
    }

    /// Refuses a class that is none: numbers of another notation, a name for each row, the same everywhere.
    fn check_class(&self) -> Result<(), SchemaError> {
        let [Field { name, encoding: Encoding::Class { levels }, .. }] = &self.targets[..] else {
            return Ok(());
        };
        let name = name.clone();
        match &levels[..] {
            [level] => Err(SchemaError::OneClass { name, level: level.clone() }),
            [first, ..] if levels.len() > FEW_LEVELS && 2 * levels.len() > self.rows => {
                let (levels, rows, first) = (levels.len(), self.rows, first.clone());
                Err(SchemaError::Unrepeated { name, levels, rows, first })
            }
            _ => Ok(()),
        }
    }

    /// Sets means and scales by the moments that the columns have on the rows to train on.
    fn scale(
        &mut self,
        options: &SchemaOptions,
        moments: impl Fn(usize) -> Moments,
    ) -> Result<(), SchemaError> {
        scale(&mut self.features, options.features_scaling, &moments)?;
        scale(&mut self.targets, options.targets_scaling, &moments)
    }

    /// Encodes and scales the rows of a table: columns by name in any order, or by place where either has no names.
    ///
    /// # Errors
    /// [`SchemaError`] for a missing column, a cell of another kind or a category that is not known.
    pub fn apply(&self, frame: &Frame, targets: TargetUse) -> Result<Applied, SchemaError> {
        let places = self.places(frame, targets)?;
        let (features, target_places) = places.split_at(self.features.len());
        let array = |fields: &[Field], places: &[usize]| {
            let mut out = Array2::zeros((frame.rows(), width(fields)));
            encode(frame, fields, places, out.view_mut()).map(|()| out)
        };
        let (mut target_values, mut target_names) = (None, Vec::new());
        if !target_places.is_empty() {
            target_values = Some(array(&self.targets, target_places)?);
            target_names = names(&self.targets);
        }
        let features = array(&self.features, features)?;
        let data = Dataset::checked(features, target_values, self.feature_names(), target_names)?;
        let known = |place: &usize| {
            let name = &frame.names()[*place];
            places.contains(place) || self.targets.iter().any(|field| &field.name == name)
        };
        let by_name = self.named && frame.is_named();
        let surplus = (0..frame.names().len()).filter(|place| by_name && !known(place));
        let surplus = surplus.map(|place| frame.names()[place].clone()).collect();
        Ok(Applied { data, surplus })
    }

    /// Where the features, and behind them the targets if they are used, stand in a table.
    fn places(&self, frame: &Frame, targets: TargetUse) -> Result<Vec<usize>, SchemaError> {
        let mut places = Vec::new();
        if self.named && frame.is_named() {
            let place = |field: &Field| {
                frame.names().iter().position(|name| *name == field.name).ok_or_else(|| {
                    let known = frame.names().to_vec();
                    SchemaError::NoColumn { name: field.name.clone(), known }
                })
            };
            for field in &self.features {
                places.push(place(field)?);
            }
            let found: Result<Vec<usize>, _> = self.targets.iter().map(place).collect();
            match (targets, found) {
                (TargetUse::Required, Err(missing)) => return Err(missing),
                (TargetUse::Required | TargetUse::Optional, Ok(found)) => places.extend(found),
                _ => {}
            }
            return Ok(places);
        }
        let found = frame.names().len();
        let without = self.columns - self.targets.len();
        if found == self.columns {
            places.extend(self.features.iter().map(|field| field.position));
            if targets != TargetUse::Ignored {
                places.extend(self.targets.iter().map(|field| field.position));
            }
        } else if found == without && (targets != TargetUse::Required || self.targets.is_empty()) {
            let before = |place: usize| self.targets.iter().filter(|t| t.position < place).count();
            places.extend(self.features.iter().map(|f| f.position - before(f.position)));
        } else {
            let (expected, features) = (self.columns, without);
            return Err(SchemaError::Width { expected, features, found });
        }
        Ok(places)
    }

    /// The columns of what a model gets as inputs: one for a number, one a level for a category.
    pub fn feature_names(&self) -> Vec<String> {
        names(&self.features)
    }

    /// The columns to predict.
    pub fn target_names(&self) -> Vec<String> {
        names(&self.targets)
    }

    /// The features' columns of the table it was made of.
    pub fn features(&self) -> &[Field] {
        &self.features
    }

    /// The targets' columns of the table it was made of.
    pub fn targets(&self) -> &[Field] {
        &self.targets
    }

    /// The classes to tell apart, if the target is one.
    pub fn classes(&self) -> Option<&[String]> {
        match &self.targets.first()?.encoding {
            Encoding::Class { levels } => Some(levels),
            _ => None,
        }
    }

    /// Whether it knows columns by name, as the table it was made of had names; otherwise by their place.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Rows of the table it was made of, at most 2⁴⁸. In a stored schema this is a claim: nothing is known of the table itself.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How those are split.
    pub fn split(&self) -> SplitOptions {
        self.split
    }

    /// Whether each row's part is a function of the split's seed and the row's number, as in a [`Stream`](super::Stream), rather than
    /// [drawn for all rows together](SplitOptions::split).
    pub fn is_split_by_row(&self) -> bool {
        self.by_row
    }

    /// Whether a table is the one it was made of.
    pub fn is_of(&self, frame: &Frame) -> bool {
        self.has_fingerprint(frame.fingerprint())
    }

    pub(super) fn has_fingerprint(&self, fingerprint: u64) -> bool {
        self.fingerprint == hexadecimal(fingerprint)
    }

    /// The scaling of the features, of what a model gets as inputs `[n, inputs]`.
    pub fn feature_scaling(&self) -> Standardize {
        scaling(&self.features)
    }

    /// The scaling of the targets: its [`inverse`](Standardize::inverse) turns predictions into the table's units, and a predicted
    /// standard deviation is multiplied by its [`scale`](Standardize::scale). A class has mean 0 and scale 1.
    pub fn target_scaling(&self) -> Option<Standardize> {
        (!self.targets.is_empty()).then(|| scaling(&self.targets))
    }
}

fn width(fields: &[Field]) -> usize {
    fields.iter().map(Field::width).sum()
}

fn names(fields: &[Field]) -> Vec<String> {
    fields.iter().flat_map(Field::names).collect()
}

fn scaling(fields: &[Field]) -> Standardize {
    let each = fields.iter().flat_map(|field| {
        let (mean, scale) = match field.encoding {
            Encoding::Number { mean, scale } => (mean, scale),
            _ => (0.0, 1.0),
        };
        std::iter::repeat_n((mean, scale), field.width())
    });
    let (mean, scale): (Vec<f64>, Vec<f64>) = each.unzip();
    Standardize::from_moments(mean.into(), scale.into()).expect("a schema's scales are sound")
}

/// Sets means and scales by the columns' moments.
fn scale(
    fields: &mut [Field],
    scaling: Scaling,
    moments: &impl Fn(usize) -> Moments,
) -> Result<(), SchemaError> {
    let mut numbers: Vec<(&String, &mut f64, &mut f64, Moments)> = Vec::new();
    for Field { name, position, encoding } in fields {
        if let Encoding::Number { mean, scale } = encoding {
            numbers.push((name, mean, scale, moments(*position)));
        }
    }
    let spread = |name: &String, (min, max)| SchemaError::Spread { name: name.clone(), min, max };
    match scaling {
        Scaling::Raw => {}
        Scaling::Standardize => {
            for (name, mean, scale, moments) in numbers {
                (*mean, *scale) = moments.fitted().map_err(|range| spread(name, range))?;
            }
        }
        Scaling::Unit => {
            let (low, high) =
                numbers.iter().fold(Moments::NONE, |all, (.., moments)| all.with(*moments)).range();
            for (name, mean, scale, _) in numbers {
                if !(high - low).is_finite() {
                    return Err(spread(name, (low, high)));
                }
                (*mean, *scale) = (low, if high > low { high - low } else { 1.0 });
            }
        }
    }
    Ok(())
}

fn hexadecimal(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}
