//! The normalizing flow: `log p(x) = log N(f⁻¹(x); 0, I) + log |det ∂f⁻¹/∂x|`, exactly.

use crate::{Batch, Loss, Model};
use evidence_autodiff::{Array, Noise, Path, Real, Tape, Tree, Var};
use evidence_layers::{
    AffineCoupling, Bijection, Chain, CouplingError, Half, standard_normal_log_prob,
};

/// A chain of bijections from a standard normal to the data.
#[derive(Clone, Debug)]
pub struct Flow<B> {
    /// f, from base to data.
    pub bijection: B,
}

impl<T: Real> Flow<Chain<AffineCoupling<Array<T>>>> {
    /// RealNVP (Dinh and others 2017): affine couplings over `width` columns, the halves changing roles from one to the next.
    ///
    /// # Errors
    /// If there are fewer than two columns.
    pub fn real_nvp(
        width: usize,
        couplings: usize,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, CouplingError> {
        let coupling = |i: usize| {
            let half = if i.is_multiple_of(2) { Half::First } else { Half::Second };
            AffineCoupling::new(width, half, hidden, noise.stream(i as u64))
        };
        Ok(Self { bijection: Chain((0..couplings).map(coupling).collect::<Result<_, _>>()?) })
    }
}

impl<P, B: Tree<P>> Tree<P> for Flow<B> {
    type With<Q> = Flow<B::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        Flow { bijection: self.bijection.map(path, f) }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { bijection } = self;
        bijection.leaves_mut(out);
    }
}

impl<B> Flow<B> {
    /// The log-density of each row, `[n]`, in nats.
    #[must_use]
    pub fn log_prob<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T>
    where
        B: Bijection<'t, T>,
    {
        let (z, log_det) = self.bijection.inverse(x);
        standard_normal_log_prob(z) + log_det.value()
    }

    /// `n` draws of `width` columns, `[n, width]`: the base's, through the bijection.
    #[must_use]
    pub fn sample<'t, T: Real>(
        &self,
        tape: &'t Tape<T>,
        (n, width): (usize, usize),
        noise: Noise,
    ) -> Var<'t, T>
    where
        B: Bijection<'t, T>,
    {
        self.bijection.forward(tape.normal(&[n, width], noise)).0
    }
}

impl<B> Flow<B> {
    /// The negative mean log-density.
    pub fn loss<'t, T: Real>(&self, batch: &Batch<'t, T>, _: Noise) -> Loss<'t, T>
    where
        B: Bijection<'t, T>,
    {
        let (z, log_det) = self.bijection.inverse(batch.inputs);
        let base = standard_normal_log_prob(z).mean(..);
        let volume = log_det.value().mean(..);
        Loss {
            total: -(base + volume),
            parts: vec![("log-density of the base", base), ("log-determinant", volume)],
        }
    }
}

impl<T: Real> Model<T> for Flow<Chain<AffineCoupling<Array<T>>>> {
    fn loss<'t>(
        bound: &Flow<Chain<AffineCoupling<Var<'t, T>>>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        bound.loss(batch, noise)
    }
}
