//! Kinds and trained models behind one interface each: what subcommands call without knowing the kind.

use super::answer::TableArguments;
use super::config::{self, Config};
use super::error::CliError;
use super::inspect::Inspection;
use super::kind::{Ask, Columns, KINDS, Kind, Table};
use super::resume::ResumeArguments;
use super::rows::Rows;
use super::scores::Score;
use super::{Common, inspect, resume, train};
use clap::{ArgMatches, ValueEnum};
use evidence::Noise;
use evidence::layers::Conditioning;
use evidence::models::Latents;
use evidence::train::data::{Dataset, Field, ReadOptions, Schema, TargetUse, Wanted};
use evidence::train::run::{CONFIG, DATA, MODEL, Run};
use ndarray::ArrayView2;
use std::marker::PhantomData;
use std::path::Path;

/// Bytes of a parameter in a file.
const PARAMETER: u128 = size_of::<f32>() as u128;

/// A kind, as a value.
pub(super) struct Of<K>(PhantomData<fn() -> K>);

impl<K> Of<K> {
    pub(super) const NEW: Self = Self(PhantomData);
}

/// A [`Kind`] that is known when the program runs.
pub(super) trait AnyKind: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    /// Adds its flags, and those that all kinds share.
    fn flags(&self, command: clap::Command) -> clap::Command;
    fn train(
        &self,
        paths: &train::Paths,
        flags: &ArgMatches,
        common: &Common,
    ) -> Result<(), CliError>;
    fn resume(
        &self,
        run: Run,
        text: &str,
        arguments: &ResumeArguments,
        common: &Common,
    ) -> Result<(), CliError>;
    fn open(&self, run: Run, text: &str) -> Result<Box<dyn Trained>, CliError>;
    /// A configuration as it is written into a run.
    #[cfg(test)]
    fn parsed(&self, path: &Path, text: &str) -> Result<String, CliError>;
    /// The one of no flags.
    #[cfg(test)]
    fn defaults(&self) -> String {
        let text = format!("kind = \"{}\"\n", self.name());
        self.parsed(Path::new("config.toml"), &text).expect("every key has a default")
    }
}

impl<K: Kind> AnyKind for Of<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn about(&self) -> &'static str {
        K::ABOUT
    }

    fn flags(&self, command: clap::Command) -> clap::Command {
        // What would be refused anyway is not shown. Only the update of a configuration reads them, and finds them absent.
        let refused = [
            ("target", !K::SUPERVISED),
            ("class", !K::SUPERVISED),
            ("weights", !K::SUPERVISED),
            ("warm_up", !K::HAS_DIVERGENCE),
        ];
        let hide = |command: clap::Command, (flag, hidden): (&str, bool)| {
            command.mut_arg(flag, |argument| argument.hide(hidden))
        };
        refused.into_iter().fold(Config::<K::Options>::flags(command), hide)
    }

    fn train(
        &self,
        paths: &train::Paths,
        flags: &ArgMatches,
        common: &Common,
    ) -> Result<(), CliError> {
        train::train::<K>(paths, flags, common)
    }

    fn resume(
        &self,
        run: Run,
        text: &str,
        arguments: &ResumeArguments,
        common: &Common,
    ) -> Result<(), CliError> {
        resume::resume::<K>(&run, text, arguments, common)
    }

    #[cfg(test)]
    fn parsed(&self, path: &Path, text: &str) -> Result<String, CliError> {
        Config::<K::Options>::parse(path, text).map(|config| config.to_toml())
    }

    fn open(&self, run: Run, text: &str) -> Result<Box<dyn Trained>, CliError> {
        let config = Config::<K::Options>::parse(&run.folder().join(CONFIG), text)?;
        let schema = schema::<K>(&run)?;
        let columns = columns(&schema);
        let (wanted, there) = (K::parameters(&config.model, columns), run.model_bytes()?);
        if wanted.saturating_mul(PARAMETER) > u128::from(there) {
            return Err(CliError::Data(format!(
                "{}: {there} bytes cannot hold the {wanted} parameters that {CONFIG} and {DATA} ask for: it is cut short, or \
                 the files are not of one run",
                run.folder().join(MODEL).display()
            )));
        }
        let mut model = K::build(&config.model, columns, Noise::new(0))?;
        run.load(&mut model)?;
        Ok(Box::new(Loaded::<K> { run, config, schema, model }))
    }
}

/// Rows of a training's table that it did not learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Those that the best epoch was chosen by
    Validation,
    /// Those to test on
    Test,
}

/// A trained model of some kind.
pub(super) trait Trained: Sync {
    fn run(&self) -> &Run;
    fn kind(&self) -> &'static str;
    fn schema(&self) -> &Schema;
    /// How tables are read for it: nothing is asked of columns that it does not use.
    fn reading(&self, targets: TargetUse) -> ReadOptions;
    fn seed(&self) -> u64;
    /// Whether its answers are means over draws.
    fn draws(&self) -> bool;
    /// Rows that were kept apart from the training.
    fn part(&self, table: &TableArguments, part: Part) -> Result<Dataset, CliError>;
    fn scores(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Vec<Score>, CliError>;
    fn predict(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError>;
    fn density(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError>;
    fn sample(&self, n: usize, ask: &Ask<'_>) -> Result<Table, CliError>;
    fn encode(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError>;
    fn code(&self) -> Vec<String>;
    fn decode(&self, codes: ArrayView2<'_, f32>, ask: &Ask<'_>) -> Result<Table, CliError>;
    fn reconstruct(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError>;
    fn conditioning(&self, rows: &Dataset) -> Result<[Vec<Conditioning>; 2], CliError>;
    fn latents(&self, rows: &Dataset) -> Option<Latents>;
    fn inspect(&self) -> Inspection;
}

struct Loaded<K: Kind> {
    run: Run,
    config: Config<K::Options>,
    schema: Schema,
    model: K::Model,
}

impl<K: Kind> Loaded<K> {
    /// Rows whose probability is asked for must have one: a formula gives a number for any.
    fn admit(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<(), CliError> {
        let before = ask.first as usize;
        K::admit(&self.config.model, rows).map_err(|improbable| improbable.when_scoring(before))
    }
}

impl<K: Kind> Trained for Loaded<K> {
    fn run(&self) -> &Run {
        &self.run
    }

    fn kind(&self) -> &'static str {
        K::NAME
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn reading(&self, targets: TargetUse) -> ReadOptions {
        let targets = (targets != TargetUse::Ignored).then(|| self.schema.targets());
        let used = || self.schema.features().iter().chain(targets.into_iter().flatten());
        let name = |field: &Field| field.name.clone();
        // What was text stays text, even where all of it looks like numbers.
        let data = &self.config.data;
        let said = |field: &&Field| field.encoding.is_text() || data.text.contains(&field.name);
        let text = used().filter(said).map(name).collect();
        // A table without names gave its columns some, which those of another have no reason to share.
        let named = self.schema.is_named();
        let columns =
            if named { Wanted::Only(used().map(name).collect()) } else { Wanted::ByPlace };
        ReadOptions { text, columns, ..data.reading() }
    }

    fn seed(&self) -> u64 {
        self.config.training.seed
    }

    fn draws(&self) -> bool {
        K::DRAWS
    }

    fn part(&self, table: &TableArguments, part: Part) -> Result<Dataset, CliError> {
        let rows = Rows::again(&table.of_training(&self.config.data), &self.schema)?;
        Ok(match part {
            Part::Validation => rows.validation,
            Part::Test => rows.test,
        })
    }

    fn scores(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Vec<Score>, CliError> {
        self.admit(rows, ask)?;
        Ok(K::scores(&self.model, rows, ask))
    }

    fn predict(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        K::predict(&self.model, rows, ask)
    }

    fn density(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        self.admit(rows, ask)?;
        K::density(&self.model, rows, ask)
    }

    fn sample(&self, n: usize, ask: &Ask<'_>) -> Result<Table, CliError> {
        K::sample(&self.model, n, ask)
    }

    fn encode(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        K::encode(&self.model, rows, ask)
    }

    fn code(&self) -> Vec<String> {
        K::code(&self.model)
    }

    fn decode(&self, codes: ArrayView2<'_, f32>, ask: &Ask<'_>) -> Result<Table, CliError> {
        K::decode(&self.model, codes, ask)
    }

    fn reconstruct(&self, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        K::reconstruct(&self.model, rows, ask)
    }

    fn conditioning(&self, rows: &Dataset) -> Result<[Vec<Conditioning>; 2], CliError> {
        K::conditioning(&self.model, rows)
    }

    fn latents(&self, rows: &Dataset) -> Option<Latents> {
        K::latents(&self.model, rows)
    }

    fn inspect(&self) -> Inspection {
        let report = K::report(&self.model);
        inspect::inspect(&self.model, columns(&self.schema), K::SUPERVISED, report)
    }
}

/// A run's model, of whatever kind.
pub(super) fn open(folder: &Path) -> Result<Box<dyn Trained>, CliError> {
    let (run, text, kind) = kind_of(folder)?;
    kind.open(run, &text)
}

/// A run, its configuration, and the kind that this is for.
pub(super) fn kind_of(folder: &Path) -> Result<(Run, String, &'static dyn AnyKind), CliError> {
    let run = Run::open(folder)?;
    let text = run.config()?;
    let path = folder.join(CONFIG);
    let name = config::kind(&path, &text)?;
    let kind = KINDS.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let known = KINDS.map(|kind| kind.name()).join(", ");
        CliError::Usage(format!("{}: kind is \"{name}\"; there are {known}", path.display()))
    })?;
    Ok((run, text, kind))
}

/// The columns and scales of a run of a kind.
pub(super) fn schema<K: Kind>(run: &Run) -> Result<Schema, CliError> {
    let path = run.folder().join(DATA);
    let schema = Schema::from_json(&run.data()?)
        .map_err(|source| CliError::Schema { path: path.clone(), source })?;
    let (found, wanted) = (schema.targets().len(), usize::from(K::SUPERVISED));
    if found != wanted {
        return Err(CliError::Data(format!(
            "{}: {found} targets, where a model of kind \"{}\" has {wanted}: the files are not of one run",
            path.display(),
            K::NAME
        )));
    }
    Ok(schema)
}

/// How many columns a model of a schema has.
pub(super) fn columns(schema: &Schema) -> Columns {
    Columns { inputs: schema.feature_names().len(), classes: schema.classes().map(<[String]>::len) }
}
