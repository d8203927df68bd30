//! Semi-supervised learning with a VAE: M2 of Kingma, Rezende, Mohamed and Welling (2014).
//!
//! A class y with p(y) = 1/K, latents z with p(z) = N(0, I), and p(x | y, z); besides q(z | x, y) there is a classifier q(y | x).
//!
//! | row | bound, in nats |
//! | --- | --- |
//! | (x, y) | `log p(x, y) ≥ E_q(z∣x,y)[log p(x ∣ y, z)] + log p(y) − KL(q(z ∣ x, y) ‖ p(z)) = −L(x, y)` |
//! | x alone | `log p(x) ≥ Σ_y q(y ∣ x) (−L(x, y)) + H(q(y ∣ x)) = −U(x)`, the class summed over, never drawn |
//!
//! The objective (their equation 9), per datum of n labelled and m unlabelled rows: `s mean L + (1 − s) mean U − α mean log q(y | x)` with
//! s = n/(n + m). Without the last term labelled rows would not teach the classifier at all; theirs has α = 0.1.
//!
//! A decoder's pass for each class is most of the work, and a trained classifier rules most classes out. U is a bound by any q, so also by q without
//! the classes below [ε](SemiSupervised::least), what they had shared out among the others: a pass for each class that is left. At ε = 0, the
//! default, none is left out.

use crate::{Batch, BottleneckError, ConditionalVae, Likelihood, Loss, Model, TargetError};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var};
use evidence_layers::{Activation, Mlp};
use ndarray::{Array2, ArrayView2};
use std::sync::Arc;

/// The target of a row whose class is not known.
pub const UNLABELLED: f64 = -1.0;

/// A conditional VAE and a classifier, fitted to labelled and unlabelled rows at once.
///
/// Targets are one column of classes from 0, or [`UNLABELLED`]. Rows may be repeated so that every batch has some of either kind: what
/// each kind weighs is s, not how many a batch has of them. Of a batch without one kind, the other's terms are the loss.
#[derive(Clone, Debug)]
pub struct SemiSupervised<P> {
    /// p(x | y, z) and q(z | x, y).
    pub vae: ConditionalVae<P>,
    /// The logits of q(y | x).
    pub classifier: Mlp<P>,
    /// s, the share of the data that has labels, in [0, 1].
    pub labelled: f64,
    /// α, what the classifier's own log-likelihood of a labelled row weighs.
    pub alpha: f64,
    /// ε, the probability below which a class of an unlabelled row is left out, in [0, 1/K). A class once left out comes back only by what
    /// other rows teach the classifier: ε should be well below what a gradient can see.
    pub least: f64,
}

impl<T: Real> SemiSupervised<Array<T>> {
    /// Sizes from the data to the latents, at least one of them hidden. The classifier has the encoder's hidden layers.
    ///
    /// # Panics
    /// With sizes that [`admits`](ConditionalVae::admits) refuses, fewer than two classes, a share outside of [0, 1], or an α below 0.
    #[track_caller]
    pub fn new(
        sizes: &[usize],
        classes: usize,
        activation: Activation,
        likelihood: Likelihood<Array<T>>,
        (labelled, alpha): (f64, f64),
        noise: Noise,
    ) -> Self {
        assert!(classes > 1, "SemiSupervised: {classes} classes; there must be two to tell apart");
        assert!(
            (0.0..=1.0).contains(&labelled) && alpha >= 0.0,
            "SemiSupervised: a share of {labelled} labelled rows and α = {alpha}; the one is in [0, 1], the other at least 0"
        );
        let vae = ConditionalVae::new(sizes, classes, activation, likelihood, noise.stream(0));
        let classifier = [&sizes[..sizes.len() - 1], &[classes]].concat();
        Self {
            vae,
            classifier: Mlp::new(&classifier, activation, noise.stream(1)),
            labelled,
            alpha,
            least: 0.0,
        }
    }

    /// Leaving classes out of the sum over an unlabelled row's that the classifier gives less than ε.
    ///
    /// # Panics
    /// If ε is not in [0, 1/K): one class must be left.
    #[must_use]
    #[track_caller]
    pub fn with_least(self, least: f64) -> Self {
        let classes = self.vae.classes();
        assert!(
            least >= 0.0 && least * (classes as f64) < 1.0,
            "SemiSupervised: classes below {least} left out of {classes}; it must be at least 0 and below 1/{classes}"
        );
        Self { least, ..self }
    }

    /// Whether sizes make one: see [`ConditionalVae::admits`].
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn admits(sizes: &[usize]) -> Result<(), BottleneckError> {
        ConditionalVae::<Array<T>>::admits(sizes)
    }

    /// Whether targets are one column of classes that it knows, or of [`UNLABELLED`].
    ///
    /// A class that no row is labelled with is allowed: the data alone will have to tell it apart. So are rows of one kind only.
    ///
    /// # Errors
    /// The first that is no class.
    pub fn admit(&self, targets: ArrayView2<'_, f64>) -> Result<(), TargetError> {
        let classes = self.vae.classes();
        if targets.ncols() != 1 {
            return Err(TargetError::LabelColumns(targets.ncols()));
        }
        for (row, &value) in targets.iter().enumerate() {
            let known = value.fract() == 0.0 && (0.0..classes as f64).contains(&value);
            if !known && value != UNLABELLED {
                return Err(TargetError::NotALabel { row, value, classes });
            }
        }
        Ok(())
    }

    /// q(y | x) of each row, `[n, K]`.
    #[track_caller]
    pub fn probabilities(&self, x: ArrayView2<'_, T>) -> Array2<f64> {
        let tape = Tape::new();
        let p = self.classifier.bind_constant(&tape).forward(tape.batch(x)).softmax(-1);
        let p = p.data().iter().map(|p| p.to_f64()).collect();
        Array2::from_shape_vec((x.nrows(), self.vae.classes()), p).expect("[n, K]")
    }
}

impl<P> Tree<P> for SemiSupervised<P> {
    type With<Q> = SemiSupervised<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> SemiSupervised<Q> {
        SemiSupervised {
            vae: self.vae.map(&path.field("vae"), f),
            classifier: self.classifier.map(&path.field("classifier"), f),
            labelled: self.labelled,
            alpha: self.alpha,
            least: self.least,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { vae, classifier, labelled: _, alpha: _, least: _ } = self;
        vae.leaves_mut(out);
        classifier.leaves_mut(out);
    }
}

impl<'t, T: Real> SemiSupervised<Var<'t, T>> {
    fn log_classes(&self) -> f64 {
        (self.vae.decoder.class.size(0) as f64).ln()
    }

    /// The bound of log p(x, y) of each row, `[n]`: −L.
    #[must_use]
    #[track_caller]
    pub fn labelled_bound(
        &self,
        x: Var<'t, T>,
        classes: &Arc<[usize]>,
        noise: Noise,
    ) -> Var<'t, T> {
        let bound = self.vae.bound(x, classes, noise);
        bound.log_likelihood - bound.divergence * self.vae.kl_share - self.log_classes()
    }

    /// The bound of log p(x) of each row, its class summed over, `[n]`: −U.
    #[must_use]
    #[track_caller]
    pub fn unlabelled_bound(&self, x: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        let log_q = self.classifier.forward(x);
        if self.least > 0.0 {
            return self.likely_bound(x, log_q.log_softmax(-1), noise);
        }
        let bound = self.vae.bound_each(x, noise);
        let joint =
            bound.log_likelihood - bound.divergence * self.vae.kl_share - self.log_classes();
        let log_q = log_q.t().log_softmax(0);
        (log_q.exp() * (joint - log_q)).sum(0)
    }

    /// The same by q without the classes below ε, what they had shared out among the others in proportion.
    #[track_caller]
    fn likely_bound(&self, x: Var<'t, T>, log_q: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        let &[n, classes] = log_q.shape() else { unreachable!("a row for each of x") };
        let least = T::from_f64(self.least.ln());
        let likely: Arc<[bool]> = log_q.data().iter().map(|&log_q| log_q >= least).collect();
        let pairs: Arc<[usize]> = (0..n * classes).filter(|&pair| likely[pair]).collect();
        let rows: Arc<[usize]> = pairs.iter().map(|pair| pair / classes).collect();
        let of: Arc<[usize]> = pairs.iter().map(|pair| pair % classes).collect();
        let left = log_q.exp().mask(likely.clone()).sum(-1).ln();
        let log_q =
            log_q.reshape(&[n * classes]).gather_rows(pairs) - left.gather_rows(rows.clone());
        let bound = self.vae.bound_pairs(x, &rows, &of, noise);
        let joint =
            bound.log_likelihood - bound.divergence * self.vae.kl_share - self.log_classes();
        // Back into a table of rows and classes, with a 0 for those left out.
        let terms = log_q.exp() * (joint - log_q);
        let terms = Var::concat(&[terms, x.tape().filled(&[1], 0.0)], 0);
        let mut next = 0..rows.len();
        let place = |&likely: &bool| if likely { next.next() } else { None }.unwrap_or(rows.len());
        let places: Vec<usize> = likely.iter().map(place).collect();
        terms.gather_rows(places).reshape(&[n, classes]).sum(-1)
    }

    /// The objective per datum. Its parts are the two bounds and the classifier's log-likelihood, each a mean over the rows it is of, and 0 of
    /// none.
    ///
    /// # Panics
    /// If there are no targets, or one is neither a class that it knows nor [`UNLABELLED`].
    #[track_caller]
    pub fn loss(&self, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
        let (x, targets) = (batch.inputs, batch.expect_targets());
        let (mut with, mut without, mut classes) = (Vec::new(), Vec::new(), Vec::new());
        for (row, y) in targets.data().iter().map(|y| y.to_f64()).enumerate() {
            match class(row, y) {
                None => without.push(row),
                Some(class) => {
                    with.push(row);
                    classes.push(class);
                }
            }
        }
        let alone = with.is_empty() || without.is_empty();
        let share = |share: f64| if alone { 1.0 } else { share };
        let none = x.tape().scalar(0.0);
        let (labelled, log_q) = if with.is_empty() {
            (none, none)
        } else {
            let (classes, x): (Arc<[usize]>, _) = (classes.into(), x.gather_rows(with));
            let bound = self.labelled_bound(x, &classes, noise.stream(0)).mean(..);
            (bound, self.classifier.forward(x).categorical_log_prob(classes).mean(..))
        };
        let unlabelled = if without.is_empty() {
            none
        } else {
            self.unlabelled_bound(x.gather_rows(without), noise.stream(1)).mean(..)
        };
        let bound = labelled * share(self.labelled) + unlabelled * share(1.0 - self.labelled);
        Loss {
            total: -(bound + log_q * self.alpha),
            parts: vec![
                ("labelled bound", labelled),
                ("unlabelled bound", unlabelled),
                ("log q(y | x)", log_q),
            ],
        }
    }

    /// What early stopping watches: the classifier's error where every row has a label to tell, else the whole objective, with all of its
    /// divergence.
    ///
    /// # Panics
    /// As [`loss`](Self::loss) does.
    #[track_caller]
    pub fn validation(&self, batch: &Batch<'t, T>, noise: Noise) -> Var<'t, T> {
        let classes: Option<Vec<usize>> = batch
            .expect_targets()
            .data()
            .iter()
            .enumerate()
            .map(|(row, y)| class(row, y.to_f64()))
            .collect();
        match classes {
            Some(classes) => {
                -self.classifier.forward(batch.inputs).categorical_log_prob(classes).mean(..)
            }
            None => {
                let mut whole = self.clone();
                whole.vae.kl_share = 1.0;
                whole.loss(batch, noise).total
            }
        }
    }
}

/// The class of a row, if it has a label. One beyond the classifier's is met where it is looked up.
#[track_caller]
fn class(row: usize, y: f64) -> Option<usize> {
    assert!(
        y == UNLABELLED || (y >= 0.0 && y.fract() == 0.0),
        "SemiSupervised: row {row} has class label {y}; labels are whole numbers from 0, or {UNLABELLED} where there is none"
    );
    (y != UNLABELLED).then_some(y as usize)
}

impl<T: Real> Model<T> for SemiSupervised<Array<T>> {
    /// Two means, each over the rows of its kind.
    const SHARDED: bool = false;

    fn loss<'t>(
        bound: &SemiSupervised<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }

    fn validation<'t>(
        bound: &SemiSupervised<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Var<'t, T> {
        bound.validation(batch, noise)
    }

    fn warm(&mut self, share: f64) {
        self.vae.kl_share = share;
    }
}
