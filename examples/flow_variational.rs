//! Variational inference with a flow: four densities known up to their normaliser (Rezende and Mohamed 2015), each approximated by
//! maximising a bound on ln Z; then ln Z by importance sampling from the flow, beside quadrature.
//!
//! Maximised are `E log w`, `w = density/flow`, which is to minimise the reverse divergence ([`Flow::reverse_kl`]), and the bound of
//! K = 4 draws, `E log 1/K Σₖ wₖ` (Burda and others 2016). A flow that leaves out a branch of the density loses little of the first, and
//! what it left out is met by hardly any of its draws: of the two densities that fork, one ends 0.04 nats low with an error that does
//! not know of it, and the other's estimate rests on a single draw, as the effective number of them says. With a few draws together
//! what is left out costs more.
//!
//! `cargo run --release --example flow_variational`

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{Chain, Spline, SplineCoupling};
use evidence::models::{Flow, Importance, Potential};
use evidence::optim::{Adam, Optimizer};
use evidence::{Array, Noise, Parameters, Tape};
use ndarray::Array2;

const STEPS: u64 = 6_000;
const DRAWS: usize = 512;
/// K.
const TOGETHER: usize = 4;
/// Weighed for ln Z.
const WEIGHED: usize = 50_000;

type Splines = Flow<Chain<SplineCoupling<Array<f32>>>>;

fn main() -> Result<(), Failure> {
    Arguments::read(&[])?;
    with_threads(0, || {
        println!("{:<16} {:^10} {:^28}   {:^28}", "", "quadrature", "reverse KL, K = 1", "K = 4");
        let columns = format!("{:^17} {:>10}", "ln Z", "effective");
        println!("{:<16} {:^10} {columns}   {columns}  of {WEIGHED} draws", "", "ln Z");
        for potential in Potential::ALL {
            let (alone, _) = importance(potential, &trained(potential, 1)?);
            let (together, draws) = importance(potential, &trained(potential, TOGETHER)?);
            let [alone, together] = [alone, together].map(|estimate| {
                format!(
                    "{:>7.4} ± {:.4}  {:>10.0}",
                    estimate.log_normaliser, estimate.standard_error, estimate.effective_samples
                )
            });
            let truth = potential.log_normaliser();
            println!("{:<16} {truth:^10.4} {alone}   {together}", potential.name());
            print_density(&draws);
        }
        Ok(())
    })
}

/// A flow fitted to a density, by so many draws together.
fn trained(potential: Potential, together: usize) -> Result<Splines, Failure> {
    let mut flow = Flow::neural_spline(2, 8, Spline::new(8, 6.5)?, &[64, 64], Noise::new(1))?;
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
            let log_density = |x| potential.log_density(x) * heat;
            let loss = if together == 1 {
                bound.reverse_kl(&tape, (DRAWS, 2), log_density, noise)
            } else {
                let (x, log_q) = bound.sample_with_log_prob(&tape, (DRAWS, 2), noise);
                let groups = (log_density(x) - log_q).reshape(&[together, DRAWS / together]);
                (together as f64).ln() - groups.logsumexp(0).mean(..)
            };
            loss.backward().of(&bound)
        };
        tape.reset();
        adam.step(&mut flow, &mut gradient);
    }
    Ok(flow)
}

/// ln Z by draws from a flow, and the draws.
fn importance(potential: Potential, flow: &Splines) -> (Importance, Array2<f32>) {
    let tape = Tape::new();
    let bound = flow.bind_constant(&tape);
    let (x, log_q) = bound.sample_with_log_prob(&tape, (WEIGHED, 2), Noise::new(3));
    let log_weights = potential.log_density(x) - log_q;
    let estimate = Importance::new(log_weights.data().iter().map(|&w| f64::from(w)));
    (estimate, x.value().to_owned().into_dimensionality().expect("rows of two columns"))
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
