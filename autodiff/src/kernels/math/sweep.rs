//! Test support: the largest error of a function over its whole range, in units in the last place.

use super::double_double::Dd;
use crate::kernels::simd::{Kernel, dispatch};

/// Distance from `got` to `want` in units of the last place of an f32 near `want`.
fn ulps_f32(got: f32, want: f64) -> f64 {
    if want.is_nan() || want.abs() > f64::from(f32::MAX) || want == 0.0 {
        // An infinite result is right once the true value rounds there; so is the largest finite number next to it.
        let same = (want.is_nan() && got.is_nan())
            || f64::from(got) == want
            || (got == (want as f32) && got.is_infinite());
        return if same { 0.0 } else { f64::INFINITY };
    }
    let exponent = (want.abs().to_bits() >> 52) as i32 - 1023;
    (f64::from(got) - want).abs() / 2f64.powi(exponent.max(-126) - 23)
}

/// Distance from `got` to `want` in units of the last place of an f64 near `want`.
fn ulps_f64(got: f64, want: Dd) -> f64 {
    if !want.high.is_finite() || want.high == 0.0 {
        let same = got == want.high || (got.is_nan() && want.high.is_nan());
        return if same { 0.0 } else { f64::INFINITY };
    }
    let exponent = ((want.high.abs().to_bits() >> 52) as i32 - 1023).max(-1022) - 52;
    let difference = (got - want.high) - want.low;
    // In two steps: the unit itself may be out of reach.
    difference.abs() / 2f64.powi(exponent / 2) / 2f64.powi(exponent - exponent / 2)
}

struct Map<'a, T, F> {
    x: &'a [T],
    y: &'a mut [T],
    f: F,
}

impl<T: Copy, F: Fn(T) -> T> Kernel for Map<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = (self.f)(x);
        }
    }
}

/// Checks `f` against `reference` at every `step`-th bit pattern: both signs, denormals, infinities, NaNs.
fn sweep_f32(
    f: impl Fn(f32) -> f32 + Copy,
    reference: impl Fn(f64) -> f64,
    step: usize,
    bound: f64,
) {
    sweep_bits_f32(f, reference, (0..1 << 32, step), bound);
}

fn sweep_bits_f32(
    f: impl Fn(f32) -> f32 + Copy,
    reference: impl Fn(f64) -> f64,
    (bits, step): (std::ops::Range<usize>, usize),
    bound: f64,
) {
    let (mut x, mut y) = (vec![0f32; 4096], vec![0f32; 4096]);
    let mut worst = (0.0, 0.0, 0.0);
    for start in bits.step_by(step * x.len()) {
        for (i, x) in x.iter_mut().enumerate() {
            *x = f32::from_bits((start + i * step) as u32);
        }
        dispatch(Map { x: &x, y: &mut y, f });
        for (&x, &y) in x.iter().zip(&y) {
            let error = ulps_f32(y, reference(f64::from(x)));
            if error > worst.0 {
                worst = (error, x, y);
            }
        }
    }
    let (error, x, y) = worst;
    let want = reference(f64::from(x));
    assert!(
        error <= bound,
        "{error:.3} ulp at {x:e}: got {y:e}, not {want:e}; the bound is {bound}"
    );
    println!("worst: {error:.3} ulp at {x:e}");
}

/// [`sweep_f32`] with a step that keeps a test short; the step is odd, so that every low bit takes part.
pub fn check_f32(f: impl Fn(f32) -> f32 + Copy, reference: impl Fn(f64) -> f64, bound: f64) {
    sweep_f32(f, reference, if cfg!(debug_assertions) { 997 } else { 101 }, bound);
}

/// [`sweep_f32`] at every number between two negative ones, in release.
pub fn check_between_f32(
    f: impl Fn(f32) -> f32 + Copy,
    reference: impl Fn(f64) -> f64,
    [high, low]: [f32; 2],
    bound: f64,
) {
    let bits = high.to_bits() as usize..low.to_bits() as usize + 1;
    sweep_bits_f32(f, reference, (bits, if cfg!(debug_assertions) { 997 } else { 1 }), bound);
}

/// Checks `f` against `reference` at random bit patterns and at random points of `−2ᵖ .. 2ᵖ`, `p` from −60 to 50.
///
/// Points beyond `limit` are left out: the reference does not reach them.
pub fn check_f64(
    f: impl Fn(f64) -> f64 + Copy,
    reference: impl Fn(Dd) -> Dd,
    limit: f64,
    bound: f64,
) {
    let mut state = 1u64;
    let mut random = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 29)
    };
    let each = if cfg!(debug_assertions) { 300 } else { 6000 };
    let mut x: Vec<f64> = (0..10 * each).map(|_| f64::from_bits(random())).collect();
    for power in -60..=50 {
        let near = if (-4..=10).contains(&power) { 5 * each } else { each };
        for _ in 0..near {
            let unit = (random() >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
            x.push(unit * 2f64.powi(power));
        }
    }
    x.retain(|x| x.abs() <= limit);
    let mut y = vec![0f64; x.len()];
    dispatch(Map { x: &x, y: &mut y, f });
    let mut worst = (0.0, 0.0, 0.0);
    for (&x, &y) in x.iter().zip(&y) {
        let error = ulps_f64(y, reference(x.into()));
        if error > worst.0 {
            worst = (error, x, y);
        }
    }
    let (error, x, y) = worst;
    let want = reference(x.into()).high;
    assert!(
        error <= bound,
        "{error:.3} ulp at {x:e}: got {y:e}, not {want:e}; the bound is {bound}"
    );
    println!("worst: {error:.3} ulp at {x:e}");
}

/// Checks a table of `(x, f(x))` bit for bit (any NaN equals any NaN, −0 differs from +0).
pub fn check_values_f32(f: impl Fn(f32) -> f32, table: &[(f32, f32)]) {
    for &(x, want) in table {
        let got = f(x);
        let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
        assert!(same, "f({x:e}) is {got:e}, not {want:e}");
    }
}

/// Checks a table of `(x, f(x))` bit for bit (any NaN equals any NaN, −0 differs from +0).
pub fn check_values_f64(f: impl Fn(f64) -> f64, table: &[(f64, f64)]) {
    for &(x, want) in table {
        let got = f(x);
        let same = got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
        assert!(same, "f({x:e}) is {got:e}, not {want:e}");
    }
}
