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
mod tests {
    use super::{Knots, MOST_BINS};
    use crate::check::jvp;
    use crate::ops::composition::{agree, numbers, panics};
    use crate::tape::{Tape, Var};
    use crate::{Noise, Real, check::Function};
    use ndarray::{ArrayD, arr2};

    const LEAST: f64 = Knots::LEAST;
    const KNOTS: Knots = Knots { bins: 4, bound: 3.0 };

    /// Elements, and their parameters, `scale` times normal.
    fn drawn(n: usize, knots: Knots, scale: f64) -> (ArrayD<f64>, ArrayD<f64>) {
        let x = numbers(&[n, 1]) * (knots.bound / 2.0);
        (x, numbers(&[n, knots.parameters()]) * scale)
    }

    struct Fused;
    impl Function for Fused {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let (y, log_slope) = x[0].rational_quadratic(x[1], KNOTS);
            Var::concat(&[y, log_slope], 1)
        }
    }

    /// The same from small ops: every bin is computed, and a mask says which counts.
    struct Composed;
    impl Function for Composed {
        fn call<'t, T: Real>(&self, x: &[Var<'t, T>]) -> Var<'t, T> {
            let (x, p) = (x[0], x[1]);
            let (k, whole) = (KNOTS.bins, 2.0 * KNOTS.bound);
            let length = |logits: Var<'t, T>| (logits.softmax(-1) * (1.0 - k as f64 * LEAST) + LEAST) * whole;
            let (w, h) = (length(p.slice(1, ..k)), length(p.slice(1, k..2 * k)));
            let begin = |l: Var<'t, T>| l.cumsum(-1) - l - KNOTS.bound;
            let (x0, y0) = (begin(w), begin(h));
            let one = x.tape().filled(&[x.size(0), 1], 1.0);
            let shift = (0.999_f64.exp() - 1.0).ln();
            let slopes = Var::concat(&[one, (p.slice(1, 2 * k..) + shift).softplus() + LEAST, one], 1);
            let (left, right) = (slopes.slice(1, ..k), slopes.slice(1, 1..));
            let (u, s) = ((x - x0) / w, h / w);
            let v = 1.0 - u;
            let d = s + (left + right - s * 2.0) * u * v;
            let y = y0 + h * (s * u * u + left * u * v) / d;
            let slope = s * s * (right * u * u + s * u * v * 2.0 + left * v * v) / (d * d);
            // 1 where 0 <= u < 1 and x is inside: products of steps, which are 0 or 1.
            let step = |x: Var<'t, T>| x.relu().select(x.tape().scalar(1.0), x.tape().scalar(0.0)).stop_gradient();
            let here = step(u) * step(v);
            let inside = step(KNOTS.bound - x.abs());
            let pick = |of: Var<'t, T>| here.select(of, of.tape().scalar(0.0)).sum(-1).reshape(x.shape());
            let safe = here.select(slope, slope.tape().scalar(1.0)).ln();
            Var::concat(&[inside.select(pick(y), x), inside.select(pick(safe), x * 0.0)], 1)
        }
    }

    #[test]
    fn is_its_composition_from_small_ops() {
        for scale in [0.0, 1.0, 3.0] {
            let (x, p) = drawn(200, KNOTS, scale);
            agree(&Fused, &Composed, &[x, p]);
        }
    }

    /// Round trips, slopes of both directions, and the slope that dual numbers find, for mild and for wild parameters.
    #[test]
    fn the_inverse_undoes_it_and_slopes_are_derivatives() {
        for (bins, scale) in [(1, 1.0), (2, 1.0), (8, 1.0), (8, 4.0), (MOST_BINS, 8.0), (3, 30.0)] {
            let knots = Knots { bins, bound: 3.0 };
            let (x, p) = drawn(500, knots, scale);
            let tape = Tape::<f64>::new();
            let (x, p) = (tape.constant(&x), tape.constant(&p));
            for inverse in [false, true] {
                let (y, log_slope) = super::spline(x, p, knots, inverse);
                let (back, minus) = super::spline(y, p, knots, !inverse);
                for i in 0..500 {
                    let (x, slope) = (x.data()[i], log_slope.data()[i].exp());
                    // An error of y is one of x divided by the slope.
                    let bound = 1e-14 * (1.0 + 1.0 / slope) * 30.0;
                    assert!((back.data()[i] - x).abs() <= bound, "{bins}, {scale}: {x} and {}", back.data()[i]);
                    let (a, b) = (log_slope.data()[i], minus.data()[i]);
                    assert!((a + b).abs() <= 1e-9 * a.abs().max(1.0), "{bins}, {scale}, at {x}: {a} and {b}");
                }
            }
            let one = ArrayD::from_elem(x.shape(), 1.0);
            let zero = ArrayD::zeros(p.shape());
            let direct = crate::function!(|x, p| x.rational_quadratic(p, Knots { bins: 8, bound: 3.0 }).0);
            if bins == 8 {
                let (_, slope) = jvp(&direct, &[x.value().to_owned(), p.value().to_owned()], &[one, zero]);
                let (_, log_slope) = x.rational_quadratic(p, knots);
                let pairs = slope.iter().zip(log_slope.data());
                assert!(pairs.into_iter().all(|(s, l)| (s.ln() - l).abs() <= 1e-10 * l.abs().max(1.0)));
            }
        }
    }

    /// In single precision, at points drawn against the inverse: close to knots, and with slopes from 1/1000 to 1000.
    #[test]
    fn the_inverse_is_finite_in_single_precision_for_any_parameters() {
        let knots = Knots { bins: 8, bound: 3.0 };
        let mut p = vec![0.0_f32; 20_000 * knots.parameters()];
        Noise::new(3).fill_normal_f32(&mut p);
        let p = ndarray::Array2::from_shape_vec((20_000, knots.parameters()), p).unwrap() * 12.0;
        let x = ndarray::Array2::from_shape_fn((20_000, 1), |(i, _)| -3.0 + 6.0 * i as f32 / 19_999.0);
        let tape = Tape::<f32>::new();
        let (x, p) = (tape.variable(x), tape.variable(p));
        let (z, log_slope) = x.rational_quadratic_inverse(p, knots);
        assert!(z.data().iter().all(|z| z.abs() <= 3.0 + 1e-5));
        assert!(log_slope.data().iter().all(|l| l.is_finite()));
        let gradients = (z + log_slope).sum(..).backward();
        assert!(gradients.get(p).unwrap().iter().all(|d| d.is_finite()));
        assert!(gradients.get(x).unwrap().iter().all(|d| d.is_finite()));
    }

    #[test]
    fn tails_and_ends_are_the_identity_to_the_bit_and_nan_stays() {
        let tape = Tape::<f64>::new();
        let points = [3.0, -3.0, 3.5, -1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let x = tape.constant(arr2(&points.map(|x| [x])));
        let p = tape.constant(numbers(&[points.len(), KNOTS.parameters()]));
        for (y, log_slope) in [x.rational_quadratic(p, KNOTS), x.rational_quadratic_inverse(p, KNOTS)] {
            for (i, x) in points.into_iter().enumerate() {
                assert!(y.data()[i] == x || y.data()[i].is_nan() && x.is_nan(), "{x}: {}", y.data()[i]);
                assert_eq!(log_slope.data()[i], 0.0);
            }
        }
        // And it gets there without a jump.
        let near = tape.constant(arr2(&[[3.0 - 1e-12], [-3.0 + 1e-12]]));
        let (y, log_slope) = near.rational_quadratic(p.slice(0, ..2), KNOTS);
        for i in 0..2 {
            assert!((y.data()[i] - near.data()[i]).abs() < 1e-10 && log_slope.data()[i].abs() < 1e-9);
        }
        // In single precision too, a bit in front of the bound, where wild parameters make the slope fall steeply: the way to the end is
        // that of double precision, but for the last digits of where in its bin the point is.
        let (single, double) = (Tape::<f32>::new(), Tape::<f64>::new());
        for (bins, scale) in [(8, 1.0), (8, 4.0), (MOST_BINS, 4.0)] {
            let knots = Knots { bins, bound: 3.0 };
            let p = numbers(&[500, knots.parameters()]).mapv(|p| (scale * p) as f32);
            for near in [3.0_f32.next_down(), -3.0_f32.next_down()] {
                let x = single.filled(&[500, 1], near.into());
                let (y, log_slope) = x.rational_quadratic(single.constant(&p), knots);
                let x = double.filled(&[500, 1], near.into());
                let (exact, exact_slope) = x.rational_quadratic(double.constant(p.mapv(f64::from)), knots);
                for i in 0..500 {
                    let off = |single: f32, double: f64| (f64::from(single) - double).abs();
                    // Some roundings of a height of at most 6.
                    assert!(off(y.data()[i], exact.data()[i]) <= 1e-6, "{bins}, {scale}: {}", y.data()[i]);
                    let (found, truth) = (log_slope.data()[i], exact_slope.data()[i]);
                    assert!(off(found, truth) <= 2e-6 + 0.01 * truth.abs(), "{bins}, {scale}: {found} {truth}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 0.0);
        panics("4 bins need 11 for each element", || of(&[2, 3]).rational_quadratic(of(&[2, 11]), KNOTS));
        panics("parameters [3, 33] for [2, 3]", || of(&[2, 3]).rational_quadratic(of(&[3, 33]), KNOTS));
        for (bins, bound) in [(0, 1.0), (MOST_BINS + 1, 1.0), (4, 0.0), (4, f64::NAN), (4, f64::INFINITY)] {
            panics("there are 1 to 32 bins", || {
                of(&[1, 1]).rational_quadratic(of(&[1, 11]), Knots { bins, bound })
            });
        }
    }
}
