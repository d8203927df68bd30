//! Other priors and posteriors of a VAE: densities that integrate to one, draws that follow them, bounds that stay below.

use crate::common::{P, normal, scrambled, within_four_errors};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::{
    Batch, Elbo, Flow, Iwae, Kl, LatentPrior, Likelihood, Objective, ObjectiveError, Vae,
    WeightGradient,
};
use ndarray::Array2;

fn vae() -> Vae<P> {
    Vae::new(&[5, 6, 2], Activation::Tanh, Likelihood::Bernoulli, Noise::new(1))
}

fn vamp() -> LatentPrior<P> {
    LatentPrior::vamp(4, 5, 0.5, 0.7, Noise::new(2))
}

fn flow() -> LatentPrior<P> {
    LatentPrior::Flow(Flow::maf(2, 2, &[6], Noise::new(3)).unwrap())
}

/// Every kind, with parameters of a scale.
fn kinds(scale: f64) -> [(&'static str, Vae<P>); 4] {
    [
        ("standard", vae()),
        ("VampPrior", vae().with_prior(vamp())),
        ("flow prior", vae().with_prior(flow())),
        ("bent", vae().with_inverse_autoregressive(2, &[7], Noise::new(4)).unwrap()),
    ]
    .map(|(name, vae)| (name, scrambled(&vae, scale, Noise::new(5))))
}

fn rows(n: usize) -> Array2<f64> {
    normal(n, 5, Noise::new(6)).mapv(|y| f64::from(u8::from(y > 0.0)))
}

#[test]
fn a_prior_integrates_to_one_and_its_draws_follow_it() {
    for (name, vae) in kinds(0.25) {
        let tape = Tape::new();
        let bound = vae.bind_constant(&tape);
        let (n, half) = (480, 12.0);
        let step = 2.0 * half / n as f64;
        let at = |i: usize| (i as f64 + 0.5) * step - half;
        let grid =
            Array2::from_shape_fn((n * n, 2), |(i, k)| at(if k == 0 { i / n } else { i % n }));
        let p = bound.log_prior(tape.constant(&grid));
        let p: Vec<f64> = p.data().iter().map(|l| l.exp() * step * step).collect();
        let mass: f64 = p.iter().sum();
        assert!((mass - 1.0).abs() < 1e-4, "{name}: {mass}");
        // The same of draws [K, n, l].
        let z = tape.normal(&[3, 4, 2], Noise::new(7));
        let (cube, flat) = (bound.log_prior(z), bound.log_prior(z.reshape(&[12, 2])));
        assert_eq!((cube.shape(), cube.data()), (&[3, 4][..], flat.data()), "{name}");
        let drawn = bound.sample_prior(20_000, Noise::new(8));
        for (what, of) in [
            ("first", (|z: &[f64]| z[0]) as fn(&[f64]) -> f64),
            ("second", |z| z[1]),
            ("squares", |z| z[0] * z[0] + z[1] * z[1]),
            ("product", |z| z[0] * z[1]),
        ] {
            let truth: f64 = grid.outer_iter().zip(&p).map(|(z, p)| of(&[z[0], z[1]]) * p).sum();
            let draws: Vec<f64> = drawn.data().chunks(2).map(of).collect();
            within_four_errors(&format!("{name}, {what}"), &draws, truth);
        }
    }
}

/// `log p(x) = ln ∫ p(z) p(x | z) dz`, on a grid: the importance estimate has it, whatever the posterior, and the ELBO is below. Parameters are small and posteriors
/// wider than the prior, so that no draw outweighs all others.
#[test]
fn the_evidence_is_the_integral_over_the_prior() {
    for (name, mut vae) in kinds(0.12) {
        vae.encoder.layers[1].bias.as_slice_mut().unwrap()[2..].fill(0.4);
        let x = rows(3);
        let tape = Tape::new();
        let bound = vae.bind_constant(&tape);
        let (n, half) = (160, 8.0);
        let step = 2.0 * half / n as f64;
        let at = |i: usize| (i as f64 + 0.5) * step - half;
        let grid =
            Array2::from_shape_fn((n * n, 2), |(i, k)| at(if k == 0 { i / n } else { i % n }));
        let z = tape.constant(grid);
        let log_prior = bound.log_prior(z);
        let repetitions = 60;
        let runs: Vec<_> = (0..repetitions)
            .map(|i| vae.evidence(x.view(), 200, Noise::new(9).stream(i)))
            .collect();
        for row in 0..3 {
            let one = x.row(row).insert_axis(ndarray::Axis(0));
            let same = tape.constant(one.broadcast((n * n, 5)).unwrap().to_owned());
            let joint = log_prior + bound.log_likelihood(z, same);
            let truth = joint.logsumexp(..).item() + 2.0 * step.ln();
            let weights: Vec<f64> =
                runs.iter().map(|run| (run.log_prob[row] - truth).exp()).collect();
            within_four_errors(&format!("{name}, row {row}"), &weights, 1.0);
            let elbo = runs.iter().map(|run| run.elbo[row]).sum::<f64>() / repetitions as f64;
            assert!(elbo < truth, "{name}: {elbo} and {truth}");
        }
    }
}

/// The loss is minus the ELBO that the same draw has.
#[test]
fn the_loss_is_the_bound_of_its_draw() {
    for (name, vae) in kinds(0.5) {
        let (x, noise, tape) = (rows(7), Noise::new(10), Tape::new());
        let bound = vae.bind(&tape);
        let loss = bound.loss(&Batch::new(tape.constant(&x), None, 7), noise);
        let [(_, log_likelihood), (_, divergence)] = loss.parts[..] else { panic!("two parts") };
        let total = divergence.item() - log_likelihood.item();
        assert!((loss.total.item() - total).abs() < 1e-12 * total.abs(), "{name}");
        // Without a formula for the divergence it is that of the draw: the bound of one importance weight, which takes the same.
        if name != "standard" {
            let one = Iwae::new(vae, 1);
            let bound = one.bind(&tape).log_evidence_bound(tape.constant(&x), noise).mean(..);
            assert!((total + bound.item()).abs() < 1e-12 * total.abs(), "{name}: {total}");
        }
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let free = Objective::Elbo(Elbo { free_bits: 0.1, ..Elbo::default() });
    let gradient = WeightGradient::DoublyReparametrised;
    let doubly = Objective::ImportanceWeighted { draws: 3, gradient };
    let bent = || vae().with_inverse_autoregressive(1, &[4], Noise::new(0)).unwrap();
    type E = ObjectiveError;
    assert_eq!(bent().with_objective(free).unwrap_err(), E::FreeBitsOfAll);
    let sampled = Objective::Elbo(Elbo { free_bits: 0.1, kl: Kl::Sampled, ..Elbo::default() });
    assert_eq!(vae().with_objective(sampled).unwrap_err(), E::FreeBitsSampled);
    assert_eq!(vae().with_prior(vamp()).with_objective(free).unwrap_err(), E::FreeBitsOfAll);
    assert_eq!(bent().with_objective(doubly).unwrap_err(), E::BentTwice);
    assert_eq!(bent().with_prior(vamp()).check().unwrap_err(), E::BentVamp);
    assert!(vae().with_prior(vamp()).with_objective(doubly).is_ok());
    assert!(bent().with_prior(flow()).check().is_ok());
    assert!(vae().with_inverse_autoregressive(1, &[0], Noise::new(0)).is_err());
}
