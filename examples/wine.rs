//! Supervised learning on red wine: a dense network, then the same network with distributions for weights.
//!
//! `cargo run --release --example wine`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::metrics::rmse;
use evidence::models::{BayesianNetwork, DenseNetwork};
use evidence::optim::Adam;
use evidence::train::data::{Dataset, Split, Standardize, red_wine};
use evidence::train::{FitOptions, fit};
use evidence::{Activation, Likelihood, Mlp, Noise, Parameters, Tape};
use ndarray::Axis;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    with_threads(0, || {
        // Training, validation and test rows; the standardisation knows the training rows alone.
        let wine = red_wine();
        let split = Split::by_fraction(wine.rows(), 0.8, 0.1, 0.1, &mut Noise::new(7).rng())?;
        let quality = wine.targets().expect("the wine has targets");
        let features = Standardize::fit(wine.features().view(), split.train())?;
        let points = Standardize::fit(quality.view(), split.train())?;
        let all = Dataset::new(features.transform(wine.features().view()), Some(points.transform(quality.view())))?;
        let (training, validation) = (all.select(split.train())?, all.select(split.validation())?);
        let test = all.features().select(Axis(0), split.test()).mapv(|x| x as f32);
        let truth = quality.column(0).select(Axis(0), split.test());

        let model = DenseNetwork::regression(&[11, 50, 1], Activation::Relu, Noise::new(1));
        let options = FitOptions { epochs: 60, batch: 32, patience: Some(15), ..FitOptions::default() };
        let dense = fit::<f32, _>(model, &training, Some(&validation), &mut Adam::new(3e-3)?, &options, |_| {})?;
        let tape = Tape::new();
        let output = dense.model.bind_constant(&tape).predict(tape.batch(test.view()));
        let predicted: ndarray::Array1<f64> =
            output.data().iter().map(|&y| points.mean()[0] + points.scale()[0] * f64::from(y)).collect();
        println!("dense network: best at epoch {}, test RMSE {:.3} points", dense.best, rmse(&predicted, &truth));

        let net = Mlp::new(&[11, 50, 1], Activation::Relu, Noise::new(1));
        let model = BayesianNetwork::new(net, Likelihood::gaussian(0.0), 0.5, 0.05);
        let options = FitOptions { epochs: 150, batch: 32, ..FitOptions::default() };
        let bayesian = fit::<f32, _>(model, &training, None, &mut Adam::new(3e-3)?, &options, |_| {})?;
        // Many draws of the weights make one predictive distribution.
        let predictive = bayesian.model.predictive(test.view(), 200, Noise::new(2));
        let predictive = predictive.rescaled(points.mean()[0], points.scale()[0]);
        println!(
            "Bayesian network: test RMSE {:.3} points, log-density {:.3} nats, the 90 % interval covers {:.0} %",
            rmse(&predictive.mean(), &truth),
            predictive.log_density(truth.view()).mean().expect("there are test rows"),
            100.0 * predictive.coverage(truth.view(), 0.9),
        );
        println!(
            "standard deviation of a prediction: {:.2} from the weights, {:.2} from the noise",
            predictive.epistemic_variance().mean().expect("there are test rows").sqrt(),
            predictive.aleatoric_variance().mean().expect("there are test rows").sqrt(),
        );
        Ok(())
    })
    .map_err(|error: Box<dyn std::error::Error + Send + Sync>| -> Box<dyn std::error::Error> { error })
}
