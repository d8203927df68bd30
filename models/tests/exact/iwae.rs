//! The importance weighted autoencoder: its bound beside the ELBO, and beside a p(x) that is known.

use crate::common::{P, estimate, normal, scrambled, within_four_errors};
use crate::vae::{Linear, linear};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::{Activation, standard_normal_log_prob};
use evidence_models::{Batch, Iwae, Likelihood, Vae};
use ndarray::{Array1, Array2, ArrayView2, Axis};

fn binary(rows: usize, noise: Noise) -> Array2<f64> {
    normal(rows, 5, noise).mapv(|y| f64::from(u8::from(y > 0.0)))
}

fn vaes() -> [Vae<P>; 2] {
    [Likelihood::Bernoulli, Likelihood::gaussian(-0.5)].map(|likelihood| {
        let vae = Vae::<P>::new(&[5, 7, 6, 2], Activation::Tanh, likelihood, Noise::new(1));
        scrambled(&vae, 0.8, Noise::new(2))
    })
}

/// The bound of each row.
fn bound(vae: &Vae<P>, x: ArrayView2<'_, f64>, samples: usize, noise: Noise) -> Array1<f64> {
    let (model, tape) = (Iwae::new(vae.clone(), samples), Tape::new());
    let bound = model.bind(&tape).log_evidence_bound(tape.batch(x), noise);
    bound.value().to_owned().into_dimensionality().unwrap()
}

#[test]
fn one_draw_is_the_elbo_with_its_divergence_sampled() {
    let noise = Noise::new(3);
    for vae in vaes() {
        let (x, tape) = (binary(9, noise), Tape::new());
        let bound_vae = vae.bind(&tape);
        let inputs = tape.constant(&x);
        let q = bound_vae.encode(inputs);
        let z = q.rsample(noise);
        let likelihood = bound_vae.likelihood.log_prob(bound_vae.decoder.forward(z), inputs);
        let divergence = q.log_prob(z) - standard_normal_log_prob(z);
        let elbo = (likelihood - divergence).value();
        for (a, b) in bound(&vae, x.view(), 1, noise).iter().zip(elbo.iter()) {
            assert!((a - b).abs() <= 1e-11 * b.abs(), "{a} and {b}");
        }
    }
}

#[test]
fn the_bound_of_a_row_is_never_below_the_elbo_of_its_draws() {
    for vae in vaes() {
        for (seed, row) in binary(30, Noise::new(4)).axis_chunks_iter(Axis(0), 1).enumerate() {
            for samples in [1, 2, 3, 50] {
                let (model, tape) = (Iwae::new(vae.clone(), samples), Tape::new());
                let batch = Batch::new(tape.batch(row), None, 30);
                let loss = model.bind(&tape).loss(&batch, Noise::new(seed as u64));
                let [(_, elbo), (_, gain)] = loss.parts[..] else { panic!("two parts") };
                let (total, elbo, gain) = (loss.total.item(), elbo.item(), gain.item());
                let slack = 1e-12 * elbo.abs();
                assert!((total + elbo + gain).abs() <= slack, "{total} {elbo} {gain}");
                if samples == 1 {
                    assert!(gain.abs() <= slack, "one draw has one weight: {gain}");
                } else {
                    assert!(gain > 1e-9, "{samples} weights differ: {gain}");
                }
            }
        }
    }
}

#[test]
fn with_the_true_posterior_the_bound_is_the_evidence() {
    let Linear { model, log_prob, x, .. } = linear(0.0, 1.0);
    for samples in [1, 7] {
        let bound = bound(&model, x.view(), samples, Noise::new(1));
        for (value, truth) in bound.iter().zip(&log_prob) {
            assert!((value - truth).abs() < 1e-10, "{samples}: {value}, in truth {truth}");
        }
    }
}

#[test]
fn with_another_posterior_more_draws_come_closer_to_the_evidence() {
    let repetitions = 200;
    for (shift, stretch) in [(0.5, 1.0), (0.0, 1.5), (-0.4, 1.2)] {
        let Linear { model, log_prob, gap, x } = linear(shift, stretch);
        let mut below = gap.clone();
        for samples in [4, 32] {
            let runs: Vec<_> = (0..repetitions)
                .map(|i| bound(&model, x.view(), samples, Noise::new(8).stream(i)))
                .collect();
            for (row, &truth) in log_prob.iter().enumerate() {
                let weights: Vec<f64> = runs.iter().map(|run| (run[row] - truth).exp()).collect();
                within_four_errors("the weights' mean", &weights, 1.0);
                let gaps: Vec<f64> = runs.iter().map(|run| truth - run[row]).collect();
                let (mean, error) = estimate(&gaps);
                assert!(mean > -4.0 * error, "{samples} draws: above the evidence by {mean}");
                assert!(mean < 0.8 * below[row], "{samples} draws: {mean}, before {}", below[row]);
                below[row] = mean.max(0.0) + 4.0 * error;
            }
        }
    }
}

#[test]
fn the_decoder_has_one_likelihood_on_both_paths() {
    for vae in vaes() {
        let tape = Tape::new();
        let (bound, x) = (vae.bind(&tape), tape.constant(binary(4, Noise::new(5))));
        for shape in [&[4, 2][..], &[3, 4, 2]] {
            let z = tape.normal(shape, Noise::new(6));
            let fused = bound.log_likelihood(z, x);
            let composed = bound.likelihood.log_prob(bound.decoder.forward(z), x);
            assert_eq!(fused.shape(), &shape[..shape.len() - 1]);
            for (a, b) in fused.data().iter().zip(composed.data()) {
                assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} and {b}");
            }
        }
    }
}

#[test]
fn both_bounds_name_their_parameters_alike() {
    let [vae, _] = vaes();
    let names =
        |named: Vec<(String, P)>| named.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(Iwae::new(vae.clone(), 5).named()), names(vae.named()));
}

#[test]
#[should_panic(expected = "Iwae: the bound is a mean over draws")]
fn no_draws_are_refused() {
    let [vae, _] = vaes();
    let _ = Iwae::new(vae, 0);
}
