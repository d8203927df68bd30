//! The configuration of a training: flags and the keys of a TOML file are the same structs.
//!
//! Defaults give way to the file, the file to flags. What came out of it is written into the run as `config.toml`.

use super::error::CliError;
use clap::{ArgMatches, Args, FromArgMatches, ValueEnum};
use evidence::optim::{Adam, RmsProp, Sgd};
use evidence::train::data::{Missing, ReadOptions, Scaling, SplitOptions, Wanted};
use evidence::train::run::Checkpoints;
use evidence::train::{FitOptions, Schedule};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

use super::optimizer::Chosen;
use super::separator::Separator;

/// Everything that a training depends on, with the options of its kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config<O> {
    /// The name of the kind of model.
    pub kind: String,
    /// Its options.
    #[serde(default = "O::default", bound(deserialize = "O: Default + DeserializeOwned"))]
    pub model: O,
    /// What it learns from.
    #[serde(default)]
    pub data: DataOptions,
    /// How it learns.
    #[serde(default)]
    pub training: TrainingOptions,
}

/// The one key that says how the others are to be understood.
#[derive(Deserialize)]
struct Head {
    kind: String,
}

/// The table and what its columns are.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Data")]
pub(super) struct DataOptions {
    /// The table: CSV or TSV, .npy, .npz, or IDX
    #[arg(long = "data", value_name = "FILE")]
    pub file: PathBuf,
    /// The column to predict
    #[arg(long, value_name = "COLUMN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The target is a class although it is written in numbers; text always is
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub class: bool,
    /// Columns to leave out, by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub drop: Vec<String>,
    /// What separates the cells of a text table: a sign, `tab` or `space`; found from its first rows if not given
    #[arg(long, value_name = "SIGN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Separator>,
    /// Whether the first row of a text table has the names of the columns; found from its first rows if not given
    #[arg(long, action = clap::ArgAction::Set)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Columns of a text table whose cells are words even where they look like numbers, by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// Columns that become one for each of their values, by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub categorical: Vec<String>,
    /// How columns are scaled [default: standardize]
    #[arg(long, value_name = "HOW")]
    pub scaling: ScalingOption,
    /// Leaves out rows with a missing value, and says how many; otherwise the first one is an error
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub drop_missing: bool,
    /// Rows that are shuffled at a time while the table is read from disk in every epoch: for tables larger than memory, of which at
    /// most as many rows are held to choose the best epoch by and to test on; 0 holds the whole table in memory [default: 0]
    #[arg(long, value_name = "ROWS")]
    pub window: usize,
    /// The share of rows to choose the best epoch by [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    pub validation: Share,
    /// The share of rows to test on [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    pub test: Share,
}

/// A share of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub(super) struct Share(f64);

impl Default for Share {
    fn default() -> Self {
        Self(0.1)
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share: f64 = text.parse().map_err(|_| "a share is a number".to_owned())?;
        share.try_into()
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        let inside = share > 0.0 && share < 1.0;
        inside
            .then_some(Self(share))
            .ok_or_else(|| format!("{share} is no share of the rows: it is above 0 and below 1"))
    }
}

impl From<Share> for f64 {
    fn from(Share(share): Share) -> Self {
        share
    }
}

/// [`Scaling`], as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ScalingOption {
    /// Each column to mean 0 and standard deviation 1
    #[default]
    Standardize,
    /// All columns together to between 0 and 1: for pixels
    Unit,
    /// As they are
    Raw,
}

impl DataOptions {
    /// How the table is read.
    pub(super) fn reading(&self) -> ReadOptions {
        let missing = if self.drop_missing { Missing::DropRows } else { Missing::Refuse };
        ReadOptions {
            delimiter: self.delimiter.map(|Separator(delimiter)| delimiter),
            header: self.header,
            missing,
            text: self.text.clone(),
            columns: Wanted::Without(self.drop.clone()),
        }
    }

    /// How features are scaled.
    pub(super) fn scaling(&self) -> Scaling {
        match self.scaling {
            ScalingOption::Standardize => Scaling::Standardize,
            ScalingOption::Unit => Scaling::Unit,
            ScalingOption::Raw => Scaling::Raw,
        }
    }

    /// How rows are split.
    pub(super) fn split(&self, seed: u64) -> SplitOptions {
        let (Share(validation), Share(test)) = (self.validation, self.test);
        SplitOptions { seed, train: 1.0 - validation - test, validation, test }
    }
}

/// How long, by what, and how it is saved.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Training")]
pub(super) struct TrainingOptions {
    /// Passes over the training rows [default: 100]
    #[arg(long, value_name = "N")]
    pub epochs: usize,
    /// Rows in a minibatch [default: 64]
    #[arg(long, value_name = "ROWS")]
    pub batch: usize,
    /// Epochs without a better validation loss before stopping; 0 runs them all [default: 0]
    #[arg(long, value_name = "EPOCHS")]
    pub patience: usize,
    /// The optimiser [default: adam]
    #[arg(long, value_name = "NAME")]
    pub optimizer: OptimizerOption,
    /// The learning rate [default: 0.001]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: f64,
    /// Adam's decoupled weight decay [default: 0]
    #[arg(long, value_name = "RATE")]
    pub weight_decay: f64,
    /// SGD's momentum [default: 0]
    #[arg(long, value_name = "SHARE")]
    pub momentum: f64,
    /// How the learning rate changes [default: constant]
    #[arg(long, value_name = "HOW")]
    pub schedule: ScheduleOption,
    /// Weights to start from: a safetensors file of PyTorch with the linear layers of the same network, for the scaled columns
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// Epochs over which the KL is brought in: over the weights of a bayes, over the latents of a vae [default: 0]
    #[arg(long, value_name = "EPOCHS")]
    pub warm_up: usize,
    /// The longest gradient that a step is taken by, its norm over all parameters; longer ones are shortened to it, 0 takes each as it is
    /// [default: 0]
    #[arg(long, value_name = "NORM")]
    pub clip: f64,
    /// Decides the split, the first weights and every draw [default: 0]
    #[arg(long, value_name = "SEED")]
    pub seed: u64,
    /// A checkpoint after so many seconds [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub checkpoint_seconds: f64,
    /// A checkpoint after every so many steps as well; 0 is never [default: 0]
    #[arg(long, value_name = "STEPS")]
    pub checkpoint_steps: usize,
    /// Checkpoints kept, the last one included [default: 2]
    #[arg(long, value_name = "N")]
    pub keep: usize,
}

/// Which optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OptimizerOption {
    /// Adam; with a weight decay AdamW
    Adam,
    /// RMSprop
    Rmsprop,
    /// Stochastic gradient descent, with momentum if wanted
    Sgd,
}

/// Which schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ScheduleOption {
    /// The same throughout
    Constant,
    /// Down to 0 along half a cosine
    Cosine,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        let Checkpoints { seconds, steps, keep } = Checkpoints::default();
        let FitOptions { epochs, batch, seed, .. } = FitOptions::default();
        Self {
            epochs,
            batch,
            patience: 0,
            optimizer: OptimizerOption::Adam,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            momentum: 0.0,
            schedule: ScheduleOption::Constant,
            weights: None,
            warm_up: 0,
            clip: 0.0,
            seed,
            checkpoint_seconds: seconds,
            checkpoint_steps: steps,
            keep,
        }
    }
}

impl TrainingOptions {
    /// For the fit loop.
    pub(super) fn fit(&self) -> FitOptions {
        FitOptions {
            epochs: self.epochs,
            batch: self.batch,
            patience: (self.patience > 0).then_some(self.patience),
            seed: self.seed,
            schedule: match self.schedule {
                ScheduleOption::Constant => Schedule::Constant,
                ScheduleOption::Cosine => Schedule::Cosine,
            },
            warm_up: self.warm_up,
            clip: (self.clip > 0.0).then_some(self.clip),
        }
    }

    /// When it is saved.
    pub(super) fn checkpoints(&self) -> Checkpoints {
        Checkpoints {
            seconds: self.checkpoint_seconds,
            steps: self.checkpoint_steps,
            keep: self.keep,
        }
    }

    /// The optimiser at its start.
    pub(super) fn optimizer(&self) -> Result<Chosen, CliError> {
        let rate = self.learning_rate;
        let unused = |name: &str, value: f64, of: &str| {
            if value == 0.0 {
                Ok(())
            } else {
                Err(CliError::Usage(format!("--{name} is for {of}: leave it out")))
            }
        };
        Ok(match self.optimizer {
            OptimizerOption::Adam => {
                unused("momentum", self.momentum, "--optimizer sgd")?;
                Chosen::Adam(Adam::new(rate)?.weight_decay(self.weight_decay)?)
            }
            OptimizerOption::Rmsprop => {
                unused("momentum", self.momentum, "--optimizer sgd")?;
                unused("weight-decay", self.weight_decay, "--optimizer adam")?;
                Chosen::RmsProp(RmsProp::new(rate)?)
            }
            OptimizerOption::Sgd => {
                unused("weight-decay", self.weight_decay, "--optimizer adam")?;
                let sgd = Sgd::new(rate)?;
                let momentum = self.momentum;
                Chosen::Sgd(if momentum == 0.0 { sgd } else { sgd.momentum(momentum)? })
            }
        })
    }
}

impl<O: Args + Serialize + DeserializeOwned + Default> Config<O> {
    /// The flags of all its parts.
    pub(super) fn flags(command: clap::Command) -> clap::Command {
        let command = O::augment_args_for_update(command);
        TrainingOptions::augment_args_for_update(DataOptions::augment_args_for_update(command))
    }

    /// Defaults, under a file if one is given, under flags.
    pub(super) fn resolve(
        kind: &str,
        file: Option<&Path>,
        flags: &ArgMatches,
    ) -> Result<Self, CliError> {
        let mut config = match file {
            None => Self {
                kind: kind.to_owned(),
                model: O::default(),
                data: DataOptions::default(),
                training: TrainingOptions::default(),
            },
            Some(path) => {
                let text = text(path)?;
                // Before its keys, which another kind does not know; whatever else is wrong is told with its line.
                if let Ok(found) = self::kind(path, &text)
                    && found != kind
                {
                    let file = path.display();
                    return Err(CliError::Usage(format!(
                        "{file}: is for `evidence train {found}`, not for {kind}"
                    )));
                }
                Self::parse(path, &text)?
            }
        };
        let updated = config
            .model
            .update_from_arg_matches(flags)
            .and_then(|()| config.data.update_from_arg_matches(flags))
            .and_then(|()| config.training.update_from_arg_matches(flags));
        updated.map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(config)
    }

    /// From the text of a file; an error says the line and the key.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, CliError> {
        toml::from_str(text).map_err(|error| unparsed(path, &error))
    }

    /// For the run's folder.
    pub(super) fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration is text, numbers and lists")
    }
}

/// The kind that a configuration is for.
pub(super) fn kind(path: &Path, text: &str) -> Result<String, CliError> {
    toml::from_str::<Head>(text).map(|head| head.kind).map_err(|error| unparsed(path, &error))
}

fn unparsed(path: &Path, error: &toml::de::Error) -> CliError {
    CliError::Usage(format!("{}: {}", path.display(), error.to_string().trim_end()))
}

fn text(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path)
        .map_err(|error| CliError::Usage(format!("{}: cannot be read ({error})", path.display())))
}
