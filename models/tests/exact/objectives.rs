//! What a VAE is fitted by: each objective beside its formula, each gradient beside another way to it.

use crate::common::{P, estimate, normal, scrambled, within_four_errors};
use crate::vae::{Linear, linear};
use evidence_autodiff::{Noise, Parameters, Path, Tape, Tree, Var};
use evidence_layers::{Activation, standard_normal_log_prob};
use evidence_models::{
    Batch, Elbo, Kl, Likelihood, Model, Objective, ObjectiveError, Vae, WeightGradient,
};
use ndarray::Array2;

fn vae(noise: Noise) -> Vae<P> {
    let vae = Vae::new(&[5, 7, 3], Activation::Tanh, Likelihood::Bernoulli, noise);
    scrambled(&vae, 0.7, noise.stream(1))
}

fn binary(rows: usize) -> Array2<f64> {
    normal(rows, 5, Noise::new(4)).mapv(|y| f64::from(u8::from(y > 0.0)))
}

fn fitted_by(elbo: Elbo) -> Vae<P> {
    vae(Noise::new(1)).with_objective(Objective::Elbo(elbo)).unwrap()
}

/// Total, parts, and what early stopping watches.
fn losses(vae: &Vae<P>, x: &Array2<f64>, noise: Noise) -> (f64, [f64; 2], f64) {
    let tape = Tape::new();
    let (bound, batch) = (vae.bind(&tape), Batch::new(tape.constant(x), None, 100));
    let loss = bound.loss(&batch, noise);
    let [(_, first), (_, second)] = loss.parts[..] else { panic!("two parts") };
    let watched = Vae::<P>::validation(&bound, &batch, noise).item();
    (loss.total.item(), [first.item(), second.item()], watched)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs().max(1.0)
}

#[test]
fn beta_free_bits_and_warming_up_weigh_the_divergence_and_nothing_else() {
    let (x, noise) = (binary(9), Noise::new(2));
    // KLⱼ of each row, by its formula.
    let q = {
        let tape = Tape::new();
        let q = vae(Noise::new(1)).bind(&tape).encode(tape.constant(&x)).marginals();
        let divergence = |(m, s): (&f64, &f64)| 0.5 * ((2.0 * s).exp() + m * m - 1.0) - s;
        q.mean.data().iter().zip(q.log_scale.data()).map(divergence).collect::<Vec<f64>>()
    };
    for beta in [0.3, 1.0, 4.0] {
        for free_bits in [0.0, 0.2, 1.0, 100.0] {
            for share in [0.0, 0.25, 1.0] {
                let mut model = fitted_by(Elbo { beta, free_bits, kl: Kl::Closed });
                model.warm(share);
                let (total, [log_likelihood, kl], watched) = losses(&model, &x, noise);
                let counted = q.iter().map(|kl| kl.max(free_bits)).sum::<f64>() / 9.0;
                let case = format!("β {beta}, {free_bits} free, share {share}");
                assert!(close(kl, q.iter().sum::<f64>() / 9.0), "{case}: told in full");
                assert!(close(total, beta * share * counted - log_likelihood), "{case}");
                assert!(close(watched, beta * kl - log_likelihood), "{case}: watched");
            }
        }
    }
}

#[test]
fn a_sampled_divergence_is_the_closed_one_in_expectation() {
    let x = binary(4);
    let [closed, sampled] =
        [Kl::Closed, Kl::Sampled].map(|kl| fitted_by(Elbo { kl, ..Elbo::default() }));
    let (mut divergences, mut truth) = (Vec::new(), 0.0);
    for draw in 0..3000 {
        let noise = Noise::new(6).stream(draw);
        let (total, parts, _) = losses(&sampled, &x, noise);
        let (_, exact, _) = losses(&closed, &x, noise);
        assert_eq!(parts[0], exact[0], "the same draws are decoded");
        assert!(close(total, parts[1] - parts[0]));
        divergences.push(parts[1]);
        truth = exact[1];
    }
    within_four_errors("the divergence", &divergences, truth);
}

/// The gradient of each leaf.
fn gradients(vae: &Vae<P>, x: &Array2<f64>, noise: Noise) -> (f64, Vec<(String, Vec<f64>)>) {
    let tape = Tape::new();
    let bound = vae.bind(&tape);
    let total = bound.loss(&Batch::new(tape.constant(x), None, 100), noise).total;
    (total.item(), named(&bound, total))
}

fn named<'t>(bound: &Vae<Var<'t, f64>>, total: Var<'t, f64>) -> Vec<(String, Vec<f64>)> {
    let mut gradients = total.backward();
    let mut all = Vec::new();
    bound.map(&Path::root(), &mut |path, var| {
        all.push((path.to_string(), gradients.take(*var).data().to_vec()));
    });
    all
}

fn weighted(vae: &Vae<P>, draws: usize, gradient: WeightGradient, share: f64) -> Vae<P> {
    let objective = Objective::ImportanceWeighted { draws, gradient };
    let mut vae = vae.clone().with_objective(objective).unwrap();
    vae.warm(share);
    vae
}

const BOTH: [WeightGradient; 2] = [WeightGradient::Pathwise, WeightGradient::DoublyReparametrised];

#[test]
fn both_gradients_have_one_bound_and_one_decoder() {
    let (x, noise) = (binary(6), Noise::new(3));
    for draws in [1, 2, 20] {
        for share in [0.0, 0.4, 1.0] {
            let [(a, pathwise), (b, doubly)] = BOTH.map(|gradient| {
                gradients(&weighted(&vae(noise), draws, gradient, share), &x, noise)
            });
            assert!((a - b).abs() <= 1e-11 * a.abs(), "{draws}: {a} and {b}");
            for ((name, a), (_, b)) in pathwise.iter().zip(&doubly) {
                let off = a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-11 * a.abs().max(1.0));
                // Without a divergence there is nothing to reparametrise.
                let differs = name.starts_with("encoder") && share > 0.0;
                assert_eq!(off, differs, "{draws} draws, share {share}, {name}");
            }
        }
    }
}

/// `Σₖ w̃ₖ² ∂log wₖ/∂zₖ · ∂zₖ/∂φ`, from constants for weights and a decoder that learns nothing.
#[test]
fn the_doubly_reparametrised_gradient_is_its_formula() {
    let (x, noise, draws) = (binary(6), Noise::new(3), 5);
    let plain = vae(noise);
    let model = weighted(&plain, draws, WeightGradient::DoublyReparametrised, 1.0);
    let (_, found) = gradients(&model, &x, noise);
    let tape = Tape::new();
    let (bound, fixed) = (plain.bind(&tape), plain.bind_constant(&tape));
    let inputs = tape.constant(&x);
    let (z, _) = bound.encode(inputs).rsample_with_log_prob(draws, noise);
    let q = fixed.encode(inputs);
    let log_weights = fixed.log_likelihood(z, inputs) + standard_normal_log_prob(z) - q.log_prob(z);
    let shares = log_weights.stop_gradient().softmax(0);
    let total = -(shares.square() * log_weights).sum(0).mean(..);
    for ((name, found), (_, truth)) in found.iter().zip(named(&bound, total)) {
        if name.starts_with("encoder") {
            for (a, b) in found.iter().zip(&truth) {
                assert!((a - b).abs() <= 1e-11 * b.abs().max(1.0), "{name}: {a} and {b}");
            }
        }
    }
}

#[test]
fn both_gradients_are_the_same_in_expectation() {
    let x = binary(3);
    let plain = vae(Noise::new(1));
    for (draws, share) in [(1, 1.0), (8, 1.0), (8, 0.4), (8, 0.0)] {
        let runs: Vec<[f64; 2]> = (0..3000)
            .map(|i| {
                let noise = Noise::new(9).stream(i);
                BOTH.map(|gradient| along(&weighted(&plain, draws, gradient, share), &x, noise))
            })
            .collect();
        let apart: Vec<f64> = runs.iter().map(|[a, b]| a - b).collect();
        within_four_errors(&format!("{draws} draws, share {share}"), &apart, 0.0);
    }
}

/// One number of the encoder's gradient: along a fixed direction.
fn along(vae: &Vae<P>, x: &Array2<f64>, noise: Noise) -> f64 {
    let (_, all) = gradients(vae, x, noise);
    let encoder = all.iter().filter(|(name, _)| name.starts_with("encoder"));
    let flat: Vec<f64> = encoder.flat_map(|(_, g)| g.iter().copied()).collect();
    let direction = normal(1, flat.len(), Noise::new(77));
    flat.iter().zip(&direction).map(|(g, a)| g * a).sum()
}

/// Near the posterior, where a trained encoder is.
#[test]
fn the_doubly_reparametrised_gradient_has_less_noise() {
    let Linear { model, x, .. } = linear(0.1, 1.05);
    for draws in [2, 16] {
        let [pathwise, doubly] = BOTH.map(|gradient| {
            let model = weighted(&model, draws, gradient, 1.0);
            let runs = (0..400).map(|i| along(&model, &x, Noise::new(9).stream(i)));
            estimate(&runs.collect::<Vec<_>>()).1
        });
        assert!(doubly < 0.5 * pathwise, "{draws} draws: {doubly} and {pathwise}");
    }
}

/// Where q is the posterior all weights are alike, whatever is drawn: the encoder has nothing left to learn, and knows it.
#[test]
fn at_the_true_posterior_the_doubly_reparametrised_gradient_vanishes_draw_by_draw() {
    let Linear { model, x, .. } = linear(0.0, 1.0);
    for (gradient, vanishes) in BOTH.into_iter().zip([false, true]) {
        let (_, all) = gradients(&weighted(&model, 4, gradient, 1.0), &x, Noise::new(5));
        let encoder = all.iter().filter(|(name, _)| name.starts_with("encoder"));
        let sizes = encoder.flat_map(|(_, g)| g).map(|g| g.abs());
        let largest = sizes.max_by(f64::total_cmp).expect("an encoder");
        assert!(largest.is_finite(), "{gradient:?}: {largest}");
        assert_eq!(largest <= 1e-12, vanishes, "{gradient:?}: {largest}");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let elbo = |beta, free_bits| Objective::Elbo(Elbo { beta, free_bits, kl: Kl::Closed });
    let refused = |objective| vae(Noise::new(0)).with_objective(objective).unwrap_err();
    for beta in [0.0, -1.0, f64::INFINITY] {
        assert_eq!(refused(elbo(beta, 0.0)), ObjectiveError::Beta(beta));
    }
    assert!(matches!(refused(elbo(f64::NAN, 0.0)), ObjectiveError::Beta(_)));
    assert_eq!(refused(elbo(1.0, -0.1)), ObjectiveError::FreeBits(-0.1));
    assert!(matches!(refused(elbo(1.0, f64::NAN)), ObjectiveError::FreeBits(_)));
    let none = Objective::ImportanceWeighted { draws: 0, gradient: WeightGradient::Pathwise };
    assert_eq!(refused(none), ObjectiveError::NoDraws);
}
