//! `evidence estimators`: the laboratory of gradient estimators, on the red wine.

use super::error::CliError;
use super::{Common, line};
use clap::Args;
use evidence::autodiff::kernels::threads::with_threads;
use evidence::estimators::{Measurement, measure};
use evidence::layers::Estimator;
use evidence::models::{BayesianNetwork, Rows};
use evidence::plot::{Curve, Format, Labels, PlotError, Scale, Scales, curves};
use evidence::train::data::red_wine;
use evidence::{Activation, Array, Likelihood, Mlp, Noise};
use ndarray::{Array1, Axis};
use std::path::PathBuf;

/// Flags of `evidence estimators`.
#[derive(Debug, Args)]
#[command(
    after_help = "A network 11-UNITS-1 on rows of the red wine. The plot shows how the variance of one estimate falls with the batch, \
                  averaged over smaller batches of the same rows: as one over their number, but that of the shared draw levels off, since \
                  all rows meet the same weights.\n\nExample:\n  evidence estimators --batch \
                  100 --plot estimators.svg"
)]
pub(super) struct EstimatorsArguments {
    /// Rows in the batch
    #[arg(long, value_name = "ROWS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1599))]
    batch: u16,
    /// Units of the hidden layer
    #[arg(long, value_name = "UNITS", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    hidden: u16,
    /// The standard deviation of every weight
    #[arg(long, value_name = "SCALE", default_value_t = 0.1)]
    posterior_scale: f64,
    /// Estimates of the gradient by each
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..))]
    draws: u32,
    /// Decides the weights, the rows and every draw
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Draws variance against batch size, as .svg or .png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

pub(super) fn run(arguments: &EstimatorsArguments, common: &Common) -> Result<(), CliError> {
    if !(arguments.posterior_scale > 0.0 && arguments.posterior_scale.is_finite()) {
        let scale = arguments.posterior_scale;
        return Err(CliError::Usage(format!(
            "--posterior-scale is {scale}: choose a positive number"
        )));
    }
    if let Some(path) = &arguments.plot {
        // Before anything is measured.
        Format::of(path).map_err(|error| CliError::Usage(format!("--plot: {error}")))?;
    }
    let measured = with_threads(common.threads.into(), || batches(arguments))?;
    if measured.iter().any(|m| !(m.variance.is_finite() && m.norm.is_finite())) {
        return Err(CliError::Usage(format!(
            "--posterior-scale {}: gradients are not finite there, so that there is nothing to measure; choose one nearer 1",
            arguments.posterior_scale
        )));
    }
    if let Some(path) = &arguments.plot {
        draw(&measured).and_then(|figure| figure.save(path)).map_err(unplotted)?;
    }
    let asked: Vec<&Measurement> =
        measured.iter().filter(|m| m.batch == usize::from(arguments.batch)).collect();
    if common.json {
        line(&serde_json::to_string_pretty(&measured).expect("measurements are text and numbers"))?;
        return Ok(());
    }
    line(&format_args!(
        "{:<10} {:>12} {:>16} {:>12} {:>12} {:>18}",
        "estimator", "|gradient|", "bias / its noise", "variance", "µs each", "variance × seconds"
    ))?;
    for m in asked {
        line(&format_args!(
            "{:<10} {:>12.4} {:>16.3} {:>12.5} {:>12.1} {:>18.3e}",
            m.estimator,
            m.norm,
            m.bias,
            m.variance,
            m.microseconds,
            m.cost_of_precision()
        ))?;
    }
    line(&format_args!(
        "11-{}-1 on {} rows of red wine, {} estimates each; bias / its noise is about 1 where there is no bias",
        arguments.hidden, arguments.batch, arguments.draws
    ))?;
    Ok(())
}

/// The batch asked for, and if there is to be a plot, smaller ones of its rows.
fn batches(arguments: &EstimatorsArguments) -> Result<Vec<Measurement>, CliError> {
    let wine = red_wine();
    let all: Vec<usize> = (0..wine.rows()).collect();
    let wine = wine.standardized(&all)?.data;
    let (x, y) = (wine.features(), wine.targets().expect("the wine has targets"));
    let noise = Noise::new(arguments.seed);
    let order = noise.stream(0).permutation(wine.rows());
    let sizes = [wine.features().ncols(), arguments.hidden.into(), 1];
    let net = Mlp::<Array<f32>>::new(&sizes, Activation::Relu, noise.stream(1));
    let model =
        BayesianNetwork::new(net, Likelihood::gaussian(0.0), 1.0, arguments.posterior_scale);
    let batch = usize::from(arguments.batch);
    let mut sizes = vec![batch];
    if arguments.plot.is_some() {
        sizes = std::iter::successors(Some(batch), |n| (*n > 1).then_some(n / 2)).collect();
        sizes.reverse();
    }
    let mut measured = Vec::new();
    let draws = arguments.draws as usize;
    for n in sizes {
        // Rows differ from each other more than sizes do: one batch of n would show which rows it met. Windows around the ring of all
        // rows meet each as often, and the draws are shared out among them.
        let windows = if n == batch { 1 } else { (draws / 2).clamp(1, batch) };
        let parts: Vec<[Array<f32>; 2]> = (0..windows)
            .map(|window| {
                let first = window * batch / windows;
                let rows: Vec<usize> = (first..first + n).map(|i| order[i % batch]).collect();
                [x, y].map(|table| {
                    table.select(Axis(0), &rows).mapv(|x| x as f32).into_dyn().into_shared()
                })
            })
            .collect();
        let batches: Vec<_> = parts
            .iter()
            .map(|[x, y]| Rows { inputs: x, targets: Some(y), data_size: wine.rows() })
            .collect();
        let found = measure(&model, &batches, draws.div_ceil(windows), noise.stream(2));
        measured.extend(found.map_err(|error| CliError::Usage(error.to_string()))?);
    }
    Ok(measured)
}

fn unplotted(error: PlotError) -> CliError {
    match error {
        PlotError::Write { path, source } => CliError::Write { path, source },
        other => CliError::Data(other.to_string()),
    }
}

fn draw(measured: &[Measurement]) -> Result<evidence::plot::Figure, PlotError> {
    let of = |name: &str, value: fn(&Measurement) -> f64| -> Array1<f64> {
        measured.iter().filter(|m| m.estimator == name).map(value).collect()
    };
    let points = Estimator::ALL
        .map(Estimator::name)
        .map(|name| (name, of(name, |m| m.batch as f64), of(name, |m| m.variance)));
    let series: Vec<Curve<'_>> =
        points.iter().map(|(name, x, y)| Curve { name, x: x.view(), y: y.view() }).collect();
    let labels = Labels {
        title: "Variance of one estimate of the gradient, averaged over batches",
        x: "rows in the batch",
        y: "variance, summed over parameters",
    };
    curves(&labels, &series, Scales { x: Scale::Log, y: Scale::Log })
}
