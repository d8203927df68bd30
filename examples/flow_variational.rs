//! Variational inference with a flow: four densities known up to their normaliser (Rezende and Mohamed 2015), each approximated by
//! maximising a bound on ln Z; then ln Z by importance sampling from the flow, beside quadrature.
//!
//! The bound of K draws is `E log 1/K Σₖ wₖ`, `w = density/flow` (Burda and others 2016). K = 1 is the reverse divergence,
//! [`Flow::reverse_kl`]: a flow that leaves out a branch of the density loses little by it, and with K = 1 the two that fork end 0.15
//! nats low. With a few draws what is left out costs more.
//!
//! `cargo run --release --example flow_variational`

use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::Spline;
use evidence::models::{Flow, Importance, Potential};
use evidence::optim::{Adam, Optimizer};
use evidence::{Noise, Parameters, Tape};
use ndarray::Array2;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const STEPS: u64 = 6_000;
const DRAWS: usize = 512;
/// K.
const TOGETHER: usize = 4;

fn main() -> Result<(), Failure> {
    with_threads(0, || {
        for potential in Potential::ALL {
            let mut flow =
                Flow::neural_spline(2, 8, Spline::new(8, 6.5)?, &[64, 64], Noise::new(1))?;
            let mut adam = Adam::new(2e-3)?;
            let mut tape = Tape::<f32>::new();
            for step in 0..STEPS {
                // The density rises from a flat one, so that the flow finds all of its parts.
                let share = step as f64 / STEPS as f64;
                let heat = (0.05 + 1.4 * share).min(1.0);
                adam.set_factor((1.0 + (std::f64::consts::PI * share).cos()) / 2.0);
                let mut gradient = {
                    let bound = flow.bind(&tape);
                    let noise = Noise::new(2).stream(step);
                    let (x, log_q) = bound.sample_with_log_prob(&tape, (DRAWS, 2), noise);
                    let log_weights = potential.log_density(x) * heat - log_q;
                    let groups = log_weights.reshape(&[TOGETHER, DRAWS / TOGETHER]);
                    let loss = (TOGETHER as f64).ln() - groups.logsumexp(0).mean(..);
                    loss.backward().of(&bound)
                };
                tape.reset();
                adam.step(&mut flow, &mut gradient);
            }

            let bound = flow.bind_constant(&tape);
            let (x, log_q) = bound.sample_with_log_prob(&tape, (50_000, 2), Noise::new(3));
            let log_weights = potential.log_density(x) - log_q;
            let estimate = Importance::new(log_weights.data().iter().map(|&w| f64::from(w)));
            let truth = potential.log_normaliser();
            println!(
                "{:<16} ln Z {:.4} ± {:.4}, by quadrature {truth:.4}; {:.0} effective draws of {}",
                potential.name(),
                estimate.log_normaliser,
                estimate.standard_error,
                estimate.effective_samples,
                estimate.draws,
            );
            print_density(&x.value().to_owned().into_dimensionality()?);
        }
        Ok(())
    })
}

/// Draws counted on a grid of [−5, 5] by [−4, 4], in characters.
fn print_density(draws: &Array2<f32>) {
    let (columns, rows) = (50, 12);
    let mut counts = Array2::<usize>::zeros((rows, columns));
    for point in draws.outer_iter() {
        let (i, j) =
            ((4.0 - point[1]) / 8.0 * rows as f32, (point[0] + 5.0) / 10.0 * columns as f32);
        if (0.0..rows as f32).contains(&i) && (0.0..columns as f32).contains(&j) {
            counts[[i as usize, j as usize]] += 1;
        }
    }
    let top = counts.iter().copied().max().unwrap_or(1).max(1);
    for row in counts.outer_iter() {
        println!(
            "  {}",
            row.iter().map(|&n| b" .:-=+*#%@"[(9 * n).div_ceil(top)] as char).collect::<String>()
        );
    }
}
