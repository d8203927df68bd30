//! A schema as a file: JSON, checked before it is used, since it may come from anyone.

use super::field::MOST_LEVELS;
use super::{Encoding, Field, Schema, SchemaError};
use crate::data::frame::repeated;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The layout of the file.
pub(super) const VERSION: u32 = 1;
/// The most columns a stored schema may speak of.
const MOST_COLUMNS: usize = 1 << 24;
/// The most rows: a line of text each would fill any disk.
const MOST_ROWS: usize = 1 << 48;

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// A schema that exists is sound, whichever way it was read.
impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let schema = Self::deserialize(deserializer)?;
        match schema.contradiction() {
            Some(what) => Err(D::Error::custom(SchemaError::Broken { what })),
            None => Ok(schema),
        }
    }
}

impl Schema {
    /// The text to store, `data.json` of a run.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names and finite numbers can be written")
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// [`SchemaError::Json`] for text of another layout, [`SchemaError::Broken`] for one that contradicts itself.
    pub fn from_json(text: &str) -> Result<Self, SchemaError> {
        let mut text = serde_json::Deserializer::from_str(text);
        let schema = Self::deserialize(&mut text)?;
        text.end()?;
        match schema.contradiction() {
            Some(what) => Err(SchemaError::Broken { what }),
            None => Ok(schema),
        }
    }

    fn contradiction(&self) -> Option<String> {
        if self.version != VERSION {
            return Some(format!("version {} instead of {VERSION}", self.version));
        }
        if self.features.is_empty() {
            return Some("it has no features".into());
        }
        if self.rows == 0 || self.rows > MOST_ROWS || self.columns > MOST_COLUMNS {
            return Some(format!("a table of {} rows and {} columns", self.rows, self.columns));
        }
        let fields = || self.features.iter().chain(&self.targets);
        if let Some(name) = repeated(&fields().map(|field| field.name.clone()).collect::<Vec<_>>())
        {
            return Some(format!("column \"{name}\" stands in it twice"));
        }
        let mut places: Vec<usize> = fields().map(|field| field.position).collect();
        places.sort_unstable();
        if places.windows(2).any(|pair| pair[0] == pair[1]) {
            return Some("two columns have one place".into());
        }
        if places.last().is_some_and(|&last| last >= self.columns) {
            return Some(format!("a column stands behind the last of {}", self.columns));
        }
        if self.features.iter().any(|f| matches!(f.encoding, Encoding::Class { .. })) {
            return Some("a feature is a class".into());
        }
        if self.targets.iter().any(|f| matches!(f.encoding, Encoding::OneHot { .. }))
            || self.targets.len() > 1 && self.classes().is_some()
        {
            return Some("a class is not the only target".into());
        }
        if self.split.check().is_err() {
            return Some("its fractions make no split".into());
        }
        fields().find_map(Field::contradiction)
    }
}

impl Field {
    fn contradiction(&self) -> Option<String> {
        let name = &self.name;
        match &self.encoding {
            Encoding::Number { mean, scale } => {
                (!mean.is_finite() || !scale.is_finite() || *scale <= 0.0)
                    .then(|| format!("column \"{name}\" has mean {mean} and scale {scale}"))
            }
            Encoding::OneHot { levels } | Encoding::Class { levels } => {
                if levels.is_empty() || levels.len() > MOST_LEVELS {
                    return Some(format!("column \"{name}\" has {} levels", levels.len()));
                }
                repeated(levels)
                    .map(|level| format!("column \"{name}\" has level \"{level}\" twice"))
            }
        }
    }
}
