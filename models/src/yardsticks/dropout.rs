//! MC dropout: hidden units are left out at random in training, and in prediction too (Gal and Ghahramani 2016).
//!
//! `z = (h ∘ m / (1 − p)) W + b`, m a mask of its own for each row, an entry 0 with probability p. In training it is maximum likelihood under the
//! masks (a prior on the weights is the optimiser's weight decay); a prediction is a mixture over masks.

use crate::predictive::MixtureOutputs;
use crate::{Batch, Likelihood, Loss, Mixture, Model};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var};
use evidence_layers::{Dropout, Mlp};
use ndarray::ArrayView2;

/// A dense network whose hidden units are left out with the probability `rate`.
#[derive(Clone, Debug)]
pub struct DropoutNetwork<P> {
    /// From inputs to the likelihood's parameters.
    pub net: Mlp<P>,
    /// `p(y | output)`.
    pub likelihood: Likelihood<P>,
    /// Of hidden units.
    pub dropout: Dropout,
}

impl<T: Real> DropoutNetwork<Array<T>> {
    /// With nothing learned yet.
    ///
    /// # Panics
    /// If the rate is not inside [0, 1).
    #[track_caller]
    pub fn new(net: Mlp<Array<T>>, likelihood: Likelihood<Array<T>>, rate: f64) -> Self {
        let dropout = Dropout::new(rate).unwrap_or_else(|error| panic!("DropoutNetwork: {error}"));
        Self { net, likelihood, dropout }
    }

    /// The mixture over so many masks.
    ///
    /// # Panics
    /// If there are none, the likelihood is one of classes or pixels, or there is more than one target.
    #[must_use]
    #[track_caller]
    pub fn predictive(&self, inputs: ArrayView2<'_, T>, masks: usize, noise: Noise) -> Mixture {
        let mut outputs = MixtureOutputs::new(&self.likelihood, inputs.nrows(), masks);
        let mut tape = Tape::new();
        for mask in 0..masks {
            {
                let bound = self.bind_constant(&tape);
                let output = bound.forward(tape.batch(inputs), noise.stream(mask as u64));
                outputs.put(mask, &bound.likelihood, output);
            }
            tape.reset();
        }
        outputs.mixture()
    }
}

impl<P> Tree<P> for DropoutNetwork<P> {
    type With<Q> = DropoutNetwork<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> DropoutNetwork<Q> {
        DropoutNetwork {
            net: self.net.map(&path.field("net"), f),
            likelihood: self.likelihood.map(&path.field("likelihood"), f),
            dropout: self.dropout,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { net, likelihood, dropout: _ } = self;
        net.leaves_mut(out);
        likelihood.leaves_mut(out);
    }
}

impl<'t, T: Real> DropoutNetwork<Var<'t, T>> {
    /// The outputs under one mask for each row, `[n, out]`.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        let (mut x, last) = (x, self.net.layers.len().saturating_sub(1));
        let dropout = self.dropout;
        for (i, layer) in self.net.layers.iter().enumerate() {
            if i > 0 {
                x = dropout.forward_training(x, noise.stream(i as u64));
            }
            let activation = if i == last { self.net.output } else { self.net.activation };
            x = layer.forward(x, activation);
        }
        x
    }

    /// The negative mean log-likelihood under masks.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let output = self.forward(batch.inputs, noise);
        let log_likelihood = self.likelihood.log_prob(output, batch.expect_targets()).mean(..);
        Loss { total: -log_likelihood, parts: vec![("log-likelihood", log_likelihood)] }
    }
}

impl<T: Real> Model<T> for DropoutNetwork<Array<T>> {
    fn loss<'t>(
        bound: &DropoutNetwork<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_layers::Activation;
    use ndarray::arr2;

    #[test]
    fn a_prediction_is_the_mixture_over_masks() {
        let net = Mlp::<Array<f64>>::new(&[2, 8, 1], Activation::Tanh, Noise::new(1));
        let model = DropoutNetwork::new(net, Likelihood::known_gaussian(0.3), 0.4);
        let (x, masks, noise) = (arr2(&[[0.3, -1.0], [2.0, 0.5]]), 5, Noise::new(2));
        let found = model.predictive(x.view(), masks, noise);
        let tape = Tape::new();
        let bound = model.bind_constant(&tape);
        let each: Vec<_> = (0..masks as u64)
            .map(|mask| bound.forward(tape.constant(&x), noise.stream(mask)).data().to_vec())
            .collect();
        assert_ne!(each[0], each[1], "masks of their own");
        for row in 0..2 {
            let mean = each.iter().map(|y| y[row]).sum::<f64>() / masks as f64;
            let square = each.iter().map(|y| (y[row] - mean).powi(2)).sum::<f64>() / masks as f64;
            assert!((found.mean()[row] - mean).abs() <= 1e-14);
            assert!((found.epistemic_variance()[row] - square).abs() <= 1e-14);
            assert!((found.aleatoric_variance()[row] - 0.09).abs() <= 1e-14);
        }
    }
}
