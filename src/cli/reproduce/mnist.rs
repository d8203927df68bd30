//! `evidence reproduce mnist DIR`: error, calibration, and entropy on turned digits, beside the published errors.

use super::super::error::CliError;
use super::super::{Common, line};
use clap::{Args, ValueEnum};
use evidence::plot::{Curve, Figure, Labels, PlotError, Scale, curves, reliability_curve};
use evidence::reproduce::mnist::{ImagePrior, MnistOptions, MnistScores, run as run_mnist};
use evidence::train::Progress;
use evidence::train::data::Images;
use ndarray::Array1;
use std::path::{Path, PathBuf};

/// Flags of `evidence reproduce mnist`.
#[derive(Debug, Args)]
#[command(
    after_help = "DIR has the four IDX files of MNIST, or of a set that is made like it, plain or in gzip: train-images-idx3-ubyte, \
                  train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte. Networks of 2 x 400 ReLU units; pixels are \
                  divided by 126, as in the paper. Test images are only scored: what is fixed was chosen with --held-out.\n\nExample:\n  \
                  evidence reproduce mnist mnist --prior two-normals --out figures"
)]
pub(super) struct MnistArguments {
    /// The folder of the four files
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only this prior; both without it
    #[arg(long, value_name = "NAME")]
    prior: Option<PriorOption>,
    /// Passes over the training images
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    epochs: u16,
    /// Divides the number of passes by N, for a quick look
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    hurry: u16,
    /// Learns from five sixths of the training images and scores the others; the test part is left alone
    #[arg(long)]
    held_out: bool,
    /// Decides initial weights, order and every draw
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Folder for plots: reliability, and entropy on turned digits
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// A prior, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PriorOption {
    /// A normal
    Normal,
    /// A mixture of a wide normal and a narrow one
    TwoNormals,
}

pub(super) fn run(arguments: &MnistArguments, common: &Common) -> Result<(), CliError> {
    if let Some(folder) = &arguments.out {
        let unwritten = |source| CliError::Write { path: folder.clone(), source };
        std::fs::create_dir_all(folder).map_err(unwritten)?;
    }
    let priors = match arguments.prior {
        Some(PriorOption::Normal) => vec![ImagePrior::Normal],
        Some(PriorOption::TwoNormals) => vec![ImagePrior::TwoNormals],
        None => vec![ImagePrior::Normal, ImagePrior::TwoNormals],
    };
    let (training, test) = Images::read_both(&arguments.folder)?;
    let epochs = usize::from(arguments.epochs).div_ceil(arguments.hurry.into());
    let mut all = Vec::new();
    for prior in priors {
        let options = MnistOptions {
            prior,
            epochs,
            held_out: arguments.held_out,
            threads: common.threads.into(),
            seed: arguments.seed,
        };
        let bar = Progress::new(prior.name(), epochs);
        let scores = run_mnist((&training, &test), &options, |epoch| bar.report(epoch))?;
        drop(bar);
        if let Some(folder) = &arguments.out {
            save(&scores, folder).map_err(unplotted)?;
        }
        if !common.json {
            print(&scores)?;
        }
        all.push(scores);
    }
    if common.json {
        line(&serde_json::to_string_pretty(&all).expect("scores are text and numbers"))?;
    }
    Ok(())
}

fn print(scores: &MnistScores) -> Result<(), CliError> {
    let MnistScores { training_images, scored_images, epochs, kl, .. } = scores;
    line(&format_args!(
        "{}: {epochs} epochs of {training_images} images, {scored_images} scored; KL of the weights {kl:.3} nats per image",
        scores.prior
    ))?;
    line(&format_args!(
        "{:<22} {:>8} {:>12} {:>8} {:>9}",
        "", "error", "log-density", "ECE", "seconds"
    ))?;
    line(&format_args!(
        "{:<22} {:>6.2} % {:>12.4} {:>6.2} % {:>9.0}",
        "this, mean field",
        100.0 * scores.error,
        scores.log_density,
        100.0 * scores.calibration_error,
        scores.seconds
    ))?;
    line(&format_args!(
        "{:<22} {:>6.2} %",
        "Blundell et al. 2015",
        100.0 * scores.published_error
    ))?;
    line(&"")?;
    line(&format_args!("{:>10} {:>12} {:>10}", "images", "confidence", "right"))?;
    for bin in &scores.reliability {
        let (confidence, right) = (100.0 * bin.confidence, 100.0 * bin.accuracy);
        line(&format_args!("{:>10} {confidence:>10.1} % {right:>8.1} %", bin.images))?;
    }
    line(&"")?;
    line(&format_args!(
        "{:>10} {:>9} {:>14} {:>10} {:>10}",
        "turned by", "error", "entropy (nats)", "aleatoric", "epistemic"
    ))?;
    for turned in &scores.turned {
        line(&format_args!(
            "{:>9}° {:>7.1} % {:>14.3} {:>10.3} {:>10.3}",
            turned.degrees,
            100.0 * turned.error,
            turned.entropy,
            turned.aleatoric,
            turned.epistemic
        ))?;
    }
    line(&"").map_err(CliError::from)
}

fn unplotted(error: PlotError) -> CliError {
    match error {
        PlotError::Write { path, source } => CliError::Write { path, source },
        other => CliError::Data(other.to_string()),
    }
}

/// Two plots for each prior, named after it.
fn save(scores: &MnistScores, folder: &Path) -> Result<(), PlotError> {
    let word = scores.prior.split(' ').next().expect("a name has a word").to_lowercase();
    reliability(scores)?.save(folder.join(format!("mnist_{word}_reliability.svg")))?;
    turned(scores)?.save(folder.join(format!("mnist_{word}_turned.svg")))
}

fn reliability(scores: &MnistScores) -> Result<Figure, PlotError> {
    let title = format!("Digits, {}: reliability", scores.prior);
    let labels = Labels { title: &title, x: "confidence", y: "share that was right" };
    let of = |value: &dyn Fn(&evidence::reproduce::mnist::Bin) -> f64| -> Array1<f64> {
        scores.reliability.iter().map(value).collect()
    };
    // A mean of probabilities may exceed 1 by its rounding.
    let confidence = of(&|bin| bin.confidence.min(1.0));
    let (right, counts) = (of(&|bin| bin.accuracy), of(&|bin| bin.images as f64));
    reliability_curve(&labels, confidence.view(), right.view(), counts.view())
}

fn turned(scores: &MnistScores) -> Result<Figure, PlotError> {
    let title = format!("Turned digits, {}: entropy of the predictions", scores.prior);
    let labels = Labels { title: &title, x: "turned by (degrees)", y: "mean entropy (nats)" };
    let of = |value: &dyn Fn(&evidence::reproduce::mnist::Turned) -> f64| -> Array1<f64> {
        scores.turned.iter().map(value).collect()
    };
    let degrees = of(&|turned| turned.degrees);
    let parts = [
        ("predictive", of(&|turned| turned.entropy)),
        ("aleatoric", of(&|turned| turned.aleatoric)),
        ("epistemic", of(&|turned| turned.epistemic)),
    ];
    let series: Vec<Curve<'_>> =
        parts.iter().map(|(name, y)| Curve { name, x: degrees.view(), y: y.view() }).collect();
    curves(&labels, &series, Scale::Linear)
}
