//! `evidence reproduce vae DIR`: log-likelihoods of binarised MNIST, beside the published ones.

use super::super::error::CliError;
use super::super::{Common, line, say};
use clap::Args;
use evidence::reproduce::vae::{PUBLISHED, Recipe, VaeScores, run as run_recipe};
use evidence::train::data::Images;
use std::path::PathBuf;

/// Flags of `evidence reproduce vae`.
#[derive(Debug, Args)]
#[command(
    after_help = "DIR holds MNIST's four files, plain or in gzip. Pixels are binarised afresh whenever they are met, those to test on once. \
                  The published rows are of 3,280 epochs; N epochs take the same eight steps of the learning rate in proportion.\n\n\
                  Example:\n  evidence reproduce vae mnist --lead 900 --draws 50 --epochs 90"
)]
pub(super) struct VaeArguments {
    /// A folder with train-images-idx3-ubyte.gz and its like
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Draws of the training's bound; 1 is the evidence lower bound
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    draws: u16,
    /// Passes over the training images with one draw, at the first learning rate, before the others
    #[arg(long, value_name = "N", default_value_t = 0)]
    lead: u16,
    /// Passes over the training images
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    epochs: u16,
    /// Images in a minibatch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Adam's rate at first; the published one is 0.001, for batches of 20
    #[arg(long, value_name = "RATE", default_value_t = 0.002)]
    learning_rate: f64,
    /// Draws of each image's importance estimate
    #[arg(long, value_name = "N", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
    /// Only the first N images to test on; 0 is all
    #[arg(long, value_name = "N", default_value_t = 0)]
    test_images: usize,
    /// Only the first N images to learn from; 0 is all
    #[arg(long, value_name = "N", default_value_t = 0)]
    training_images: usize,
    /// The gradient as the bound is written, not reparametrised twice
    #[arg(long)]
    pathwise: bool,
    /// Decides the first weights and every draw
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(arguments: &VaeArguments, common: &Common) -> Result<(), CliError> {
    let (training, test) = Images::read_both(&arguments.folder)?;
    let first = |images: Images, n: usize| {
        let n = if n == 0 { images.labels.len() } else { n.min(images.labels.len()) };
        images.select(&(0..n).collect::<Vec<_>>())
    };
    let training = first(training, arguments.training_images);
    let test = first(test, arguments.test_images);
    let recipe = Recipe {
        draws: arguments.draws.into(),
        lead: arguments.lead.into(),
        epochs: arguments.epochs.into(),
        batch: arguments.batch.into(),
        learning_rate: arguments.learning_rate,
        samples: arguments.samples as usize,
        doubly: !arguments.pathwise,
        seed: arguments.seed,
    };
    let scores =
        run_recipe(&recipe, &training, &test, common.threads.into(), |epoch, loss, seconds| {
            if !common.json {
                say(format_args!("epoch {epoch:>4}: {loss:>8.3} nats per image, {seconds:.0} s"));
            }
        })?;
    if common.json {
        line(&serde_json::to_string_pretty(&scores).expect("scores are numbers"))?;
        return Ok(());
    }
    print(arguments, &scores)
}

fn print(arguments: &VaeArguments, scores: &VaeScores) -> Result<(), CliError> {
    line(&format_args!(
        "{:<34} {:>2}  {:>16}  {:>6}  {:>7}  {:>8}",
        "", "K", "NLL", "active", "epochs", "minutes"
    ))?;
    line(&format_args!(
        "{:<34} {:>2}  {:>8.2} ± {:>5.2}  {:>6}  {:>7}  {:>8.1}",
        "this",
        arguments.draws,
        scores.nll,
        scores.nll_error,
        scores.active,
        u32::from(arguments.lead) + u32::from(arguments.epochs),
        scores.seconds / 60.0
    ))?;
    for row in PUBLISHED {
        line(&format_args!(
            "{:<34} {:>2}  {:>8.2}          {:>6}  {:>7}",
            row.method, row.draws, row.nll, row.active, 3280
        ))?;
    }
    line(&format_args!(
        "{} test images, {} importance samples each, worth {:.1} equal ones on average, {:.1} at least; ELBO {:.2} nats; {:.0} s of it to estimate",
        scores.test_images,
        arguments.samples,
        scores.effective_samples,
        scores.fewest_effective_samples,
        scores.elbo,
        scores.seconds_to_estimate
    ))?;
    Ok(())
}
