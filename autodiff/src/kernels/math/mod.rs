//! Elementwise maths, branch-free, so that the compiler vectorises any loop that calls it.

mod erf;
mod exp;
mod ln;
mod sigmoid;
mod softplus;
#[cfg(test)]
mod sweep;
mod tanh;
mod trig;

pub use erf::{erf_f32, erf_f64};
pub use exp::{exp_f32, exp_f64, expm1_f32, expm1_f64};
pub use ln::{ln_1p_f32, ln_1p_f64, ln_f32, ln_f64};
pub use sigmoid::{sigmoid_f32, sigmoid_f64};
pub use softplus::{softplus_f32, softplus_f64};
pub use tanh::{tanh_f32, tanh_f64};
pub use trig::{cos_f32, cos_f64, sin_f32, sin_f64};

/// `c[0] + c[1] x + c[2] x² + …` by Horner's rule.
#[inline(always)]
fn poly_f32<const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, c[i]);
    }
    sum
}

/// `c[0] + c[1] x + c[2] x² + …` by Horner's rule.
#[inline(always)]
fn poly_f64<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut sum = c[N - 1];
    for i in (0..N - 1).rev() {
        sum = sum.mul_add(x, c[i]);
    }
    sum
}
