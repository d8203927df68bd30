//! Known truths: what a model says, beside what can be computed without it.

use evidence_autodiff::{Array, Leaf, Noise, Parameters, Path, Tape, Tree, Var};
use evidence_layers::{
    Activation, AffineCoupling, Bijection, Chain, DiagonalNormal, MeanField, Mlp,
};
use evidence_models::{
    Autoencoder, Batch, BayesianNetwork, DenseNetwork, Flow, Likelihood, Model, Vae,
};
use ndarray::{Array1, Array2, ArrayD, ArrayView2, Axis, arr1};

type P = Array<f64>;
type RealNvp = Flow<Chain<AffineCoupling<P>>>;

const LN_TAU: f64 = 1.837_877_066_409_345_5;

fn normal(rows: usize, columns: usize, noise: Noise) -> Array2<f64> {
    let mut array = Array2::zeros((rows, columns));
    noise.fill_normal_f64(array.as_slice_mut().unwrap());
    array
}

/// The same model with every parameter drawn from N(0, scale²).
fn scrambled<M: Tree<P, With<P> = M>>(model: &M, scale: f64, noise: Noise) -> M {
    let mut leaf = 0;
    model.map(&Path::root(), &mut |_, old| {
        leaf += 1;
        let mut new = ArrayD::zeros(old.shape());
        noise.stream(leaf).fill_normal_f64(new.as_slice_mut().unwrap());
        (new * scale).into_shared()
    })
}

/// Mean and standard error.
fn estimate(draws: &[f64]) -> (f64, f64) {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[track_caller]
fn within_four_errors(what: &str, draws: &[f64], truth: f64) {
    let (mean, error) = estimate(draws);
    assert!((mean - truth).abs() <= 4.0 * error, "{what}: {mean} ± {error}, in truth {truth}");
}

/// log N(x; mean, scale²).
fn log_normal(x: f64, mean: f64, scale: f64) -> f64 {
    -0.5 * ((x - mean) / scale).powi(2) - scale.ln() - 0.5 * LN_TAU
}

fn softplus(rho: f64) -> f64 {
    rho.exp().ln_1p()
}

// The variational autoencoder.

#[test]
fn the_importance_estimate_is_never_below_the_elbo_of_its_draws() {
    for (seed, likelihood) in
        [Likelihood::Bernoulli, Likelihood::gaussian(-0.5)].into_iter().enumerate()
    {
        let noise = Noise::new(seed as u64);
        let model = Vae::<P>::new(&[5, 7, 2], Activation::Tanh, likelihood, noise);
        let model = scrambled(&model, 0.8, noise.stream(9));
        let x = normal(30, 5, noise.stream(1)).mapv(|y| f64::from(u8::from(y > 0.0)));
        for samples in [1, 2, 3, 50] {
            let evidence = model.evidence(x.view(), samples, noise.stream(2));
            for (row, (bound, log_prob)) in evidence.elbo.iter().zip(&evidence.log_prob).enumerate()
            {
                let slack = 1e-12 * bound.abs();
                assert!(*log_prob >= bound - slack, "{samples}, row {row}: {log_prob} {bound}");
                if samples == 1 {
                    assert!((log_prob - bound).abs() <= slack, "one draw has one weight");
                } else {
                    assert!(log_prob - bound > 1e-6, "weights differ: {log_prob} {bound}");
                }
            }
            let worth = &evidence.effective_samples;
            assert!(
                worth.iter().all(|n| (1.0 - 1e-9..=samples as f64 + 1e-9).contains(n)),
                "{worth}"
            );
        }
    }
}

/// x = z W + b + σ ε with orthogonal rows of W: p(x), p(z | x) and hence the best encoder are known.
struct Linear {
    model: Vae<P>,
    /// log p(x) for each row.
    log_prob: Array1<f64>,
    /// KL(q(z | x) ‖ p(z | x)) for each row.
    gap: Array1<f64>,
    x: Array2<f64>,
}

/// The posterior's mean is shifted, and its scale multiplied, by what is given.
fn linear(shift: f64, stretch: f64) -> Linear {
    let (norms, sigma) = ([2.0_f64, 0.5], 0.6_f64);
    let w = ndarray::arr2(&[
        [norms[0] * 0.6, norms[0] * 0.8, 0.0, 0.0],
        [0.0, 0.0, norms[1] * 0.8, -norms[1] * 0.6],
    ]);
    let b = arr1(&[0.5, -1.0, 0.0, 2.0]);
    // p(z | x) = N(m, s²), s² = σ² / (σ² + |w|²), m = (x − b) wᵀ / (σ² + |w|²), for each latent.
    let total = norms.map(|norm| sigma * sigma + norm * norm);
    let scale = total.map(|total| sigma / total.sqrt());
    let mut back = w.t().to_owned();
    back.column_mut(0).mapv_inplace(|v| v / total[0]);
    back.column_mut(1).mapv_inplace(|v| v / total[1]);
    let mut model = Vae::<P>::new(
        &[4, 2],
        Activation::Identity,
        Likelihood::gaussian(sigma.ln()),
        Noise::new(0),
    );
    let encoder = &mut model.encoder.layers[0];
    encoder.weight.fill(0.0);
    for (latent, (column, scale)) in back.columns().into_iter().zip(scale).enumerate() {
        encoder.weight.index_axis_mut(Axis(1), latent).assign(&column.into_dyn());
        encoder.bias[latent] = shift * scale - b.dot(&column);
        encoder.bias[2 + latent] = (stretch * scale).ln();
    }
    model.decoder.layers[0].weight.assign(&w.clone().into_dyn());
    model.decoder.layers[0].bias.assign(&b.clone().into_dyn());

    let x = normal(6, 4, Noise::new(3)) * 1.5;
    let log_prob = x.outer_iter().map(|x| {
        let c = &x - &b;
        // x has the variance σ² + |w|² along each w, and σ² across them.
        let along = [0, 1].map(|k| c.dot(&w.row(k)) / norms[k]);
        let across = (c.dot(&c) - along[0].powi(2) - along[1].powi(2)).max(0.0);
        let inside: f64 = (0..2).map(|k| log_normal(along[k], 0.0, total[k].sqrt())).sum();
        inside - 0.5 * across / sigma.powi(2) - 2.0 * sigma.ln() - LN_TAU
    });
    // The same for each latent, measured in the posterior's own scale.
    let gap = 2.0 * (0.5 * (stretch * stretch + shift * shift - 1.0) - stretch.ln());
    let log_prob: Array1<f64> = log_prob.collect();
    let gap = Array1::from_elem(log_prob.len(), gap);
    Linear { model, log_prob, gap, x }
}

#[test]
fn with_the_true_posterior_every_draw_knows_the_evidence() {
    let Linear { model, log_prob, gap, x } = linear(0.0, 1.0);
    assert!(gap.iter().all(|gap| *gap == 0.0));
    let evidence = model.evidence(x.view(), 5, Noise::new(1));
    for (row, truth) in log_prob.iter().enumerate() {
        for value in [evidence.elbo[row], evidence.log_prob[row]] {
            assert!((value - truth).abs() < 1e-10, "row {row}: {value}, in truth {truth}");
        }
        assert!((evidence.effective_samples[row] - 5.0).abs() < 1e-9);
    }
}

#[test]
fn with_another_posterior_the_elbo_falls_short_by_its_divergence_and_the_estimate_converges() {
    for (shift, stretch) in [(0.5, 1.0), (0.0, 1.5), (-0.4, 1.2)] {
        let Linear { model, log_prob, gap, x } = linear(shift, stretch);
        // Independent repetitions: their spread is the error.
        let (samples, repetitions) = (400, 40);
        let runs: Vec<_> = (0..repetitions)
            .map(|i| model.evidence(x.view(), samples, Noise::new(7).stream(i)))
            .collect();
        for (row, &truth) in log_prob.iter().enumerate() {
            let elbo: Vec<f64> = runs.iter().map(|run| run.elbo[row]).collect();
            within_four_errors("the ELBO", &elbo, truth - gap[row]);
            // The mean of the weights is without bias; its logarithm is not.
            let ratio: Vec<f64> =
                runs.iter().map(|run| (run.log_prob[row] - truth).exp()).collect();
            within_four_errors("the weights' mean", &ratio, 1.0);
            let (mean, _) = estimate(&ratio);
            assert!((mean - 1.0).abs() < 0.05, "{samples} draws come close: {mean}");
            assert!(estimate(&elbo).0 < truth - 0.8 * gap[row], "the bound stays below");
        }
    }
}

// Divergences in closed form.

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

// The Bayesian network.

fn bayesian(sizes: &[usize], likelihood: Likelihood<P>, noise: Noise) -> BayesianNetwork<P> {
    let net = Mlp::new(sizes, Activation::Tanh, noise);
    let model = BayesianNetwork::<P>::new(net, likelihood, 0.7, 0.3);
    scrambled(&model, 0.6, noise.stream(1))
}

#[test]
fn the_kl_of_the_weights_is_a_sum_shared_by_the_data() {
    let model = bayesian(&[3, 4, 1], Likelihood::gaussian(0.0), Noise::new(4));
    let mut sum = 0.0;
    let (means, rhos) = (model.posterior.mean.named(), model.posterior.rho.named());
    for ((_, mean), (_, rho)) in means.iter().zip(&rhos) {
        for (&mean, &rho) in mean.iter().zip(rho) {
            let (s, prior) = (softplus(rho), model.prior_scale);
            sum += (prior / s).ln() + (s * s + mean * mean) / (2.0 * prior * prior) - 0.5;
        }
    }
    let (x, y) = (normal(8, 3, Noise::new(5)), normal(8, 1, Noise::new(6)));
    let tape = Tape::new();
    let mut log_likelihoods = Vec::new();
    for data_size in [1, 8, 1599, 60_000] {
        let batch = Batch::new(tape.constant(&x), Some(tape.constant(&y)), data_size);
        let loss = model.bind(&tape).loss(&batch, Noise::new(7));
        let [(_, log_likelihood), (_, kl)] = loss.parts[..] else { panic!("two parts") };
        let share = sum / data_size as f64;
        assert!((kl.item() - share).abs() < 1e-12 * share, "{data_size}: {} {share}", kl.item());
        let total = kl.item() - log_likelihood.item();
        assert!((loss.total.item() - total).abs() < 1e-12 * total.abs());
        log_likelihoods.push(log_likelihood.item());
    }
    assert!(log_likelihoods.iter().all(|l| l == &log_likelihoods[0]), "{log_likelihoods:?}");
}

#[test]
fn a_linear_networks_predictive_moments_are_known() {
    let model = bayesian(&[3, 1], Likelihood::gaussian(-0.4), Noise::new(8));
    let x = normal(5, 3, Noise::new(9));
    let layer = |net: &Mlp<P>| (net.layers[0].weight.clone(), net.layers[0].bias.clone());
    let ((w, b), (rho_w, rho_b)) = (layer(&model.posterior.mean), layer(&model.posterior.rho));
    let draws = 4000;
    let predictive = model.predictive(x.view(), draws, Noise::new(10));
    let (mean, variance) = (predictive.mean(), predictive.epistemic_variance());
    for (row, x) in x.outer_iter().enumerate() {
        let expected = b[0] + x.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>();
        let spread = softplus(rho_b[0]).powi(2)
            + x.iter().zip(&rho_w).map(|(x, rho)| (x * softplus(*rho)).powi(2)).sum::<f64>();
        let n = draws as f64;
        assert!((mean[row] - expected).abs() < 4.0 * (spread / n).sqrt(), "row {row}");
        assert!((variance[row] - spread).abs() < 4.0 * spread * (2.0 / n).sqrt(), "row {row}");
    }
    let scale = model.likelihood.scale().unwrap();
    assert!((predictive.aleatoric_variance() - scale * scale).abs() < 1e-15);
}

#[test]
fn many_draws_are_the_mixture_of_single_ones() {
    let model = bayesian(&[2, 6, 1], Likelihood::gaussian(-1.0), Noise::new(11));
    let (x, y) =
        (normal(20, 2, Noise::new(12)), normal(20, 1, Noise::new(13)).remove_axis(Axis(1)));
    let noise = Noise::new(14);
    let draws = 30;
    let of = |draws| model.predictive(x.view(), draws, noise);
    let one = of(1);
    assert!(one.epistemic_variance().iter().all(|v| *v == 0.0), "one draw has no spread");
    // Single draws, out of the running means: m̄ₛ s − m̄ₛ₋₁ (s − 1).
    let mut single = vec![one.mean()];
    for s in 2..=draws {
        single.push(of(s).mean() * s as f64 - of(s - 1).mean() * (s - 1) as f64);
    }
    let scale = model.likelihood.scale().unwrap();
    let many = of(draws);
    let log_density = many.log_density(y.view());
    for (row, &y) in y.iter().enumerate() {
        let means: Vec<f64> = single.iter().map(|mean| mean[row]).collect();
        let (mean, error) = estimate(&means);
        let variance = error.powi(2) * (draws - 1) as f64;
        assert!((many.mean()[row] - mean).abs() < 1e-9);
        assert!((many.epistemic_variance()[row] - variance).abs() < 1e-9 * variance.max(1.0));
        assert!(variance > 1e-6, "draws of the weights differ");
        let densities = means.iter().map(|&m| log_normal(y, m, scale));
        let average = densities.clone().sum::<f64>() / draws as f64;
        let mixture = (densities.map(f64::exp).sum::<f64>() / draws as f64).ln();
        assert!((log_density[row] - mixture).abs() < 1e-6, "{} {mixture}", log_density[row]);
        assert!(log_density[row] >= average - 1e-9, "a mixture is never below its mean");
    }
}

#[test]
fn class_probabilities_are_averaged_over_draws() {
    let model = bayesian(&[2, 5, 3], Likelihood::Categorical, Noise::new(15));
    let x = normal(10, 2, Noise::new(16));
    let of = |draws| model.probabilities(x.view(), draws, Noise::new(17));
    for draws in [1, 2, 9] {
        let p = of(draws);
        assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(p.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-12));
    }
    let second = of(2) * 2.0 - of(1);
    assert!((&second - &of(1)).iter().any(|d| d.abs() > 1e-3), "two draws differ");
    assert!(second.iter().all(|p| (-1e-12..=1.0 + 1e-12).contains(p)), "the second is one too");
}

// The flow.

fn flow(width: usize, couplings: usize, noise: Noise) -> RealNvp {
    scrambled(&Flow::real_nvp(width, couplings, &[8], noise).unwrap(), 0.5, noise.stream(50))
}

fn log_prob(flow: &RealNvp, x: ArrayView2<'_, f64>) -> Vec<f64> {
    let tape = Tape::new();
    flow.bind_constant(&tape).log_prob(tape.batch(x)).data().to_vec()
}

#[test]
fn a_flows_density_integrates_to_one() {
    for seed in 0..3 {
        let flow = flow(2, 4, Noise::new(seed));
        // A box around what the disc of 6 base scales is mapped to: e^−18 of the mass is outside of it.
        let ring = Array2::from_shape_fn((60_000, 2), |(i, j)| {
            let (radius, angle) =
                ((i / 2000) as f64 * 0.2 + 0.2, (i % 2000) as f64 * 0.01 * 0.314_16);
            radius * if j == 0 { angle.cos() } else { angle.sin() }
        });
        let tape = Tape::new();
        let image = flow.bind_constant(&tape).bijection.forward(tape.batch(ring.view())).0;
        let image = image.data();
        let ends = [0, 1].map(|axis| {
            let values = image.iter().skip(axis).step_by(2);
            let low = values.clone().copied().fold(f64::INFINITY, f64::min);
            let high = values.copied().fold(f64::NEG_INFINITY, f64::max);
            (low - 0.5, high + 0.5)
        });
        let cells = 1000;
        let [(x, dx), (y, dy)] = ends.map(|(low, high)| (low, (high - low) / cells as f64));
        let mut mass = 0.0;
        for row in 0..cells {
            let centres = Array2::from_shape_fn((cells, 2), |(i, j)| {
                if j == 0 { x + (i as f64 + 0.5) * dx } else { y + (row as f64 + 0.5) * dy }
            });
            mass += log_prob(&flow, centres.view()).iter().map(|l| l.exp()).sum::<f64>() * dx * dy;
        }
        assert!((mass - 1.0).abs() < 1e-3, "seed {seed}: {mass} over {ends:?}");
    }
}

#[test]
fn both_directions_of_a_flow_undo_each_other() {
    for (width, couplings) in [(2, 1), (2, 6), (3, 4), (5, 8), (16, 2)] {
        let flow = flow(width, couplings, Noise::new(width as u64));
        let tape = Tape::new();
        let bound = flow.bind_constant(&tape);
        let z = tape.constant(normal(50, width, Noise::new(20)));
        let (x, up) = bound.bijection.forward(z);
        let (back, down) = bound.bijection.inverse(tape.constant(x.value()));
        let apart = |a: Var<'_, f64>, b: Var<'_, f64>| {
            a.data().iter().zip(b.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        assert!(apart(z, back) < 1e-10, "{width}, {couplings}: {}", apart(z, back));
        assert!(apart(up.value(), (-down).value()) < 1e-10, "{width}, {couplings}");
        assert!(apart(x, z) > 0.1, "the flow does something");
        // And the other way round, from points that the flow did not make.
        let x = tape.constant(normal(50, width, Noise::new(21)));
        let (z, _) = bound.bijection.inverse(x);
        let again = bound.bijection.forward(tape.constant(z.value())).0;
        assert!(apart(x, again) < 1e-10, "{width}, {couplings}: {}", apart(x, again));
    }
}

#[test]
fn a_sample_is_the_base_draw_pushed_forward() {
    let flow = flow(2, 4, Noise::new(30));
    let tape = Tape::new();
    let (bound, noise) = (flow.bind_constant(&tape), Noise::new(31));
    let sample = bound.sample(&tape, (1000, 2), noise);
    let (z, _) = bound.bijection.inverse(sample);
    let base = tape.normal(&[1000, 2], noise);
    assert!(z.data().iter().zip(base.data()).all(|(a, b)| (a - b).abs() < 1e-9));
    // log p of a sample is that of its base point, less the volume that the way up made.
    let (_, up) = bound.bijection.forward(base);
    let log_prob = bound.log_prob(sample);
    for ((log_prob, up), z) in
        log_prob.data().iter().zip(up.value().data()).zip(base.data().chunks(2))
    {
        let expected = log_normal(z[0], 0.0, 1.0) + log_normal(z[1], 0.0, 1.0) - up;
        assert!((log_prob - expected).abs() < 1e-9, "{log_prob} {expected}");
    }
}

// The order of rows.

/// Total and parts of a loss.
fn losses<M: Model<f64>>(model: &M, x: &Array2<f64>, y: Option<&Array2<f64>>) -> Vec<f64> {
    let tape = Tape::new();
    let batch = Batch::new(tape.constant(x), y.map(|y| tape.constant(y)), 100);
    let loss = M::loss(&model.bind(&tape), &batch, Noise::new(40));
    let parts = loss.parts.iter().map(|(_, part)| part.item());
    std::iter::once(loss.total.item()).chain(parts).collect()
}

#[track_caller]
fn invariant<M: Model<f64>>(name: &str, model: &M, x: &Array2<f64>, y: Option<&Array2<f64>>) {
    let before = losses(model, x, y);
    for seed in 0..3 {
        let order = Noise::new(seed).permutation(x.nrows());
        let y = y.map(|y| y.select(Axis(0), &order));
        let after = losses(model, &x.select(Axis(0), &order), y.as_ref());
        for (before, after) in before.iter().zip(&after) {
            assert!(
                (before - after).abs() < 1e-12 * before.abs().max(1.0),
                "{name}: {before} {after}"
            );
        }
    }
    let fewer: Vec<usize> = (1..x.nrows()).collect();
    let y = y.map(|y| y.select(Axis(0), &fewer));
    let other = losses(model, &x.select(Axis(0), &fewer), y.as_ref());
    assert!(other[0] != before[0], "{name}: every row counts");
}

#[test]
fn a_loss_does_not_depend_on_the_order_of_rows() {
    let noise = Noise::new(41);
    let x = normal(17, 4, noise);
    let y = normal(17, 1, noise.stream(1));
    let side = y.mapv(|y| f64::from(u8::from(y > 0.0)));
    let (tanh, gaussian) = (Activation::Tanh, || Likelihood::gaussian(-0.2));
    invariant("regression", &DenseNetwork::<P>::regression(&[4, 5, 1], tanh, noise), &x, Some(&y));
    invariant("binary", &DenseNetwork::<P>::binary(&[4, 5, 1], tanh, noise), &x, Some(&side));
    invariant("classes", &DenseNetwork::<P>::multi_class(&[4, 5, 2], tanh, noise), &x, Some(&side));
    // One draw of the weights serves all rows.
    invariant("Bayesian", &bayesian(&[4, 5, 1], gaussian(), noise), &x, Some(&y));
    invariant("autoencoder", &Autoencoder::<P>::new(&[4, 5, 2], tanh, gaussian(), noise), &x, None);
    invariant("flow", &flow(4, 3, noise), &x, None);
    // A VAE draws for each row, so rows in another order meet other draws: with none to speak of, nothing changes.
    let mut vae = Vae::<P>::new(&[4, 5, 2], tanh, gaussian(), noise);
    vae.encoder.layers[1].bias.as_slice_mut().unwrap()[2..].fill(-60.0);
    invariant("VAE", &vae, &x, None);
}
