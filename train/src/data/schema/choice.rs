//! Which columns of a table are used, and as what: decided by their names and what they hold, before a row is looked at.

use super::error::SchemaError;
use super::field::{Encoding, Field, levels};
use super::options::SchemaOptions;
use crate::data::frame::{Column, Frame, repeated};

/// What a column becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Role {
    Number,
    OneHot,
    Class,
}

/// The places of features and targets among the columns, and what they become.
#[derive(Clone, Debug)]
pub(in crate::data) struct Choice {
    pub features: Vec<(usize, Role)>,
    pub targets: Vec<(usize, Role)>,
}

impl Choice {
    /// By the columns of a table, which need not have rows.
    pub fn new(frame: &Frame, options: &SchemaOptions) -> Result<Self, SchemaError> {
        let place = |name: &String| {
            frame.names().iter().position(|known| known == name).ok_or_else(|| {
                SchemaError::NoColumn { name: name.clone(), known: frame.names().to_vec() }
            })
        };
        let targets: Vec<usize> = options.targets.iter().map(place).collect::<Result<_, _>>()?;
        let mut features: Vec<usize> =
            options.features.iter().map(place).collect::<Result<_, _>>()?;
        if features.is_empty() {
            features = (0..frame.names().len()).filter(|i| !targets.contains(i)).collect();
        }
        if features.is_empty() {
            return Err(SchemaError::NoFeatures);
        }
        let used: Vec<String> =
            features.iter().chain(&targets).map(|&i| frame.names()[i].clone()).collect();
        if let Some(name) = repeated(&used) {
            return Err(SchemaError::Twice { name });
        }
        for name in &options.categorical {
            let at = place(name)?;
            if !features.contains(&at) && !targets.contains(&at) {
                return Err(SchemaError::Unused { name: name.clone() });
            }
        }
        let categorical = |i: usize| options.categorical.contains(&frame.names()[i]);
        let text = |i: usize| matches!(frame.columns()[i], Column::Text(_));
        let feature = |i| (i, if categorical(i) { Role::OneHot } else { Role::Number });
        let class = |i| options.class || categorical(i) || text(i);
        let target = |i| (i, if class(i) { Role::Class } else { Role::Number });
        if targets.len() > 1
            && let Some(&i) = targets.iter().find(|&&i| class(i))
        {
            let (name, targets) = (frame.names()[i].clone(), targets.len());
            return Err(SchemaError::ClassAmongTargets { name, targets });
        }
        Ok(Self {
            features: features.into_iter().map(feature).collect(),
            targets: targets.into_iter().map(target).collect(),
        })
    }

    /// Refuses text where numbers are expected, by its first row.
    pub fn check(&self, frame: &Frame) -> Result<(), SchemaError> {
        for &(i, role) in self.features.iter().chain(&self.targets) {
            if let (Role::Number, Column::Text(text)) = (role, &frame.columns()[i])
                && !text.codes().is_empty()
            {
                let (name, found) = (frame.names()[i].clone(), text.text(0).to_owned());
                return Err(SchemaError::Text { name, row: 0, found });
            }
        }
        Ok(())
    }

    /// The columns whose levels matter.
    pub fn leveled(&self) -> impl Iterator<Item = usize> {
        let all = self.features.iter().chain(&self.targets);
        all.filter(|(_, role)| *role != Role::Number).map(|(i, _)| *i)
    }

    /// A field for each column, with the levels that `column` has at its place; numbers not yet scaled.
    pub fn fields<'a>(
        chosen: &[(usize, Role)],
        names: &[String],
        column: impl Fn(usize) -> &'a Column,
    ) -> Result<Vec<Field>, SchemaError> {
        let field = |&(position, role): &(usize, Role)| {
            let name = names[position].clone();
            let levels = || levels(&name, column(position));
            let encoding = match role {
                Role::Number => Encoding::Number { mean: 0.0, scale: 1.0 },
                Role::OneHot => Encoding::OneHot { levels: levels()? },
                Role::Class => Encoding::Class { levels: levels()? },
            };
            Ok(Field { name, position, encoding })
        };
        chosen.iter().map(field).collect()
    }
}
