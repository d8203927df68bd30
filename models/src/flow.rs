//! The normalizing flow: `log p(x) = log p_z(f⁻¹(x)) + log |det ∂f⁻¹/∂x|`, exactly, with p_z a [`Base`], the standard normal unless
//! another is given.
//!
//! Fitted to data it maximises the mean of that, which is to minimise `KL(data ‖ flow)`. Fitted to a density known up to a factor,
//! [`reverse_kl`](Flow::reverse_kl), it minimises `KL(flow ‖ density)`: variational inference (Rezende and Mohamed 2015).

use crate::{AnyBase, Base, Batch, Loss, Model, StandardNormal};
use evidence_autodiff::{Array, Noise, Path, Real, Tape, Tree, Var};
use evidence_layers::{
    Affine, AffineCoupling, AnyBijection, Autoregressive, Bijection, Chain, CouplingError,
    Direction, MadeError, Permutation, Spline, SplineCoupling, Split,
};

/// A chain of bijections from a base to the data.
///
/// A flow of a bijection of your own, or of a pair that is none of those below, is a [`Model`] by the name of a type of yours:
///
/// ```
/// use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};
/// use evidence_layers::{AffineCoupling, Softplus, Split};
/// use evidence_models::{Batch, Flow, Loss, Model};
///
/// /// A coupling, and then the positive numbers.
/// struct Positive<P>(Flow<(AffineCoupling<P>, Softplus)>);
///
/// impl<P> Tree<P> for Positive<P> {
///     type With<Q> = Positive<Q>;
///
///     fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Positive<Q> {
///         Positive(self.0.map(path, f))
///     }
///
///     fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
///         let Self(flow) = self;
///         flow.leaves_mut(out);
///     }
/// }
///
/// impl<T: Real> Model<T> for Positive<Array<T>> {
///     fn loss<'t>(bound: &Positive<Var<'t, T>>, batch: &Batch<'t, T>, noise: Noise) -> Loss<'t, T> {
///         bound.0.loss(batch, noise)
///     }
/// }
///
/// let coupling = AffineCoupling::<Array<f32>>::new(2, Split::First, &[16], Noise::new(0))?;
/// let model = Positive(Flow::new((coupling, Softplus))); // for `fit`, with all it does
/// # fn trains<T: Real>(_: impl Model<T>) {}
/// # trains::<f32>(model);
/// # Ok::<(), evidence_layers::CouplingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Flow<B, D = StandardNormal> {
    /// f, from base to data.
    pub bijection: B,
    /// What z is distributed as.
    pub base: D,
}

impl<B> Flow<B> {
    /// From the standard normal.
    pub fn new(bijection: B) -> Self {
        Self { bijection, base: StandardNormal }
    }
}

impl<T: Real> Flow<Chain<AffineCoupling<Array<T>>>> {
    /// RealNVP (Dinh and others 2017): affine couplings over `width` columns, the halves changing roles from one to the next.
    ///
    /// Each step of an optimiser moves all of them, most often in one direction: 100 couplings train well at a rate of 1e-4 by Adam and 400
    /// at 3e-5, where 1e-3 suits 30 and throws 400 off in their first step.
    ///
    /// # Errors
    /// If there are fewer than two columns.
    pub fn real_nvp(
        width: usize,
        couplings: usize,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, CouplingError> {
        let coupling =
            |i: usize| AffineCoupling::new(width, half(i), hidden, noise.stream(i as u64));
        Ok(Self::new(Chain((0..couplings).map(coupling).collect::<Result<_, _>>()?)))
    }
}

impl<T: Real> Flow<Chain<SplineCoupling<Array<T>>>> {
    /// Neural spline flow (Durkan and others 2019): couplings of rational-quadratic splines, the halves changing roles.
    ///
    /// Data should lie mostly within the splines' interval: standardise them.
    ///
    /// # Errors
    /// If there are fewer than two columns.
    pub fn neural_spline(
        width: usize,
        couplings: usize,
        spline: Spline,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, CouplingError> {
        let coupling =
            |i: usize| SplineCoupling::with(spline, width, half(i), hidden, noise.stream(i as u64));
        Ok(Self::new(Chain((0..couplings).map(coupling).collect::<Result<_, _>>()?)))
    }
}

impl<T: Real> Flow<Chain<AnyBijection<Array<T>>>> {
    /// MAF (Papamakarios and others 2017): masked autoregressive layers, the columns in reverse order from one to the next.
    ///
    /// Densities take one pass of each layer's network; draws compute as much, column by column.
    ///
    /// # Errors
    /// If there are no columns, or a hidden layer has no units.
    pub fn maf(
        width: usize,
        layers: usize,
        hidden: &[usize],
        noise: Noise,
    ) -> Result<Self, MadeError> {
        let mut chain = Vec::new();
        for i in 0..layers {
            if i > 0 {
                chain.push(Permutation::reversed(width).into());
            }
            let (direction, noise) = (Direction::Masked, noise.stream(i as u64));
            chain.push(
                Autoregressive::new(direction, Affine::default(), width, hidden, noise)?.into(),
            );
        }
        Ok(Self::new(Chain(chain)))
    }
}

/// The halves change roles.
fn half(i: usize) -> Split {
    if i.is_multiple_of(2) { Split::First } else { Split::Second }
}

impl<P, B: Tree<P>, D: Tree<P>> Tree<P> for Flow<B, D> {
    type With<Q> = Flow<B::With<Q>, D::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        Flow { bijection: self.bijection.map(path, f), base: self.base.map(&path.field("base"), f) }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { bijection, base } = self;
        bijection.leaves_mut(out);
        base.leaves_mut(out);
    }
}

impl<B, D> Flow<B, D> {
    /// The log-density of each row, `[n]`, in nats.
    ///
    /// Of a row with a NaN it is NaN; of one that f does not reach, NaN or −∞.
    #[must_use]
    pub fn log_prob<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T>
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        self.log_prob_given(x, None)
    }

    /// The log-density of each row given its context `[n, c]`.
    ///
    /// # Panics
    /// If a bijection needs a context and there is none, or not one of its width.
    #[must_use]
    pub fn log_prob_given<'t, T: Real>(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> Var<'t, T>
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        let (z, log_det) = self.bijection.inverse_given(x, context);
        self.base.log_prob(z) + log_det.value()
    }

    /// `n` draws of `width` columns, `[n, width]`: the base's, through the bijection.
    #[must_use]
    pub fn sample<'t, T: Real>(
        &self,
        tape: &'t Tape<T>,
        shape: (usize, usize),
        noise: Noise,
    ) -> Var<'t, T>
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        self.bijection.forward(self.base.sample(tape, shape, noise)).0
    }

    /// A draw of `width` columns for each row of a context `[n, c]`.
    ///
    /// # Panics
    /// If the context has not the width that a bijection was built for.
    #[must_use]
    pub fn sample_given<'t, T: Real>(
        &self,
        context: Var<'t, T>,
        width: usize,
        noise: Noise,
    ) -> Var<'t, T>
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        let z = self.base.sample(context.tape(), (context.size(0), width), noise);
        self.bijection.forward_given(z, Some(context)).0
    }

    /// Draws `[n, width]` and the log-density of each, `[n]`, in one pass: neither is computed from the other.
    #[must_use]
    pub fn sample_with_log_prob<'t, T: Real>(
        &self,
        tape: &'t Tape<T>,
        shape: (usize, usize),
        noise: Noise,
    ) -> (Var<'t, T>, Var<'t, T>)
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        let z = self.base.sample(tape, shape, noise);
        let (x, log_det) = self.bijection.forward(z);
        (x, self.base.log_prob(z) - log_det.value())
    }

    /// `KL(q ‖ p) − ln Z = E_q[log q(x) − log p̃(x)]` from n reparametrised draws of the flow q, for a density `p = p̃/Z` known up to
    /// its normaliser Z, in nats. At its least, 0 KL, it is −ln Z.
    ///
    /// `log_density` gives log p̃ of rows `[n, width]`, as `[n]`.
    ///
    /// The weights of a [`NormalMixture`](crate::NormalMixture) are not learned this way: which component a draw comes from is no
    /// differentiable function of them, and their gradient is noise around 0.
    #[must_use]
    pub fn reverse_kl<'t, T: Real>(
        &self,
        tape: &'t Tape<T>,
        shape: (usize, usize),
        log_density: impl FnOnce(Var<'t, T>) -> Var<'t, T>,
        noise: Noise,
    ) -> Var<'t, T>
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        let (x, log_q) = self.sample_with_log_prob(tape, shape, noise);
        (log_q - log_density(x)).mean(..)
    }

    /// The negative mean log-density.
    pub fn loss<'t, T: Real>(&self, batch: &Batch<'t, T>, _: Noise) -> Loss<'t, T>
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        negative_log_density(self, batch.inputs, None)
    }
}

fn negative_log_density<'t, T: Real, B: Bijection<'t, T>, D: Base<'t, T>>(
    flow: &Flow<B, D>,
    x: Var<'t, T>,
    context: Option<Var<'t, T>>,
) -> Loss<'t, T> {
    let (z, log_det) = flow.bijection.inverse_given(x, context);
    let base = flow.base.log_prob(z).mean(..);
    let volume = log_det.value().mean(..);
    Loss {
        total: -(base + volume),
        parts: vec![("log-density of the base", base), ("log-determinant", volume)],
    }
}

/// A flow of targets given inputs: `log p(y | x)`, the inputs its bijections' context.
///
/// At least one bijection has to be built for a context ([`Columns`](evidence_layers::Columns)). Those that are not take no notice of one,
/// as they should beside others; a flow of nothing else learns p(y), whatever the inputs are, and nothing says so.
#[derive(Clone, Debug)]
pub struct ConditionalFlow<B, D = StandardNormal>(pub Flow<B, D>);

impl<P, B: Tree<P>, D: Tree<P>> Tree<P> for ConditionalFlow<B, D> {
    type With<Q> = ConditionalFlow<B::With<Q>, D::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        ConditionalFlow(self.0.map(path, f))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self(flow) = self;
        flow.leaves_mut(out);
    }
}

impl<B, D> ConditionalFlow<B, D> {
    /// The negative mean log-density of the targets given the inputs.
    ///
    /// # Panics
    /// If there are no targets, or the inputs are not as wide as the context that a bijection was built for.
    pub fn loss<'t, T: Real>(&self, batch: &Batch<'t, T>, _: Noise) -> Loss<'t, T>
    where
        B: Bijection<'t, T>,
        D: Base<'t, T>,
    {
        negative_log_density(&self.0, batch.expect_targets(), Some(batch.inputs))
    }
}

macro_rules! models {
    ($($flow:ident<$bijection:ty, $base:ty>, $bound_bijection:ty, $bound_base:ty;)*) => {$(
        impl<T: Real> Model<T> for $flow<$bijection, $base> {
            fn loss<'t>(
                bound: &$flow<$bound_bijection, $bound_base>,
                batch: &Batch<'t, T>,
                noise: Noise,
            ) -> Loss<'t, T> {
                bound.loss(batch, noise)
            }
        }
    )*};
}

models! {
    Flow<Chain<AffineCoupling<Array<T>>>, StandardNormal>, Chain<AffineCoupling<Var<'t, T>>>, StandardNormal;
    Flow<Chain<SplineCoupling<Array<T>>>, StandardNormal>, Chain<SplineCoupling<Var<'t, T>>>, StandardNormal;
    Flow<Chain<AnyBijection<Array<T>>>, StandardNormal>, Chain<AnyBijection<Var<'t, T>>>, StandardNormal;
    Flow<Chain<AnyBijection<Array<T>>>, AnyBase<Array<T>>>, Chain<AnyBijection<Var<'t, T>>>, AnyBase<Var<'t, T>>;
    ConditionalFlow<Chain<AnyBijection<Array<T>>>, StandardNormal>, Chain<AnyBijection<Var<'t, T>>>, StandardNormal;
    ConditionalFlow<Chain<AnyBijection<Array<T>>>, AnyBase<Array<T>>>, Chain<AnyBijection<Var<'t, T>>>, AnyBase<Var<'t, T>>;
}
