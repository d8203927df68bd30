//! `evidence train KIND`: a table in, a run out.

use super::answer::side_by_side;
use super::config::{Config, TrainingOptions};
use super::error::CliError;
use super::kind::{Ask, Conditional, KINDS, Kind};
use super::rows::{Rows, Training};
use super::scores::{Averages, number};
use super::trained::{AnyKind, columns};
use super::{Common, line, say, whole_path};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::train::data::{Dataset, Schema, Standardize};
use evidence::train::run::{End, Run};
use evidence::train::{Progress, Stop, Trainer, evaluate};
use evidence::{Noise, Parameters};
use serde_json::json;
use signal_hook::consts::signal;
use signal_hook::flag;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// More parameters than fit into the memory of any machine this is for.
const MOST_PARAMETERS: u128 = 1 << 32;
/// More draws in a step than these say nothing new, and each takes the memory of a batch.
const MOST_STEP_DRAWS: usize = 10_000;
/// Streams of the seed: the fit loop has 0 to 2.
const WEIGHTS: u64 = 3;
/// The one of them that held-out rows are scored with.
const HELD_OUT: u64 = 2;

/// Flags of `evidence train`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  evidence train bayes --data winequality-white.csv --target quality --out white\n  \
                  evidence train vae --data digits.npy --scaling unit --likelihood bernoulli --hidden 256,128 --out digits\n  \
                  evidence train flow --config flow.toml --learning-rate 0.0003 --out moons"
)]
pub(super) struct TrainArguments {
    #[command(subcommand)]
    chosen: Chosen,
}

/// A kind, and the flags given for it.
#[derive(Debug)]
struct Chosen {
    name: &'static str,
    paths: Paths,
    flags: ArgMatches,
}

/// Files that are no part of the configuration.
#[derive(Clone, Debug, Args)]
pub(super) struct Paths {
    /// The run's folder, new
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// A TOML file with any of these options, as `config.toml` of every run is one; flags win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Subcommand for Chosen {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        let each = |kind: &dyn AnyKind| {
            // Each group of flags would have its own say about the whole.
            kind.flags(Paths::augment_args(clap::Command::new(kind.name())))
                .about(kind.about())
                .long_about(kind.about())
        };
        KINDS.iter().fold(command, |command, kind| command.subcommand(each(*kind)))
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        KINDS.iter().any(|kind| kind.name() == name)
    }
}

impl FromArgMatches for Chosen {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (name, flags) = matches.subcommand().ok_or_else(missing)?;
        let kind = KINDS.iter().find(|kind| kind.name() == name).ok_or_else(missing)?;
        let paths = Paths::from_arg_matches(flags)?;
        Ok(Self { name: kind.name(), paths, flags: flags.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) fn run(arguments: &TrainArguments, common: &Common) -> Result<(), CliError> {
    let Chosen { name, paths, flags } = &arguments.chosen;
    let kind = KINDS.into_iter().find(|kind| kind.name() == *name).expect("it was chosen of these");
    kind.train(paths, flags, common)
}

/// A new run of a kind.
pub(super) fn train<K: Kind>(
    paths: &Paths,
    flags: &ArgMatches,
    common: &Common,
) -> Result<(), CliError> {
    let mut config = Config::<K::Options>::resolve(K::NAME, paths.config.as_deref(), flags)?;
    let data = &config.data;
    if data.file.as_os_str().is_empty() {
        return Err(CliError::Usage("no table: give one with --data FILE".to_owned()));
    }
    if data.target.is_some() != K::SUPERVISED {
        let name = K::NAME;
        return Err(CliError::Usage(if K::SUPERVISED {
            format!("a model of kind \"{name}\" predicts a column: name it with --target COLUMN")
        } else {
            format!(
                "a model of kind \"{name}\" predicts no column: leave it out with --drop COLUMN"
            )
        }));
    }
    if data.class && data.target.is_none() {
        return Err(CliError::Usage("--class is for a target: leave it out".to_owned()));
    }
    // Before minutes of work, not behind them.
    config.training.optimizer()?;
    without_effect::<K>(&config.model, flags)?;
    let draws = K::step_draws(&config.model);
    if draws > MOST_STEP_DRAWS {
        return Err(CliError::Usage(format!(
            "--step-draws is {draws}: choose {MOST_STEP_DRAWS} at most"
        )));
    }
    if config.training.batch == 0 {
        return Err(CliError::Usage("--batch is 0: a step needs at least one row".to_owned()));
    }
    let (validation, test) = (f64::from(data.validation), f64::from(data.test));
    if validation + test >= 1.0 {
        return Err(CliError::Usage(format!(
            "--validation {validation} and --test {test} leave no rows to train on: together they are below 1"
        )));
    }
    let TrainingOptions { checkpoint_seconds, clip, .. } = config.training;
    for (flag, value, of) in [
        ("--checkpoint-seconds", checkpoint_seconds, "a number of seconds"),
        ("--clip", clip, "the norm of a gradient"),
    ] {
        if value.is_nan() || value < 0.0 {
            return Err(CliError::Usage(format!("{flag} is {value}: it is {of}, 0 or more")));
        }
    }
    let file = whole_path("data", &config.data.file)?;
    let weights = config.training.weights.as_deref();
    let weights = weights.map(|path| whole_path("weights", path)).transpose()?;
    let (schema, rows) = Rows::prepare::<K>(&config)?;
    let parameters = K::parameters(&config.model, columns(&schema));
    if parameters > MOST_PARAMETERS {
        return Err(CliError::Usage(format!(
            "{parameters} parameters are more than the {MOST_PARAMETERS} allowed: choose smaller layers"
        )));
    }
    first::<K>(&config, &schema, Noise::new(0))?;
    // Whoever resumes may stand elsewhere.
    config.data.file = file;
    config.training.weights = weights;
    let run = Run::create(&paths.out, &config.to_toml(), &schema.to_json())?;
    go::<K>(&run, &config, &schema, &rows, None, common)
}

/// Refuses flags that nothing looks at. What a file says is left alone: it may have been written for something else as well.
fn without_effect<K: Kind>(options: &K::Options, flags: &ArgMatches) -> Result<(), CliError> {
    let of = "a loss with a divergence (bayes, vae)";
    let warm_up = Conditional { flag: "warm-up", holds: K::HAS_DIVERGENCE, of };
    for Conditional { flag, holds, of } in K::conditional(options).into_iter().chain([warm_up]) {
        let given = flags.value_source(&flag.replace('-', "_")) == Some(ValueSource::CommandLine);
        if given && !holds {
            return Err(CliError::Usage(format!("--{flag} is for {of}: leave it out")));
        }
    }
    Ok(())
}

/// The model before its first step.
fn first<K: Kind>(
    config: &Config<K::Options>,
    schema: &Schema,
    noise: Noise,
) -> Result<K::Model, CliError> {
    let mut model = K::build(&config.model, columns(schema), noise)?;
    if let Some(weights) = &config.training.weights {
        K::start(&mut model, weights)?;
    }
    Ok(model)
}

/// The training itself, from the start or from where it was.
pub(super) fn go<K: Kind>(
    run: &Run,
    config: &Config<K::Options>,
    schema: &Schema,
    rows: &Rows,
    from: Option<&Path>,
    common: &Common,
) -> Result<(), CliError> {
    let interrupted = interruption()?;
    let options = config.training.fit();
    let noise = Noise::new(options.seed).stream(WEIGHTS);
    let folder = run.folder();
    with_threads(common.threads.into(), || {
        let model = if from.is_some() || run.has_state() {
            // Its numbers are replaced by those of the checkpoint.
            K::build(&config.model, columns(schema), noise)?
        } else {
            first::<K>(config, schema, noise)?
        };
        // What early stopping watches, before there is anything to watch.
        let start = (from.is_none() && !run.has_state()).then(|| {
            evaluate::<f32, _>(&model, &rows.validation, Noise::new(options.seed).stream(HELD_OUT))
        });
        let mut optimizer = config.training.optimizer()?;
        let (validation, test) = (Some(&rows.validation), &rows.test);
        let mut trainer = match &rows.training {
            Training::Memory(data) => {
                Trainer::new(model, data, validation, &mut optimizer, options)?
            }
            Training::Disk(stream) => {
                Trainer::streamed(model, stream, validation, &mut optimizer, options)?
            }
        };
        let end = {
            let bar = Progress::new(K::NAME, options.epochs);
            let checkpoints = config.training.checkpoints();
            run.train(&mut trainer, from, checkpoints, &interrupted, |epoch| bar.report(epoch))?
        };
        let stop = match end {
            End::Interrupted { step } => {
                return Err(CliError::Interrupted { step, folder: folder.to_owned() });
            }
            End::Stop(Stop::Diverged(divergence)) => {
                let (divergence, folder) = (Box::new(divergence), folder.to_owned());
                return Err(CliError::Diverged { divergence, folder });
            }
            End::Stop(Stop::Finished) => "finished",
            End::Stop(Stop::Early) => "early",
        };
        let (model, best) = trainer.result();
        if let Some(warning) = K::warning(model, test) {
            say(warning);
        }
        let plain = Ask::plain(schema, options.seed);
        let mut averages = Averages::default();
        let scores =
            |rows: &Dataset, first| Ok(K::scores(model, rows, &Ask { first, ..plain.clone() }));
        for scores in side_by_side(test, 0, scores) {
            averages.add(&scores?);
        }
        let position = trainer.position();
        if let (Some(start), Some(lowest)) = (start, position.lowest)
            && lowest >= start
        {
            say(format_args!(
                "no epoch was as good as the first weights, whose validation loss was {} nats per datum: try a smaller --learning-rate",
                number(start)
            ));
        }
        if common.json {
            line(&json!({
                "run": folder.display().to_string(),
                "kind": K::NAME,
                "parameters": model.count(),
                "stop": stop,
                "epochs": position.epoch - 1,
                "steps": position.step,
                "best_epoch": best,
                "validation": position.lowest,
                "test_rows": test.rows(),
                "test": averages.to_json(),
                "test_standard_errors": averages.errors_to_json(),
            }))?;
        } else {
            let best = match position.lowest {
                Some(lowest) => {
                    let (lowest, scaled) = (number(lowest), scaled(schema));
                    format!("the best of them {best} (validation {lowest} nats per datum{scaled})")
                }
                None if position.epoch == 1 => "the first weights".to_owned(),
                None => "none of them better than the first weights, which are kept".to_owned(),
            };
            let (parameters, epochs) = (model.count(), position.epoch - 1);
            let classes = schema
                .classes()
                .map_or(String::new(), |levels| format!("{} classes, ", levels.len()));
            line(&format_args!("{parameters} parameters, {classes}{epochs} epochs, {best}"))?;
            averages.print("test rows")?;
            say(format_args!("the run is in {}", folder.display()));
        }
        Ok(())
    })
}

/// What a loss is of, where that is not the table's own units.
fn scaled(schema: &Schema) -> &'static str {
    let is_scaled = |scaling: &Standardize| scaling.scale().iter().any(|scale| *scale != 1.0);
    match schema.target_scaling() {
        _ if schema.classes().is_some() => "",
        Some(scaling) if is_scaled(&scaling) => ", of the scaled target",
        None if is_scaled(&schema.feature_scaling()) => ", of the scaled columns",
        _ => "",
    }
}

/// Signals that ask a training to stop.
const STOPPING: &[i32] = &[
    signal::SIGINT,
    signal::SIGTERM,
    #[cfg(unix)]
    signal::SIGHUP,
];

/// Set by Ctrl-C, a polite kill or a terminal that closes: the step is finished and saved. A second one ends the program at once.
fn interruption() -> Result<Arc<AtomicBool>, CliError> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for &signal in STOPPING {
        flag::register_conditional_default(signal, interrupted.clone())?;
        flag::register(signal, interrupted.clone())?;
    }
    Ok(interrupted)
}
