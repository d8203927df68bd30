//! Laws of the spline: its composition, round trips, ends.

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
