//! Laplace's approximation around a trained network, by Gauss–Newton: `q(w) = N(ŵ, Λ⁻¹)`, `Λ = I/s² + Σₙ JₙᵀJₙ/σ²`.
//!
//! J is the Jacobian of the output with respect to the weights, σ the noise, s the prior's scale. Predictions are those of the network
//! linearised at ŵ, whose variance is `J Λ⁻¹ Jᵀ` (Immer, Korzepa and Bauer 2021, eq. 9). Λ is kept as its diagonal, over all weights,
//! or in full over the last layer's, for which J is what that layer sees, and a one.

use crate::{DenseNetwork, Likelihood, Mixture};
use evidence_autodiff::{Array, Parameters, Path, Real, Tape, Tree};
use ndarray::{Array1, Array2, ArrayView2};

/// A regression network and the precision of its weights.
#[derive(Clone, Debug)]
pub struct Laplace<T> {
    network: DenseNetwork<Array<T>>,
    scale: f64,
    precision: Precision,
}

#[derive(Clone, Debug)]
enum Precision {
    /// Of every weight.
    Diagonal(Array1<f64>),
    /// The factor L of Λ = L Lᵀ over the last layer.
    LastLayer(Array2<f64>),
}

impl<T: Real> Laplace<T> {
    /// The diagonal of Λ over all weights.
    ///
    /// # Panics
    /// If the network is no regression with one output and a noise for all rows, or the prior's scale is not positive.
    #[must_use]
    #[track_caller]
    pub fn diagonal(
        network: DenseNetwork<Array<T>>,
        inputs: ArrayView2<'_, T>,
        prior_scale: f64,
    ) -> Self {
        let scale = check(&network, prior_scale);
        let mut precision = Array1::from_elem(network.net.count(), prior_scale.powi(-2));
        jacobians(&network, inputs, |_, jacobian| {
            precision.iter_mut().zip(jacobian).for_each(|(p, j)| *p += (j / scale).powi(2));
        });
        Self { network, scale, precision: Precision::Diagonal(precision) }
    }

    /// Λ in full, over the last layer's weights and bias; the layers before are taken for certain.
    ///
    /// # Panics
    /// As [`diagonal`](Self::diagonal) does.
    #[must_use]
    #[track_caller]
    pub fn last_layer(
        network: DenseNetwork<Array<T>>,
        inputs: ArrayView2<'_, T>,
        prior_scale: f64,
    ) -> Self {
        let scale = check(&network, prior_scale);
        let phi = last_inputs(&network, inputs);
        let prior = Array2::from_diag_elem(phi.ncols(), prior_scale.powi(-2));
        let l = cholesky(prior + phi.t().dot(&phi) / (scale * scale));
        Self { network, scale, precision: Precision::LastLayer(l) }
    }

    /// The variance of each row's output that the weights make.
    #[must_use]
    #[track_caller]
    pub fn variance(&self, inputs: ArrayView2<'_, T>) -> Array1<f64> {
        match &self.precision {
            Precision::Diagonal(precision) => {
                let mut variance = Array1::zeros(inputs.nrows());
                jacobians(&self.network, inputs, |row, jacobian| {
                    variance[row] = jacobian.iter().zip(precision).map(|(j, p)| j * j / p).sum();
                });
                variance
            }
            Precision::LastLayer(l) => {
                let phi = last_inputs(&self.network, inputs);
                // φᵀ (L Lᵀ)⁻¹ φ = |L⁻¹ φ|².
                let rows = phi.outer_iter().map(|phi| {
                    let mut z = Array1::zeros(phi.len());
                    for i in 0..phi.len() {
                        let done: f64 = (0..i).map(|k| l[[i, k]] * z[k]).sum();
                        z[i] = (phi[i] - done) / l[[i, i]];
                    }
                    z.dot(&z)
                });
                rows.collect()
            }
        }
    }

    /// The predictive distribution: N(f(x), J Λ⁻¹ Jᵀ + σ²), whose first part is of the weights.
    #[must_use]
    #[track_caller]
    pub fn predictive(&self, inputs: ArrayView2<'_, T>) -> Mixture {
        let centre = self.network.predictive(inputs).mean();
        Mixture::normal(centre, self.variance(inputs), self.scale)
    }
}

#[track_caller]
fn check<T: Real>(network: &DenseNetwork<Array<T>>, prior_scale: f64) -> f64 {
    assert!(
        prior_scale > 0.0 && prior_scale.is_finite(),
        "Laplace: a prior scale of {prior_scale}; it must be positive and finite"
    );
    let outputs = network.net.outputs();
    assert!(
        outputs == 1,
        "Laplace: a network of {outputs} outputs; its prediction is of one number, so give each output a network of its own"
    );
    match network.likelihood {
        Likelihood::Gaussian { .. } | Likelihood::KnownGaussian { .. } => {
            network.likelihood.scale().expect("a Gaussian has a scale")
        }
        _ => panic!("Laplace: the likelihood must be a Gaussian with one noise for all rows"),
    }
}

/// The gradient of each row's output with respect to the network's weights.
fn jacobians<T: Real>(
    network: &DenseNetwork<Array<T>>,
    inputs: ArrayView2<'_, T>,
    mut with: impl FnMut(usize, &[f64]),
) {
    let (mut tape, mut jacobian) = (Tape::new(), Vec::new());
    for (row, x) in inputs.outer_iter().enumerate() {
        {
            let bound = network.net.bind(&tape);
            let output = bound.forward(tape.batch(x.insert_axis(ndarray::Axis(0))));
            let mut gradients = output.sum(..).backward();
            jacobian.clear();
            bound.map(&Path::root(), &mut |_, var| {
                jacobian.extend(gradients.take(*var).data().iter().map(|j| j.to_f64()));
            });
            with(row, &jacobian);
        }
        tape.reset();
    }
}

/// What the last layer sees, and a column of ones.
fn last_inputs<T: Real>(
    network: &DenseNetwork<Array<T>>,
    inputs: ArrayView2<'_, T>,
) -> Array2<f64> {
    let tape = Tape::new();
    let hidden = network.net.bind_constant(&tape).hidden(tape.batch(inputs));
    let (rows, width) = (hidden.size(0), hidden.size(1));
    Array2::from_shape_fn((rows, width + 1), |(row, i)| {
        if i < width { hidden.data()[row * width + i].to_f64() } else { 1.0 }
    })
}

/// L of A = L Lᵀ, for an A that a prior keeps positive definite.
fn cholesky(a: Array2<f64>) -> Array2<f64> {
    let n = a.nrows();
    let mut l = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let done: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
            let rest = a[[i, j]] - done;
            l[[i, j]] = if i == j { rest.sqrt() } else { rest / l[[j, j]] };
        }
    }
    l
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Noise;
    use evidence_layers::{Activation, Mlp};
    use ndarray::{Axis, arr1, concatenate};
    use std::panic::AssertUnwindSafe;

    /// Of a linear network with known noise the approximation is the posterior itself.
    #[test]
    fn a_linear_networks_approximation_is_exact() {
        let (noise, prior) = (0.3, 1.5);
        let mut x = Array2::zeros((20, 3));
        Noise::new(1).fill_normal_f64(x.as_slice_mut().unwrap());
        let net = Mlp::<Array<f64>>::new(&[3, 1], Activation::Tanh, Noise::new(2));
        let network = DenseNetwork { net, likelihood: Likelihood::known_gaussian(noise) };
        let phi = concatenate(Axis(1), &[x.view(), Array2::ones((20, 1)).view()]).unwrap();
        let precision =
            Array2::from_diag_elem(4, 1.0 / (prior * prior)) + phi.t().dot(&phi) / (noise * noise);
        let asked = ndarray::arr2(&[[0.3, -1.0, 2.0], [0.0, 0.0, 0.0]]);
        let trained = network.predictive(asked.view()).mean();
        let full = Laplace::last_layer(network.clone(), x.view(), prior);
        let diagonal = Laplace::diagonal(network, x.view(), prior);
        let (whole, alone) = (full.variance(asked.view()), diagonal.variance(asked.view()));
        for (row, x) in asked.outer_iter().enumerate() {
            let phi = arr1(&[x[0], x[1], x[2], 1.0]);
            let by_diagonal: f64 =
                phi.iter().zip(precision.diag()).map(|(phi, p)| phi * phi / p).sum();
            assert!((alone[row] / by_diagonal - 1.0).abs() <= 1e-10);
            // v = Λ⁻¹ φ, by steepest descent's better cousin: conjugate gradients, four steps of which are exact.
            let (mut v, mut r) = (Array1::<f64>::zeros(4), phi.clone());
            let mut p = r.clone();
            for _ in 0..8 {
                let ap = precision.dot(&p);
                let (rr, step) = (r.dot(&r), r.dot(&r) / p.dot(&ap));
                if rr < 1e-28 {
                    break;
                }
                v = v + &p * step;
                r = r - &ap * step;
                p = &r + &p * (r.dot(&r) / rr);
            }
            assert!(
                (whole[row] / phi.dot(&v) - 1.0).abs() <= 1e-8,
                "{} {}",
                whole[row],
                phi.dot(&v)
            );
        }
        let predictive = full.predictive(asked.view());
        assert!(
            (predictive.mean() - &trained).iter().all(|e| e.abs() <= 1e-14) && trained[0] != 0.0
        );
        let spread = predictive.epistemic_variance();
        assert!((&spread / &whole - 1.0).iter().all(|e| e.abs() <= 1e-10), "{spread} {whole}");
        assert!((predictive.aleatoric_variance()[0] - noise * noise).abs() <= 1e-12);
        // And its density is the normal's own, also far out, in any unit, and in company.
        for (offset, factor) in [(0.0, 1.0), (5.0, 3.0)] {
            let alone = predictive.rescaled(offset, factor);
            let twice = Mixture::together(&[alone.clone(), alone.clone()]);
            for (mixture, sd) in [&alone, &twice].into_iter().zip([8.0, -8.0]) {
                let scale = (&whole + noise * noise).mapv(|v| factor * v.sqrt());
                let density = mixture.log_density((mixture.mean() + &scale * sd).view());
                for (density, scale) in density.iter().zip(&scale) {
                    let truth = -0.5 * sd * sd - scale.ln() - 0.5 * std::f64::consts::TAU.ln();
                    assert!((density - truth).abs() <= 1e-10 * truth.abs(), "{density} {truth}");
                }
                let spread = mixture.epistemic_variance() / (factor * factor);
                assert!((&spread / &whole - 1.0).iter().all(|e| e.abs() <= 1e-10));
                let noises = mixture.aleatoric_variance() / (factor * factor);
                assert!(noises.iter().all(|v| (v / (noise * noise) - 1.0).abs() <= 1e-10));
            }
        }
    }

    #[test]
    fn what_it_cannot_approximate_is_refused_with_a_reason() {
        let x = Array2::<f64>::zeros((3, 2));
        let refused = |outputs: usize, likelihood, prior: f64, reason: &str| {
            let net = Mlp::<Array<f64>>::new(&[2, outputs], Activation::Tanh, Noise::new(0));
            let network = DenseNetwork { net, likelihood };
            for last in [false, true] {
                let network = network.clone();
                let made = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    if last {
                        Laplace::last_layer(network, x.view(), prior)
                    } else {
                        Laplace::diagonal(network, x.view(), prior)
                    }
                }));
                let panic = made.map(|_| ()).expect_err("it should have been refused");
                let text = panic.downcast::<String>().map(|text| *text);
                let text = text.unwrap_or_else(|panic| {
                    panic.downcast::<&str>().expect("a message").to_string()
                });
                assert!(text.contains(reason), "{text}");
            }
        };
        let known = || Likelihood::known_gaussian(0.3);
        refused(3, known(), 1.0, "a network of 3 outputs; its prediction is of one number");
        refused(1, Likelihood::Poisson, 1.0, "must be a Gaussian");
        refused(1, Likelihood::Bernoulli, 1.0, "must be a Gaussian");
        for prior in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            refused(1, known(), prior, "it must be positive and finite");
        }
    }
}
