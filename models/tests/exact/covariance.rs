//! A posterior of full covariance: its divergence and density beside their definitions, and a linear VAE whose decoder is not orthogonal, so
//! that latents are correlated given x.

use crate::common::{LN_TAU, P, cholesky, inverse, normal, scrambled, within_four_errors};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::{Activation, DiagonalNormal, TriangularNormal, standard_normal_log_prob};
use evidence_models::{
    Batch, Covariance, Elbo, Iwae, Kl, Likelihood, Model, Objective, ObjectiveError, Vae,
    WeightGradient,
};
use evidence_optim::{Adam, Optimizer};
use ndarray::{Array1, Array2, Axis, arr1, arr2, s};

const ROWS: usize = 4;
const L: usize = 3;

fn parameters() -> Array2<f64> {
    normal(ROWS, TriangularNormal::<f64>::columns(L), Noise::new(1)) * 0.6
}

/// L of a row, written out.
fn triangle(parameters: &Array2<f64>, row: usize) -> Array2<f64> {
    let mut entries = parameters.row(row).to_vec().into_iter().skip(2 * L);
    let mut whole = Array2::zeros((L, L));
    for i in 0..L {
        for j in 0..i {
            whole[[i, j]] = entries.next().unwrap();
        }
        whole[[i, i]] = parameters[[row, L + i]].exp();
    }
    whole
}

/// log N(z; 0, Σ).
fn log_density(z: &Array1<f64>, covariance: &Array2<f64>) -> f64 {
    let factor = cholesky(covariance);
    let log_det: f64 = factor.diag().iter().map(|d| 2.0 * d.ln()).sum();
    -0.5 * (z.dot(&inverse(covariance).dot(z)) + log_det + z.len() as f64 * LN_TAU)
}

#[test]
fn the_density_is_that_of_its_covariance_and_draws_know_it() {
    let (parameters, tape) = (parameters(), Tape::new());
    let q = TriangularNormal::from_columns(tape.constant(&parameters), L);
    let (z, log_prob) = q.rsample_with_log_prob(5, Noise::new(2));
    let (again, single) = (q.log_prob(z), q.rsample(Noise::new(3)));
    for row in 0..ROWS {
        let factor = triangle(&parameters, row);
        let covariance = factor.dot(&factor.t());
        let mean = parameters.slice(s![row, ..L]).to_owned();
        for draw in 0..5 {
            let at: Array1<f64> = (0..L).map(|i| z.value()[[draw, row, i]] - mean[i]).collect();
            let truth = log_density(&at, &covariance);
            for found in [log_prob.value()[[draw, row]], again.value()[[draw, row]]] {
                assert!((found - truth).abs() <= 1e-10 * truth.abs().max(1.0), "{found} {truth}");
            }
        }
        let alone: Array1<f64> = (0..L).map(|i| single.value()[[row, i]] - mean[i]).collect();
        let (found, truth) = (q.log_prob(single).value()[[row]], log_density(&alone, &covariance));
        assert!((found - truth).abs() <= 1e-10 * truth.abs().max(1.0), "{found} {truth}");
        let marginals = q.marginals();
        for i in 0..L {
            let scale = marginals.log_scale.value()[[row, i]].exp();
            assert!((scale * scale - covariance[[i, i]]).abs() <= 1e-12 * covariance[[i, i]]);
        }
    }
}

#[test]
fn its_divergence_is_the_monte_carlo_estimate_and_draws_have_its_covariance() {
    let (parameters, tape) = (parameters(), Tape::new());
    let q = TriangularNormal::from_columns(tape.constant(&parameters), L);
    let closed = q.kl_to_standard();
    let draws = 20_000;
    let (z, log_prob) = q.rsample_with_log_prob(draws, Noise::new(4));
    let apart = (log_prob - standard_normal_log_prob(z)).value();
    for row in 0..ROWS {
        let apart: Vec<f64> = apart.index_axis(Axis(1), row).iter().copied().collect();
        within_four_errors(&format!("row {row}"), &apart, closed.data()[row]);
        let factor = triangle(&parameters, row);
        let covariance = factor.dot(&factor.t());
        for (i, j) in [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2)] {
            let product = |draw: usize| {
                let at = |i: usize| z.value()[[draw, row, i]] - parameters[[row, i]];
                at(i) * at(j)
            };
            let products: Vec<f64> = (0..draws).map(product).collect();
            within_four_errors(&format!("row {row}, ({i}, {j})"), &products, covariance[[i, j]]);
        }
        // What the columns say of each other is what the marginals' divergences lack.
        let alone = q.marginals().kl_to_standard().data()[row];
        let log_det: f64 = factor.diag().iter().map(|d| 2.0 * d.ln()).sum();
        let shared = 0.5 * (covariance.diag().iter().map(|v| v.ln()).sum::<f64>() - log_det);
        assert!((closed.data()[row] - alone - shared).abs() < 1e-12 && shared > 1e-3);
    }
}

#[test]
fn without_entries_below_the_diagonal_it_is_the_diagonal_normal() {
    let tape = Tape::new();
    let of = |seed| tape.constant(normal(ROWS, L, Noise::new(seed)));
    let diagonal = DiagonalNormal { mean: of(1), log_scale: of(2) };
    let DiagonalNormal { mean, log_scale } = diagonal;
    let full = TriangularNormal { mean, log_scale, below: tape.filled(&[ROWS, 3], 0.0) };
    let x = of(3);
    let close = |a: &[f64], b: &[f64]| {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs().max(1.0)));
    };
    close(full.log_prob(x).data(), diagonal.log_prob(x).data());
    close(full.kl_to_standard().data(), diagonal.kl_to_standard().data());
    close(full.rsample(Noise::new(5)).data(), diagonal.rsample(Noise::new(5)).data());
    close(full.marginals().log_scale.data(), log_scale.data());
}

#[test]
fn a_vae_that_is_given_one_starts_as_it_was() {
    let vae = Vae::<P>::new(&[5, 7, L], Activation::Tanh, Likelihood::Bernoulli, Noise::new(1));
    let vae = scrambled(&vae, 0.7, Noise::new(2));
    let full = vae.clone().with_full_covariance();
    assert_eq!(full.encoder.outputs(), Covariance::Full.columns(L));
    assert_eq!(full.count() - vae.count(), 8 * 3);
    assert_eq!(full.clone().with_full_covariance().count(), full.count(), "once is enough");
    let x = normal(6, 5, Noise::new(3)).mapv(|y| f64::from(u8::from(y > 0.0)));
    for objective in [
        Objective::default(),
        Objective::Elbo(Elbo { kl: Kl::Closed, beta: 0.4, free_bits: 0.0 }),
        Objective::ImportanceWeighted { draws: 3, gradient: WeightGradient::Pathwise },
        Objective::ImportanceWeighted { draws: 3, gradient: WeightGradient::DoublyReparametrised },
    ] {
        let loss = |vae: &Vae<P>| {
            let mut vae = vae.clone().with_objective(objective).unwrap();
            vae.warm(0.6);
            let tape = Tape::new();
            let (bound, batch) = (vae.bind(&tape), Batch::new(tape.constant(&x), None, 6));
            (
                bound.loss(&batch, Noise::new(4)).total.item(),
                bound.validation(&batch, Noise::new(4)).item(),
            )
        };
        let ((a, b), (c, d)) = (loss(&vae), loss(&full));
        assert!(
            (a - c).abs() <= 1e-11 * a.abs() && (b - d).abs() <= 1e-11 * b.abs(),
            "{objective:?}"
        );
    }
    let found = full.evidence(x.view(), 4, Noise::new(5)).log_prob;
    let truth = vae.evidence(x.view(), 4, Noise::new(5)).log_prob;
    assert!((found - truth).iter().all(|e| e.abs() < 1e-11));
    let free = Objective::Elbo(Elbo { free_bits: 0.1, ..Elbo::default() });
    assert_eq!(full.with_objective(free).unwrap_err(), ObjectiveError::FreeBitsOfAll);
}

#[test]
fn a_sampled_divergence_is_the_closed_one_in_expectation() {
    let vae = Vae::<P>::new(&[5, 7, L], Activation::Tanh, Likelihood::Bernoulli, Noise::new(1));
    let vae = scrambled(&vae.with_full_covariance(), 0.5, Noise::new(2));
    let x = normal(4, 5, Noise::new(3)).mapv(|y| f64::from(u8::from(y > 0.0)));
    let parts = |kl, noise| {
        let objective = Objective::Elbo(Elbo { kl, ..Elbo::default() });
        let (vae, tape) = (vae.clone().with_objective(objective).unwrap(), Tape::new());
        let loss = vae.bind(&tape).loss(&Batch::new(tape.constant(&x), None, 4), noise);
        loss.parts.iter().map(|(_, part)| part.item()).collect::<Vec<f64>>()
    };
    let (mut sampled, mut closed) = (Vec::new(), 0.0);
    for draw in 0..3000 {
        let noise = Noise::new(6).stream(draw);
        sampled.push(parts(Kl::Sampled, noise)[1]);
        closed = parts(Kl::Closed, noise)[1];
    }
    within_four_errors("the divergence", &sampled, closed);
}

/// `x = z W + b + σ ε` with rows of W that are not orthogonal: `p(z | x) = N((x − b) Wᵀ M⁻¹, σ² M⁻¹)`, `M = W Wᵀ + σ² I` (Tipping and
/// Bishop 1999), which no diagonal covariance is.
struct Rotated {
    w: Array2<f64>,
    b: Array1<f64>,
    sigma: f64,
    x: Array2<f64>,
    /// log p(x) of each row.
    log_prob: Array1<f64>,
    /// How far the best diagonal normal stays below it: `½ (Σ ln Mᵢᵢ − ln det M)` nats.
    gap: f64,
    m: Array2<f64>,
}

fn rotated() -> Rotated {
    let (w, b, sigma) =
        (arr2(&[[1.2, 1.6, 0.3, 0.0], [1.0, 1.0, 0.4, -0.3]]), arr1(&[0.5, -1.0, 0.0, 2.0]), 0.6);
    let m = w.dot(&w.t()) + Array2::<f64>::eye(2) * sigma * sigma;
    let x = normal(20, 2, Noise::new(3)).dot(&w) + sigma * normal(20, 4, Noise::new(4)) + &b;
    let covariance = w.t().dot(&w) + Array2::<f64>::eye(4) * sigma * sigma;
    let log_prob = x.outer_iter().map(|x| log_density(&(&x - &b), &covariance)).collect();
    let det = m[[0, 0]] * m[[1, 1]] - m[[0, 1]] * m[[1, 0]];
    let gap = 0.5 * ((m[[0, 0]] * m[[1, 1]]).ln() - det.ln());
    Rotated { w, b, sigma, x, log_prob, gap, m }
}

impl Rotated {
    /// The true decoder, and an encoder that knows nothing yet.
    fn vae(&self, covariance: Covariance) -> Vae<P> {
        let likelihood = Likelihood::known_gaussian(self.sigma);
        let vae = Vae::<P>::new(&[4, 2], Activation::Identity, likelihood, Noise::new(0));
        let mut vae = if covariance == Covariance::Full { vae.with_full_covariance() } else { vae };
        vae.decoder.layers[0].weight.assign(&self.w.clone().into_dyn());
        vae.decoder.layers[0].bias.assign(&self.b.clone().into_dyn());
        vae
    }

    /// The best encoder of its covariance.
    fn best(&self, covariance: Covariance) -> Vae<P> {
        let mut vae = self.vae(covariance);
        let encoder = &mut vae.encoder.layers[0];
        encoder.weight.fill(0.0);
        let back = self.w.t().dot(&inverse(&self.m));
        encoder.weight.slice_mut(s![.., ..2]).assign(&back);
        encoder.bias.slice_mut(s![..2]).assign(&-self.b.dot(&back));
        let l = cholesky(&(inverse(&self.m) * self.sigma * self.sigma));
        for i in 0..2 {
            encoder.bias[2 + i] = match covariance {
                Covariance::Diagonal => 0.5 * (self.sigma * self.sigma / self.m[[i, i]]).ln(),
                Covariance::Full => l[[i, i]].ln(),
            };
        }
        if covariance == Covariance::Full {
            encoder.bias[4] = l[[1, 0]];
        }
        vae
    }
}

#[test]
fn the_full_covariance_reaches_the_evidence_and_the_diagonal_stays_below_by_what_it_lacks() {
    let truth = rotated();
    assert!(truth.gap > 0.3, "latents are correlated given x: {}", truth.gap);
    let full = truth.best(Covariance::Full);
    let evidence = full.evidence(truth.x.view(), 5, Noise::new(1));
    for (row, log_prob) in truth.log_prob.iter().enumerate() {
        for value in [evidence.elbo[row], evidence.log_prob[row]] {
            assert!((value - log_prob).abs() < 1e-10, "row {row}: {value}, in truth {log_prob}");
        }
        assert!((evidence.effective_samples[row] - 5.0).abs() < 1e-9);
    }
    let tape = Tape::new();
    let bound =
        Iwae::new(full, 3).bind(&tape).log_evidence_bound(tape.constant(&truth.x), Noise::new(2));
    assert!(bound.data().iter().zip(&truth.log_prob).all(|(a, b)| (a - b).abs() < 1e-10));

    let diagonal = truth.best(Covariance::Diagonal);
    let runs: Vec<f64> = (0..200)
        .map(|i| {
            let elbo = diagonal.evidence(truth.x.view(), 10, Noise::new(7).stream(i)).elbo;
            (&truth.log_prob - &elbo).mean().unwrap()
        })
        .collect();
    within_four_errors("the diagonal's gap", &runs, truth.gap);
}

/// The closed divergence, too: the mean ELBO over rows by its formula, the expectation of the log-likelihood from many draws.
#[test]
fn the_closed_elbo_of_the_true_posterior_is_the_evidence_on_average() {
    let truth = rotated();
    let full = truth.best(Covariance::Full);
    let elbos: Vec<f64> = (0..3000)
        .map(|i| {
            let tape = Tape::new();
            let batch = Batch::new(tape.constant(&truth.x), None, 20);
            -full.bind(&tape).loss(&batch, Noise::new(8).stream(i)).total.item()
        })
        .collect();
    within_four_errors("the ELBO", &elbos, truth.log_prob.mean().unwrap());
}

/// Only the encoder learns, by the gradient that vanishes draw by draw at the true posterior: it gets there, if it can say it.
#[test]
fn an_encoder_of_full_covariance_learns_the_true_posterior() {
    const STEPS: u64 = 3000;
    let truth = rotated();
    let objective =
        Objective::ImportanceWeighted { draws: 1, gradient: WeightGradient::DoublyReparametrised };
    let below = |covariance| {
        let mut vae = truth.vae(covariance).with_objective(objective).unwrap();
        vae.encoder.layers[0].weight.fill(0.0);
        let mut adam = Adam::new(0.02).unwrap();
        for step in 0..STEPS {
            let mut gradient = {
                let tape = Tape::new();
                let bound = vae.bind(&tape);
                let batch = Batch::new(tape.constant(&truth.x), None, 20);
                let loss = bound.loss(&batch, Noise::new(5).stream(step)).total;
                loss.backward().of(&bound).encoder
            };
            adam.set_factor(1.0 - step as f64 / STEPS as f64);
            adam.step(&mut vae.encoder, &mut gradient);
        }
        let elbo = vae.evidence(truth.x.view(), 400, Noise::new(6)).elbo;
        (&truth.log_prob - &elbo).mean().unwrap()
    };
    let full = below(Covariance::Full);
    assert!(full.abs() < 1e-3, "{full} nats below the evidence");
    let diagonal = below(Covariance::Diagonal);
    assert!(diagonal > 0.9 * truth.gap, "{diagonal} nats below, where {} is least", truth.gap);
    assert!(diagonal < 1.5 * truth.gap, "{diagonal} nats below: it learned as well");
}

#[test]
#[should_panic(expected = "does not have 9 columns, as 3 means, log-scales and a triangle need")]
fn another_number_of_columns_is_refused() {
    let tape = Tape::<f64>::new();
    let _ = TriangularNormal::from_columns(tape.filled(&[2, 6], 0.0), 3);
}
