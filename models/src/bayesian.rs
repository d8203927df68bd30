//! The Bayesian network: the same dense network with distributions for weights, learned by variational Bayes.
//!
//! The evidence lower bound of N rows, `Σₙ E_q[log p(yₙ | xₙ, w)] − KL(q(w) ‖ p(w))`, divided by N: the KL is a sum over all
//! weights, of which each datum carries one N-th (Graves 2011; Blundell and others 2015, eq. 8).

use crate::{Batch, GaussianMixture, Likelihood, Loss, Model};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var};
use evidence_layers::{MeanField, Mlp};
use ndarray::{Array2, ArrayView2};

/// A factorised normal over a network's weights, a prior N(0, s²), and a likelihood.
#[derive(Clone, Debug)]
pub struct BayesianNetwork<P> {
    /// q(w).
    pub posterior: MeanField<Mlp<P>>,
    /// `p(y | output)`; a Gaussian's noise is learned as a number, not as a distribution.
    pub likelihood: Likelihood<P>,
    /// s.
    pub prior_scale: f64,
}

impl<T: Real> BayesianNetwork<Array<T>> {
    /// A posterior that starts around the given weights, each with the scale `posterior_scale`.
    ///
    /// # Panics
    /// If a scale is not positive.
    #[track_caller]
    pub fn new(
        net: Mlp<Array<T>>,
        likelihood: Likelihood<Array<T>>,
        prior_scale: f64,
        posterior_scale: f64,
    ) -> Self {
        assert!(
            prior_scale > 0.0,
            "BayesianNetwork: a prior scale of {prior_scale}; it must be positive"
        );
        Self { posterior: MeanField::around(net, posterior_scale), likelihood, prior_scale }
    }

    /// The predictive distribution of a regression, a mixture over draws of the weights: never one draw alone.
    ///
    /// # Panics
    /// If there are no draws, the likelihood is not Gaussian, or the network has more than one output.
    #[track_caller]
    pub fn predictive(
        &self,
        inputs: ArrayView2<'_, T>,
        draws: usize,
        noise: Noise,
    ) -> GaussianMixture {
        let scale = self.likelihood.scale().expect("predictive: the likelihood must be Gaussian");
        // The draws of a row side by side: that is how a mixture is read.
        let mut means = Array2::zeros((inputs.nrows(), draws)).reversed_axes();
        let mut tape = Tape::new();
        for (draw, mut row) in means.outer_iter_mut().enumerate() {
            {
                let net = self.posterior.bind_constant(&tape).rsample(noise.stream(draw as u64));
                let output = net.forward(tape.batch(inputs));
                assert!(output.size(1) == 1, "predictive: {output} has more than one output");
                row.iter_mut().zip(output.data()).for_each(|(mean, y)| *mean = y.to_f64());
            }
            tape.reset();
        }
        GaussianMixture::new(means, scale)
    }

    /// Class probabilities, averaged over draws of the weights: `[n, classes]`.
    ///
    /// # Panics
    /// If there are no draws.
    #[track_caller]
    pub fn probabilities(
        &self,
        inputs: ArrayView2<'_, T>,
        draws: usize,
        noise: Noise,
    ) -> Array2<f64> {
        assert!(draws > 0, "probabilities: 0 draws of the weights; ask for at least one");
        let mut mean = Array2::zeros((inputs.nrows(), self.posterior.mean.outputs()));
        let mut tape = Tape::new();
        for draw in 0..draws {
            {
                let bound = self.bind_constant(&tape);
                let net = bound.posterior.rsample(noise.stream(draw as u64));
                let p = bound.likelihood.mean(net.forward(tape.batch(inputs)));
                mean.iter_mut()
                    .zip(p.data())
                    .for_each(|(mean, p)| *mean += p.to_f64() / draws as f64);
            }
            tape.reset();
        }
        mean
    }
}

impl<P> Tree<P> for BayesianNetwork<P> {
    type With<Q> = BayesianNetwork<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> BayesianNetwork<Q> {
        BayesianNetwork {
            posterior: self.posterior.map(&path.field("posterior"), f),
            likelihood: self.likelihood.map(&path.field("likelihood"), f),
            prior_scale: self.prior_scale,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { posterior, likelihood, prior_scale: _ } = self;
        posterior.leaves_mut(out);
        likelihood.leaves_mut(out);
    }
}

impl<'t, T: Real> BayesianNetwork<Var<'t, T>> {
    /// The mean log-likelihood of the batch under one draw of the weights.
    fn log_likelihood(&self, net: &Mlp<Var<'t, T>>, batch: &Batch<'t, T>) -> Var<'t, T> {
        let output = net.forward(batch.inputs);
        self.likelihood.log_prob(output, batch.expect_targets()).mean(..)
    }
}

impl<'t, T: Real> BayesianNetwork<Var<'t, T>> {
    /// The negative ELBO per datum, estimated with one draw of the weights for the whole batch.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let (net, kl) = self.posterior.rsample_with_kl(noise, self.prior_scale);
        let log_likelihood = self.log_likelihood(&net, batch);
        let kl = kl * (1.0 / batch.data_size as f64);
        Loss {
            total: kl - log_likelihood,
            parts: vec![("log-likelihood", log_likelihood), ("KL of the weights", kl)],
        }
    }

    /// The log-likelihood alone: the KL knows nothing of held-out rows.
    pub fn validation(&self, batch: &Batch<'t, T>, noise: Noise) -> Var<'t, T> {
        -self.log_likelihood(&self.posterior.rsample(noise), batch)
    }
}

impl<T: Real> Model<T> for BayesianNetwork<Array<T>> {
    /// One draw of the weights serves the whole batch.
    const SHARDED: bool = false;

    fn loss<'t>(
        bound: &BayesianNetwork<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }

    fn validation<'t>(
        bound: &BayesianNetwork<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Var<'t, T> {
        bound.validation(batch, noise)
    }
}
