//! Predictive distributions: mixtures over posterior draws.

use evidence_autodiff::Real;
use evidence_autodiff::kernels::simd::{Kernel, dispatch};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// For each row, an equal mixture of normals N(mₛ, σ²), one for each draw s of the weights.
///
/// Its variance has two parts, by the law of total variance: the spread of the means (epistemic: what more
/// data would remove) and σ² (aleatoric: what it would not).
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    /// `[draws, rows]`.
    means: Array2<f64>,
    scale: f64,
}

impl GaussianMixture {
    /// From the means of each draw, `[draws, rows]`, and the scale of the noise.
    ///
    /// # Panics
    /// If there are no draws or the scale is not positive.
    #[track_caller]
    pub fn new(means: Array2<f64>, scale: f64) -> Self {
        assert!(
            means.nrows() > 0,
            "GaussianMixture: no draws; a predictive distribution comes from at least one"
        );
        assert!(scale > 0.0, "GaussianMixture: a noise scale of {scale}; it must be positive");
        Self { means, scale }
    }

    /// The same in other units, `y ↦ offset + factor · y`: how standardised predictions become those of the data.
    ///
    /// # Panics
    /// If the factor is not positive.
    #[must_use]
    #[track_caller]
    pub fn rescaled(&self, offset: f64, factor: f64) -> Self {
        Self::new(self.means.mapv(|m| offset + factor * m), self.scale * factor)
    }

    /// The predictive mean of each row.
    pub fn mean(&self) -> Array1<f64> {
        self.means.mean_axis(Axis(0)).expect("there are draws")
    }

    /// The variance of each row that the uncertainty of the weights makes.
    pub fn epistemic_variance(&self) -> Array1<f64> {
        self.means.var_axis(Axis(0), 0.0)
    }

    /// The variance that the noise makes, the same for each row.
    pub fn aleatoric_variance(&self) -> f64 {
        self.scale * self.scale
    }

    /// The log-density of a target for each row, in nats: `log 1/S Σₛ N(y; mₛ, σ²)`.
    ///
    /// # Panics
    /// If there is not one target for each row.
    #[track_caller]
    pub fn log_density(&self, targets: ArrayView1<'_, f64>) -> Array1<f64> {
        assert!(
            targets.len() == self.means.ncols(),
            "GaussianMixture: {} targets for {} rows",
            targets.len(),
            self.means.ncols()
        );
        let constant = -(self.scale * TAU.sqrt()).ln() - (self.means.nrows() as f64).ln();
        let rows = self.means.columns().into_iter().zip(targets);
        let log_density = rows.map(|(means, &y)| {
            let exponents = means.mapv(|m| -0.5 * ((y - m) / self.scale).powi(2));
            let largest = exponents.fold(f64::NEG_INFINITY, |a, &b| f64::max(a, b));
            constant + largest + exponents.mapv(|e| (e - largest).exp()).sum().ln()
        });
        log_density.collect()
    }

    /// The p-quantile of each row's mixture: Newton's steps on its distribution function, inside a bracket.
    ///
    /// # Panics
    /// If p is not inside (0, 1).
    #[track_caller]
    pub fn quantile(&self, p: f64) -> Array1<f64> {
        assert!(
            0.0 < p && p < 1.0,
            "GaussianMixture: a quantile at {p}; it must be between 0 and 1"
        );
        // 40 scales out no f64 probability is left.
        let standard = root(&[0.0], 1.0, p, 0.0, (-40.0, 40.0));
        let mut row = Vec::with_capacity(self.means.nrows());
        let rows = self.means.columns().into_iter().map(|means| {
            row.clear();
            row.extend(means);
            // Each normal has its own quantile, and the mixture's lies between the outermost of them.
            let (low, high) = row
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &m| (l.min(m), h.max(m)));
            let bracket = (low + self.scale * standard, high + self.scale * standard);
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            let spread = row.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / row.len() as f64;
            // The normal with the mixture's moments is close to it.
            let start = mean + standard * (spread + self.scale * self.scale).sqrt();
            root(&row, self.scale, p, start, bracket)
        });
        rows.collect()
    }

    /// The share of targets inside the central interval of probability `level`.
    ///
    /// # Panics
    /// If there is not one target for each row, or the level is not inside (0, 1).
    #[track_caller]
    pub fn coverage(&self, targets: ArrayView1<'_, f64>, level: f64) -> f64 {
        let (low, high) = (self.quantile(0.5 - level / 2.0), self.quantile(0.5 + level / 2.0));
        let inside = targets
            .iter()
            .zip(low.iter().zip(&high))
            .filter(|(y, (low, high))| *low <= *y && *y <= *high);
        inside.count() as f64 / targets.len() as f64
    }
}

/// Where an equal mixture of normals has the mass p below it, found from `start`; it lies inside the bracket.
fn root(means: &[f64], scale: f64, p: f64, start: f64, (mut low, mut high): (f64, f64)) -> f64 {
    let mut y = start.max(low).min(high);
    for _ in 0..200 {
        let (mass, density) = dispatch(Below { means, scale, y });
        if mass < p {
            low = y
        } else {
            high = y
        }
        let (excess, step) = (mass - p, (mass - p) / density);
        // Closer than the sum's own rounding there is nothing to find.
        if excess.abs() <= f64::EPSILON || step.abs() <= f64::EPSILON * y.abs().max(scale) {
            return y;
        }
        let newton = y - step;
        let next = if low < newton && newton < high { newton } else { 0.5 * (low + high) };
        if next <= low || next >= high {
            return y;
        }
        y = next;
    }
    y
}

/// The mass of an equal mixture of normals below y, and its density there.
struct Below<'a> {
    means: &'a [f64],
    scale: f64,
    y: f64,
}

impl Kernel for Below<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        // Sums of their own for each lane: a single one would have to be taken in order.
        const LANES: usize = 8;
        let Self { means, scale, y } = self;
        let (mut mass, mut density) = ([0.0; LANES], [0.0; LANES]);
        let per_scale = scale.recip();
        let mut add = |lane: usize, mean: f64| {
            let z = (y - mean) * per_scale;
            mass[lane] += Real::erf(z * FRAC_1_SQRT_2);
            density[lane] += Real::exp(-0.5 * z * z);
        };
        let (whole, rest) = means.as_chunks::<LANES>();
        whole.iter().for_each(|means| (0..LANES).for_each(|lane| add(lane, means[lane])));
        rest.iter().enumerate().for_each(|(lane, &mean)| add(lane, mean));
        let n = means.len() as f64;
        let mass = 0.5 + 0.5 * mass.iter().sum::<f64>() / n;
        (mass, density.iter().sum::<f64>() / (n * scale * TAU.sqrt()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::{arr1, arr2};

    #[test]
    fn one_draw_is_a_normal() {
        let normal = GaussianMixture::new(arr2(&[[1.0, -2.0]]), 0.5);
        assert_eq!(normal.mean(), arr1(&[1.0, -2.0]));
        assert_eq!(normal.epistemic_variance(), arr1(&[0.0, 0.0]));
        let z95 = 1.959_963_984_540_054;
        let upper = normal.quantile(0.975);
        assert_abs_diff_eq!(upper[0], 1.0 + 0.5 * z95, epsilon = 1e-12);
        let log_density = normal.log_density(arr1(&[1.0, -1.0]).view());
        let at_mode = -(0.5 * TAU.sqrt()).ln();
        assert_abs_diff_eq!(log_density[0], at_mode, epsilon = 1e-14);
        assert_abs_diff_eq!(log_density[1], at_mode - 2.0, epsilon = 1e-14);
    }

    /// Moments and mass of the density itself, by quadrature, against the stated ones.
    #[test]
    fn density_moments_and_quantiles_agree() {
        let mixture = GaussianMixture::new(arr2(&[[-1.0], [0.5], [4.0]]), 0.7);
        let (low, high, n) = (-8.0, 12.0, 20_000);
        let step = (high - low) / f64::from(n);
        let (mut mass, mut mean, mut square, mut below) = (0.0, 0.0, 0.0, 0.0);
        let q = mixture.quantile(0.3)[0];
        for i in 0..n {
            let y = low + (f64::from(i) + 0.5) * step;
            let p = mixture.log_density(arr1(&[y]).view())[0].exp() * step;
            mass += p;
            mean += p * y;
            square += p * y * y;
            below += if y < q { p } else { 0.0 };
        }
        assert_abs_diff_eq!(mass, 1.0, epsilon = 1e-9);
        assert_abs_diff_eq!(mean, mixture.mean()[0], epsilon = 1e-9);
        let variance = mixture.epistemic_variance()[0] + mixture.aleatoric_variance();
        assert_abs_diff_eq!(square - mean * mean, variance, epsilon = 1e-6);
        assert_abs_diff_eq!(below, 0.3, epsilon = 1e-3);
    }

    /// The distribution function at each quantile, summed the slow way, is p again: for few and many draws, near and far apart.
    #[test]
    fn quantiles_invert_the_distribution_function() {
        let cdf = |z: f64| 0.5 * (1.0 + Real::erf(z * FRAC_1_SQRT_2));
        for draws in [1, 2, 7, 8, 9, 100] {
            for spread in [0.0, 1e-9, 0.3, 5.0, 1e6] {
                let means = Array2::from_shape_fn((draws, 3), |(draw, row)| {
                    row as f64 + spread * ((draw * 7 + row) as f64).sin()
                });
                let mixture = GaussianMixture::new(means.clone(), 0.7);
                for p in [1e-9, 0.01, 0.05, 0.3, 0.5, 0.95, 1.0 - 1e-9] {
                    for (row, y) in mixture.quantile(p).into_iter().enumerate() {
                        let below = means.column(row).mapv(|m| cdf((y - m) / 0.7)).sum();
                        // Far from zero y itself is rounded, by up to 1e6 × 2⁻⁵³.
                        let error = (below / draws as f64 - p).abs();
                        assert!(
                            error <= 4e-16 * draws as f64 + 1e-15 * spread,
                            "{draws} {spread} {p}: {error}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn rescaling_changes_units_and_nothing_else() {
        let mixture = GaussianMixture::new(arr2(&[[0.1, 0.9], [0.4, -0.3]]), 0.2);
        let scaled = mixture.rescaled(5.0, 3.0);
        let y = arr1(&[0.3, 0.0]);
        let there = mixture.log_density(y.view()) - 3f64.ln();
        let here = scaled.log_density((5.0 + 3.0 * &y).view());
        assert!((there - here).iter().all(|d| d.abs() < 1e-12));
        assert_eq!(scaled.coverage((5.0 + 3.0 * &y).view(), 0.9), mixture.coverage(y.view(), 0.9));
    }
}
