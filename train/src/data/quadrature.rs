//! Numerical integrals: Gauss–Legendre on a segment, the trapezoid rule on a rectangle.

/// Nodes and weights of the 8-point Gauss–Legendre rule on `[-1, 1]`, positive half: exact for polynomials
/// up to degree 15 (Abramowitz and Stegun, table 25.4).
const GAUSS_8: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_29),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_47),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
];

/// `∫ f` over `[from, to]`: the 8-point Gauss–Legendre rule on each of `panels` equal pieces.
pub(super) fn integrate(from: f64, to: f64, panels: usize, f: impl Fn(f64) -> f64) -> f64 {
    let half = (to - from) / (2 * panels) as f64;
    let panel = |i: usize| {
        let centre = from + half * (2 * i + 1) as f64;
        let pair = |&(node, weight): &(f64, f64)| {
            weight * (f(centre - half * node) + f(centre + half * node))
        };
        GAUSS_8.iter().map(pair).sum::<f64>()
    };
    half * (0..panels).map(panel).sum::<f64>()
}

/// `∫∫ f` over the rectangle `[low, high]`, for an `f` that vanishes at its edge: the trapezoid rule with a
/// spacing of at most `step`.
///
/// For an analytic function that decays, this plain rule converges faster than any power of the step
/// (Trefethen and Weideman, SIAM Review 56, 2014): Gaussians of width σ need no more than `step = σ/2`.
pub(super) fn integrate_plane(
    [low, high]: [[f64; 2]; 2],
    step: f64,
    f: impl Fn([f64; 2]) -> f64,
) -> f64 {
    let cells = [0, 1].map(|axis: usize| ((high[axis] - low[axis]) / step).ceil().max(1.0));
    let spacing = [0, 1].map(|axis: usize| (high[axis] - low[axis]) / cells[axis]);
    let at = |axis: usize, i: usize| low[axis] + spacing[axis] * i as f64;
    // Edges are left out: f vanishes there.
    let row = |i| (1..cells[1] as usize).map(|j| f([at(0, i), at(1, j)])).sum::<f64>();
    spacing[0] * spacing[1] * (1..cells[0] as usize).map(row).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn gauss_is_exact_to_degree_15_and_not_beyond() {
        for degree in 0..=15 {
            let exact = (3_f64.powi(degree + 1) - 1.0) / f64::from(degree + 1);
            let found = integrate(1.0, 3.0, 1, |x| x.powi(degree));
            assert!((found / exact - 1.0).abs() < 1e-14, "degree {degree}: {found} for {exact}");
        }
        let found = integrate(-1.0, 1.0, 1, |x| x.powi(16));
        assert!((found - 2.0 / 17.0).abs() > 1e-6);
        assert!((integrate(-1.0, 1.0, 4, |x| x.powi(16)) - 2.0 / 17.0).abs() < 1e-9);
    }

    #[test]
    fn the_plane_rule_is_exact_for_gaussians() {
        for (sx, sy) in [(1.0, 1.0), (0.3, 2.0)] {
            let f = |[x, y]: [f64; 2]| {
                (-0.5 * ((x / sx).powi(2) + (y / sy).powi(2))).exp() / (TAU * sx * sy)
            };
            let bounds = [[-9.0 * sx, -9.0 * sy], [9.1 * sx, 9.2 * sy]];
            assert!((integrate_plane(bounds, sx.min(sy) / 2.0, f) - 1.0).abs() < 1e-13);
        }
    }
}
