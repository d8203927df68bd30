//! The Bayesian network: the same dense network with distributions for weights, learned by variational Bayes.
//!
//! The evidence lower bound of N rows, `Σₙ E_q[log p(yₙ | xₙ, w)] − KL(q(w) ‖ p(w))`, divided by N: the KL is a sum over all
//! weights, of which each datum carries one N-th (Graves 2011; Blundell and others 2015, eq. 8).

use crate::predictive::{ClassMixture, Mixture, MixtureOutputs};
use crate::{Batch, Likelihood, Loss, Model};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var};
use evidence_layers::{
    Activation, BayesianDense, Draw, Estimator, EstimatorError, Mlp, PosteriorKind, Prior,
};
use ndarray::{Array2, ArrayView2};

/// Dense layers with distributions for weights, and a likelihood.
///
/// Each layer has a posterior and a prior of its own kind: one may be a point mass, the next a full covariance.
#[derive(Clone, Debug)]
pub struct BayesianNetwork<P> {
    /// q(w) and p(w), from input to output.
    pub posterior: Vec<BayesianDense<P>>,
    /// Behind every layer but the last.
    pub activation: Activation,
    /// Behind the last layer.
    pub output: Activation,
    /// `p(y | output)`; the scale of a noise is learned as a number, not as a distribution.
    pub likelihood: Likelihood<P>,
    /// What the gradient is made of. Predictions draw whole weights whatever it is.
    pub estimator: Estimator,
    /// Draws in each step's estimate; their mean is the loss.
    pub draws: usize,
    /// The share of the KL that the loss counts, 1 but while it [warms up](Model::warm).
    pub kl_share: f64,
}

impl<T: Real> BayesianNetwork<Array<T>> {
    /// Factorised posteriors that start around the given weights, each with the scale `posterior_scale`, under priors
    /// N(0, prior_scale²).
    ///
    /// # Panics
    /// If a scale is not positive and finite.
    #[track_caller]
    pub fn new(
        net: Mlp<Array<T>>,
        likelihood: Likelihood<Array<T>>,
        prior_scale: f64,
        posterior_scale: f64,
    ) -> Self {
        let prior =
            Prior::normal(prior_scale).unwrap_or_else(|error| panic!("BayesianNetwork: {error}"));
        let kinds = vec![PosteriorKind::MeanField; net.layers.len()];
        Self::with_posteriors(net, likelihood, &prior, &kinds, posterior_scale, Noise::new(0))
    }

    /// A posterior of its own kind for each layer, around the given weights, each with the scale `posterior_scale`.
    ///
    /// `noise` decides the directions that low-rank posteriors start with.
    ///
    /// # Panics
    /// If there is not one kind for each layer, or the scale is not positive.
    #[track_caller]
    pub fn with_posteriors(
        net: Mlp<Array<T>>,
        likelihood: Likelihood<Array<T>>,
        prior: &Prior<Array<T>>,
        kinds: &[PosteriorKind],
        posterior_scale: f64,
        noise: Noise,
    ) -> Self {
        let Mlp { layers, activation, output } = net;
        assert!(
            kinds.len() == layers.len(),
            "BayesianNetwork: {} kinds of posteriors for {} layers",
            kinds.len(),
            layers.len()
        );
        let layers = layers.into_iter().zip(kinds).enumerate();
        let posterior = layers.map(|(i, (mean, kind))| BayesianDense {
            posterior: kind.around(mean, posterior_scale, noise.stream(i as u64)),
            prior: prior.clone(),
        });
        Self {
            posterior: posterior.collect(),
            activation,
            output,
            likelihood,
            estimator: Estimator::Shared,
            draws: 1,
            kl_share: 1.0,
        }
    }

    /// With another estimator of the gradient.
    ///
    /// # Errors
    /// If a layer's posterior has no use for it: see [`BayesianDense::admits`].
    pub fn with_estimator(self, estimator: Estimator) -> Result<Self, EstimatorError> {
        self.posterior.iter().try_for_each(|layer| layer.admits(estimator))?;
        Ok(Self { estimator, ..self })
    }

    /// With more draws in each step.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    #[track_caller]
    pub fn with_draws(self, draws: usize) -> Self {
        assert!(draws > 0, "BayesianNetwork: 0 draws in a step; ask for at least one");
        Self { draws, ..self }
    }

    /// The posterior's mean, as a network.
    pub fn mean(&self) -> Mlp<Array<T>> {
        let layers = self.posterior.iter().map(|layer| layer.posterior.mean().clone()).collect();
        Mlp { layers, activation: self.activation, output: self.output }
    }

    /// The number of columns it gives.
    pub fn outputs(&self) -> usize {
        self.posterior.last().map_or(0, |layer| layer.posterior.mean().weight.shape()[1])
    }

    /// The predictive distribution of numbers or counts, a mixture over draws of the weights: never one draw alone.
    ///
    /// # Panics
    /// If there are no draws, the likelihood is one of classes or pixels, or there is more than one target.
    #[track_caller]
    pub fn predictive(&self, inputs: ArrayView2<'_, T>, draws: usize, noise: Noise) -> Mixture {
        let mut outputs = MixtureOutputs::new(&self.likelihood, inputs.nrows(), draws);
        let mut tape = Tape::new();
        for draw in 0..draws {
            {
                let bound = self.bind_constant(&tape);
                let net = bound.rsample(noise.stream(draw as u64));
                outputs.put(draw, &bound.likelihood, net.forward(tape.batch(inputs)));
            }
            tape.reset();
        }
        outputs.mixture()
    }

    /// The predictive distribution of classes, over draws of the weights; of one Bernoulli, the classes 0 and 1.
    ///
    /// # Panics
    /// If there are no draws, or the likelihood is one of numbers or of several Bernoullis.
    #[track_caller]
    pub fn classes(&self, inputs: ArrayView2<'_, T>, draws: usize, noise: Noise) -> ClassMixture {
        assert!(draws > 0, "probabilities: 0 draws of the weights; ask for at least one");
        let classes = match (&self.likelihood, self.outputs()) {
            (Likelihood::Categorical, classes) => classes,
            (Likelihood::Bernoulli, 1) => 2,
            (Likelihood::Bernoulli, n) => panic!("probabilities: {n} Bernoullis are not classes"),
            _ => panic!("probabilities: a likelihood of numbers has none; use `predictive`"),
        };
        let mut mixture = ClassMixture::new(inputs.nrows(), classes);
        let mut tape = Tape::new();
        for draw in 0..draws {
            {
                let bound = self.bind_constant(&tape);
                let net = bound.rsample(noise.stream(draw as u64));
                let log_p =
                    bound.likelihood.class_log_probabilities(net.forward(tape.batch(inputs)));
                let log_p: Vec<f64> = log_p.data().iter().map(|log_p| log_p.to_f64()).collect();
                let log_p = Array2::from_shape_vec((inputs.nrows(), classes), log_p);
                mixture.add(log_p.expect("a column for each class").view());
            }
            tape.reset();
        }
        mixture
    }

    /// Class probabilities, averaged over draws of the weights: `[n, classes]`.
    ///
    /// # Panics
    /// As [`classes`](Self::classes) does.
    #[track_caller]
    pub fn probabilities(
        &self,
        inputs: ArrayView2<'_, T>,
        draws: usize,
        noise: Noise,
    ) -> Array2<f64> {
        self.classes(inputs, draws, noise).probabilities()
    }
}

impl<P> Tree<P> for BayesianNetwork<P> {
    type With<Q> = BayesianNetwork<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> BayesianNetwork<Q> {
        let Self { posterior, activation, output, likelihood, estimator, draws, kl_share } = self;
        BayesianNetwork {
            posterior: posterior.map(&path.field("posterior"), f),
            likelihood: likelihood.map(&path.field("likelihood"), f),
            activation: *activation,
            output: *output,
            estimator: *estimator,
            draws: *draws,
            kl_share: *kl_share,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self {
            posterior,
            likelihood,
            activation: _,
            output: _,
            estimator: _,
            draws: _,
            kl_share: _,
        } = self;
        posterior.leaves_mut(out);
        likelihood.leaves_mut(out);
    }
}

/// The weights of each layer, where an estimator drew them for all rows.
pub type Drawn<'t, T> = Vec<Option<Draw<'t, T>>>;

/// The number of leaves before layer i, which names its noise.
fn first(layer: usize) -> u64 {
    layer as u64 * BayesianDense::<()>::LEAVES
}

impl<'t, T: Real> BayesianNetwork<Var<'t, T>> {
    /// A network whose weights are one draw.
    #[must_use]
    pub fn rsample(&self, noise: Noise) -> Mlp<Var<'t, T>> {
        let layers = self.posterior.iter().enumerate();
        let layers = layers.map(|(i, layer)| layer.rsample(noise, first(i)));
        Mlp { layers: layers.collect(), activation: self.activation, output: self.output }
    }

    /// The outputs of one draw under the estimator, `[n, out]`, and the weights of the layers that drew them whole; `kl` says whether
    /// their divergence is wanted too.
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>, noise: Noise, kl: bool) -> (Var<'t, T>, Drawn<'t, T>) {
        let (mut x, mut drawn) = (x, Vec::with_capacity(self.posterior.len()));
        for (i, layer) in self.posterior.iter().enumerate() {
            let last = i + 1 == self.posterior.len();
            let activation = if last { self.output } else { self.activation };
            let (y, weights) = layer.forward(x, activation, self.estimator, noise, first(i), kl);
            x = y;
            drawn.push(weights);
        }
        (x, drawn)
    }

    /// KL(q ‖ p) of all weights, in nats: a sum leaf after leaf, by the draw given where there is no closed form.
    fn kl(&self, drawn: &[Option<Draw<'t, T>>], noise: Noise) -> Var<'t, T> {
        let layers = self.posterior.iter().enumerate();
        let parts = layers.flat_map(|(i, layer)| {
            layer.kl_parts(drawn.get(i).and_then(Option::as_ref), noise, first(i))
        });
        parts.reduce(|sum, part| sum + part).expect("a network has a layer")
    }

    /// The mean log-likelihood of the batch, and the KL in nats, both estimated with the step's draws.
    fn parts(
        &self,
        batch: &Batch<'t, T>,
        noise: Noise,
        kl: bool,
    ) -> (Var<'t, T>, Option<Var<'t, T>>) {
        let draw = |noise, kl| {
            let (output, drawn) = self.forward(batch.inputs, noise, kl);
            let log_prob = self.likelihood.log_prob(output, batch.expect_targets());
            (log_prob.mean(..), drawn)
        };
        if self.draws == 1 {
            let (log_likelihood, drawn) = draw(noise, kl);
            return (log_likelihood, kl.then(|| self.kl(&drawn, noise)));
        }
        let by_draws = self.posterior.iter().any(|layer| layer.prior.needs_draws());
        let (mut log_likelihood, mut divergence) = (None, None);
        let add = |sum: &mut Option<Var<'t, T>>, part| {
            *sum = Some(sum.map_or(part, |sum| sum + part));
        };
        for s in 0..self.draws {
            let noise = noise.stream(s as u64);
            let kl = kl && (by_draws || s == 0);
            let (part, drawn) = draw(noise, kl);
            add(&mut log_likelihood, part);
            if kl {
                add(&mut divergence, self.kl(&drawn, noise));
            }
        }
        let share = 1.0 / self.draws as f64;
        let mean = log_likelihood.expect("at least one draw") * share;
        (mean, divergence.map(|sum| if by_draws { sum * share } else { sum }))
    }

    /// The negative ELBO per datum. While the KL warms up, its share alone counts; the part is told in full.
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let (log_likelihood, kl) = self.parts(batch, noise, true);
        let kl = kl.expect("it was asked for") * (1.0 / batch.data_size as f64);
        let counted = if self.kl_share == 1.0 { kl } else { kl * self.kl_share };
        Loss {
            total: counted - log_likelihood,
            parts: vec![("log-likelihood", log_likelihood), ("KL of the weights", kl)],
        }
    }

    /// The log-likelihood alone: the KL knows nothing of held-out rows.
    pub fn validation(&self, batch: &Batch<'t, T>, noise: Noise) -> Var<'t, T> {
        -self.parts(batch, noise, false).0
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

    fn warm(&mut self, share: f64) {
        self.kl_share = share;
    }
}
