//! A normal with few directions in common: `w = μ + σ ε + V z`, `Σ = diag σ² + V Vᵀ`, V of r columns.
//!
//! By the lemma of determinants, `½ ln det Σ = Σ ln σ + ½ ln det(I + Vᵀ diag σ⁻² V)`, a matrix of r × r; a weight's variance is
//! σ² and its row's sum of squares. (Ong, Nott and Smith 2018, section 3.)

use crate::MeanField;
use crate::mean_field::leaves;
use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
use ndarray::ArrayD;

/// The stream of the directions' noise, apart from any leaf's.
const DIRECTIONS: u64 = u64::MAX;

/// Independent normals, and r directions in common.
#[derive(Clone, Debug)]
pub struct LowRank<M> {
    /// μ.
    pub mean: M,
    /// ρ, with σ = softplus(ρ).
    pub rho: M,
    /// V: for each leaf `[r, …]`, a direction after the other.
    pub directions: M,
}

impl<P, M: Tree<P>> Tree<P> for LowRank<M> {
    type With<Q> = LowRank<M::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        LowRank {
            mean: self.mean.map(&path.field("mean"), f),
            rho: self.rho.map(&path.field("rho"), f),
            directions: self.directions.map(&path.field("directions"), f),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { mean, rho, directions } = self;
        mean.leaves_mut(out);
        rho.leaves_mut(out);
        directions.leaves_mut(out);
    }
}

impl<M> LowRank<M> {
    /// Every weight with the standard deviation `scale`, of whose variance the directions, drawn at random, have a tenth.
    ///
    /// At V = 0 its gradient would be 0 too.
    ///
    /// # Panics
    /// If the scale is not a positive number, or there are no directions.
    #[track_caller]
    pub fn around<T: Real>(mean: M, scale: f64, rank: usize, noise: Noise) -> Self
    where
        M: Tree<Array<T>, With<Array<T>> = M>,
    {
        assert!(rank > 0, "LowRank: 0 directions; a posterior without any is a MeanField");
        let MeanField { mean, rho } = MeanField::around(mean, scale * 0.9_f64.sqrt());
        let each = T::from_f64(scale * (0.1 / rank as f64).sqrt());
        let mut leaf = 0;
        let directions = mean.map(&Path::root(), &mut |_, mean: &Array<T>| {
            let mut drawn = ArrayD::from_elem([&[rank], mean.shape()].concat(), T::zero());
            let slice = drawn.as_slice_mut().expect("fresh arrays are contiguous");
            T::fill_normal(noise.stream(leaf), 0, slice);
            slice.iter_mut().for_each(|v| *v *= each);
            leaf += 1;
            drawn.into_shared()
        });
        Self { mean, rho, directions }
    }
}

impl<M> LowRank<M> {
    /// `μ + σ ε + V z`, z for all leaves the same; leaf i takes the stream `first + i`.
    pub(super) fn rsample<'t, T: Real>(&self, noise: Noise, first: u64) -> M::With<Var<'t, T>>
    where
        M: Tree<Var<'t, T>>,
    {
        let (rho, directions) = (leaves(&self.rho), leaves(&self.directions));
        let z = common(directions[0], noise, first);
        let mut leaf = 0;
        self.mean.map(&Path::root(), &mut |_, mean| {
            let own = mean.rsample(rho[leaf], noise.stream(first + leaf as u64));
            let others = z.matmul(flat(directions[leaf])).reshape(mean.shape());
            leaf += 1;
            own + others
        })
    }

    /// The part `V z` of a draw alone, for estimators that draw the rest in another way.
    pub(crate) fn in_common<'t, T: Real>(&self, noise: Noise, first: u64) -> Vec<Var<'t, T>>
    where
        M: Tree<Var<'t, T>>,
    {
        let directions = leaves(&self.directions);
        let z = common(directions[0], noise, first);
        let leaf = |v: &Var<'t, T>| z.matmul(flat(*v)).reshape(&v.shape()[1..]);
        directions.iter().map(leaf).collect()
    }

    pub(super) fn marginals<'t, T: Real>(&self) -> Vec<(Var<'t, T>, Option<Var<'t, T>>)>
    where
        M: Tree<Var<'t, T>>,
    {
        let rest = leaves(&self.rho).into_iter().zip(leaves(&self.directions));
        let all = leaves(&self.mean).into_iter().zip(rest);
        all.map(|(mean, (rho, v))| (mean, Some(rho.softplus().square() + v.square().sum(0))))
            .collect()
    }

    /// `½ ln det(I + Vᵀ diag σ⁻² V)`.
    pub(super) fn half_log_det_of_directions<'t, T: Real>(&self) -> Var<'t, T>
    where
        M: Tree<Var<'t, T>>,
    {
        let pairs = leaves(&self.directions).into_iter().zip(leaves(&self.rho));
        let scaled = |(v, rho): (Var<'t, T>, Var<'t, T>)| {
            flat(v) / rho.softplus().reshape(&[1, rho.data().len()])
        };
        let parts: Vec<_> = pairs.map(scaled).collect();
        // Its square would be too large for the scalar's digits where a σ has all but vanished, as those of training do.
        Var::concat(&parts, 1).half_log_det_gram()
    }
}

/// z, `[1, r]`.
fn common<'t, T: Real>(directions: Var<'t, T>, noise: Noise, first: u64) -> Var<'t, T> {
    directions.tape().normal(&[1, directions.size(0)], noise.stream(DIRECTIONS).stream(first))
}

/// A leaf's directions, `[r, weights]`.
fn flat<T: Real>(v: Var<'_, T>) -> Var<'_, T> {
    v.reshape(&[v.size(0), v.data().len() / v.size(0).max(1)])
}
