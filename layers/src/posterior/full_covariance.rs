//! A normal with any covariance, by a triangular factor: `w = μ + L ε`, `Σ = L Lᵀ`.
//!
//! L has `σ = softplus(ρ)` on its diagonal, which cannot be 0, and below it the free numbers F, as `L = F/√d`. Then
//! `½ ln det Σ = Σ ln σ`, and a weight's variance is its row's sum of squares. One factor over all of a tree's d weights: `[d, d]`
//! numbers, so a tree for each layer rather than one for a network. (Barber and Bishop 1998; Titsias and Lázaro-Gredilla 2014,
//! section 2.)
//!
//! The unit 1/√d is for optimisers like Adam, whose first steps move every number by the learning rate r: a weight's standard
//! deviation then grows by r, as far as its mean moves. Without it, it grew by r √d. A layer of 600 weights that began with
//! σ = 0.05 had five times as much after one step at r = 0.01, and was lost in its own noise.

use crate::MeanField;
use crate::mean_field::leaves;
use evidence_autodiff::{Array, Noise, Path, Real, Tape, Tree, Var, zeros};
use ndarray::{Array2, ArrayView2};

/// A normal over all of a tree's weights together.
#[derive(Clone, Debug)]
pub struct FullCovariance<M, P> {
    /// μ.
    pub mean: M,
    /// ρ, with softplus(ρ) the diagonal of L.
    pub rho: M,
    /// F, `[d, d]`: below its diagonal it is √d L; the rest is not read.
    pub factor: P,
}

/// A matrix that is no triangular factor of a covariance.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FactorError {
    /// Of another size.
    #[error("a factor of shape {shape:?} for {weights} weights; it must be [{weights}, {weights}]")]
    Shape {
        /// Of the matrix.
        shape: [usize; 2],
        /// How many there are.
        weights: usize,
    },
    /// A determinant of 0, or a sign that means nothing.
    #[error(
        "entry {row} of a factor's diagonal is {value}: a covariance with that is none; it must be positive"
    )]
    Diagonal {
        /// Which.
        row: usize,
        /// What is there.
        value: f64,
    },
    /// Not a triangle.
    #[error(
        "a factor has {value} at row {row}, column {column}: above its diagonal there must be 0"
    )]
    Above {
        /// Where.
        row: usize,
        /// Where.
        column: usize,
        /// What is there.
        value: f64,
    },
}

/// What the numbers below the diagonal are multiples of.
fn unit(weights: usize) -> f64 {
    (weights.max(1) as f64).powf(-0.5)
}

impl<P, M: Tree<P>> Tree<P> for FullCovariance<M, P> {
    type With<Q> = FullCovariance<M::With<Q>, Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        FullCovariance {
            mean: self.mean.map(&path.field("mean"), f),
            rho: self.rho.map(&path.field("rho"), f),
            factor: f(&path.field("factor"), &self.factor),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { mean, rho, factor } = self;
        mean.leaves_mut(out);
        rho.leaves_mut(out);
        out.push(factor);
    }
}

impl<T: Real, M: Tree<Array<T>, With<Array<T>> = M>> FullCovariance<M, Array<T>> {
    /// Independent at first, every scale the same.
    ///
    /// # Panics
    /// If the scale is not a positive number.
    #[track_caller]
    pub fn around(mean: M, scale: f64) -> Self {
        let MeanField { mean, rho } = MeanField::around(mean, scale);
        let mut weights = 0;
        mean.map(&Path::root(), &mut |_, leaf| weights += leaf.len());
        Self { mean, rho, factor: zeros(&[weights, weights]) }
    }

    /// With a factor L that is known, the weights in the order of the tree's leaves.
    ///
    /// # Errors
    /// If L has another size, is no lower triangle, or its diagonal is not positive.
    pub fn with_factor(mean: M, l: ArrayView2<'_, f64>) -> Result<Self, FactorError> {
        let mut q = Self::around(mean, 1.0);
        let weights = q.factor.shape()[0];
        if l.dim() != (weights, weights) {
            return Err(FactorError::Shape { shape: [l.nrows(), l.ncols()], weights });
        }
        for ((row, column), &value) in l.indexed_iter() {
            if row == column && !(value > 0.0 && value.is_finite()) {
                return Err(FactorError::Diagonal { row, value });
            }
            if row < column && value != 0.0 {
                return Err(FactorError::Above { row, column, value });
            }
        }
        q.factor.indexed_iter_mut().for_each(|(at, entry)| {
            let below = at[0] > at[1];
            *entry = if below { T::from_f64(l[[at[0], at[1]]] / unit(weights)) } else { T::zero() };
        });
        let mut weight = 0;
        q.rho = q.rho.map(&Path::root(), &mut |_, leaf| {
            leaf.mapv(|_| {
                let scale: f64 = l[[weight, weight]];
                weight += 1;
                T::from_f64(scale + (-(-scale).exp_m1()).ln())
            })
            .into_shared()
        });
        Ok(q)
    }

    /// Σ = L Lᵀ, `[d, d]`.
    pub fn covariance(&self) -> Array2<f64> {
        let n = self.factor.shape()[0];
        let mut l = Array2::zeros((n, n));
        for (at, entry) in self.factor.indexed_iter() {
            if at[0] > at[1] {
                l[[at[0], at[1]]] = entry.to_f64() * unit(n);
            }
        }
        let mut weight = 0;
        self.rho.map(&Path::root(), &mut |_, leaf| {
            for rho in leaf {
                l[[weight, weight]] = rho.softplus().to_f64();
                weight += 1;
            }
        });
        l.dot(&l.t())
    }
}

impl<'t, T: Real, M: Tree<Var<'t, T>>> FullCovariance<M, Var<'t, T>> {
    /// `μ + L ε`; leaf i takes the stream `first + i`.
    pub(super) fn rsample(&self, noise: Noise, first: u64) -> M::With<Var<'t, T>> {
        let (rho, weights) = (leaves(&self.rho), self.factor.size(0));
        let tape: &Tape<T> = self.factor.tape();
        let streams = rho.iter().zip(first..);
        let epsilon: Vec<_> =
            streams.map(|(rho, stream)| tape.normal(rho.shape(), noise.stream(stream))).collect();
        let flat: Vec<_> = epsilon.iter().map(|e| e.reshape(&[e.data().len(), 1])).collect();
        let together = self.factor.strictly_lower().matmul(Var::concat(&flat, 0)) * unit(weights);
        debug_assert_eq!(together.size(0), weights);
        let (mut leaf, mut start) = (0, 0);
        self.mean.map(&Path::root(), &mut |_, mean| {
            let (own, rho, size) = (epsilon[leaf], rho[leaf], mean.data().len());
            let others = together.slice(0, start..start + size).reshape(mean.shape());
            leaf += 1;
            start += size;
            *mean + rho.softplus() * own + others
        })
    }

    /// Each leaf's means, and its rows' sums of squares.
    pub(super) fn marginals(&self) -> Vec<(Var<'t, T>, Option<Var<'t, T>>)> {
        let unit = unit(self.factor.size(0));
        let rows = self.factor.strictly_lower().square().sum(1) * (unit * unit);
        let mut start = 0;
        let pairs = leaves(&self.mean).into_iter().zip(leaves(&self.rho));
        let marginals = pairs.map(|(mean, rho)| {
            let size = mean.data().len();
            let others = rows.slice(0, start..start + size).reshape(mean.shape());
            start += size;
            (mean, Some(rho.softplus().square() + others))
        });
        marginals.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Leaf;
    use ndarray::array;

    fn mean() -> Leaf<Array<f64>> {
        Leaf(zeros(&[3]))
    }

    #[test]
    fn a_known_factor_is_its_covariance() {
        let l = array![[1.5, 0.0, 0.0], [-0.3, 0.02, 0.0], [2.0, 0.7, 40.0]];
        let q = FullCovariance::with_factor(mean(), l.view()).unwrap();
        let apart = q.covariance() - l.dot(&l.t());
        assert!(apart.iter().all(|e| e.abs() <= 1e-12), "{apart}");
    }

    #[test]
    fn what_is_no_factor_is_refused() {
        let refused = |l: Array2<f64>| FullCovariance::with_factor(mean(), l.view()).unwrap_err();
        let eye = || Array2::<f64>::eye(3);
        let with = |row, column, value| {
            let mut l = eye();
            l[[row, column]] = value;
            l
        };
        assert_eq!(refused(Array2::eye(2)), FactorError::Shape { shape: [2, 2], weights: 3 });
        assert_eq!(refused(with(1, 1, 0.0)), FactorError::Diagonal { row: 1, value: 0.0 });
        assert_eq!(refused(with(2, 2, -1.0)), FactorError::Diagonal { row: 2, value: -1.0 });
        assert_eq!(refused(with(0, 2, 0.5)), FactorError::Above { row: 0, column: 2, value: 0.5 });
        assert!(refused(with(1, 1, 0.0)).to_string().contains("must be positive"));
    }
}
