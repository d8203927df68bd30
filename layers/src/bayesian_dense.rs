//! The dense layer with distributions for weights: `z = x W + b` with `(W, b) ~ q`.
//!
//! A forward pass is an [`Estimator`]'s: one draw of the weights for all rows, the outputs' own normals (local reparametrisation), or
//! one draw under signs of its own for each row (Flipout). Where a weight's distribution has parts that rows must share (the directions
//! of a low-rank posterior), they share them, and only the independent part is drawn row by row.

use crate::{Activation, Dense, Estimator, MeanField, Posterior, Prior};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};

/// A dense layer's posterior and prior.
#[derive(Clone, Debug)]
pub struct BayesianDense<P> {
    /// q(W, b).
    pub posterior: Posterior<Dense<P>, P>,
    /// p, of every weight and bias.
    pub prior: Prior<P>,
}

/// The weights of a layer, drawn for all rows.
#[derive(Clone, Debug)]
pub struct Draw<'t, T: Real> {
    /// One draw.
    pub weights: Dense<Var<'t, T>>,
    /// The parts of KL(q ‖ p), where the visit that made the draw gave them too.
    kl: Option<Vec<Var<'t, T>>>,
}

/// An estimator that a posterior has no use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the estimator \"{0}\" needs weights that are independent given a few common directions: a full covariance has only the shared draw"
)]
pub struct EstimatorError(pub &'static str);

/// A layer's noise has these streams beside those of its leaves.
const ROWS: u64 = u64::MAX - 1;

impl<P> Tree<P> for BayesianDense<P> {
    type With<Q> = BayesianDense<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> BayesianDense<Q> {
        BayesianDense {
            posterior: self.posterior.map(path, f),
            prior: self.prior.map(&path.field("prior"), f),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { posterior, prior } = self;
        posterior.leaves_mut(out);
        prior.leaves_mut(out);
    }
}

impl<P> BayesianDense<P> {
    /// Leaves of a dense layer: the numbers of noise streams that one takes.
    pub const LEAVES: u64 = 2;

    /// Whether an estimator makes sense for the posterior.
    ///
    /// # Errors
    /// For a full covariance there is only the shared draw.
    pub fn admits(&self, estimator: Estimator) -> Result<(), EstimatorError> {
        match (&self.posterior, estimator) {
            (_, Estimator::Shared) => Ok(()),
            (Posterior::FullCovariance(_), _) => Err(EstimatorError(estimator.name())),
            _ => Ok(()),
        }
    }
}

impl<'t, T: Real> BayesianDense<Var<'t, T>> {
    /// One draw of the layer, `first` the number of leaves before it in its network.
    #[must_use]
    pub fn rsample(&self, noise: Noise, first: u64) -> Dense<Var<'t, T>> {
        self.posterior.rsample(noise, first)
    }

    /// One draw of the layer and, where `kl` asks for it and one visit of the parameters gives both, its divergence.
    fn draw(&self, noise: Noise, first: u64, kl: bool) -> Draw<'t, T> {
        match (&self.posterior, &self.prior) {
            (Posterior::MeanField(q), Prior::Normal { scale }) if kl => {
                let (weights, kl) = q.rsample_with_kl_from(noise, first, *scale);
                Draw { weights, kl: Some(kl) }
            }
            _ => Draw { weights: self.rsample(noise, first), kl: None },
        }
    }

    /// `activation(x W + b)` under an estimator, `[n, in]` to `[n, out]`; and the weights, where they were drawn for all rows. `kl` says
    /// whether [`kl_parts`](Self::kl_parts) will be asked for too.
    ///
    /// # Panics
    /// If x has another number of columns than W has rows, or the posterior does not [admit](Self::admits) the estimator.
    #[track_caller]
    pub fn forward(
        &self,
        x: Var<'t, T>,
        activation: Activation,
        estimator: Estimator,
        noise: Noise,
        first: u64,
        kl: bool,
    ) -> (Var<'t, T>, Option<Draw<'t, T>>) {
        let own = noise.stream(ROWS).stream(first);
        let (mean, rho) = match (&self.posterior, estimator) {
            (_, Estimator::Shared) | (Posterior::PointMass(_), _) => {
                let draw = self.draw(noise, first, kl);
                return (draw.weights.forward(x, activation), Some(draw));
            }
            (Posterior::MeanField(q), _) => (q.means(), &q.rho),
            (Posterior::LowRank(q), _) => {
                let parts = q.in_common(noise, first);
                let [weight, bias] = parts[..] else {
                    unreachable!("a dense layer has two leaves")
                };
                (Dense { weight: q.mean.weight + weight, bias: q.mean.bias + bias }, &q.rho)
            }
            (Posterior::FullCovariance(_), _) => {
                panic!("BayesianDense: {}", EstimatorError(estimator.name()))
            }
        };
        let centre = x.affine(mean.weight, mean.bias);
        let scale = Dense { weight: rho.weight.softplus(), bias: rho.bias.softplus() };
        let z = if estimator == Estimator::Local {
            let variance = x.square().affine(scale.weight.square(), scale.bias.square());
            centre + variance.sqrt() * x.tape().normal(centre.shape(), own)
        } else {
            let epsilon = |like: Var<'t, T>, leaf| {
                like * x.tape().normal(like.shape(), noise.stream(first + leaf))
            };
            let (weight, bias) = (epsilon(scale.weight, 0), epsilon(scale.bias, 1));
            let (r, s) = (signs(centre, own.stream(0)), signs(x, own.stream(1)));
            // A bias is the weight of an input 1, whose sign may be left alone.
            centre + (x * s).affine(weight, bias) * r
        };
        (activation.apply(z), None)
    }

    /// KL(q ‖ p), in nats; where a draw is needed, by the one given, or else one of its own.
    #[must_use]
    pub fn kl(&self, drawn: Option<&Draw<'t, T>>, noise: Noise, first: u64) -> Var<'t, T> {
        let parts = self.kl_parts(drawn, noise, first).into_iter();
        parts.reduce(|sum, part| sum + part).expect("a layer has weights")
    }

    /// The same in parts whose sum it is.
    #[must_use]
    pub fn kl_parts(
        &self,
        drawn: Option<&Draw<'t, T>>,
        noise: Noise,
        first: u64,
    ) -> Vec<Var<'t, T>> {
        if let Some(Draw { kl: Some(parts), .. }) = drawn {
            return parts.clone();
        }
        let draw = || match drawn {
            Some(Draw { weights, .. }) => Dense { weight: weights.weight, bias: weights.bias },
            None => self.rsample(noise, first),
        };
        self.posterior.kl_parts(&self.prior, draw)
    }
}

/// Signs, each −1 or 1 with probability ½, in the shape of a value.
fn signs<'t, T: Real>(like: Var<'t, T>, noise: Noise) -> Var<'t, T> {
    let mut tensor = like.tape().tensor(like.shape());
    T::fill_normal(noise, 0, tensor.data_mut());
    for x in tensor.data_mut() {
        *x = if *x < T::zero() { -T::one() } else { T::one() };
    }
    like.tape().batch(tensor.view())
}

impl<T: Real> BayesianDense<Array<T>> {
    /// A factorised posterior around a layer, and a prior N(0, prior_scale²).
    ///
    /// # Panics
    /// If a scale is not positive and finite.
    #[track_caller]
    pub fn mean_field(mean: Dense<Array<T>>, prior_scale: f64, posterior_scale: f64) -> Self {
        Self {
            posterior: Posterior::MeanField(MeanField::around(mean, posterior_scale)),
            prior: Prior::normal(prior_scale)
                .unwrap_or_else(|error| panic!("BayesianDense: {error}")),
        }
    }
}
