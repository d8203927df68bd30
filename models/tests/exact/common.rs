//! Models with random parameters, and estimates with errors.

use evidence_autodiff::{Array, Noise, Path, Tree};
use evidence_layers::{Activation, AffineCoupling, Chain, Mlp};
use evidence_models::{BayesianNetwork, Flow, Likelihood};
use ndarray::{Array2, ArrayD};

pub type P = Array<f64>;
pub type RealNvp = Flow<Chain<AffineCoupling<P>>>;

pub const LN_TAU: f64 = 1.837_877_066_409_345_5;

pub fn normal(rows: usize, columns: usize, noise: Noise) -> Array2<f64> {
    let mut array = Array2::zeros((rows, columns));
    noise.fill_normal_f64(array.as_slice_mut().unwrap());
    array
}

/// The same model with every parameter drawn from N(0, scale²).
pub fn scrambled<M: Tree<P, With<P> = M>>(model: &M, scale: f64, noise: Noise) -> M {
    let mut leaf = 0;
    model.map(&Path::root(), &mut |_, old| {
        leaf += 1;
        let mut new = ArrayD::zeros(old.shape());
        noise.stream(leaf).fill_normal_f64(new.as_slice_mut().unwrap());
        (new * scale).into_shared()
    })
}

/// Mean and standard error.
pub fn estimate(draws: &[f64]) -> (f64, f64) {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[track_caller]
pub fn within_four_errors(what: &str, draws: &[f64], truth: f64) {
    let (mean, error) = estimate(draws);
    assert!((mean - truth).abs() <= 4.0 * error, "{what}: {mean} ± {error}, in truth {truth}");
}

/// log N(x; mean, scale²).
pub fn log_normal(x: f64, mean: f64, scale: f64) -> f64 {
    -0.5 * ((x - mean) / scale).powi(2) - scale.ln() - 0.5 * LN_TAU
}

pub fn softplus(rho: f64) -> f64 {
    rho.exp().ln_1p()
}

pub fn bayesian(sizes: &[usize], likelihood: Likelihood<P>, noise: Noise) -> BayesianNetwork<P> {
    let net = Mlp::new(sizes, Activation::Tanh, noise);
    let model = BayesianNetwork::<P>::new(net, likelihood, 0.7, 0.3);
    scrambled(&model, 0.6, noise.stream(1))
}

pub fn flow(width: usize, couplings: usize, noise: Noise) -> RealNvp {
    scrambled(&Flow::real_nvp(width, couplings, &[8], noise).unwrap(), 0.5, noise.stream(50))
}
