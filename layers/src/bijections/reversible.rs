//! A chain whose training takes the memory of one of its bijections: the backward pass finds what went in from what came out, by the
//! inverse, where an ordinary chain keeps it.
//!
//! Formula and log-determinant are the chain's. The price is time, two more passes, and rounding: see
//! [`Tape::invertible`](evidence_autodiff::Tape::invertible) and its guard, which measures how far recomputed points are from the true
//! ones and, where that is beyond a tolerance, has the gradient computed from recorded activations instead.

use super::{AnyBijection, Chain};
use crate::{Bijection, LogDet};
use evidence_autodiff::{Guard, Path, Real, Stages, Tree, Var};
use std::sync::Arc;

/// A chain that keeps no activations. With a context it is an ordinary chain, which does.
#[derive(Clone, Debug)]
pub struct Reversible<P> {
    /// From base to data.
    pub chain: Chain<AnyBijection<P>>,
    guard: Arc<Guard>,
}

impl<P> Reversible<P> {
    /// With a guard that lets recomputed points be off by `tolerance`, relative where they are beyond 1: 1e-9 suits double precision,
    /// 1e-3 single.
    pub fn new(chain: Chain<AnyBijection<P>>, tolerance: f64) -> Self {
        Self { chain, guard: Arc::new(Guard::new(tolerance)) }
    }

    /// What the guard has seen so far, of this chain and all that were bound or cloned from it.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }
}

impl<P> Tree<P> for Reversible<P> {
    type With<Q> = Reversible<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Reversible<Q> {
        Reversible { chain: self.chain.map(path, f), guard: self.guard.clone() }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { chain, guard: _ } = self;
        chain.leaves_mut(out);
    }
}

/// The bijections without their parameters, in the order they are applied.
struct Walk {
    bijections: Vec<(AnyBijection<()>, usize)>,
    /// From base to data.
    forward: bool,
}

impl Walk {
    fn bind<'a, T: Real>(
        &self,
        stage: usize,
        parameters: &[Var<'a, T>],
    ) -> AnyBijection<Var<'a, T>> {
        let mut next = parameters.iter();
        self.bijections[stage]
            .0
            .map(&Path::root(), &mut |_, ()| *next.next().expect("a parameter for each leaf"))
    }
}

impl<T: Real> Stages<T> for Walk {
    fn count(&self) -> usize {
        self.bijections.len()
    }

    fn parameters(&self, stage: usize) -> usize {
        self.bijections[stage].1
    }

    fn apply<'a>(
        &self,
        stage: usize,
        x: Var<'a, T>,
        parameters: &[Var<'a, T>],
    ) -> (Var<'a, T>, Var<'a, T>) {
        let bound = self.bind(stage, parameters);
        let (y, log_det) = if self.forward { bound.forward(x) } else { bound.inverse(x) };
        (y, log_det.value())
    }

    fn invert<'a>(&self, stage: usize, y: Var<'a, T>, parameters: &[Var<'a, T>]) -> Var<'a, T> {
        let bound = self.bind(stage, parameters);
        if self.forward { bound.inverse(y).0 } else { bound.forward(y).0 }
    }
}

impl<'t, T: Real> Reversible<Var<'t, T>> {
    fn walk(&self, x: Var<'t, T>, forward: bool) -> (Var<'t, T>, LogDet<'t, T>) {
        let (mut bijections, mut parameters) = (Vec::new(), Vec::new());
        let mut visit = |bijection: &AnyBijection<Var<'t, T>>| {
            let before = parameters.len();
            let bare = bijection.map(&Path::root(), &mut |_, leaf| parameters.push(*leaf));
            bijections.push((bare, parameters.len() - before));
        };
        if forward {
            self.chain.0.iter().for_each(&mut visit);
        } else {
            self.chain.0.iter().rev().for_each(&mut visit);
        }
        let walk = Walk { bijections, forward };
        let (y, log_det) = x.tape().invertible(x, &parameters, walk, &self.guard);
        (y, LogDet::new(log_det))
    }
}

impl<'t, T: Real> Bijection<'t, T> for Reversible<Var<'t, T>> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.walk(z, true)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.walk(x, false)
    }

    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        if context.is_none() { self.forward(z) } else { self.chain.forward_given(z, context) }
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        if context.is_none() { self.inverse(x) } else { self.chain.inverse_given(x, context) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ActNorm, AffineCoupling, LuLinear, Spline, SplineCoupling, Split, standard_normal_log_prob,
    };
    use evidence_autodiff::{Array, Noise, Parameters, Tape};
    use ndarray::{Array2, ArrayD};

    fn normal(shape: &[usize], scale: f64, noise: Noise) -> ArrayD<f64> {
        let mut array = ArrayD::zeros(shape);
        noise.fill_normal_f64(array.as_slice_mut().unwrap());
        array * scale
    }

    /// Couplings of both kinds, with random parameters.
    fn chain(couplings: usize, splines: bool, scale: f64) -> Chain<AnyBijection<Array<f64>>> {
        let noise = Noise::new(9);
        let spline = Spline::new(6, 3.0).unwrap();
        let mut chain = Vec::<AnyBijection<Array<f64>>>::new();
        for i in 0..couplings {
            let split = if i % 2 == 0 { Split::First } else { Split::Second };
            let noise = noise.stream(i as u64);
            chain.push(if splines && i % 3 == 2 {
                SplineCoupling::with(spline, 2, split, &[8], noise).unwrap().into()
            } else {
                AffineCoupling::new(2, split, &[8], noise).unwrap().into()
            });
            if splines && i % 5 == 4 {
                chain.extend([LuLinear::random(2, noise).into(), ActNorm::new(2).into()]);
            }
        }
        let mut leaf = 0;
        Chain(chain).map(&Path::root(), &mut |_, old: &Array<f64>| {
            leaf += 1;
            normal(old.shape(), scale, noise.stream(1000 + leaf)).into_shared()
        })
    }

    /// The gradients of a flow's loss, or of draws' log-density, by the rows and by each leaf, and the bytes they took.
    fn gradients(
        bijection: &AnyBijection<Array<f64>>,
        rows: usize,
        forward: bool,
    ) -> (f64, Vec<Vec<f64>>, usize) {
        let tape = Tape::<f64>::new();
        let bound = bijection.bind(&tape);
        let x = tape.variable(normal(&[rows, 2], 1.0, Noise::new(3)));
        let (z, log_det) = if forward { bound.forward(x) } else { bound.inverse(x) };
        let loss = -(standard_normal_log_prob(z) + log_det.value()).mean(..);
        let value = loss.item();
        let mut gradients = loss.backward();
        let mut all = vec![gradients.take(x).data().to_vec()];
        bound.map(&Path::root(), &mut |_, &leaf| all.push(gradients.take(leaf).data().to_vec()));
        drop(gradients);
        (value, all, tape.allocated_bytes())
    }

    fn kept(chain: &Chain<AnyBijection<Array<f64>>>) -> Vec<AnyBijection<Array<f64>>> {
        chain.0.clone()
    }

    #[test]
    fn gradients_are_those_of_stored_activations() {
        for (couplings, splines, scale) in
            [(1, false, 0.3), (12, false, 0.3), (15, true, 0.3), (60, true, 0.1)]
        {
            let chain = chain(couplings, splines, scale);
            for forward in [false, true] {
                // Not kept at all, against everything kept: a tolerance that nothing passes.
                let recomputed = Reversible::new(Chain(kept(&chain)), 1e-9);
                let stored = Reversible::new(Chain(kept(&chain)), -1.0);
                let (a, found, _) = gradients(&recomputed.clone().into(), 50, forward);
                let (b, truth, _) = gradients(&stored.clone().into(), 50, forward);
                let fallbacks = (recomputed.guard().fallbacks(), stored.guard().fallbacks());
                assert_eq!(fallbacks, (0, 1), "{couplings}: {}", recomputed.guard().worst());
                assert!(recomputed.guard().worst() > 0.0 || couplings == 1);
                assert_eq!(a, b);
                // And against an ordinary chain.
                let tape = Tape::<f64>::new();
                let bound = chain.bind(&tape);
                let x = tape.variable(normal(&[50, 2], 1.0, Noise::new(3)));
                let (z, log_det) = if forward { bound.forward(x) } else { bound.inverse(x) };
                let loss = -(standard_normal_log_prob(z) + log_det.value()).mean(..);
                assert!((loss.item() - a).abs() < 1e-12 * a.abs());
                let mut ordinary = loss.backward();
                let mut plain = vec![ordinary.take(x).data().to_vec()];
                bound.map(&Path::root(), &mut |_, &leaf| {
                    plain.push(ordinary.take(leaf).data().to_vec());
                });
                assert!(found.len() == plain.len() && truth.len() == plain.len());
                // Of each array alone: beside the largest gradient of all, a small leaf's could be anything.
                let near = |of: &[f64], plain: &[f64], bound: f64| {
                    let largest = plain.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
                    for (a, b) in of.iter().zip(plain) {
                        assert!(
                            (a - b).abs() <= bound * largest,
                            "{couplings}: {a} {b}, {largest}"
                        );
                    }
                };
                for ((found, truth), plain) in found.iter().zip(&truth).zip(&plain) {
                    near(found, plain, 1e-8);
                    near(truth, plain, 1e-12);
                }
            }
        }
    }

    #[test]
    fn four_hundred_couplings_take_hardly_more_memory_than_ten() {
        let bytes = |couplings| {
            let reversible = Reversible::new(chain(couplings, false, 0.1), 1e-6);
            let (_, _, bytes) = gradients(&reversible.clone().into(), 2000, false);
            assert_eq!(reversible.guard().fallbacks(), 0, "{}", reversible.guard().worst());
            bytes as f64
        };
        let (ten, many) = (bytes(10), bytes(400));
        println!("10 couplings: {ten} bytes; 400: {many}, {:.2} times as many", many / ten);
        assert!(many <= 1.5 * ten, "{many} {ten}");
    }

    #[test]
    fn a_chain_that_cannot_be_inverted_in_its_precision_falls_back() {
        // A hundred couplings that each stretch by up to e, in single precision.
        let single = chain(100, false, 1.5)
            .map(&Path::root(), &mut |_, leaf: &Array<f64>| leaf.mapv(|x| x as f32).into_shared());
        let run = |tolerance: f64| {
            let reversible = Reversible::new(Chain(single.0.clone()), tolerance);
            let tape = Tape::<f32>::new();
            let bound = AnyBijection::from(reversible.clone()).bind(&tape);
            let x =
                tape.variable(Array2::from_shape_fn((20, 2), |(i, j)| 0.1 * (i + j) as f32 - 1.0));
            let (z, log_det) = bound.inverse(x);
            let mut gradients = (z.sum(-1) + log_det.value()).sum(..).backward();
            let all = gradients.take(x).data().to_vec();
            (all, reversible.guard().fallbacks())
        };
        let ((guarded, fallbacks), (stored, _)) = (run(1e-6), run(-1.0));
        assert_eq!(fallbacks, 1);
        assert_eq!(guarded, stored);
    }
}
