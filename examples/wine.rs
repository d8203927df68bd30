//! Supervised learning on wine: a dense network; the same network with distributions for weights, on a part of the rows and on all of
//! them; and with a noise that is predicted for each wine. Uncertainty from the weights shrinks with data; that from the noise does not.
//!
//! `cargo run --release --example wine`, or with white wine: `-- --data winequality-white.csv`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::Estimator;
use evidence::models::metrics::rmse;
use evidence::models::{BayesianNetwork, DenseNetwork, Mixture};
use evidence::optim::Adam;
use evidence::train::data::{
    Dataset, ReadOptions, Schema, SchemaOptions, Split, Standardize, Standardized, read, red_wine,
};
use evidence::train::{FitOptions, Schedule, fit};
use evidence::{Activation, Array, Likelihood, Mlp, Noise};
use ndarray::{Array1, Array2, Axis};
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Standardised training rows, and test rows in their own units.
struct Wine {
    training: Dataset,
    validation: Dataset,
    test: Array2<f32>,
    truth: Array1<f64>,
    points: Standardize,
}

/// The wine at hand, or a file with a column "quality".
fn table() -> Result<Dataset> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => Ok(red_wine()),
        [flag, file] if flag == "--data" => {
            let frame = read(Path::new(file), &ReadOptions::default())?;
            let raw = evidence::train::data::Scaling::Raw;
            let options = SchemaOptions {
                targets: vec!["quality".to_owned()],
                features_scaling: raw,
                targets_scaling: raw,
                ..SchemaOptions::default()
            };
            Ok(Schema::fit(&frame, &options)?.data)
        }
        _ => Err("usage: wine [--data FILE], a table with a column \"quality\"".into()),
    }
}

fn split(wine: &Dataset) -> Result<Wine> {
    // 85 and 15 %, and of the 85 a tenth to stop the dense network by.
    let split = Split::by_fraction(wine.rows(), 0.765, 0.085, 0.15, &mut Noise::new(7).rng())?;
    let quality = wine.targets().expect("the wine has targets");
    // The standardisation knows the training rows alone.
    let Standardized { data: all, targets: points, .. } = wine.standardized(split.train())?;
    Ok(Wine {
        training: all.select(split.train())?,
        validation: all.select(split.validation())?,
        test: all.features().select(Axis(0), split.test()).mapv(|x| x as f32),
        truth: quality.column(0).select(Axis(0), split.test()),
        points: points.expect("the wine has targets"),
    })
}

impl Wine {
    fn report(&self, name: &str, scaled: &Mixture) -> Mixture {
        let predictive = scaled.rescaled(self.points.mean()[0], self.points.scale()[0]);
        // Of a few wines unlike the others, a predicted noise is many points: a mean would be theirs.
        let median = |variance: Array1<f64>| {
            let mut deviations = variance.mapv(f64::sqrt).to_vec();
            deviations.sort_by(f64::total_cmp);
            deviations[deviations.len() / 2]
        };
        println!(
            "{name:<34} {:>6.3} {:>12.3} {:>8.1} % {:>10.3} {:>10.3}",
            rmse(&predictive.mean(), &self.truth),
            predictive.log_density(self.truth.view()).mean().unwrap_or(f64::NAN),
            100.0 * predictive.coverage(self.truth.view(), 0.9),
            median(predictive.epistemic_variance()),
            median(predictive.aleatoric_variance()),
        );
        predictive
    }

    /// Variational Bayes on a share of the training rows.
    fn bayesian(&self, share: f64, predicted_noise: bool) -> Result<BayesianNetwork<Array<f32>>> {
        let rows = (self.training.rows() as f64 * share).round() as usize;
        let mut some = Noise::new(3).permutation(self.training.rows());
        some.truncate(rows);
        let training = self.training.select(&some)?;
        let (likelihood, outputs) = match predicted_noise {
            true => (Likelihood::PredictedGaussian, 2),
            false => (Likelihood::gaussian(0.0), 1),
        };
        let sizes = [training.features().ncols(), 50, outputs];
        let net = Mlp::new(&sizes, Activation::Relu, Noise::new(1));
        let model =
            BayesianNetwork::new(net, likelihood, 1.0, 0.05).with_estimator(Estimator::Local)?;
        let batch = (rows / 50).max(32);
        // As many steps on few rows as on many, the KL brought in over the first half.
        let epochs = 6000_usize.div_ceil(rows.div_ceil(batch));
        let options = FitOptions {
            epochs,
            batch,
            schedule: Schedule::Cosine,
            warm_up: epochs / 2,
            ..FitOptions::default()
        };
        Ok(fit::<f32, _>(model, &training, None, &mut Adam::new(5e-3)?, &options, |_| {})?
            .into_result()?
            .model)
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    with_threads(0, run).map_err(|error| -> Box<dyn std::error::Error> { error })
}

fn run() -> Result<()> {
    let wine = split(&table()?)?;
    println!(
        "{} training wines and {} test wines; in points of quality (the two parts: medians over the wines), log-density in nats",
        wine.training.rows(),
        wine.test.nrows()
    );
    println!(
        "{:<34} {:>6} {:>12} {:>10} {:>10} {:>10}",
        "", "RMSE", "log-density", "90 % in", "epistemic", "aleatoric"
    );
    let sizes = [wine.test.ncols(), 50, 1];
    let model = DenseNetwork::regression(&sizes, Activation::Relu, Noise::new(1));
    let options =
        FitOptions { epochs: 100, batch: 32, patience: Some(15), ..FitOptions::default() };
    let mut adam = Adam::new(3e-3)?;
    let dense =
        fit::<f32, _>(model, &wine.training, Some(&wine.validation), &mut adam, &options, |_| {})?
            .into_result()?;
    wine.report("dense network", &dense.model.predictive(wine.test.view()));

    let (noise, draws) = (Noise::new(2), 200);
    let some = wine.bayesian(0.3, false)?;
    let few =
        wine.report("Bayesian, 30 % of the rows", &some.predictive(wine.test.view(), draws, noise));
    let whole = wine.bayesian(1.0, false)?;
    let all =
        wine.report("Bayesian, all of them", &whole.predictive(wine.test.view(), draws, noise));
    let each = wine.bayesian(1.0, true)?;
    wine.report("Bayesian, noise for each wine", &each.predictive(wine.test.view(), draws, noise));

    // One draw is no prediction: what a well-known tutorial scores.
    let one = whole.predictive(wine.test.view(), 1, noise);
    wine.report("one draw of its weights, scored", &one);
    let mean = |mixture: &Mixture| mixture.epistemic_variance().mean().unwrap_or(f64::NAN);
    if mean(&all) >= mean(&few) {
        return Err("the uncertainty from the weights did not shrink with data".into());
    }

    println!("\nposterior scales, and what pruning by signal to noise costs");
    for (i, scales) in whole.scales().iter().enumerate() {
        println!("layer {i}: {scales}");
    }
    for share in [0.5, 0.75, 0.9] {
        let name = format!("without {:.0} % of its weights", 100.0 * share);
        wine.report(&name, &whole.pruned(share).predictive(wine.test.view(), draws, noise));
    }
    Ok(())
}
