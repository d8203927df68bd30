//! A gradient longer than allowed is shortened to that; nothing else changes.

use crate::cases::{Law, SMALL, bits, each, run_with};
use evidence_autodiff::Parameters;
use evidence_models::Model;
use evidence_optim::Sgd;
use evidence_train::FitOptions;
use evidence_train::data::Dataset;

/// A step of gradient descent is as long as the gradient, times this.
const RATE: f64 = 1e-2;

struct Shortened;

impl Law for Shortened {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let after = |clip| {
            let options =
                FitOptions { epochs: 1, batch: usize::MAX, clip, ..FitOptions::default() };
            run_with(&mut Sgd::new(RATE).unwrap(), &model, data, None, &options).model
        };
        // What the step added to each parameter.
        let step = |to: &M| -> Vec<f64> {
            let pairs = model.named().into_iter().zip(to.named());
            let each = pairs.flat_map(|((_, from), (_, to))| {
                let pairs = from.iter().zip(to.iter());
                pairs.map(|(a, b)| f64::from(*b) - f64::from(*a)).collect::<Vec<_>>()
            });
            each.collect()
        };
        let free = after(None);
        let whole = step(&free);
        let norm = whole.iter().map(|x| x * x).sum::<f64>().sqrt() / RATE;
        assert!(norm > 1e-3, "{name}: a gradient of {norm}");
        assert!(bits(&after(Some(2.0 * norm))) == bits(&free), "{name}: short enough");
        for share in [0.5, 0.1] {
            let shortened = step(&after(Some(share * norm)));
            for (short, whole) in shortened.iter().zip(&whole) {
                // Parameters near 1 take a step to within their own rounding.
                let error = (short - share * whole).abs();
                assert!(error <= 1e-3 * whole.abs() + 2e-7, "{name}, {share}: {short} of {whole}");
            }
        }
    }
}

#[test]
fn a_long_gradient_is_shortened() {
    each(SMALL, &Shortened);
}
