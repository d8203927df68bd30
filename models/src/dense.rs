//! The dense network: maximum likelihood for `p(y | x) = p(y | net(x))`, by backpropagation.

use crate::predictive::MixtureOutputs;
use crate::{Batch, Likelihood, Loss, Mixture, Model};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var};
use evidence_layers::{Activation, Mlp};
use ndarray::ArrayView2;

/// A network and the likelihood that reads its output.
#[derive(Clone, Debug)]
pub struct DenseNetwork<P> {
    /// From inputs to the likelihood's parameters.
    pub net: Mlp<P>,
    /// `p(y | output)`.
    pub likelihood: Likelihood<P>,
}

impl<T: Real> DenseNetwork<Array<T>> {
    /// Regression: a Gaussian with learned noise around the output. `sizes` from inputs to targets.
    #[track_caller]
    pub fn regression(sizes: &[usize], activation: Activation, noise: Noise) -> Self {
        Self { net: Mlp::new(sizes, activation, noise), likelihood: Likelihood::gaussian(0.0) }
    }

    /// Binary targets: the outputs are logits.
    #[track_caller]
    pub fn binary(sizes: &[usize], activation: Activation, noise: Noise) -> Self {
        Self { net: Mlp::new(sizes, activation, noise), likelihood: Likelihood::Bernoulli }
    }

    /// One of several classes, as many as the last size says: the outputs are logits, the target one column of labels.
    #[track_caller]
    pub fn multi_class(sizes: &[usize], activation: Activation, noise: Noise) -> Self {
        Self { net: Mlp::new(sizes, activation, noise), likelihood: Likelihood::Categorical }
    }

    /// The predictive distribution of numbers or counts: one network is one draw, which knows of no doubt about its weights.
    ///
    /// # Panics
    /// If the likelihood is one of classes or pixels, or there is more than one target.
    #[must_use]
    #[track_caller]
    pub fn predictive(&self, inputs: ArrayView2<'_, T>) -> Mixture {
        let tape = Tape::new();
        let bound = self.bind_constant(&tape);
        let mut outputs = MixtureOutputs::new(&self.likelihood, inputs.nrows(), 1);
        outputs.put(0, &bound.likelihood, bound.net.forward(tape.batch(inputs)));
        outputs.mixture()
    }
}

impl<P> Tree<P> for DenseNetwork<P> {
    type With<Q> = DenseNetwork<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> DenseNetwork<Q> {
        DenseNetwork {
            net: self.net.map(&path.field("net"), f),
            likelihood: self.likelihood.map(&path.field("likelihood"), f),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { net, likelihood } = self;
        net.leaves_mut(out);
        likelihood.leaves_mut(out);
    }
}

impl<'t, T: Real> DenseNetwork<Var<'t, T>> {
    /// The expected target of each row: predictions, or probabilities.
    #[must_use]
    #[track_caller]
    pub fn predict(&self, inputs: Var<'t, T>) -> Var<'t, T> {
        self.likelihood.mean(self.net.forward(inputs))
    }
}

impl<'t, T: Real> DenseNetwork<Var<'t, T>> {
    /// The negative mean log-likelihood.
    pub fn loss(&self, batch: &Batch<'t, T>, _: Noise) -> Loss<'t, T> {
        let output = self.net.forward(batch.inputs);
        let log_likelihood = self.likelihood.log_prob(output, batch.expect_targets()).mean(..);
        Loss { total: -log_likelihood, parts: vec![("log-likelihood", log_likelihood)] }
    }
}

impl<T: Real> Model<T> for DenseNetwork<Array<T>> {
    fn loss<'t>(
        bound: &DenseNetwork<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }
}
