//! How certain a network's weights are: posterior scales and signal to noise by layer, and weights pruned by it.
//!
//! A weight's signal to noise is `|μ| / σ`. Those with little of it are what the data did not need: set to 0, they cost little (Graves 2011,
//! section 6; Blundell and others 2015, section 5.1).

use crate::BayesianNetwork;
use evidence_autodiff::{Array, Parameters, Path, Real, Tape, Tree};
use evidence_layers::Posterior;
use std::fmt;

/// ρ of a weight that is certain: softplus(−30) is 1e-13.
const CERTAIN: f64 = -30.0;

/// A layer's posterior in a few numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerScales {
    /// Weights and biases.
    pub weights: usize,
    /// The median standard deviation; 0 of a point mass.
    pub scale: f64,
    /// The quartiles of |μ|/σ, median in the middle; infinite of a point mass.
    pub signal_to_noise: [f64; 3],
    /// The share of weights with |μ| < σ.
    pub in_doubt: f64,
}

impl fmt::Display for LayerScales {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, median, high] = self.signal_to_noise;
        if self.scale == 0.0 && median.is_infinite() {
            return write!(f, "{} weights, a point mass", self.weights);
        }
        write!(
            f,
            "{} weights, standard deviation {:.4}, signal to noise {median:.2} (half of them {low:.2} to {high:.2}), {:.0} % below 1",
            self.weights,
            self.scale,
            100.0 * self.in_doubt
        )
    }
}

/// The p-quantile of sorted numbers.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = (p * (sorted.len().max(1) - 1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

impl<T: Real> BayesianNetwork<Array<T>> {
    /// Mean and standard deviation of every weight, layer by layer.
    pub fn weights(&self) -> Vec<Vec<(f64, f64)>> {
        let layers = self.posterior.iter().map(|layer| {
            let tape = Tape::new();
            let mut all = Vec::new();
            for (mean, variance) in layer.posterior.bind_constant(&tape).marginals() {
                for (i, mean) in mean.data().iter().enumerate() {
                    let variance = variance.map_or(0.0, |v| v.data()[i].to_f64());
                    all.push((mean.to_f64(), variance.sqrt()));
                }
            }
            all
        });
        layers.collect()
    }

    /// Each layer's scales.
    pub fn scales(&self) -> Vec<LayerScales> {
        let layers = self.weights().into_iter().map(|weights| {
            let sorted = |of: &dyn Fn(&(f64, f64)) -> f64| {
                let mut values: Vec<f64> = weights.iter().map(of).collect();
                values.sort_by(f64::total_cmp);
                values
            };
            let (scales, ratios) = (sorted(&|w| w.1), sorted(&|w| ratio(*w)));
            let doubt = ratios.iter().filter(|ratio| **ratio < 1.0).count();
            LayerScales {
                weights: weights.len(),
                scale: quantile(&scales, 0.5),
                signal_to_noise: [0.25, 0.5, 0.75].map(|p| quantile(&ratios, p)),
                in_doubt: doubt as f64 / weights.len().max(1) as f64,
            }
        });
        layers.collect()
    }

    /// The network without the share of its weights that have the least signal to noise: they are 0, for certain.
    ///
    /// Only factorised layers lose weights; in the others a weight cannot be taken away alone.
    ///
    /// # Panics
    /// If the share is not inside [0, 1].
    #[must_use]
    #[track_caller]
    pub fn pruned(&self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "pruned: a share of {share}; it is between 0 and 1");
        let (mut pruned, weights) = (self.clone(), self.weights());
        let factorised =
            |layer: usize| matches!(self.posterior[layer].posterior, Posterior::MeanField(_));
        let mut order: Vec<(f64, usize, usize)> = Vec::new();
        for (layer, weights) in weights.iter().enumerate().filter(|(layer, _)| factorised(*layer)) {
            order.extend(weights.iter().enumerate().map(|(i, w)| (ratio(*w), layer, i)));
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        order.truncate((share * order.len() as f64).round() as usize);
        let mut gone: Vec<Vec<bool>> = weights.iter().map(|w| vec![false; w.len()]).collect();
        order.iter().for_each(|&(_, layer, i)| gone[layer][i] = true);
        for (layer, gone) in pruned.posterior.iter_mut().zip(&gone) {
            if let Posterior::MeanField(q) = &mut layer.posterior {
                q.mean = replaced(&q.mean, gone, T::zero());
                q.rho = replaced(&q.rho, gone, T::from_f64(CERTAIN));
            }
        }
        pruned
    }
}

fn ratio((mean, scale): (f64, f64)) -> f64 {
    if scale == 0.0 { f64::INFINITY } else { mean.abs() / scale }
}

/// A tree with some of its numbers replaced, counted leaf after leaf.
fn replaced<T: Real, M: Tree<Array<T>, With<Array<T>> = M>>(tree: &M, gone: &[bool], by: T) -> M {
    let mut gone = gone.iter();
    tree.map(&Path::root(), &mut |_, leaf| {
        let mut next = || *gone.next().expect("one for each weight");
        leaf.mapv(|x| if next() { by } else { x }).into_shared()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Likelihood;
    use evidence_autodiff::Noise;
    use evidence_layers::{Activation, Mlp, PosteriorKind, Prior};
    use ndarray::Array2;

    fn network(kinds: &[PosteriorKind]) -> BayesianNetwork<Array<f64>> {
        let net = Mlp::new(&[4, 6, 1], Activation::Tanh, Noise::new(1));
        let prior = Prior::normal(1.0).unwrap();
        BayesianNetwork::with_posteriors(
            net,
            Likelihood::gaussian(0.0),
            &prior,
            kinds,
            0.2,
            Noise::new(2),
        )
    }

    #[test]
    fn a_layers_report_is_of_its_weights() {
        let model = network(&[PosteriorKind::MeanField, PosteriorKind::PointMass]);
        let [first, second] = &model.scales()[..] else { panic!("two layers") };
        assert_eq!([first.weights, second.weights], [30, 7]);
        assert!((first.scale - 0.2).abs() < 1e-12 && second.scale == 0.0);
        let mut ratios: Vec<f64> =
            model.mean().layers[0].weight.iter().map(|w| w.abs() / 0.2).collect();
        ratios.extend([0.0; 6]);
        ratios.sort_by(f64::total_cmp);
        for (found, at) in first.signal_to_noise.iter().zip([7, 15, 22]) {
            assert!((found - ratios[at]).abs() < 1e-9, "{found} {}", ratios[at]);
        }
        let below = ratios.iter().filter(|r| **r < 1.0).count() as f64 / 30.0;
        assert!((first.in_doubt - below).abs() < 1e-12);
        assert_eq!(second.signal_to_noise, [f64::INFINITY; 3]);
    }

    #[test]
    fn pruning_takes_the_least_certain_weights_and_no_others() {
        let model = network(&[PosteriorKind::MeanField, PosteriorKind::MeanField]);
        for share in [0.0, 0.3, 1.0] {
            let pruned = model.pruned(share);
            let (before, after) = (model.weights().concat(), pruned.weights().concat());
            let gone = before.iter().zip(&after).filter(|(a, b)| a != b);
            let gone: Vec<f64> = gone.map(|(a, _)| ratio(*a)).collect();
            assert_eq!(gone.len(), (share * 37.0_f64).round() as usize);
            let kept = before.iter().zip(&after).filter(|(a, b)| a == b).map(|(a, _)| ratio(*a));
            let least = kept.fold(f64::INFINITY, f64::min);
            assert!(gone.iter().all(|ratio| *ratio <= least), "{share}");
            assert!(
                pruned.predictive(Array2::ones((2, 4)).view(), 5, Noise::new(3)).mean()[0]
                    .is_finite()
            );
        }
        let none = model.pruned(1.0).predictive(Array2::ones((2, 4)).view(), 3, Noise::new(3));
        assert!(none.mean().iter().all(|y| y.abs() < 1e-9), "nothing is left: {}", none.mean());
        let point = network(&[PosteriorKind::PointMass, PosteriorKind::MeanField]).pruned(1.0);
        assert!(
            point.mean().layers[0].weight.iter().all(|w| *w != 0.0),
            "a point mass keeps its weights"
        );
    }
}
