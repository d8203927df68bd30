//! The rows of distributions over weights: every posterior under every prior, every estimator it admits.

use super::{bind, inputs};
use crate::{Activation, BayesianDense, Dense, Estimator, Init, PosteriorKind, Prior};
use evidence_autodiff::check::{Check, Function};
use evidence_autodiff::{Array, Noise, Real, Var};

type Layer = BayesianDense<Array<f64>>;

/// A layer of 3 inputs and 2 outputs.
fn layer(kind: PosteriorKind, prior: Prior<Array<f64>>) -> Layer {
    let mean = Dense::new(3, 2, Init::He, Noise::new(0));
    BayesianDense { posterior: kind.around(mean, 0.3, Noise::new(1)), prior }
}

fn priors() -> [(&'static str, Prior<Array<f64>>); 5] {
    let sound = "a sound prior";
    [
        ("normal", Prior::normal(0.7).expect(sound)),
        ("learned normal", Prior::learned(0.7).expect(sound)),
        ("Laplace", Prior::laplace(0.5).expect(sound)),
        ("two normals", Prior::two_normals(0.3, 1.0, 0.2).expect(sound)),
        ("horseshoe", Prior::horseshoe(0.3).expect(sound)),
    ]
}

pub(super) fn checks() -> Vec<Check> {
    let mut table = Vec::new();
    let kinds = [
        ("point mass", PosteriorKind::PointMass),
        ("mean field", PosteriorKind::MeanField),
        ("low rank", PosteriorKind::LowRank(2)),
        ("full covariance", PosteriorKind::FullCovariance),
    ];
    for (name, kind) in kinds {
        for (prior_name, prior) in priors() {
            let layer = layer(kind, prior);
            table.push(Check::stochastic_gradient(
                format!("Posterior, {name}, KL to {prior_name}"),
                inputs(1, 1, &layer),
                tree_function!(layer, Layer, |layer, x| layer.kl(None, Noise::new(7), 0)
                    * x.sum(..)),
            ));
        }
        for estimator in Estimator::ALL {
            let layer = layer(kind, Prior::normal(0.7).expect("a sound prior"));
            if layer.admits(estimator).is_err() {
                continue;
            }
            struct Forward(Layer, Estimator);
            impl Function for Forward {
                fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
                    let layer = bind(&self.0, &inputs[1..]);
                    layer.forward(inputs[0], Activation::Tanh, self.1, Noise::new(7), 4, false).0
                }
            }
            table.push(Check::stochastic_gradient(
                format!("BayesianDense, {name}, {}", estimator.name()),
                inputs(4, 3, &layer),
                Forward(layer, estimator),
            ));
        }
    }
    table
}
