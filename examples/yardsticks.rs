//! What variational Bayes is measured against, on red wine, in one table: maximum likelihood, MAP, MC dropout, a deep ensemble, Laplace's
//! approximation, SWAG. The same network of 50 units, the same split, the same likelihood.
//!
//! `cargo run --release --example yardsticks`

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{Estimator, PosteriorKind, Prior};
use evidence::models::metrics::rmse;
use evidence::models::yardsticks::{DropoutNetwork, Laplace, Swag, ensemble};
use evidence::models::{BayesianNetwork, DenseNetwork, Mixture, Model};
use evidence::optim::Adam;
use evidence::train::data::{Dataset, Split, Standardize, Standardized, red_wine};
use evidence::train::{Event, FitOptions, Schedule, Trainer, fit};
use evidence::{Activation, Array, Likelihood, Mlp, Noise};
use ndarray::{Array1, Array2, Axis};
use std::time::Instant;

type Result<T> = std::result::Result<T, Failure>;

const SIZES: [usize; 3] = [11, 50, 1];
const PRIOR: f64 = 0.5;

struct Wine {
    training: Dataset,
    validation: Dataset,
    test: Array2<f32>,
    truth: Array1<f64>,
    points: Standardize,
}

fn wine() -> Result<Wine> {
    let wine = red_wine();
    let split = Split::by_fraction(wine.rows(), 0.8, 0.1, 0.1, &mut Noise::new(7).rng())?;
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
    /// Trains; stops by the validation rows if they are to be watched.
    fn fit<M: Model<f32>>(
        &self,
        model: M,
        adam: &mut Adam<f32>,
        watched: bool,
        seed: u64,
    ) -> Result<M> {
        let options = FitOptions {
            epochs: 150,
            batch: 32,
            patience: watched.then_some(30),
            seed,
            schedule: Schedule::Cosine,
            ..FitOptions::default()
        };
        let validation = watched.then_some(&self.validation);
        Ok(fit::<f32, _>(model, &self.training, validation, adam, &options, |_| {})?
            .into_result()?
            .model)
    }

    fn dense(&self, seed: u64) -> Result<DenseNetwork<Array<f32>>> {
        let model = DenseNetwork::regression(&SIZES, Activation::Relu, Noise::new(seed));
        self.fit(model, &mut Adam::new(3e-3)?, true, seed)
    }

    fn report(&self, name: &str, start: Instant, scaled: &Mixture) {
        let predictive = scaled.rescaled(self.points.mean()[0], self.points.scale()[0]);
        println!(
            "{name:<32} {:>6.3} {:>12.3} {:>8.1} % {:>10.3} {:>8.2}",
            rmse(&predictive.mean(), &self.truth),
            predictive.log_density(self.truth.view()).mean().unwrap_or(f64::NAN),
            100.0 * predictive.coverage(self.truth.view(), 0.9),
            predictive.epistemic_variance().mean().unwrap_or(f64::NAN).sqrt(),
            start.elapsed().as_secs_f64(),
        );
    }
}

fn main() -> Result<()> {
    Arguments::read(&[])?;
    with_threads(0, run)
}

fn run() -> Result<()> {
    let wine = wine()?;
    let (x, noise) = (wine.test.view(), Noise::new(9));
    println!(
        "{:<32} {:>6} {:>12} {:>10} {:>10} {:>8}",
        "red wine, 160 test rows", "RMSE", "log-density", "90 % in", "epistemic", "seconds"
    );
    let start = Instant::now();
    let likeliest = wine.dense(1)?;
    wine.report("maximum likelihood", start, &likeliest.predictive(x));

    let start = Instant::now();
    let net = || Mlp::new(&SIZES, Activation::Relu, Noise::new(1));
    let gaussian = || Likelihood::gaussian(0.0);
    let point = [PosteriorKind::PointMass; 2];
    let model = BayesianNetwork::with_posteriors(
        net(),
        gaussian(),
        &Prior::normal(PRIOR)?,
        &point,
        0.05,
        noise,
    );
    let map = wine.fit(model, &mut Adam::new(3e-3)?, false, 1)?;
    wine.report("MAP", start, &map.predictive(x, 1, noise));

    let start = Instant::now();
    let model = DropoutNetwork::new(net(), gaussian(), 0.05);
    let dropout = wine.fit(model, &mut Adam::new(3e-3)?.weight_decay(0.1)?, false, 1)?;
    wine.report("MC dropout, rate 0.05", start, &dropout.predictive(x, 200, noise));

    let start = Instant::now();
    let members: Vec<_> = (1..=5).map(|seed| wine.dense(seed)).collect::<Result<_>>()?;
    wine.report("deep ensemble of 5", start, &ensemble(&members, x));

    let features = wine.training.features().mapv(|x| x as f32);
    // Around MAP, where the curvature is that of the posterior.
    let network = || DenseNetwork { net: map.mean(), likelihood: map.likelihood.clone() };
    let start = Instant::now();
    let laplace = Laplace::diagonal(network(), features.view(), PRIOR);
    wine.report("Laplace, diagonal (beyond MAP)", start, &laplace.predictive(x));
    let start = Instant::now();
    let laplace = Laplace::last_layer(network(), features.view(), PRIOR);
    wine.report("Laplace, last layer (beyond MAP)", start, &laplace.predictive(x));

    let start = Instant::now();
    let options = FitOptions { epochs: 40, batch: 32, seed: 2, ..FitOptions::default() };
    let mut swag = Swag::new(&likeliest, 20);
    let mut adam = Adam::new(1e-3)?;
    let mut trainer = Trainer::new(likeliest.clone(), &wine.training, None, &mut adam, options)?;
    loop {
        match trainer.advance() {
            Event::Step => {}
            Event::Epoch(_) => swag.collect(trainer.model()),
            Event::Stop(_) => break,
            Event::Unread(error) => return Err(error.into()),
        }
    }
    trainer.finish(Vec::new()).into_result()?;
    wine.report("SWAG (beyond likelihood)", start, &swag.predictive(x, 100, noise));

    for estimator in Estimator::ALL {
        let start = Instant::now();
        let model =
            BayesianNetwork::new(net(), gaussian(), PRIOR, 0.05).with_estimator(estimator)?;
        let bayesian = wine.fit(model, &mut Adam::new(5e-3)?, false, 1)?;
        let name = format!("variational Bayes, {}", estimator.name());
        wine.report(&name, start, &bayesian.predictive(x, 200, noise));
    }
    Ok(())
}
