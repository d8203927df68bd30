//! SWAG: a normal through the iterates of stochastic gradient descent (Maddox and others 2019, algorithm 1 and eq. 1).
//!
//! With the iterates' mean `w̄`, variances and last K deviations D: `w = w̄ + diag(σ) z₁/√2 + D z₂/√(2 (K − 1))`.

use crate::{DenseNetwork, Mixture};
use evidence_autodiff::{Array, Noise, Path, Real, Tree, zeros};
use ndarray::{ArrayView2, Zip};
use std::f64::consts::FRAC_1_SQRT_2;

/// Moments of the iterates of a model.
#[derive(Clone, Debug)]
pub struct Swag<M> {
    collected: usize,
    mean: M,
    variance: M,
    /// The last of them, oldest first, from the mean as it was.
    deviations: Vec<M>,
    rank: usize,
}

/// The leaves of a tree, in order.
fn leaves<T: Real, M: Tree<Array<T>>>(tree: &M) -> Vec<Array<T>> {
    let mut leaves = Vec::new();
    tree.map(&Path::root(), &mut |_, leaf| leaves.push(leaf.clone()));
    leaves
}

impl<M> Swag<M> {
    /// Nothing collected, with room for so many deviations.
    ///
    /// # Panics
    /// If there are fewer than two: K − 1 divides.
    #[track_caller]
    pub fn new<T: Real>(model: &M, rank: usize) -> Self
    where
        M: Tree<Array<T>, With<Array<T>> = M>,
    {
        assert!(rank >= 2, "Swag: {rank} deviations; keep at least two");
        let empty = || model.map(&Path::root(), &mut |_, leaf: &Array<T>| zeros(leaf.shape()));
        Self { collected: 0, mean: empty(), variance: empty(), deviations: Vec::new(), rank }
    }

    /// How many iterates it has seen.
    pub fn collected(&self) -> usize {
        self.collected
    }

    /// Adds an iterate: the end of an epoch at a constant learning rate, say.
    pub fn collect<T: Real>(&mut self, model: &M)
    where
        M: Tree<Array<T>, With<Array<T>> = M>,
    {
        self.collected += 1;
        let share = T::from_f64(1.0 / self.collected as f64);
        let iterate = leaves(model);
        // Welford's recurrence: a difference of mean squares would lose the digits of a variance far below them.
        let (old, mut leaf) = (leaves(&self.mean), 0);
        self.mean = self.mean.map(&Path::root(), &mut |_, mean: &Array<T>| {
            let mut mean = mean.clone();
            mean.zip_mut_with(&iterate[leaf], |mean, &w| *mean += (w - *mean) * share);
            leaf += 1;
            mean
        });
        let (new, mut leaf) = (leaves(&self.mean), 0);
        self.variance = self.variance.map(&Path::root(), &mut |_, variance: &Array<T>| {
            let mut variance = variance.clone();
            Zip::from(&mut variance).and(&iterate[leaf]).and(&old[leaf]).and(&new[leaf]).for_each(
                |variance, &w, &old, &new| *variance += ((w - old) * (w - new) - *variance) * share,
            );
            leaf += 1;
            variance
        });
        let mut next = iterate.iter();
        let deviation = self.mean.map(&Path::root(), &mut |_, mean: &Array<T>| {
            let mut deviation = next.next().expect("trees of one shape").clone();
            deviation.zip_mut_with(mean, |w, &mean| *w -= mean);
            deviation
        });
        if self.deviations.len() == self.rank {
            self.deviations.remove(0);
        }
        self.deviations.push(deviation);
    }

    /// A draw of the whole model.
    ///
    /// # Panics
    /// If fewer than two iterates were collected.
    #[must_use]
    #[track_caller]
    pub fn sample<T: Real>(&self, noise: Noise) -> M
    where
        M: Tree<Array<T>, With<Array<T>> = M>,
    {
        let kept = self.deviations.len();
        assert!(kept >= 2, "Swag: {kept} iterates; a draw needs at least two");
        let mut common = vec![0.0; kept];
        noise.stream(0).fill_normal_f64(&mut common);
        let factor = 1.0 / (2.0 * (kept as f64 - 1.0)).sqrt();
        let deviations: Vec<Vec<Array<T>>> = self.deviations.iter().map(leaves).collect();
        let variances = leaves(&self.variance);
        let mut leaf = 0;
        self.mean.map(&Path::root(), &mut |_, mean: &Array<T>| {
            let mut own = vec![0.0; mean.len()];
            noise.stream(1).stream(leaf as u64).fill_normal_f64(&mut own);
            let mut drawn = mean.clone();
            for ((w, &variance), own) in drawn.iter_mut().zip(&variances[leaf]).zip(&own) {
                // Rounding may take a variance of nearly 0 below it.
                let scale = variance.to_f64().max(0.0).sqrt();
                *w = T::from_f64(w.to_f64() + scale * own * FRAC_1_SQRT_2);
            }
            for (deviation, z) in deviations.iter().zip(&common) {
                let z = T::from_f64(z * factor);
                drawn.zip_mut_with(&deviation[leaf], |w, &d| *w += d * z);
            }
            leaf += 1;
            drawn
        })
    }
}

impl<T: Real> Swag<DenseNetwork<Array<T>>> {
    /// The mixture of so many draws.
    ///
    /// # Panics
    /// If there are none, or fewer than two iterates, the likelihood is one of classes or pixels, or there is more than one target.
    #[must_use]
    #[track_caller]
    pub fn predictive(&self, inputs: ArrayView2<'_, T>, draws: usize, noise: Noise) -> Mixture {
        let parts: Vec<Mixture> = (0..draws as u64)
            .map(|draw| self.sample(noise.stream(draw)).predictive(inputs))
            .collect();
        Mixture::together(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Leaf;
    use evidence_layers::Activation;

    #[test]
    fn draws_have_the_iterates_mean_and_half_of_each_variance() {
        let model = |stream: u64| {
            let mut w = vec![0.0; 3];
            Noise::new(1).stream(stream).fill_normal_f64(&mut w);
            // The second is twice the first, and so correlated in the deviations alone.
            Leaf(ndarray::arr1(&[w[0], 2.0 * w[0], 5.0 + w[2]]).into_dyn().into_shared())
        };
        let mut swag = Swag::new(&model(0), 4);
        let iterates: Vec<Leaf<Array<f64>>> = (0..10).map(model).collect();
        iterates.iter().for_each(|iterate| swag.collect(iterate));
        assert_eq!(swag.collected(), 10);
        let mean = |i: usize| iterates.iter().map(|w| w.0[i]).sum::<f64>() / 10.0;
        let square = |i: usize| iterates.iter().map(|w| w.0[i].powi(2)).sum::<f64>() / 10.0;
        // Deviations from the running means, of the last four.
        let deviation = |i: usize, t: usize| {
            iterates[t].0[i] - iterates[..=t].iter().map(|w| w.0[i]).sum::<f64>() / (t as f64 + 1.0)
        };
        let draws: Vec<Leaf<Array<f64>>> =
            (0..5000).map(|s| swag.sample(Noise::new(2).stream(s))).collect();
        let n = draws.len() as f64;
        for i in 0..3 {
            for j in 0..=i {
                let own = if i == j { 0.5 * (square(i) - mean(i).powi(2)) } else { 0.0 };
                let common = (6..10).map(|t| deviation(i, t) * deviation(j, t)).sum::<f64>() / 6.0;
                let expected = own + common;
                let found =
                    draws.iter().map(|w| (w.0[i] - mean(i)) * (w.0[j] - mean(j))).sum::<f64>() / n;
                let size = square(i) - mean(i).powi(2) + square(j) - mean(j).powi(2);
                assert!(
                    (found - expected).abs() <= 5.0 * size / n.sqrt(),
                    "{i} {j}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn a_prediction_is_the_mixture_of_its_draws() {
        let network = |seed| {
            DenseNetwork::<Array<f64>>::regression(&[2, 4, 1], Activation::Tanh, Noise::new(seed))
        };
        let mut swag = Swag::new(&network(0), 3);
        (0..5).for_each(|seed| swag.collect(&network(seed)));
        let (x, noise) = (ndarray::arr2(&[[0.3, -1.0], [2.0, 0.5]]), Noise::new(9));
        let mean = swag.predictive(x.view(), 4, noise).mean();
        let draws = (0..4).map(|draw| swag.sample(noise.stream(draw)).predictive(x.view()).mean());
        let draws: Vec<_> = draws.collect();
        assert_ne!(draws[0], draws[1]);
        for row in 0..2 {
            let truth = draws.iter().map(|draw| draw[row]).sum::<f64>() / 4.0;
            assert!((mean[row] - truth).abs() <= 1e-14, "{} {truth}", mean[row]);
        }
    }

    /// In single precision too, where the squares of the means have no digits left for it.
    #[test]
    fn a_variance_far_below_the_squared_mean_is_found() {
        let mut w = vec![0.0; 40];
        Noise::new(1).fill_normal_f64(&mut w);
        let iterate =
            |z: f64| Leaf(ndarray::arr1(&[(3.0 + 1e-4 * z) as f32]).into_dyn().into_shared());
        let mut swag = Swag::new(&iterate(0.0), 2);
        w.iter().for_each(|z| swag.collect(&iterate(*z)));
        let mean = w.iter().sum::<f64>() / 40.0;
        let variance = w.iter().map(|z| (1e-4 * (z - mean)).powi(2)).sum::<f64>() / 40.0;
        let found = f64::from(swag.variance.0[0]);
        // An iterate is rounded to 2.4e-7 at worst, its deviation from the mean to a little more.
        assert!((found / variance - 1.0).abs() <= 0.02, "{found:e} {variance:e}");
    }
}
