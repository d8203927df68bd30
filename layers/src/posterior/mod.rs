//! Posteriors over any tree of parameters: normal distributions whose covariance has a structure.
//!
//! | posterior | covariance | numbers for d weights |
//! | --- | --- | --- |
//! | [`Posterior::PointMass`] | none: the weights themselves | d |
//! | [`MeanField`] | diag σ² | 2 d |
//! | [`LowRank`] | diag σ² + V Vᵀ, V of r columns | (2 + r) d |
//! | [`FullCovariance`] | L Lᵀ, L a triangle | 2 d + d² |
//!
//! All of them are reparametrised: a draw is a differentiable function of their parameters and of noise. All give the same three
//! numbers that divergences are made of: each weight's mean and variance, and `½ ln det Σ`.

mod full_covariance;
mod kl;
mod low_rank;

pub use full_covariance::{FactorError, FullCovariance};
pub use low_rank::LowRank;

use crate::MeanField;
use crate::mean_field::leaves;
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};

/// What is believed of a tree of parameters `M` with leaves `P`.
#[derive(Clone, Debug)]
pub enum Posterior<M, P> {
    /// Certainty: the weights are numbers.
    PointMass(M),
    /// Independent normals.
    MeanField(MeanField<M>),
    /// Normals with a few directions in common.
    LowRank(LowRank<M>),
    /// A normal with any covariance.
    FullCovariance(FullCovariance<M, P>),
}

/// Which of them, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PosteriorKind {
    /// `point`
    PointMass,
    /// `mean-field`
    MeanField,
    /// `low-rank`, with so many directions.
    LowRank(usize),
    /// `full`
    FullCovariance,
}

impl PosteriorKind {
    /// The posterior of this kind around the given parameters, each with the standard deviation `scale`.
    ///
    /// # Panics
    /// If the scale is not a positive number, or a low-rank posterior has no directions.
    #[track_caller]
    pub fn around<T: Real, M>(self, mean: M, scale: f64, noise: Noise) -> Posterior<M, Array<T>>
    where
        M: Tree<Array<T>, With<Array<T>> = M>,
    {
        match self {
            Self::PointMass => Posterior::PointMass(mean),
            Self::MeanField => Posterior::MeanField(MeanField::around(mean, scale)),
            Self::LowRank(rank) => Posterior::LowRank(LowRank::around(mean, scale, rank, noise)),
            Self::FullCovariance => Posterior::FullCovariance(FullCovariance::around(mean, scale)),
        }
    }

    /// The number of scalars that describe a posterior over d weights.
    pub fn count(self, weights: u128) -> u128 {
        let each = match self {
            Self::PointMass => 1,
            Self::MeanField => 2,
            Self::LowRank(rank) => 2 + rank as u128,
            Self::FullCovariance => weights.saturating_add(2),
        };
        weights.saturating_mul(each)
    }
}

impl<M, P> Posterior<M, P> {
    /// The mean of every weight.
    pub fn mean(&self) -> &M {
        match self {
            Self::PointMass(mean) => mean,
            Self::MeanField(q) => &q.mean,
            Self::LowRank(q) => &q.mean,
            Self::FullCovariance(q) => &q.mean,
        }
    }

    /// The mean of every weight, to be changed.
    pub fn mean_mut(&mut self) -> &mut M {
        match self {
            Self::PointMass(mean) => mean,
            Self::MeanField(q) => &mut q.mean,
            Self::LowRank(q) => &mut q.mean,
            Self::FullCovariance(q) => &mut q.mean,
        }
    }
}

impl<P, M: Tree<P>> Tree<P> for Posterior<M, P> {
    type With<Q> = Posterior<M::With<Q>, Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        match self {
            Self::PointMass(mean) => Posterior::PointMass(mean.map(&path.field("mean"), f)),
            Self::MeanField(q) => Posterior::MeanField(q.map(path, f)),
            Self::LowRank(q) => Posterior::LowRank(q.map(path, f)),
            Self::FullCovariance(q) => Posterior::FullCovariance(q.map(path, f)),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        match self {
            Self::PointMass(mean) => mean.leaves_mut(out),
            Self::MeanField(q) => q.leaves_mut(out),
            Self::LowRank(q) => q.leaves_mut(out),
            Self::FullCovariance(q) => q.leaves_mut(out),
        }
    }
}

impl<'t, T: Real, M: Tree<Var<'t, T>>> Posterior<M, Var<'t, T>> {
    /// One reparametrised draw of the whole tree; of a point mass the weights themselves.
    ///
    /// Leaf i takes the stream `first + i` of the noise: `first` numbers the leaves before it in a larger tree.
    #[must_use]
    pub fn rsample(&self, noise: Noise, first: u64) -> M::With<Var<'t, T>> {
        match self {
            Self::PointMass(mean) => mean.map(&Path::root(), &mut |_, mean| *mean),
            Self::MeanField(q) => q.rsample_from(noise, first),
            Self::LowRank(q) => q.rsample(noise, first),
            Self::FullCovariance(q) => q.rsample(noise, first),
        }
    }

    /// The mean of each leaf and, where there is one, its variance element by element.
    pub fn marginals(&self) -> Vec<(Var<'t, T>, Option<Var<'t, T>>)> {
        let square = |rho: Var<'t, T>| rho.softplus().square();
        match self {
            Self::PointMass(mean) => leaves(mean).into_iter().map(|mean| (mean, None)).collect(),
            Self::MeanField(q) => {
                let pairs = leaves(&q.mean).into_iter().zip(leaves(&q.rho));
                pairs.map(|(mean, rho)| (mean, Some(square(rho)))).collect()
            }
            Self::LowRank(q) => q.marginals(),
            Self::FullCovariance(q) => q.marginals(),
        }
    }

    /// `½ ln det Σ` of all weights together; none for a point mass.
    pub fn half_log_det(&self) -> Option<Var<'t, T>> {
        let diagonal = |rho: &M| {
            let parts = leaves(rho).into_iter().map(|rho| rho.softplus().ln().sum(..));
            parts.reduce(|sum, part| sum + part).expect("a tree of parameters has a leaf")
        };
        Some(match self {
            Self::PointMass(_) => return None,
            Self::MeanField(q) => diagonal(&q.rho),
            Self::LowRank(q) => diagonal(&q.rho) + q.half_log_det_of_directions(),
            // The factor's diagonal is all that its determinant is made of.
            Self::FullCovariance(q) => diagonal(&q.rho),
        })
    }
}
