//! Laws of mixtures: moments, densities, quantiles, units.

use super::*;
use approx::assert_abs_diff_eq;
use evidence_autodiff::Real;
use ndarray::{arr1, arr2};
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

#[test]
fn one_draw_is_a_normal() {
    let normal = Mixture::gaussian(arr2(&[[1.0, -2.0]]), 0.5);
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

/// A mixture of each family, with components near and far.
fn families() -> Vec<(&'static str, Mixture)> {
    let locations = || arr2(&[[-1.0], [0.5], [4.0]]);
    vec![
        ("normals", Mixture::gaussian(locations(), 0.7)),
        ("normals of their own", Mixture::gaussians(locations(), arr2(&[[0.7], [1.3], [0.2]]))),
        ("Student's t", Mixture::student_t(locations(), 0.7, 5.0)),
        ("two together", {
            let one = Mixture::gaussian(locations(), 0.7);
            Mixture::together(&[one, Mixture::gaussian(arr2(&[[1.0]]), 2.0)])
        }),
    ]
}

/// Moments and mass of the density itself, by quadrature, against the stated ones.
#[test]
fn density_moments_and_quantiles_agree() {
    for (name, mixture) in families() {
        let (low, high, n) = (-200.0, 200.0, 400_000);
        let step = (high - low) / f64::from(n);
        let (mut mass, mut mean, mut square) = (0.0, 0.0, 0.0);
        let levels = [0.01, 0.3, 0.5, 0.95];
        let q = levels.map(|p| mixture.quantile(p)[0]);
        let mut below = [0.0; 4];
        for i in 0..n {
            let y = low + (f64::from(i) + 0.5) * step;
            let p = mixture.log_density(arr1(&[y]).view())[0].exp() * step;
            mass += p;
            mean += p * y;
            square += p * y * y;
            for (below, q) in below.iter_mut().zip(q) {
                // The cell that the quantile is in counts in part.
                *below += p * ((q - y) / step + 0.5).clamp(0.0, 1.0);
            }
        }
        assert_abs_diff_eq!(mass, 1.0, epsilon = 1e-8);
        assert_abs_diff_eq!(mean, mixture.mean()[0], epsilon = 1e-6);
        let variance = mixture.epistemic_variance()[0] + mixture.aleatoric_variance()[0];
        // A t of 5 degrees has some 1e-4 of its variance beyond the grid.
        assert_abs_diff_eq!(square - mean * mean, variance, epsilon = 2e-4);
        for (below, p) in below.into_iter().zip(levels) {
            assert!((below - p).abs() <= 1e-6, "{name}: {below} below the quantile at {p}");
        }
    }
}

#[test]
fn counts_have_probabilities_moments_and_whole_quantiles() {
    let rates = arr2(&[[0.3, 40.0], [2.5, 55.0]]);
    let mixture = Mixture::poisson(rates);
    for row in 0..2 {
        let (mut mass, mut mean, mut square) = (0.0, 0.0, 0.0);
        let levels = [0.05, 0.5, 0.95];
        let q = levels.map(|p| mixture.quantile(p)[row]);
        for k in 0..200 {
            let y = f64::from(k);
            let p = mixture.log_density(arr1(&[y, y]).view())[row].exp();
            let before = mass;
            mass += p;
            mean += p * y;
            square += p * y * y;
            for (level, q) in levels.into_iter().zip(q) {
                assert_eq!(q == y, before < level && mass >= level, "{row}: {q} at {level}, {y}");
            }
        }
        assert_abs_diff_eq!(mass, 1.0, epsilon = 1e-12);
        assert_abs_diff_eq!(mean, mixture.mean()[row], epsilon = 1e-10);
        let variance = mixture.epistemic_variance()[row] + mixture.aleatoric_variance()[row];
        assert_abs_diff_eq!(square - mean * mean, variance, epsilon = 1e-8);
    }
    let impossible = mixture.log_density(arr1(&[0.5, -1.0]).view());
    assert!(impossible.iter().all(|p| *p == f64::NEG_INFINITY), "no count: {impossible}");
}

/// As large as a network's exponential makes them far from its training rows.
#[test]
fn quantiles_of_huge_counts_are_those_of_their_normal() {
    for rate in [1e9_f64, 1e17, 1e300] {
        let mixture = Mixture::poisson(arr2(&[[rate], [rate]]));
        for (p, z) in
            [(0.05, -1.644_853_626_951_472_6), (0.5, 0.0), (0.95, 1.644_853_626_951_472_6)]
        {
            let (found, expected) = (mixture.quantile(p)[0], rate + z * rate.sqrt());
            // The normal is short of the skewness, a share of 1/√λ of the deviation; from 10¹⁶ on numbers are rounded.
            let error = 1.0 + 1e-3 * rate.sqrt() + 1e-14 * rate;
            assert!((found - expected).abs() <= error, "{rate:e}, {p}: {found:e}");
        }
    }
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
            let mixture = Mixture::gaussian(means.clone(), 0.7);
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
fn a_row_that_is_nan_is_known_by_it_and_no_other_row_notices() {
    fn same(x: f64) -> Array2<f64> {
        arr2(&[[x, 2.0], [1.5, 2.5]])
    }
    type Make = fn(f64) -> Mixture;
    let all: [(Make, &str); 4] = [
        (|x| Mixture::gaussian(same(x), 0.5), "normals"),
        (|x| Mixture::gaussians(same(x), same(x)), "normals of their own"),
        (|x| Mixture::student_t(same(x), 0.5, 4.0), "Student's t"),
        (|x| Mixture::poisson(same(x)), "counts"),
    ];
    for (of, name) in all {
        let (sound, broken) = (of(1.0), of(f64::NAN));
        let targets = arr1(&[1.0, 2.0]);
        let answers = |mixture: &Mixture| {
            let log_density = mixture.log_density(targets.view());
            [mixture.mean(), mixture.epistemic_variance(), log_density]
        };
        for (broken, sound) in answers(&broken).iter().zip(answers(&sound)) {
            assert!(broken[0].is_nan() && broken[1] == sound[1], "{name}: {broken}");
        }
        let quantile = broken.quantile(0.3);
        assert!(quantile[0].is_nan() && quantile[1] == sound.quantile(0.3)[1], "{name}");
        // It ends, whatever it says.
        let _ = of(f64::INFINITY).quantile(0.3);
    }
}

#[test]
fn rescaling_changes_units_and_nothing_else() {
    let mixture = Mixture::gaussian(arr2(&[[0.1, 0.9], [0.4, -0.3]]), 0.2);
    let scaled = mixture.rescaled(5.0, 3.0);
    let y = arr1(&[0.3, 0.0]);
    let there = mixture.log_density(y.view()) - 3f64.ln();
    let here = scaled.log_density((5.0 + 3.0 * &y).view());
    assert!((there - here).iter().all(|d| d.abs() < 1e-12));
    assert_eq!(scaled.coverage((5.0 + 3.0 * &y).view(), 0.9), mixture.coverage(y.view(), 0.9));
}

#[test]
fn coverage_is_the_share_of_targets_inside_the_interval() {
    // The middle half of a normal of scale 0.5 around 1 is 1 ± 0.337.
    let normal = Mixture::gaussian(arr2(&[[1.0, 1.0, 1.0, 1.0, 1.0]]), 0.5);
    let targets = arr1(&[0.6, 0.7, 1.0, 1.3, 1.4]);
    for (share, covered) in [(0.5, 0.6), (0.1, 0.2), (0.7, 1.0)] {
        assert_eq!(normal.coverage(targets.view(), share), covered, "{share}");
    }
    // Below alone, and above alone.
    for targets in [[0.0; 5], [2.0; 5]] {
        assert_eq!(normal.coverage(arr1(&targets).view(), 0.5), 0.0);
    }
}

#[test]
fn the_distribution_function_undoes_quantiles() {
    for (name, mixture) in families() {
        for p in [1e-6, 0.05, 0.5, 0.9, 0.999] {
            let found = mixture.cdf(mixture.quantile(p).view())[0];
            assert!((found - p).abs() <= 1e-14, "{name}, {p}: {found}");
        }
    }
    let counts = Mixture::poisson(arr2(&[[0.0], [2.0_f64.ln()]]).mapv(f64::exp));
    let truth = 0.5 * (2.0 * (-1.0_f64).exp() + 3.0 * (-2.0_f64).exp());
    assert_abs_diff_eq!(counts.cdf(arr1(&[1.5]).view())[0], truth, epsilon = 1e-14);
}
