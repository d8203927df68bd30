//! Every model, each with a problem that it can learn.

use evidence_autodiff::{Array, Noise, Parameters};
use evidence_layers::{Activation, AffineCoupling, Chain, Mlp};
use evidence_models::{
    Autoencoder, BayesianNetwork, DenseNetwork, Flow, Iwae, Likelihood, Model, Vae,
};
use evidence_optim::{Adam, Optimizer};
use evidence_train::data::Dataset;
use evidence_train::{Fit, FitOptions, fit};
use ndarray::{Array2, Axis};

/// Rows and sizes of a problem.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub rows: usize,
    pub width: usize,
    pub hidden: usize,
}

/// For laws that hold whatever the size.
pub const SMALL: Sizes = Sizes { rows: 96, width: 6, hidden: 16 };

/// A law that every model obeys.
pub trait Law {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset);
}

/// Holds every model to a law.
pub fn each(sizes: Sizes, law: &impl Law) {
    let Sizes { rows, width, hidden } = sizes;
    let noise = Noise::new(11);
    let x = normal(rows, width, noise.stream(0));
    // A plane through the data, seen with a little noise.
    let slope = x.sum_axis(Axis(1)).insert_axis(Axis(1)) / (width as f64).sqrt();
    let target = &slope + 0.1 * normal(rows, 1, noise.stream(1));
    let side = slope.mapv(|y| f64::from(u8::from(y > 0.0)));
    let third = slope.mapv(|y| if y < -0.4 { 0.0 } else { f64::from(u8::from(y > 0.4)) + 1.0 });
    // Columns that follow two hidden ones: what an autoencoder or a flow can find.
    let mixed = normal(rows, 2, noise.stream(2)).dot(&normal(2, width, noise.stream(3)));
    let real = Dataset::new(&mixed + 0.1 * &x, None).unwrap();
    let pixels = Dataset::new(mixed.mapv(|y| f64::from(u8::from(y > 0.0))), None).unwrap();
    let with = |targets| Dataset::new(x.clone(), Some(targets)).unwrap();

    let (relu, tanh) = (Activation::Relu, Activation::Tanh);
    let (ends, weights) = ([width, hidden], noise.stream(4));
    let to = |outputs| [width, hidden, outputs];
    law.check(
        "dense, regression",
        dense(DenseNetwork::regression(&to(1), relu, weights)),
        &with(target.clone()),
    );
    law.check("dense, binary", dense(DenseNetwork::binary(&to(1), relu, weights)), &with(side));
    law.check(
        "dense, multi-class",
        dense(DenseNetwork::multi_class(&to(3), relu, weights)),
        &with(third),
    );
    let net = Mlp::new(&to(1), relu, weights);
    let bayesian = BayesianNetwork::<Array<f32>>::new(net, Likelihood::gaussian(0.0), 1.0, 0.05);
    law.check("Bayesian network", bayesian, &with(target));
    let latents = [ends[0], ends[1], 2];
    let gaussian = || Likelihood::gaussian(0.0);
    law.check(
        "autoencoder",
        Autoencoder::<Array<f32>>::new(&latents, tanh, gaussian(), weights),
        &real,
    );
    law.check("VAE, Gaussian", Vae::<Array<f32>>::new(&latents, relu, gaussian(), weights), &real);
    law.check(
        "VAE, Bernoulli",
        Vae::<Array<f32>>::new(&latents, relu, Likelihood::Bernoulli, weights),
        &pixels,
    );
    let vae = |likelihood| Vae::<Array<f32>>::new(&latents, tanh, likelihood, weights);
    law.check("IWAE, Gaussian", Iwae::new(vae(gaussian()), 3), &real);
    law.check("IWAE, Bernoulli", Iwae::new(vae(Likelihood::Bernoulli), 3), &pixels);
    let flow: Flow<Chain<AffineCoupling<Array<f32>>>> =
        Flow::real_nvp(width, 3, &[hidden], weights).unwrap();
    law.check("flow", flow, &real);
}

fn dense(model: DenseNetwork<Array<f32>>) -> DenseNetwork<Array<f32>> {
    model
}

pub fn normal(rows: usize, columns: usize, noise: Noise) -> Array2<f64> {
    let mut array = Array2::zeros((rows, columns));
    noise.fill_normal_f64(array.as_slice_mut().unwrap());
    array
}

/// Fits with Adam at the rate of 0.01.
pub fn run<M: Model<f32> + Clone>(model: &M, data: &Dataset, options: &FitOptions) -> Fit<M> {
    run_with(&mut Adam::new(0.01).unwrap(), model, data, None, options)
}

/// Fits with an optimiser and a validation set.
pub fn run_with<M: Model<f32> + Clone>(
    optimizer: &mut impl Optimizer<f32>,
    model: &M,
    data: &Dataset,
    validation: Option<&Dataset>,
    options: &FitOptions,
) -> Fit<M> {
    let mut reported = Vec::new();
    let fitted = fit(model.clone(), data, validation, optimizer, options, |epoch| {
        reported.push(epoch.clone());
    })
    .unwrap();
    assert_eq!(reported, fitted.history, "every epoch is reported once, in order");
    assert!(fitted.history.iter().map(|epoch| epoch.number).eq(1..=fitted.history.len()));
    fitted
}

/// The bits of every parameter, by name.
pub fn bits<M: Model<f32>>(model: &M) -> Vec<(String, Vec<u32>)> {
    let leaves = model.named().into_iter();
    leaves.map(|(name, leaf)| (name, leaf.iter().map(|x| x.to_bits()).collect())).collect()
}
