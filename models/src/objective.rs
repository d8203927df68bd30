//! What a model minimises, in nats per datum.

use crate::Rows;
use evidence_autodiff::{Array, Noise, Real, Tape, Tree, Var};

/// Rows on a tape.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'t, T: Real> {
    /// `[n, d]`.
    pub inputs: Var<'t, T>,
    /// `[n, k]`; class labels are one column of whole numbers. Models of the inputs alone need none.
    pub targets: Option<Var<'t, T>>,
    /// The number of rows N of the **training set** that the batch is drawn from: a KL over weights is a sum that all of them
    /// share.
    pub data_size: usize,
}

impl<'t, T: Real> Batch<'t, T> {
    /// Rows, and how many the training set has.
    ///
    /// # Panics
    /// If the training set would be empty, or inputs and targets have different numbers of rows.
    #[track_caller]
    pub fn new(inputs: Var<'t, T>, targets: Option<Var<'t, T>>, data_size: usize) -> Self {
        assert!(
            data_size > 0,
            "Batch: a training set of 0 rows; the KL of the weights is shared out among its rows"
        );
        if let Some(targets) = targets {
            assert!(
                targets.size(0) == inputs.size(0),
                "Batch: inputs {inputs} and targets {targets} have different numbers of rows"
            );
        }
        Self { inputs, targets, data_size }
    }

    /// The targets.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn expect_targets(&self) -> Var<'t, T> {
        self.targets.expect("Batch: this model is supervised and needs targets")
    }
}

/// A loss in nats per datum, and what it is made of.
#[derive(Clone, Debug)]
pub struct Loss<'t, T: Real> {
    /// What is minimised: the negative log-likelihood, or the negative ELBO. A scalar.
    pub total: Var<'t, T>,
    /// Its parts, each in nats per datum with its natural sign: the loss is KLs minus log-likelihoods.
    pub parts: Vec<(&'static str, Var<'t, T>)>,
}

/// What a model learned of a batch, to be put into it: see [`Model::observe`].
pub type Learned<M> = Box<dyn FnOnce(&mut M)>;

/// A model as it is stored, which can be fitted.
///
/// The losses are of the model bound to a tape. They are functions here, and methods of the bound models, because a bound like
/// "for every `'t`, `Self::With<Var<'t, T>>` has a loss" is beyond what the compiler can prove.
///
/// ```
/// use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
/// use evidence_models::{Batch, Loss, Model};
///
/// /// y = x w, and noise of scale 1.
/// struct Line<P> {
///     weight: P,
/// }
///
/// impl<P> Tree<P> for Line<P> {
///     type With<Q> = Line<Q>;
///
///     fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Line<Q> {
///         Line { weight: f(&path.field("weight"), &self.weight) }
///     }
///
///     fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
///         let Self { weight } = self;
///         out.push(weight);
///     }
/// }
///
/// impl<T: Real> Model<T> for Line<Array<T>> {
///     fn loss<'t>(bound: &Line<Var<'t, T>>, batch: &Batch<'t, T>, _: Noise) -> Loss<'t, T> {
///         let error = batch.expect_targets() - batch.inputs.matmul(bound.weight);
///         // Nats per datum: a mean over rows.
///         let log_likelihood = (error.square().sum(-1) * -0.5).mean(..);
///         Loss { total: -log_likelihood, parts: vec![("log-likelihood", log_likelihood)] }
///     }
/// }
/// ```
pub trait Model<T: Real>: Tree<Array<T>, With<Array<T>> = Self> + Sized + Sync {
    /// Whether the gradient may be computed on parts of a batch side by side, each with noise of its own: see
    /// [`Backprop`](crate::Backprop).
    ///
    /// True where the loss is a mean over rows, each of which depends on no other: of a sum the parts' mean would be taken. Not worth it where a step has much to do that is the same for
    /// any number of rows, such as drawing weights.
    const SHARDED: bool = true;

    /// The loss on a batch. Whatever is random in it is a function of `noise`.
    fn loss<'t>(bound: &Self::With<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T>;

    /// What early stopping watches, in nats per datum: the loss, unless a model knows better. A model that [warms up](Model::warm) must not
    /// watch the share of its KL that the loss counts, else its first epochs, which pay for none, would pass for the best: a KL of latents
    /// counts in full here, one over weights, which held-out rows have no share in, not at all.
    fn validation<'t>(
        bound: &Self::With<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Var<'t, T> {
        Self::loss(bound, batch, noise).total
    }

    /// What a model learns of a batch without a gradient, such as running averages of its statistics: taken before a step, with the
    /// parameters and the noise of the loss, and put into the model behind it, so that no optimiser has a say in it.
    ///
    /// A model of parameters alone has nothing to learn. One whose rows depend on each other through such statistics is not
    /// [`SHARDED`](Model::SHARDED). The tape is empty, and must be reset before it is given back.
    fn observe(
        &self,
        _tape: &mut Tape<T>,
        _rows: Rows<'_, T>,
        _noise: Noise,
    ) -> Option<Learned<Self>> {
        None
    }

    /// Sets the share of its KL that the loss counts, in [0, 1]: a training that warms up raises it step by step. A model without a KL
    /// has nothing to do.
    fn warm(&mut self, _share: f64) {}
}
