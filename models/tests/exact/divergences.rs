//! Divergences in closed form, beside their Monte Carlo estimates.

use crate::common::{P, log_normal, normal, softplus, within_four_errors};
use evidence_autodiff::{Leaf, Noise, Parameters, Tape};
use evidence_layers::{DiagonalNormal, MeanField};
use ndarray::Array2;

#[test]
fn kl_of_weights_is_its_monte_carlo_estimate() {
    for (seed, prior) in [0.3, 1.0, 2.5].into_iter().enumerate() {
        let noise = Noise::new(seed as u64);
        let leaf = |stream: u64, centre: f64, spread: f64| {
            let values = normal(4, 3, noise.stream(stream)).mapv(|x| centre + spread * x);
            Leaf(values.into_dyn().into_shared())
        };
        let q: MeanField<Leaf<P>> = MeanField { mean: leaf(0, 0.2, 0.7), rho: leaf(1, -0.5, 1.0) };
        let mut tape = Tape::new();
        let closed = q.bind_constant(&tape).kl_to_normal(prior).item();
        tape.reset();
        let mut draws = Vec::new();
        for draw in 0..4000 {
            {
                let Leaf(w) = q.bind_constant(&tape).rsample(noise.stream(100 + draw));
                let terms = w.data().iter().zip(q.mean.0.iter().zip(&q.rho.0));
                draws.push(
                    terms
                        .map(|(&w, (&mean, &rho))| {
                            log_normal(w, mean, softplus(rho)) - log_normal(w, 0.0, prior)
                        })
                        .sum(),
                );
            }
            tape.reset();
        }
        within_four_errors(&format!("prior scale {prior}"), &draws, closed);
    }
}

fn rows_normal<'t>(
    tape: &'t Tape<f64>,
    mean: &Array2<f64>,
    log_scale: &Array2<f64>,
) -> DiagonalNormal<'t, f64> {
    DiagonalNormal { mean: tape.constant(mean), log_scale: tape.constant(log_scale) }
}

#[test]
fn kl_of_latents_is_its_monte_carlo_estimate() {
    let (mean, log_scale) = (normal(5, 3, Noise::new(1)), normal(5, 3, Noise::new(2)) * 0.6);
    let tape = Tape::new();
    let closed = rows_normal(&tape, &mean, &log_scale).kl_to_standard();
    let mut draws = vec![Vec::new(); 5];
    for draw in 0..4000 {
        let tape = Tape::new();
        let z = rows_normal(&tape, &mean, &log_scale).rsample(Noise::new(3).stream(draw));
        for (row, (draws, z)) in draws.iter_mut().zip(z.data().chunks(3)).enumerate() {
            let terms = z.iter().zip(mean.row(row)).zip(log_scale.row(row));
            draws.push(
                terms
                    .map(|((&z, &m), &s)| log_normal(z, m, s.exp()) - log_normal(z, 0.0, 1.0))
                    .sum(),
            );
        }
    }
    for (row, (draws, &closed)) in draws.iter().zip(closed.data()).enumerate() {
        within_four_errors(&format!("row {row}"), draws, closed);
    }
}
