//! Quantiles of mixtures: Newton's steps on the distribution function, inside a bracket.

use super::{Family, Mixture};
use evidence_autodiff::Real;
use evidence_autodiff::kernels::simd::{Kernel, dispatch};
use ndarray::{Array1, ArrayView2};
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

/// Of equal mixtures of normals of one scale, a column of means for each row.
pub(super) fn of_normals(means: ArrayView2<'_, f64>, scale: f64, p: f64) -> Array1<f64> {
    let normals = |means: &[f64], scale, start, bracket| {
        root(|y| dispatch(Below { means, scale, y }), p, start, bracket, scale)
    };
    // 40 scales out no f64 probability is left.
    let standard = normals(&[0.0], 1.0, 0.0, (-40.0, 40.0));
    let mut row: Vec<f64> = Vec::with_capacity(means.nrows());
    let rows = means.columns().into_iter().map(|means| {
        row.clear();
        row.extend(means);
        // Outputs that overflowed: there is nothing to bracket.
        if !row.iter().all(|mean| mean.is_finite()) {
            return f64::NAN;
        }
        // Each normal has its own quantile, and the mixture's lies between the outermost of them.
        let (low, high) =
            row.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &m| (l.min(m), h.max(m)));
        let bracket = (low + scale * standard, high + scale * standard);
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let spread = row.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / row.len() as f64;
        // The normal with the mixture's moments is close to it.
        let start = mean + standard * (spread + scale * scale).sqrt();
        normals(&row, scale, start, bracket)
    });
    rows.collect()
}

/// Of any mixture's row.
pub(super) fn of_row(mixture: &Mixture, row: usize, p: f64) -> f64 {
    let (family, n) = (mixture.family, mixture.draws() as f64);
    let component = |s: usize| (mixture.locations[[s, row]], mixture.scales.at(s, row));
    let finite = |s| component(s).0.is_finite() && component(s).1.is_finite();
    if !(0..mixture.draws()).all(finite) {
        return f64::NAN;
    }
    let below = |y: f64| {
        let parts = (0..mixture.draws()).map(|s| {
            let (location, scale) = component(s);
            family.below(y, location, scale)
        });
        parts.sum::<f64>() / n
    };
    let density = |y: f64| {
        let parts = (0..mixture.draws()).map(|s| {
            let (location, scale) = component(s);
            (family.exponent(y, location, scale) + family.constant(scale)).exp()
        });
        parts.sum::<f64>() / n
    };
    let centre = (0..mixture.draws()).map(|s| component(s).0).sum::<f64>() / n;
    let widest = (0..mixture.draws())
        .map(|s| {
            let (location, scale) = component(s);
            (location - centre).abs() + scale
        })
        .fold(0.0, f64::max);
    // Outwards in ever larger steps, until p is between.
    let outwards = |sign: f64, beyond: &dyn Fn(f64) -> bool| {
        let mut step = widest;
        while !beyond(centre + sign * step) && step.is_finite() {
            step *= 2.0;
        }
        centre + sign * step
    };
    let (low, high) = (outwards(-1.0, &|y| below(y) < p), outwards(1.0, &|y| below(y) >= p));
    if family == Family::Poisson {
        // Whole numbers: p is reached at `high` and not at `low`.
        let (mut low, mut high) = (low.floor().max(-1.0), high.ceil());
        while high - low > 1.0 {
            let middle = (0.5 * (low + high)).floor();
            // Beyond 2⁵³ there is not a number for each count.
            if middle <= low || middle >= high {
                break;
            }
            if below(middle) < p { low = middle } else { high = middle }
        }
        return high;
    }
    root(|y| (below(y), density(y)), p, centre, (low, high), widest)
}

/// Where the distribution function reaches p, found from `start` by its value and slope; it lies inside the bracket.
fn root(
    below: impl Fn(f64) -> (f64, f64),
    p: f64,
    start: f64,
    (mut low, mut high): (f64, f64),
    scale: f64,
) -> f64 {
    let mut y = start.max(low).min(high);
    for _ in 0..200 {
        let (mass, density) = below(y);
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
        let (whole, rest) = means.as_chunks::<LANES>();
        // Loops, not closures: those would be compiled for the baseline instruction set.
        for means in whole {
            for ((mean, mass), density) in means.iter().zip(&mut mass).zip(&mut density) {
                add((y - mean) * per_scale, mass, density);
            }
        }
        for ((mean, mass), density) in rest.iter().zip(&mut mass).zip(&mut density) {
            add((y - mean) * per_scale, mass, density);
        }
        let n = means.len() as f64;
        let mass = 0.5 + 0.5 * mass.iter().sum::<f64>() / n;
        (mass, density.iter().sum::<f64>() / (n * scale * TAU.sqrt()))
    }
}

/// Adds 2 Φ(z) − 1 and √(2π) φ(z).
#[inline(always)]
fn add(z: f64, mass: &mut f64, density: &mut f64) {
    *mass += Real::erf(z * FRAC_1_SQRT_2);
    *density += Real::exp(-0.5 * z * z);
}
