//! Draws from a likelihood: data as a model would make them, noise and all.
//!
//! Every draw is the inverse of a distribution function at one uniform number, or a location and scale of a standard draw; but counts, which
//! count arrivals.

use super::{Likelihood, leveled, value};
use crate::base::{Base, StudentT, uniforms};
use evidence_autodiff::{Noise, Real, Var};

/// From here on a Poisson is drawn as the nearest whole number of its normal: arrivals would take too long to count, and the
/// two differ by a thousandth of a standard deviation.
const MANY: f64 = 1e6;

impl<'t, T: Real> Likelihood<Var<'t, T>> {
    /// A draw of the targets for each row of outputs `[n, o]`, `[n, k]`: a function of the noise, without a gradient.
    ///
    /// Of a categorical it is one column of labels.
    #[must_use]
    #[track_caller]
    pub fn sample(&self, output: Var<'t, T>, noise: Noise) -> Var<'t, T> {
        let tape = output.tape();
        let mean = || self.mean(output);
        match self {
            Self::Gaussian { log_scale } => {
                mean().gaussian_rsample(log_scale.broadcast_to(output.shape()), noise)
            }
            Self::KnownGaussian { scale } => mean() + tape.normal(output.shape(), noise) * *scale,
            Self::PredictedGaussian => {
                let (mean, scale) =
                    (mean(), self.predicted_scale(output).expect("it is predicted"));
                mean + tape.normal(mean.shape(), noise) * scale
            }
            Self::StudentT { log_scale, freedom } => {
                let base = StudentT::new(*freedom).expect("the likelihood was built with it");
                mean()
                    + base.sample(tape, (output.size(0), output.size(1)), noise) * log_scale.exp()
            }
            Self::Bernoulli => each(mean(), noise, |p, u| f64::from(u8::from(u < p))),
            Self::ContinuousBernoulli => each(output, noise, continuous_bernoulli),
            Self::Poisson => {
                let mut row = 0;
                each(mean(), noise, |rate, _| {
                    row += 1;
                    poisson(rate, noise.stream(row))
                })
            }
            Self::Levels { levels } => {
                let p = leveled(output, *levels).softmax(-1);
                pick(p, noise, |level| value::<T>(level, *levels))
            }
            Self::Categorical => {
                let p = output.softmax(-1).reshape(&[output.size(0), 1, output.size(1)]);
                pick(p, noise, |label| T::from_f64(label as f64))
            }
        }
        .stop_gradient()
    }
}

/// A function of each number and a uniform one.
fn each<'t, T: Real>(
    x: Var<'t, T>,
    noise: Noise,
    mut draw: impl FnMut(f64, f64) -> f64,
) -> Var<'t, T> {
    let mut drawn = x.tape().tensor(x.shape());
    let uniform = uniforms(x.data().len(), noise);
    for ((y, x), u) in drawn.data_mut().iter_mut().zip(x.data()).zip(uniform) {
        *y = T::from_f64(draw(x.to_f64(), u));
    }
    x.tape().batch(drawn.view())
}

/// Of probabilities `[n, k, c]`, one of c for each of `[n, k]`.
fn pick<'t, T: Real>(p: Var<'t, T>, noise: Noise, value: impl Fn(usize) -> T) -> Var<'t, T> {
    let &[n, k, c] = p.shape() else { unreachable!("three axes were made") };
    let mut drawn = p.tape().tensor(&[n, k]);
    let uniform = uniforms(n * k, noise);
    for ((y, p), u) in drawn.data_mut().iter_mut().zip(p.data().chunks(c)).zip(uniform) {
        let mut sum = 0.0;
        let within = |p: &T| {
            sum += p.to_f64();
            u < sum
        };
        *y = value(p.iter().position(within).unwrap_or(c - 1));
    }
    p.tape().batch(drawn.view())
}

/// `ln(1 + u (eᵒ − 1)) / o`, the inverse of the distribution function; what rounds to 0/0 near o = 0 is its first two terms in o.
fn continuous_bernoulli(o: f64, u: f64) -> f64 {
    if o.abs() < 1e-5 {
        return u + 0.5 * o * u * (1.0 - u);
    }
    // The larger exponential is taken out, so that none overflows.
    let x = if o > 0.0 {
        1.0 + (u + (1.0 - u) * (-o).exp()).ln() / o
    } else {
        (u * o.exp() + 1.0 - u).ln() / o
    };
    x.clamp(0.0, 1.0)
}

/// Arrivals of a process of rate 1 within the time `rate`: waits between them are exponential.
fn poisson(rate: f64, noise: Noise) -> f64 {
    if rate > MANY {
        let mut z = [0.0];
        noise.fill_normal_f64(&mut z);
        return (rate + rate.sqrt() * z[0]).round();
    }
    let mut waits = (0..).flat_map(|block| uniforms(64, noise.stream(block))).map(|u| -u.ln());
    let (mut time, mut count) = (waits.next().unwrap_or(0.0), 0.0);
    // Nothing arrives within a time that is no number.
    while time <= rate {
        time += waits.next().unwrap_or(0.0);
        count += 1.0;
    }
    count
}
