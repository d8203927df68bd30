//! `flow`: a chain of bijections, with an exact density.

use super::super::error::CliError;
use super::options::{Hidden, check_sizes, parameters, positive, sizes};
use super::{
    Ask, Columns, Conditional, Kind, Score, Table, cannot, column, in_units, inputs, numbered,
    numbers_of, rows_of,
};
use clap::{Args, ValueEnum};
use evidence::layers::{
    Affine, AffineCoupling, AnyBijection, Autoregressive, Chain, Conditioning, Direction,
    Permutation, Reversible, Spline, SplineCoupling, Split, examine,
};
use evidence::models::{AnyBase, Flow, Normal, NormalMixture, StandardNormal, StudentT};
use evidence::train::data::Dataset;
use evidence::{Array, Bijection, Noise, Parameters, Tape, Tree};
use ndarray::{Array1, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub(super) struct Flowing;

type P = Array<f32>;
type AnyFlow = Flow<Chain<AnyBijection<P>>, AnyBase<P>>;

/// What a column is mapped by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BijectionOption {
    /// Couplings that scale and shift (RealNVP)
    #[default]
    Affine,
    /// Couplings of rational-quadratic splines
    Spline,
    /// Masked autoregressive layers that scale and shift; draws go column by column
    Maf,
    /// Masked autoregressive layers of splines
    MafSpline,
}

/// What a flow starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BaseOption {
    /// The standard normal
    #[default]
    Standard,
    /// A normal whose means and scales are learned
    Normal,
    /// Eight normals, all of them learned
    Mixture,
    /// Student's t with five degrees of freedom, for heavy tails
    StudentT,
}

/// Its shape.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(super) struct FlowOptions {
    /// What the layers are [default: affine]
    #[arg(long, value_name = "KIND")]
    bijection: BijectionOption,
    /// Couplings or autoregressive layers, one behind the other; many of them move together in each step, so that beyond some 20 the
    /// --learning-rate should be about 0.01 by their number [default: 8]
    #[arg(long, value_name = "N")]
    couplings: usize,
    /// Units of each hidden layer of a coupling's network, by commas, or none [default: 64,64]
    #[arg(long, value_name = "UNITS", allow_hyphen_values = true)]
    hidden: Hidden,
    /// Bins of each spline [default: 8]
    #[arg(long, value_name = "N")]
    bins: usize,
    /// Splines are the identity beyond ± this, in scaled columns [default: 4]
    #[arg(long, value_name = "NUMBER")]
    interval: f64,
    /// What it starts from [default: standard]
    #[arg(long, value_name = "KIND")]
    base: BaseOption,
    /// Recomputes couplings' activations by inversion instead of keeping them: those of one layer, whatever their number, for twice the time
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    recompute: bool,
}

impl Default for FlowOptions {
    fn default() -> Self {
        Self {
            bijection: BijectionOption::Affine,
            couplings: 8,
            hidden: Hidden(vec![64, 64]),
            bins: 8,
            interval: 4.0,
            base: BaseOption::Standard,
            recompute: false,
        }
    }
}

/// Normals of a mixture.
const COMPONENTS: usize = 8;
/// How far recomputed points may be off, in single precision.
const TOLERANCE: f64 = 1e-3;

/// A column of few values that are met so many times each, on the mean, is no continuous one; measurements are rounded to more values.
const REPEATS: usize = 30;
const FEW: usize = 32;

impl FlowOptions {
    fn has_splines(&self) -> bool {
        matches!(self.bijection, BijectionOption::Spline | BijectionOption::MafSpline)
    }

    fn is_autoregressive(&self) -> bool {
        matches!(self.bijection, BijectionOption::Maf | BijectionOption::MafSpline)
    }

    /// Parameters of the transform of one column.
    fn each(&self) -> usize {
        match self.bijection {
            BijectionOption::Affine | BijectionOption::Maf => 2,
            BijectionOption::Spline | BijectionOption::MafSpline => {
                self.bins.saturating_mul(3).saturating_sub(1)
            }
        }
    }

    fn spline(&self) -> Result<Spline, CliError> {
        Spline::new(self.bins, self.interval)
            .map_err(|error| CliError::Usage(format!("--bins, --interval: {error}")))
    }

    fn layer(&self, i: usize, width: usize, noise: Noise) -> Result<AnyBijection<P>, CliError> {
        let split = if i.is_multiple_of(2) { Split::First } else { Split::Second };
        let (masked, hidden) = (Direction::Masked, &self.hidden[..]);
        let narrow = |error: &dyn std::fmt::Display| {
            CliError::Data(format!("{error} (--bijection maf-spline takes any number of columns)"))
        };
        let empty = |error: &dyn std::fmt::Display| CliError::Data(error.to_string());
        Ok(match self.bijection {
            BijectionOption::Affine => {
                AffineCoupling::new(width, split, hidden, noise).map_err(|e| narrow(&e))?.into()
            }
            BijectionOption::Spline => {
                SplineCoupling::with(self.spline()?, width, split, hidden, noise)
                    .map_err(|e| narrow(&e))?
                    .into()
            }
            BijectionOption::Maf => {
                Autoregressive::new(masked, Affine::default(), width, hidden, noise)
                    .map_err(|e| empty(&e))?
                    .into()
            }
            BijectionOption::MafSpline => {
                Autoregressive::new(masked, self.spline()?, width, hidden, noise)
                    .map_err(|e| empty(&e))?
                    .into()
            }
        })
    }
}

impl Kind for Flowing {
    const NAME: &'static str = "flow";
    const ABOUT: &'static str = "A normalizing flow (RealNVP, splines, MAF), with an exact density";
    const SUPERVISED: bool = false;
    type Options = FlowOptions;
    type Model = AnyFlow;

    fn conditional(options: &FlowOptions) -> Vec<Conditional> {
        let splines = ("--bijection spline or maf-spline", options.has_splines());
        // Their inverse goes column by column: it takes more time and memory than what it would save.
        let couplings = ("--bijection affine or spline", !options.is_autoregressive());
        [("bins", splines), ("interval", splines), ("recompute", couplings)]
            .map(|(flag, (of, holds))| Conditional { flag, holds, of })
            .into()
    }

    fn parameters(options: &FlowOptions, columns: Columns) -> u128 {
        let d = columns.inputs;
        let one = |condition: usize, transform: usize| {
            parameters(&sizes(condition, &options.hidden, transform.saturating_mul(options.each())))
        };
        let layer = match options.bijection {
            BijectionOption::Affine | BijectionOption::Spline => {
                one(d / 2, d - d / 2).min(one(d - d / 2, d / 2))
            }
            BijectionOption::Maf | BijectionOption::MafSpline => one(d, d),
        };
        layer.saturating_mul(options.couplings as u128)
    }

    fn build(
        options: &FlowOptions,
        columns: Columns,
        noise: Noise,
    ) -> Result<Self::Model, CliError> {
        check_sizes(&options.hidden)?;
        positive("--interval", options.interval)?;
        if options.couplings == 0 {
            return Err(CliError::Usage("--couplings is 0: a flow needs at least one".to_owned()));
        }
        let width = columns.inputs;
        let mut layers = Vec::new();
        for i in 0..options.couplings {
            if i > 0 && options.is_autoregressive() {
                layers.push(Permutation::reversed(width).into());
            }
            layers.push(options.layer(i, width, noise.stream(i as u64))?);
        }
        let mut bijection = Chain(layers);
        if options.recompute {
            bijection = Chain(vec![Reversible::new(bijection, TOLERANCE).into()]);
        }
        let base = match options.base {
            BaseOption::Standard => StandardNormal.into(),
            BaseOption::Normal => Normal::standard(width).into(),
            BaseOption::Mixture => NormalMixture::new(COMPONENTS, width, noise.stream(u64::MAX))
                .map_err(|error| CliError::Usage(error.to_string()))?
                .into(),
            BaseOption::StudentT => {
                StudentT::new(5.0).map_err(|error| CliError::Usage(error.to_string()))?.into()
            }
        };
        Ok(Flow { bijection, base })
    }

    fn look(options: &FlowOptions, data: &Dataset) -> Result<Vec<String>, CliError> {
        let mut said = Vec::new();
        let (mut discrete, mut outside) = (Vec::new(), 0);
        for (name, column) in data.feature_names().iter().zip(data.features().columns()) {
            match values(column) {
                Some(1) => {
                    return Err(CliError::Data(format!(
                        "column \"{name}\" holds one value only, where a density has no bound: leave it out with --drop"
                    )));
                }
                Some(values) => discrete.push(format!("\"{name}\" ({values})")),
                None => {}
            }
            outside += column.iter().filter(|x| x.abs() > options.interval).count();
        }
        if !discrete.is_empty() {
            said.push(format!(
                "few different values: {}. A density of such a column has no bound, and what is found grows with the epochs: leave it out \
                 with --drop, or spread its values by noise of one step beforehand (dequantisation)",
                discrete.join(", ")
            ));
        }
        if options.has_splines() && options.interval > 0.0 && 100 * outside > data.features().len()
        {
            let (cells, interval) = (data.features().len(), options.interval);
            said.push(format!(
                "{outside} of {cells} cells lie beyond ±{interval}, where splines are the identity and learn nothing: \
                 take --scaling standardize, or a larger --interval"
            ));
        }
        Ok(said)
    }

    fn scores(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Vec<Score> {
        vec![Score::mean("log p(x)", log_density(model, rows, ask))]
    }

    fn density(model: &Self::Model, rows: &Dataset, ask: &Ask<'_>) -> Result<Table, CliError> {
        Ok(column("log_density", log_density(model, rows, ask)))
    }

    fn sample(model: &Self::Model, n: usize, ask: &Ask<'_>) -> Result<Table, CliError> {
        if ask.mean {
            return Err(cannot::<Self>(
                "give expected values for --mean: its rows have no noise around them",
            ));
        }
        let tape = Tape::new();
        let noise = ask.noise.stream(ask.first);
        let width = ask.schema.feature_names().len();
        let rows = model.bind_constant(&tape).sample(&tape, (n, width), noise);
        Ok(in_units(rows_of(rows), ask))
    }

    fn encode(model: &Self::Model, rows: &Dataset, _: &Ask<'_>) -> Result<Table, CliError> {
        let tape = Tape::new();
        let bound = model.bind_constant(&tape);
        let (z, _) = bound.bijection.inverse(tape.batch(inputs(rows).view()));
        Ok(Table { names: Self::code(model), values: rows_of(z).mapv(f64::from) })
    }

    fn code(model: &Self::Model) -> Vec<String> {
        numbered("z", width(&model.bijection))
    }

    fn decode(
        model: &Self::Model,
        codes: ArrayView2<'_, f32>,
        ask: &Ask<'_>,
    ) -> Result<Table, CliError> {
        let tape = Tape::new();
        let (rows, _) = model.bind_constant(&tape).bijection.forward(tape.batch(codes));
        Ok(in_units(rows_of(rows), ask))
    }

    fn warning(model: &Self::Model, _: &Dataset) -> Option<String> {
        let Some(AnyBijection::Reversible(reversible)) = model.bijection.0.first() else {
            return None;
        };
        let guard = reversible.guard();
        (guard.fallbacks() > 0).then(|| {
            format!(
                "in {} backward passes recomputed points were off by up to {:.1e}, more than {:.0e}: their gradients were computed \
                 from kept activations, which takes the memory that --recompute saves",
                guard.fallbacks(),
                guard.worst(),
                guard.tolerance()
            )
        })
    }

    fn conditioning(
        model: &Self::Model,
        rows: &Dataset,
    ) -> Result<[Vec<Conditioning>; 2], CliError> {
        // The map itself: what recomputes activations in its backward pass would measure its own rounding.
        let bijection = match model.bijection.0.first() {
            Some(AnyBijection::Reversible(inside)) => &inside.chain,
            _ => &model.bijection,
        };
        let double = bijection.map(&evidence::autodiff::Path::root(), &mut |_, leaf: &P| {
            leaf.mapv(f64::from).into_shared()
        });
        let (tape, single) = (Tape::new(), Tape::new());
        let points = inputs(rows);
        // At the very same points: rounding them is not the bijection's error.
        let exact = points.mapv(f64::from);
        Ok([
            examine(&double.bind_constant(&tape), &tape, exact.view()),
            examine(&bijection.bind_constant(&single), &single, points.view()),
        ])
    }
}

/// How many different values a column has, if it has few.
fn values(column: ArrayView1<'_, f64>) -> Option<usize> {
    let most = (column.len() / REPEATS).min(FEW);
    let mut seen = BTreeSet::new();
    for x in column {
        seen.insert(x.to_bits());
        if seen.len() > most.max(1) {
            return None;
        }
    }
    Some(seen.len())
}

fn width(chain: &Chain<AnyBijection<P>>) -> usize {
    match chain.0.first() {
        Some(AnyBijection::AffineCoupling(coupling)) => coupling.columns.width,
        Some(AnyBijection::SplineCoupling(coupling)) => coupling.columns.width,
        Some(AnyBijection::Autoregressive(layer)) => layer.columns.width,
        Some(AnyBijection::AutoregressiveSpline(layer)) => layer.columns.width,
        Some(AnyBijection::Reversible(inside)) => width(&inside.chain),
        // There are no others here.
        _ => 0,
    }
}

/// In the data's own units.
fn log_density(model: &AnyFlow, rows: &Dataset, ask: &Ask<'_>) -> Array1<f64> {
    let tape = Tape::new();
    let log_prob = model.bind_constant(&tape).log_prob(tape.batch(inputs(rows).view()));
    let scaling = ask.schema.feature_scaling();
    numbers_of(log_prob).mapv(|log_prob| scaling.scale_log_density(log_prob))
}
