//! What the command line needs of a kind of model: one trait, one file for each kind, one list.
//!
//! Data, fit loop, checkpoints and subcommands know kinds through [`Kind`] alone. A new one is a file beside these and a row in
//! [`KINDS`]; it gets every subcommand, and says itself which do not make sense for it.

mod autoencoder;
mod bayes;
mod bayes_options;
mod dense;
mod flow;
mod options;
mod supervised;
mod vae;
mod vae_options;

use super::error::CliError;
use super::scores::{Pool, Score};
use super::trained::{AnyKind, Of};
use evidence::Noise;
use evidence::layers::Conditioning;
use evidence::models::{BottleneckError, Latents, Model, TargetError};
use evidence::train::data::{Dataset, Schema};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Every kind of model that can be trained by name.
pub(super) const KINDS: [&dyn AnyKind; 5] = [
    &Of::<dense::Dense>::NEW,
    &Of::<bayes::Bayes>::NEW,
    &Of::<autoencoder::Autoencoding>::NEW,
    &Of::<vae::Variational>::NEW,
    &Of::<flow::Flowing>::NEW,
];

/// How many columns a model reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// What it gets.
    pub inputs: usize,
    /// Classes to tell apart, if the target is one.
    pub classes: Option<usize>,
}

/// What is asked of a trained model.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    /// The columns and their scales.
    pub schema: &'a Schema,
    /// Draws of weights or latents.
    pub draws: usize,
    /// Quantiles of a predictive distribution.
    pub quantiles: &'a [f64],
    /// Expected values rather than draws.
    pub mean: bool,
    /// The same for every block of rows: draws of weights do not depend on where a block begins.
    pub noise: Noise,
    /// Where the block begins, for draws that belong to rows.
    pub first: u64,
}

/// The stream of a run's seed that answers draw from: the fit loop has 0 to 2, the first weights 3.
const ANSWERS: u64 = 4;

impl<'a> Ask<'a> {
    /// A hundred draws, expected values, no quantiles, from the first row on.
    pub(super) fn plain(schema: &'a Schema, seed: u64) -> Self {
        let noise = Noise::new(seed).stream(ANSWERS);
        Self { schema, draws: 100, quantiles: &[], mean: true, noise, first: 0 }
    }

    /// By another number of draws, and other ones.
    pub(super) fn drawn(&self, draws: Option<usize>, seed: Option<u64>) -> Self {
        Self {
            draws: draws.unwrap_or(self.draws),
            noise: seed.map_or(self.noise, |seed| Noise::new(seed).stream(ANSWERS)),
            ..self.clone()
        }
    }
}

/// Columns of numbers, a row for each row asked about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub names: Vec<String>,
    pub values: Array2<f64>,
}

impl Table {
    /// Behind a column that says which row of the file each is, from 0.
    pub(super) fn keyed(&self, numbers: &[u64]) -> Self {
        let key = Array1::from_iter(numbers.iter().map(|&number| number as f64));
        let key = key.insert_axis(Axis(1));
        let values = concatenate(Axis(1), &[key.view(), self.values.view()]).expect("as many rows");
        let names = std::iter::once("row".to_owned()).chain(self.names.iter().cloned());
        Self { names: names.collect(), values }
    }
}

/// A flag that is looked at under some condition.
pub(super) struct Conditional {
    /// Its name, without the hyphens before it.
    pub flag: &'static str,
    /// Whether it is looked at.
    pub holds: bool,
    /// What it is for.
    pub of: &'static str,
}

/// A row without a probability.
pub(super) struct Improbable {
    pub error: TargetError,
    /// What the likelihood is of, and its flag.
    pub of: String,
    /// What helps where a model is yet to be trained.
    pub advice: &'static str,
}

impl Improbable {
    /// Where it is to be learned from, with so many rows before it.
    pub(super) fn when_learning(self, rows: usize) -> CliError {
        let Self { error, of, advice } = self;
        let text = format!("{of}{}{advice}", error.behind(rows));
        if advice.is_empty() { CliError::Data(text) } else { CliError::Usage(text) }
    }

    /// Where a trained model is to score it.
    pub(super) fn when_scoring(self, rows: usize) -> CliError {
        let Self { error, of, .. } = self;
        CliError::Data(format!("{of}{} (rows are counted from 0)", error.behind(rows)))
    }
}

/// A kind of model.
pub(super) trait Kind: Sync + Sized + 'static {
    /// What it is called on the command line.
    const NAME: &'static str;
    /// A line about it.
    const ABOUT: &'static str;
    /// Whether it learns a target.
    const SUPERVISED: bool;
    /// Its flags, and the keys of `[model]`.
    type Options: clap::Args + Serialize + DeserializeOwned + Default + Clone + Send + Sync;
    /// What is fitted.
    type Model: Model<f32> + Clone + Send + Sync;

    /// Whether its answers are means over draws, of weights or latents.
    const DRAWS: bool = false;
    /// Whether its loss has a divergence, which a warm-up brings in.
    const HAS_DIVERGENCE: bool = false;

    /// Flags that are of no effect unless other options are as they are.
    fn conditional(_options: &Self::Options) -> Vec<Conditional> {
        Vec::new()
    }

    /// Draws in a step, of which no memory holds any number.
    fn step_draws(_options: &Self::Options) -> usize {
        1
    }

    /// How many parameters it would have: known before anything is allocated.
    fn parameters(options: &Self::Options, columns: Columns) -> u128;

    /// The model before its first step.
    fn build(
        options: &Self::Options,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError>;

    /// Replaces what [`build`](Self::build) drew by the linear layers of a file of PyTorch.
    fn start(_: &mut Self::Model, _weights: &Path) -> Result<(), CliError> {
        Err(cannot::<Self>("start from --weights of PyTorch: train a dense or a bayes"))
    }

    /// Whether there are rows that [`admit`](Self::admit) refuses.
    fn is_choosy(_options: &Self::Options) -> bool {
        false
    }

    /// Whether each row has a probability, so that it can learn from it or score it.
    fn admit(_options: &Self::Options, _data: &Dataset) -> Result<(), Improbable> {
        Ok(())
    }

    /// Looks at the rows to train on: what should be said of them, or an error where nothing can be learned.
    fn look(_options: &Self::Options, _data: &Dataset) -> Result<Vec<String>, CliError> {
        Ok(Vec::new())
    }

    /// Whether the target is a count, which is left in its own unit.
    fn counts(_options: &Self::Options) -> bool {
        false
    }

    /// Lines about what was learned, for `evidence inspect`.
    fn report(_: &Self::Model) -> Vec<String> {
        Vec::new()
    }

    /// Scores of each row.
    fn scores(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score>;

    /// What it predicts for each row.
    fn predict(_: &Self::Model, _: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        Err(cannot::<Self>("predict a target, which it has none of"))
    }

    /// The log-density of each row, in the data's units.
    fn density(_: &Self::Model, _: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        Err(cannot::<Self>("give a density"))
    }

    /// `n` rows of its own.
    fn sample(_: &Self::Model, _n: usize, _: &Ask<'_>) -> Result<Table, CliError> {
        Err(cannot::<Self>("make rows of its own: train a vae or a flow"))
    }

    /// The code of each row.
    fn encode(_: &Self::Model, _: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        Err(cannot::<Self>("encode rows: train an autoencoder, a vae or a flow"))
    }

    /// What the columns of a code are called; none if there are no codes.
    fn code(_: &Self::Model) -> Vec<String> {
        Vec::new()
    }

    /// The row of each code.
    fn decode(_: &Self::Model, _: ArrayView2<'_, f32>, _: &Ask<'_>) -> Result<Table, CliError> {
        Err(cannot::<Self>("decode codes: train an autoencoder, a vae or a flow"))
    }

    /// How well its bijection comes back at each row, in double and in single precision.
    fn conditioning(_: &Self::Model, _: &Dataset) -> Result<[Vec<Conditioning>; 2], CliError> {
        Err(cannot::<Self>("map rows to a base and back: train a flow"))
    }

    /// What should be said once it is trained, having seen rows it was not trained on.
    fn warning(model: &Self::Model, rows: &Dataset) -> Option<String> {
        Self::latents(model, rows).and_then(|latents| latents.warning())
    }

    /// What each latent carries over some rows, if it has any.
    fn latents(_: &Self::Model, _: &Dataset) -> Option<Latents> {
        None
    }

    /// Each row, through its code.
    fn reconstruct(_: &Self::Model, _: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        Err(cannot::<Self>("reconstruct rows: train an autoencoder or a vae"))
    }
}

/// What a kind does not do.
fn cannot<K: Kind>(what: &str) -> CliError {
    CliError::Usage(format!("a model of kind \"{}\" does not {what}", K::NAME))
}

/// Sizes that make no autoencoder.
fn narrower(error: &BottleneckError) -> CliError {
    CliError::Usage(format!("{error} (--hidden, --latents)"))
}

/// Features in the model's scalar.
fn inputs(rows: &Dataset) -> Array2<f32> {
    rows.features().mapv(|x| x as f32)
}

/// Rows in the data's own units.
fn in_units(scaled: ArrayView2<'_, f32>, ask: &Ask<'_>) -> Table {
    let values = ask.schema.feature_scaling().inverse(scaled.mapv(f64::from).view());
    Table { names: ask.schema.feature_names(), values }
}

/// One column.
fn column(name: &str, values: Array1<f64>) -> Table {
    Table { names: vec![name.to_owned()], values: values.insert_axis(Axis(1)) }
}

/// A name for each column.
fn numbered(word: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{word} {i}")).collect()
}

/// A value of the tape, as rows.
fn rows_of(value: evidence::Var<'_, f32>) -> ArrayView2<'_, f32> {
    value.value().into_dimensionality().expect("[n, d]")
}

/// A value of the tape, one number for each row.
fn numbers_of(value: evidence::Var<'_, f32>) -> Array1<f64> {
    value.data().iter().map(|&x| f64::from(x)).collect()
}
