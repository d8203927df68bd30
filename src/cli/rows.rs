//! The rows of a training: held in memory, or read from disk in every epoch.

use super::config::{Config, DataOptions};
use super::error::CliError;
use super::kind::Kind;
use super::say;
use evidence::train::data::{
    Chunks, Dataset, Frame, Prepared, Scaling, Schema, SchemaOptions, Stream, Streamed, TargetUse,
    read,
};
use std::path::Path;

/// Rows to train on, to choose by and to test on.
pub(super) struct Rows {
    pub training: Training,
    pub validation: Dataset,
    pub test: Dataset,
}

/// Where the rows to train on are.
pub(super) enum Training {
    Memory(Dataset),
    Disk(Stream),
}

impl Rows {
    /// Of a new training: what its columns are is decided by them.
    pub(super) fn prepare<K: Kind>(
        config: &Config<K::Options>,
    ) -> Result<(Schema, Self), CliError> {
        let (data, seed) = (&config.data, config.training.seed);
        if data.window == 0 {
            let frame = table(&data.file, data)?;
            let options = options::<K>(frame.names(), config, seed)?;
            let Prepared { schema, data, split } = Schema::fit(&frame, &options)
                .map_err(|source| CliError::Schema { path: data.file.clone(), source })?;
            K::admit(&config.model, &data).map_err(|improbable| improbable.when_learning(0))?;
            let part = |rows| data.select(rows);
            K::look(&config.model, &part(split.train())?)?.into_iter().for_each(say);
            let rows = Self {
                training: Training::Memory(part(split.train())?),
                validation: part(split.validation())?,
                test: part(split.test())?,
            };
            return Ok((schema, rows));
        }
        let names = match Chunks::open(&data.file, &data.reading())?.next_chunk()? {
            Some(frame) => frame.names().to_vec(),
            // The stream says that there are no rows.
            None => Vec::new(),
        };
        let options = options::<K>(&names, config, seed)?;
        let streamed = Streamed::fit(&data.file, &data.reading(), &options, data.window)?;
        if K::is_choosy(&config.model) {
            every_row::<K>(config, &streamed.schema)?;
        }
        Ok((streamed.schema.clone(), Self::streamed(streamed, data)))
    }

    /// Of a training that goes on, which must be the rows that it began with.
    pub(super) fn again(data: &DataOptions, schema: &Schema) -> Result<Self, CliError> {
        if schema.is_split_by_row() {
            let (file, reading) = (&data.file, data.reading());
            let streamed = Streamed::again(file, &reading, schema.clone(), data.window)?;
            return Ok(Self::streamed(streamed, data));
        }
        let frame = table(&data.file, data)?;
        if !schema.is_of(&frame) {
            return Err(CliError::Data(format!(
                "{}: this is not the table that the run began with, so it cannot end as it would have; bring that table back, \
                 or train anew",
                data.file.display()
            )));
        }
        let at = |source| CliError::Schema { path: data.file.clone(), source };
        let all = schema.apply(&frame, TargetUse::Required).map_err(at)?.data;
        let split = schema.split().split(all.rows())?;
        Ok(Self {
            training: Training::Memory(all.select(split.train())?),
            validation: all.select(split.validation())?,
            test: all.select(split.test())?,
        })
    }

    fn streamed(streamed: Streamed, data: &DataOptions) -> Self {
        let Streamed { stream, validation, test, dropped, .. } = streamed;
        left_out(&data.file, dropped);
        Self { training: Training::Disk(stream), validation, test }
    }
}

/// Whether each row of a table too large for the memory can be learned from.
fn every_row<K: Kind>(config: &Config<K::Options>, schema: &Schema) -> Result<(), CliError> {
    let file = &config.data.file;
    let (mut chunks, mut seen) = (Chunks::open(file, &config.data.reading())?, 0);
    while let Some(frame) = chunks.next_chunk()? {
        if frame.rows() == 0 {
            continue;
        }
        let at = |source| CliError::Schema { path: file.clone(), source };
        let rows = schema.apply(&frame, TargetUse::Required).map_err(at)?.data;
        K::admit(&config.model, &rows).map_err(|improbable| improbable.when_learning(seen))?;
        seen += rows.rows();
    }
    Ok(())
}

/// A table, read whole; says how many rows were left out.
fn table(path: &Path, data: &DataOptions) -> Result<Frame, CliError> {
    let frame = read(path, &data.reading())?;
    left_out(path, frame.dropped());
    Ok(frame)
}

pub(super) fn left_out(path: &Path, dropped: usize) {
    if dropped > 0 {
        say(format_args!("{}: {dropped} rows with a missing value were left out", path.display()));
    }
}

/// What the columns of a table are to be.
fn options<K: Kind>(
    names: &[String],
    config: &Config<K::Options>,
    seed: u64,
) -> Result<SchemaOptions, CliError> {
    let data = &config.data;
    let unknown = data.drop.iter().find(|name| !names.contains(name));
    if let Some(name) = unknown {
        return Err(CliError::Data(format!(
            "{}: --drop {name}: no column is called that; there are {}",
            data.file.display(),
            names.join(", ")
        )));
    }
    let targets: Vec<String> = data.target.iter().cloned().collect();
    if let Some(name) = targets.iter().find(|name| data.drop.contains(name)) {
        return Err(CliError::Usage(format!(
            "--drop {name}: it is the target, which is no input anyway; leave it out of --drop"
        )));
    }
    let used = |name: &&String| !data.drop.contains(name) && !targets.contains(name);
    let features: Vec<String> = names.iter().filter(used).cloned().collect();
    if features.is_empty() && !names.is_empty() {
        return Err(CliError::Usage(format!(
            "{}: without the columns of --drop and --target none is left to learn from; there are {}",
            data.file.display(),
            names.join(", ")
        )));
    }
    Ok(SchemaOptions {
        features,
        targets,
        categorical: data.categorical.clone(),
        class: data.class,
        features_scaling: data.scaling(),
        targets_scaling: if K::counts(&config.model) {
            Scaling::Raw
        } else {
            SchemaOptions::default().targets_scaling
        },
        split: data.split(seed),
    })
}
