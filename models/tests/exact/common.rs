//! Models with random parameters, and estimates with errors.

use evidence_autodiff::{Array, Noise, Path, Tree};
use evidence_layers::{
    Activation, AffineCoupling, BayesianDense, Chain, Dense, MeanField, Mlp, Posterior,
};
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

/// A layer's factorised posterior.
pub fn factorised(layer: &BayesianDense<P>) -> &MeanField<Dense<P>> {
    let Posterior::MeanField(q) = &layer.posterior else { panic!("a factorised posterior") };
    q
}

/// L with L Lᵀ = A.
pub fn cholesky(a: &Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    let mut l = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let rest = a[[i, j]] - (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum::<f64>();
            l[[i, j]] = if i == j { rest.sqrt() } else { rest / l[[j, j]] };
        }
    }
    l
}

/// A⁻¹ of a symmetric positive definite A, column by column.
pub fn inverse(a: &Array2<f64>) -> Array2<f64> {
    let (n, l) = (a.nrows(), cholesky(a));
    let mut inverse = Array2::eye(n);
    for mut x in inverse.columns_mut() {
        for i in 0..n {
            let rest = x[i] - (0..i).map(|k| l[[i, k]] * x[k]).sum::<f64>();
            x[i] = rest / l[[i, i]];
        }
        for i in (0..n).rev() {
            let rest = x[i] - (i + 1..n).map(|k| l[[k, i]] * x[k]).sum::<f64>();
            x[i] = rest / l[[i, i]];
        }
    }
    inverse
}

/// log N(x; mean, covariance).
pub fn log_normal_of(x: &[f64], mean: &[f64], covariance: &Array2<f64>) -> f64 {
    let l = cholesky(covariance);
    let (mut log_prob, mut z) = (0.0, Vec::new());
    for i in 0..x.len() {
        let rest = x[i] - mean[i] - (0..i).map(|k| l[[i, k]] * z[k]).sum::<f64>();
        z.push(rest / l[[i, i]]);
        log_prob -= 0.5 * z[i] * z[i] + l[[i, i]].ln() + 0.5 * LN_TAU;
    }
    log_prob
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
