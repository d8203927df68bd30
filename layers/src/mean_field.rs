//! "The weight matrices and biases are in fact distributions": a factorised normal over any tree of parameters.
//!
//! `q(w) = Π N(wᵢ; μᵢ, σᵢ²)` with `σᵢ = softplus(ρᵢ)`, so that σ is positive for any ρ. A draw is reparametrised,
//! `w = μ + σ ε` with `ε ~ N(0, 1)`, which lets gradients through to μ and ρ (Blundell and others 2015, section 3.2).

use evidence_autodiff::{Array, Noise, Path, Real, Tree, Var};

/// A factorised normal over a tree of parameters: two trees of one shape.
#[derive(Clone, Debug)]
pub struct MeanField<M> {
    /// μ.
    pub mean: M,
    /// ρ, with σ = softplus(ρ) = ln(1 + e^ρ).
    pub rho: M,
}

impl<P, M: Tree<P>> Tree<P> for MeanField<M> {
    type With<Q> = MeanField<M::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        MeanField {
            mean: self.mean.map(&path.field("mean"), f),
            rho: self.rho.map(&path.field("rho"), f),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { mean, rho } = self;
        mean.leaves_mut(out);
        rho.leaves_mut(out);
    }
}

impl<M> MeanField<M> {
    /// Means at the given parameters, every scale σ the same.
    ///
    /// # Panics
    /// If the scale is not a positive number.
    #[track_caller]
    pub fn around<T: Real>(mean: M, scale: f64) -> Self
    where
        M: Tree<Array<T>, With<Array<T>> = M>,
    {
        assert!(
            scale > 0.0 && scale.is_finite(),
            "MeanField: a posterior scale of {scale}; it must be positive"
        );
        // The inverse of softplus, ln(e^σ − 1), without overflow for large σ or cancellation for small ones.
        let rho = T::from_f64(scale + (-(-scale).exp_m1()).ln());
        let rho = mean.map(&Path::root(), &mut |_, leaf| leaf.mapv(|_| rho).into_shared());
        Self { mean, rho }
    }
}

impl<M> MeanField<M> {
    /// One reparametrised draw of the whole tree, `w = μ + softplus(ρ) ε`.
    ///
    /// The noise is a function of `noise` and the leaf's place alone; the backward pass draws it again.
    #[must_use]
    pub fn rsample<'t, T: Real>(&self, noise: Noise) -> M::With<Var<'t, T>>
    where
        M: Tree<Var<'t, T>>,
    {
        self.rsample_from(noise, 0)
    }

    /// The same where other leaves come before these in a larger tree: leaf i takes the stream `first + i`.
    #[must_use]
    pub fn rsample_from<'t, T: Real>(&self, noise: Noise, first: u64) -> M::With<Var<'t, T>>
    where
        M: Tree<Var<'t, T>>,
    {
        let mut leaf = 0;
        let rho = leaves(&self.rho);
        self.mean.map(&Path::root(), &mut |_, mean| {
            leaf += 1;
            mean.rsample(rho[leaf - 1], noise.stream(first + leaf as u64 - 1))
        })
    }

    /// [`rsample`](Self::rsample) and [`kl_to_normal`](Self::kl_to_normal) in one visit of the parameters each way: what a training
    /// step needs of both.
    ///
    /// # Panics
    /// If the prior scale s is not positive.
    #[must_use]
    #[track_caller]
    pub fn rsample_with_kl<'t, T: Real>(
        &self,
        noise: Noise,
        prior_scale: f64,
    ) -> (M::With<Var<'t, T>>, Var<'t, T>)
    where
        M: Tree<Var<'t, T>>,
    {
        let (draw, parts) = self.rsample_with_kl_from(noise, 0, prior_scale);
        let kl = parts.into_iter().reduce(|sum, part| sum + part);
        (draw, kl.expect("a tree of parameters has a leaf"))
    }

    /// The same where other leaves come before these in a larger tree, and the divergence leaf by leaf.
    #[track_caller]
    pub(crate) fn rsample_with_kl_from<'t, T: Real>(
        &self,
        noise: Noise,
        first: u64,
        prior_scale: f64,
    ) -> (M::With<Var<'t, T>>, Vec<Var<'t, T>>)
    where
        M: Tree<Var<'t, T>>,
    {
        let rho = leaves(&self.rho);
        let mut parts = Vec::with_capacity(rho.len());
        let draw = self.mean.map(&Path::root(), &mut |_, mean| {
            let leaf = parts.len();
            let noise = noise.stream(first + leaf as u64);
            let (draw, kl) = mean.rsample_with_kl(rho[leaf], noise, prior_scale);
            parts.push(kl);
            draw
        });
        (draw, parts)
    }

    /// KL(q ‖ N(0, s²)) of all parameters together: a **sum**, in nats.
    ///
    /// `Σ ln(s/σᵢ) + (σᵢ² + μᵢ²)/2s² − ½`.
    ///
    /// # Panics
    /// If the prior scale s is not positive.
    #[must_use]
    #[track_caller]
    pub fn kl_to_normal<'t, T: Real>(&self, prior_scale: f64) -> Var<'t, T>
    where
        M: Tree<Var<'t, T>>,
    {
        assert!(
            prior_scale > 0.0,
            "MeanField: a prior scale of {prior_scale}; it must be positive"
        );
        let parts = self.kl_parts(prior_scale).into_iter();
        parts.reduce(|sum, part| sum + part).expect("a tree of parameters has a leaf")
    }

    /// The same, leaf by leaf.
    #[track_caller]
    pub(crate) fn kl_parts<'t, T: Real>(&self, prior_scale: f64) -> Vec<Var<'t, T>>
    where
        M: Tree<Var<'t, T>>,
    {
        let pairs = leaves(&self.mean).into_iter().zip(leaves(&self.rho));
        pairs.map(|(mean, rho)| mean.kl_mean_field(rho, prior_scale)).collect()
    }

    /// The means: the tree as if it had no distribution.
    pub fn means<'t, T: Real>(&self) -> M::With<Var<'t, T>>
    where
        M: Tree<Var<'t, T>>,
    {
        self.mean.map(&Path::root(), &mut |_, mean| *mean)
    }
}

/// The leaves of a bound tree, in order.
pub(crate) fn leaves<'t, T: Real, M: Tree<Var<'t, T>>>(tree: &M) -> Vec<Var<'t, T>> {
    let mut leaves = Vec::new();
    tree.map(&Path::root(), &mut |_, leaf| leaves.push(*leaf));
    leaves
}
