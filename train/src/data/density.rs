//! Densities in the plane whose truth is known, and their entropy.
//!
//! ```text
//! H = −∫ p(x) ln p(x) dx = E[−ln p(x)]      nats
//! ```
//!
//! `H` is the negative log-likelihood of the truth on its own samples. A model's NLL exceeds it by
//! `KL(p ‖ model) ≥ 0` on average, so the excess over `H` says how far a flow is from the best possible;
//! its NLL alone says nothing.

use super::quadrature::integrate_plane;
use ndarray::{Array1, ArrayView2};

/// A density on the plane that can be evaluated anywhere.
pub trait Density2d {
    /// `ln p(x)` at one point, in nats.
    fn log_prob_at(&self, x: [f64; 2]) -> f64;

    /// Corners `[low, high]` of a rectangle outside of which the mass is below 1e-15.
    fn bounds(&self) -> [[f64; 2]; 2];

    /// The smallest length over which the density changes, which sets the grid of [`entropy`](Self::entropy).
    fn length_scale(&self) -> f64;

    /// `ln p` of each row of `points` `[n, 2]`, as `[n]`, in nats.
    ///
    /// # Panics
    /// When `points` has not two columns.
    #[track_caller]
    fn log_prob(&self, points: ArrayView2<'_, f64>) -> Array1<f64> {
        let columns = points.ncols();
        assert_eq!(columns, 2, "a density on the plane was given points of {columns} columns");
        points.rows().into_iter().map(|x| self.log_prob_at([x[0], x[1]])).collect()
    }

    /// `H = −∫ p ln p`, in nats, by the trapezoid rule on a grid of half the length scale.
    ///
    /// The cost grows as (extent / length scale)².
    fn entropy(&self) -> f64 {
        integrate_plane(self.bounds(), self.length_scale() / 2.0, |x| {
            let log_p = self.log_prob_at(x);
            let p = log_p.exp();
            // p ln p → 0 where p underflows and ln p may be −∞.
            if p > 0.0 { -p * log_p } else { 0.0 }
        })
    }
}

/// Laws that every known density obeys, called from each one's tests.
#[cfg(test)]
pub(super) mod laws {
    use super::*;

    /// Mass one; the entropy does not depend on the grid; samples agree with the density.
    pub fn hold(name: &str, density: &impl Density2d, samples: ArrayView2<'_, f64>) {
        let step = density.length_scale() / 2.0;
        let mass = integrate_plane(density.bounds(), step, |x| density.log_prob_at(x).exp());
        assert!((mass - 1.0).abs() < 1e-9, "{name}: mass {mass}");

        let finer = integrate_plane(density.bounds(), step / 2.0, |x| {
            let log_p = density.log_prob_at(x);
            if log_p > -700.0 { -log_p.exp() * log_p } else { 0.0 }
        });
        let entropy = density.entropy();
        assert!((entropy - finer).abs() < 1e-6, "{name}: entropy {entropy}, finer grid {finer}");

        // Monte Carlo estimates of E[−ln p] and, a sharper test of shape, of each cell's mass.
        let nll = -density.log_prob(samples);
        let n = nll.len() as f64;
        let error = nll.std(1.0) / n.sqrt();
        let mean = nll.mean().unwrap();
        assert!(
            (mean - entropy).abs() < 4.0 * error,
            "{name}: NLL {mean} ± {error}, entropy {entropy}"
        );

        let [low, high] = density.bounds();
        let cells = 6;
        let width = [0, 1].map(|a: usize| (high[a] - low[a]) / cells as f64);
        for (i, j) in (0..cells).flat_map(|i| (0..cells).map(move |j| (i, j))) {
            let from = [low[0] + width[0] * i as f64, low[1] + width[1] * j as f64];
            let to = [from[0] + width[0], from[1] + width[1]];
            let mass = cell_mass(density, from, to);
            let inside = |x: &[f64; 2]| (0..2).all(|a| from[a] <= x[a] && x[a] < to[a]);
            let share =
                samples.rows().into_iter().filter(|x| inside(&[x[0], x[1]])).count() as f64 / n;
            let error = (mass * (1.0 - mass) / n).sqrt();
            // 36 cells in each case, so 5 standard errors; a cell of nearly no mass may still get one point.
            assert!(
                (share - mass).abs() < 5.0 * error + 1.0 / n,
                "{name} ({i}, {j}): {share} for {mass}"
            );
        }
    }

    fn cell_mass(density: &impl Density2d, from: [f64; 2], to: [f64; 2]) -> f64 {
        let panels =
            |a: usize| ((to[a] - from[a]) / (2.0 * density.length_scale())).ceil() as usize;
        use crate::data::quadrature::integrate;
        integrate(from[0], to[0], panels(0), |x| {
            integrate(from[1], to[1], panels(1), |y| density.log_prob_at([x, y]).exp())
        })
    }
}
