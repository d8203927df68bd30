//! The monotone rational-quadratic spline and its inverse, elementwise, each with the logarithm of its slope.
//!
//! Within a bin from (xₖ, yₖ), w wide and h high, of mean slope s = h/w, with slopes δ₀ and δ₁ at its ends, u = (x − xₖ)/w and v = 1 − u:
//!
//! `y = yₖ + h A/D`, `A = s u² + δ₀ u v`, `D = s (u² + v²) + (δ₀ + δ₁) u v`,
//! `ln dy/dx = 2 ln s + ln B − 2 ln D`, `B = δ₁ u² + 2 s u v + δ₀ v²`.
//!
//! Outside ±bound it is the identity, to the bit. Every term of B and D is positive, so nothing cancels. The inverse solves a
//! quadratic in u; with η = (y − yₖ)/h its discriminant, over h², is `(δ₀ − η (δ₀ + δ₁))² + 4 s² η (1 − η)`: a sum of two terms that
//! are not negative, where the usual `b² − 4ac` can round below zero. Of its two forms the one without cancellation is taken.
//!
//! Bins come from unconstrained numbers, 3 K − 1 for each element: K whose softmax shares out the widths, K the heights, and
//! K − 1 whose softplus gives the inner slopes; the outer ones are 1. All zero is the identity. The cotangents are those of the
//! formulas above by hand; the inverse's follow from them, since `z = g⁻¹(x; θ)` has `dz = (dx − ∂g/∂θ dθ) / g′(z)`.
//! Source: Durkan, Bekasov, Murray and Papamakarios, *Neural spline flows*, 2019, section 3.1, equations 4 to 8.

use super::spline_bin::{Knots, Shares, parameter_cotangents};
use crate::check::{Check, Input};
use crate::kernels::simd::{Kernel, dispatch};
use crate::kernels::threads::{CHUNK, for_each_mut};
use crate::scalar::Real;
use crate::shape::Shape;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

const MOST_BINS: usize = Knots::MOST_BINS;

#[inline(always)]
fn inside<T: Real>(knots: Knots, x: T) -> bool {
    let bound = T::from_f64(knots.bound);
    x > -bound && x < bound
}

/// Values and logarithms of slopes of consecutive elements.
struct Evaluate<'a, T> {
    knots: Knots,
    inverse: bool,
    x: &'a [T],
    parameters: &'a [T],
    y: &'a mut [T],
    log_slope: &'a mut [T],
}

impl<T: Real> Kernel for Evaluate<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { knots, inverse, x, parameters, y, log_slope } = self;
        let of = parameters.chunks_exact(knots.parameters());
        for (((&x, parameters), y), log_slope) in x.iter().zip(of).zip(y).zip(log_slope) {
            if !inside(knots, x) {
                (*y, *log_slope) = (x, T::zero());
                continue;
            }
            let bin = Shares::new(knots, parameters).bin(knots, parameters, x, inverse);
            if inverse {
                let u = bin.solve(x);
                *y = bin.x + bin.width * u;
                *log_slope = -bin.parts(u, T::one() - u).log_slope();
            } else {
                let parts = bin.at(x);
                *y = bin.y + bin.height * parts.a / parts.d;
                *log_slope = parts.log_slope();
            }
        }
    }
}

/// Cotangents of consecutive elements: `dy` and `dl` of the results become `dx` and `dp`.
struct PullBack<'a, T> {
    knots: Knots,
    inverse: bool,
    /// Where the spline itself, not its inverse, is evaluated.
    at: &'a [T],
    parameters: &'a [T],
    dy: &'a [T],
    dl: &'a [T],
    dx: &'a mut [T],
    dp: &'a mut [T],
}

impl<T: Real> Kernel for PullBack<'_, T> {
    const VECTORISE: bool = T::VECTORISE;
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { knots, inverse, at, parameters, dy, dl, dx, dp } = self;
        let width = knots.parameters();
        for (i, &x) in at.iter().enumerate() {
            let dp = &mut dp[i * width..(i + 1) * width];
            if !inside(knots, x) {
                dx[i] = dy[i];
                dp.fill(T::zero());
                continue;
            }
            let parameters = &parameters[i * width..(i + 1) * width];
            let shares = Shares::new(knots, parameters);
            let bin = shares.bin(knots, parameters, x, false);
            let parts = bin.at(x);
            let (cy, cl) = if inverse {
                let dz = dy[i] - dl[i] * parts.log_slope_du(&bin) / bin.width;
                (-dz / parts.slope(), -dl[i])
            } else {
                (dy[i], dl[i])
            };
            let cotangent = parts.pull_back(&bin, cy, cl);
            dx[i] = if inverse { -cy } else { cotangent.at };
            parameter_cotangents(knots, &shares, &bin, &cotangent, parameters, dp);
        }
    }
}

/// An element's work is that of its parameters: a chunk's worth of them makes a piece.
fn elements_of_a_piece(knots: Knots) -> usize {
    (CHUNK / knots.parameters()).max(1)
}

struct RationalQuadratic {
    knots: Knots,
    inverse: bool,
}

impl<T: Real> Op<T> for RationalQuadratic {
    fn name(&self) -> &'static str {
        if self.inverse { "rational_quadratic_inverse" } else { "rational_quadratic" }
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let Self { knots, inverse } = *self;
        let (x, parameters) = (saved.input(0), saved.input(1));
        let at = if inverse { &saved.output()[..x.len()] } else { x };
        let (dy, dl) = dy.data().split_at(x.len());
        let (mut d, mut dp) = (dx.tensor(saved.input_shape(0)), dx.tensor(saved.input_shape(1)));
        let (each, n) = (knots.parameters(), elements_of_a_piece(knots));
        let mut pieces: Vec<_> = d.data_mut().chunks_mut(n).zip(dp.data_mut().chunks_mut(n * each)).collect();
        for_each_mut(&mut pieces, |i, (dx, dp)| {
            let (first, end) = (i * n, i * n + dx.len());
            let (at, parameters) = (&at[first..end], &parameters[first * each..end * each]);
            dispatch(PullBack { knots, inverse, at, parameters, dy: &dy[first..end], dl: &dl[first..end], dx, dp });
        });
        dx.add(0, d);
        dx.add(1, dp);
    }
}

#[track_caller]
fn spline<'t, T: Real>(
    x: Var<'t, T>,
    parameters: Var<'t, T>,
    knots: Knots,
    inverse: bool,
) -> (Var<'t, T>, Var<'t, T>) {
    assert!(
        (1..=MOST_BINS).contains(&knots.bins) && knots.bound > 0.0 && knots.bound.is_finite(),
        "rational_quadratic: {knots:?}; there are 1 to {MOST_BINS} bins, and the bound is positive and finite"
    );
    let each = knots.parameters();
    let fits = match (x.shape().split_last(), parameters.shape().split_last()) {
        (Some((&d, rows)), Some((&p, others))) => rows == others && p == d * each,
        _ => false,
    };
    assert!(
        fits,
        "rational_quadratic: parameters {parameters} for {x}; {} bins need {each} for each element, side by side",
        knots.bins
    );
    let mut shape = Shape::from_slice(&[2]);
    shape.extend_from_slice(x.shape());
    let mut out = x.tape().tensor(&shape);
    let (xs, ps) = (x.data(), parameters.data());
    let (y, log_slope) = out.data_mut().split_at_mut(xs.len());
    let n = elements_of_a_piece(knots);
    let mut pieces: Vec<_> = y.chunks_mut(n).zip(log_slope.chunks_mut(n)).collect();
    for_each_mut(&mut pieces, |i, (y, log_slope)| {
        let (first, end) = (i * n, i * n + y.len());
        let (x, parameters) = (&xs[first..end], &ps[first * each..end * each]);
        dispatch(Evaluate { knots, inverse, x, parameters, y, log_slope });
    });
    let both = x.tape().record(RationalQuadratic { knots, inverse }, &[x, parameters], out);
    let part = |i: usize| both.slice(0, i..=i).reshape(x.shape());
    (part(0), part(1))
}

impl<'t, T: Real> Var<'t, T> {
    /// A monotone rational-quadratic spline of every element, and ln of its slope there, both of this shape `[.., d]`.
    ///
    /// `parameters` is `[.., d (3 K − 1)]`: those of a row's first element, then those of its second. See the formulas in this
    /// op's file; all zero is the identity.
    ///
    /// # Panics
    /// If the shapes do not fit, there are no bins or more than [`Knots::MOST_BINS`], or the bound is not positive.
    #[must_use]
    #[track_caller]
    pub fn rational_quadratic(self, parameters: Self, knots: Knots) -> (Self, Self) {
        spline(self, parameters, knots, false)
    }

    /// The inverse of [`rational_quadratic`](Var::rational_quadratic), and ln of its slope, which is minus that of the spline.
    ///
    /// # Panics
    /// As that does.
    #[must_use]
    #[track_caller]
    pub fn rational_quadratic_inverse(self, parameters: Self, knots: Knots) -> (Self, Self) {
        spline(self, parameters, knots, true)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let rows = |bins: usize| {
        [Input::any(&[4, 3]), Input::any(&[4, 3 * (3 * bins - 1)])]
    };
    vec![
        Check::gradient("rational_quadratic", rows(5), crate::function!(|x, p| {
            let (y, log_slope) = x.rational_quadratic(p, Knots { bins: 5, bound: 2.5 });
            y.square() + log_slope
        })),
        Check::gradient("rational_quadratic_inverse", rows(5), crate::function!(|x, p| {
            let (y, log_slope) = x.rational_quadratic_inverse(p, Knots { bins: 5, bound: 2.5 });
            y.square() + log_slope
        })),
        Check::gradient("rational_quadratic, one bin and tails", rows(1), crate::function!(|x, p| {
            let (y, log_slope) = x.rational_quadratic(p, Knots { bins: 1, bound: 1.0 });
            y.square() + log_slope
        })),
        Check::gradient("rational_quadratic_inverse, tails", rows(3), crate::function!(|x, p| {
            let (y, log_slope) = x.rational_quadratic_inverse(p, Knots { bins: 3, bound: 1.0 });
            y.square() + log_slope
        })),
    ]
}

#[cfg(test)]
mod tests;
