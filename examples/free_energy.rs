//! The lecture's first exercise: a normal with unknown mean and precision, by free energy.
//!
//! ```text
//! xₙ ~ N(μ, 1/τ),   μ ~ N(0, s²),   τ ~ Gamma(a₀, b₀),   q(μ, τ) = N(μ; m, v) Gamma(τ; a, b)
//! v = 1 / (1/s² + N a/b)                m = v (a/b) Σ xₙ
//! a = a₀ + N/2                          b = b₀ + ½ Σ (xₙ − m)² + ½ N v
//! F = E_q log p(x, μ, τ) − E_q log q(μ, τ) ≤ log p(x)
//! ```
//!
//! Each update is the best of its factor for the other as it stands, so F never falls (Bishop 2006, section 10.1.3). The log evidence and the
//! exact posterior are computed beside it on a grid.
//!
//! `cargo run --release --example free_energy`

mod command_line;

use command_line::{Arguments, Failure};
use evidence::Noise;
use evidence::models::special::{digamma, ln_gamma};
use std::f64::consts::TAU;

/// The prior.
const S: f64 = 10.0;
const A0: f64 = 1.0;
const B0: f64 = 1.0;

/// q(μ, τ).
#[derive(Clone, Copy, Debug)]
struct Q {
    m: f64,
    v: f64,
    a: f64,
    b: f64,
}

/// What of the data counts.
struct Data {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Data {
    /// `Σ (xₙ − μ)²`.
    fn around(&self, mean: f64) -> f64 {
        self.squares - 2.0 * mean * self.sum + self.n * mean * mean
    }
}

fn update_mean(q: Q, data: &Data) -> Q {
    let precision = q.a / q.b;
    let v = 1.0 / (1.0 / (S * S) + data.n * precision);
    Q { m: v * precision * data.sum, v, ..q }
}

fn update_precision(q: Q, data: &Data) -> Q {
    let b = B0 + 0.5 * (data.around(q.m) + data.n * q.v);
    Q { a: A0 + 0.5 * data.n, b, ..q }
}

/// F, in nats.
fn free_energy(q: Q, data: &Data) -> f64 {
    let Q { m, v, a, b } = q;
    let (precision, log_precision) = (a / b, digamma(a) - b.ln());
    let log_likelihood =
        0.5 * data.n * (log_precision - TAU.ln()) - 0.5 * precision * (data.around(m) + data.n * v);
    let kl_mean = (S / v.sqrt()).ln() + (v + m * m) / (2.0 * S * S) - 0.5;
    let kl_precision = (a - A0) * digamma(a) - ln_gamma(a)
        + ln_gamma(A0)
        + A0 * (b / B0).ln()
        + precision * (B0 - b);
    log_likelihood - kl_mean - kl_precision
}

/// `log p(x)` and the posterior means of μ and τ, on a grid over μ and ln τ: no formula above is used.
fn by_quadrature(data: &Data, around: Q) -> (f64, f64, f64) {
    let cells = 1200;
    let (centre, width) = (around.m, 12.0 * around.v.sqrt());
    let (low, high) = ((around.a / around.b).ln() - 6.0, (around.a / around.b).ln() + 3.0);
    let (dm, dt) = (2.0 * width / f64::from(cells), (high - low) / f64::from(cells));
    let mut terms = Vec::new();
    for i in 0..cells {
        let mean = centre - width + (f64::from(i) + 0.5) * dm;
        let log_prior = -0.5 * (mean / S).powi(2) - (S * TAU.sqrt()).ln();
        for j in 0..cells {
            let log_precision = low + (f64::from(j) + 0.5) * dt;
            let precision = log_precision.exp();
            // The Gamma's density of τ, times dτ / d ln τ = τ.
            let log_gamma = A0 * B0.ln() - ln_gamma(A0) + A0 * log_precision - B0 * precision;
            let log_likelihood =
                0.5 * data.n * (log_precision - TAU.ln()) - 0.5 * precision * data.around(mean);
            terms.push((log_prior + log_gamma + log_likelihood, mean, precision));
        }
    }
    let largest = terms.iter().fold(f64::NEG_INFINITY, |most, term| most.max(term.0));
    let (mut mass, mut mean, mut precision) = (0.0, 0.0, 0.0);
    for (log, m, t) in terms {
        let p = (log - largest).exp();
        mass += p;
        mean += p * m;
        precision += p * t;
    }
    (largest + (mass * dm * dt).ln(), mean / mass, precision / mass)
}

fn main() -> Result<(), Failure> {
    Arguments::read(&[])?;
    let mut x = [0.0; 30];
    Noise::new(1).fill_normal_f64(&mut x);
    x.iter_mut().for_each(|x| *x = 1.5 + 0.7 * *x);
    let data =
        Data { n: x.len() as f64, sum: x.iter().sum(), squares: x.iter().map(|x| x * x).sum() };
    let mut q = Q { m: 0.0, v: 1.0, a: A0, b: B0 };
    let mut last = free_energy(q, &data);
    println!("step  free energy (nats)     E μ     E τ");
    for step in 1..=100 {
        for update in [update_mean, update_precision] {
            q = update(q, &data);
            let now = free_energy(q, &data);
            if now < last - 1e-9 {
                return Err(format!("F fell from {last} to {now}: an update is wrong").into());
            }
            let risen = now - last;
            last = now;
            if step <= 5 || risen > 1e-6 {
                println!("{step:4}  {now:18.9}  {:6.3}  {:6.3}", q.m, q.a / q.b);
            }
        }
    }
    let (log_evidence, mean, precision) = by_quadrature(&data, q);
    let gap = log_evidence - last;
    println!("free energy   {last:.6} nats");
    println!(
        "log evidence  {log_evidence:.6} nats, by quadrature: {gap:.6} above, KL(q ‖ posterior)"
    );
    println!("E μ: {:.4}, exactly {mean:.4};  E τ: {:.4}, exactly {precision:.4}", q.m, q.a / q.b);
    // The bound holds, and with 30 data the factors are nearly independent.
    if !(0.0..0.05).contains(&gap)
        || (q.m - mean).abs() > 1e-3
        || (q.a / q.b / precision - 1.0).abs() > 0.03
    {
        return Err("free energy and quadrature do not agree".into());
    }
    Ok(())
}
