//! Any of the bases, for flows whose base is known when the program runs.

use super::{Base, Normal, NormalMixture, StandardNormal, StudentT, Uniform};
use evidence_autodiff::{Noise, Path, Real, Tape, Tree, Var};

/// One of the bases; each turns into it by `From`.
#[derive(Clone, Debug)]
pub enum AnyBase<P> {
    /// N(0, I).
    StandardNormal(StandardNormal),
    /// Learned means and scales.
    Normal(Normal<P>),
    /// The unit cube.
    Uniform(Uniform),
    /// Several normals.
    Mixture(NormalMixture<P>),
    /// Heavy tails.
    StudentT(StudentT),
}

macro_rules! from {
    ($($variant:ident($type:ty)),*) => {
        $(impl<P> From<$type> for AnyBase<P> {
            fn from(base: $type) -> Self {
                Self::$variant(base)
            }
        })*
    };
}
from!(
    StandardNormal(StandardNormal),
    Normal(Normal<P>),
    Uniform(Uniform),
    Mixture(NormalMixture<P>),
    StudentT(StudentT)
);

impl<P> Tree<P> for AnyBase<P> {
    type With<Q> = AnyBase<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> AnyBase<Q> {
        match self {
            Self::StandardNormal(base) => AnyBase::StandardNormal(base.map(path, f)),
            Self::Normal(base) => AnyBase::Normal(base.map(path, f)),
            Self::Uniform(base) => AnyBase::Uniform(base.map(path, f)),
            Self::Mixture(base) => AnyBase::Mixture(base.map(path, f)),
            Self::StudentT(base) => AnyBase::StudentT(base.map(path, f)),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        match self {
            Self::StandardNormal(base) => base.leaves_mut(out),
            Self::Normal(base) => base.leaves_mut(out),
            Self::Uniform(base) => base.leaves_mut(out),
            Self::Mixture(base) => base.leaves_mut(out),
            Self::StudentT(base) => base.leaves_mut(out),
        }
    }
}

impl<'t, T: Real> AnyBase<Var<'t, T>> {
    fn inside(&self) -> &dyn Base<'t, T> {
        match self {
            Self::StandardNormal(base) => base,
            Self::Normal(base) => base,
            Self::Uniform(base) => base,
            Self::Mixture(base) => base,
            Self::StudentT(base) => base,
        }
    }
}

impl<'t, T: Real> Base<'t, T> for AnyBase<Var<'t, T>> {
    fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T> {
        self.inside().log_prob(z)
    }

    fn sample(&self, tape: &'t Tape<T>, shape: (usize, usize), noise: Noise) -> Var<'t, T> {
        self.inside().sample(tape, shape, noise)
    }
}
