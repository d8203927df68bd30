//! The rows of VAEs with other likelihoods, objectives, priors and posteriors, and of those that know classes.

use crate::{
    Autoencoder, Batch, ConditionalVae, Elbo, Flow, Iwae, Kl, LatentPrior, Likelihood, Objective,
    SemiSupervised, UNLABELLED, Vae,
};
use evidence_autodiff::check::{Check, Function, Input};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tree, Var};
use evidence_layers::Activation;
use ndarray::ArrayD;

/// Adds them.
pub(super) fn rows(table: &mut Vec<Check>) {
    type P = Array<f64>;
    let noise = Noise::new(0);
    let tanh = Activation::Tanh;
    let likelihoods = [
        ("continuous Bernoulli", Likelihood::ContinuousBernoulli),
        ("predicted Gaussian", Likelihood::PredictedGaussian),
    ];
    for (name, likelihood) in likelihoods {
        objective!(
            table,
            stochastic_gradient,
            format!("Vae, {name}, ELBO"),
            Vae<P>,
            Vae::new(&[5, 4, 2], tanh, likelihood, noise),
            5,
            None
        );
    }
    let shapes: [([usize; 3], &[usize]); 2] = [([3, 7, 1], &[2, 3]), ([2, 4, 2], &[2])];
    for ((image, filters), likelihood) in
        shapes.into_iter().zip([Likelihood::Bernoulli, Likelihood::PredictedGaussian])
    {
        let vae = Vae::convolutional(image, filters, &[3, 2], tanh, likelihood.clone(), noise);
        let autoencoder =
            Autoencoder::convolutional(image, filters, &[3, 2], tanh, likelihood, noise);
        let [h, w, c] = image;
        objective!(
            table,
            stochastic_gradient,
            format!("Vae of {h} × {w} × {c} images, ELBO"),
            Vae<P>,
            vae.expect("sides of one parity"),
            h * w * c,
            None
        );
        objective!(
            table,
            gradient,
            format!("Autoencoder of {h} × {w} × {c} images"),
            Autoencoder<P>,
            autoencoder.expect("sides of one parity"),
            h * w * c,
            None
        );
    }
    for (name, elbo) in [
        ("Vae, β and free bits", Elbo { kl: Kl::Closed, beta: 0.7, free_bits: 0.05 }),
        ("Vae, sampled divergence", Elbo { kl: Kl::Sampled, beta: 0.7, free_bits: 0.0 }),
    ] {
        objective!(
            table,
            stochastic_gradient,
            name,
            Vae<P>,
            Vae::new(&[5, 4, 2], tanh, Likelihood::Bernoulli, noise)
                .with_objective(Objective::Elbo(elbo))
                .expect("in range"),
            5,
            None
        );
    }
    let vae = || Vae::new(&[5, 4, 2], tanh, Likelihood::Bernoulli, noise);
    let flow = Flow::maf(2, 1, &[4], noise).expect("there are columns");
    let full = || vae().with_full_covariance();
    let others: [(&str, Vae<P>); 6] = [
        ("full covariance", full()),
        ("full covariance, VampPrior", full().with_prior(LatentPrior::vamp(3, 5, 0.5, 0.3, noise))),
        (
            "full covariance, bent",
            full().with_inverse_autoregressive(1, &[4], noise).expect("there are units"),
        ),
        ("VampPrior", vae().with_prior(LatentPrior::vamp(3, 5, 0.5, 0.3, noise))),
        ("flow prior", vae().with_prior(LatentPrior::Flow(flow))),
        (
            "inverse autoregressive posterior",
            vae().with_inverse_autoregressive(2, &[4], noise).expect("there are units"),
        ),
    ];
    for (name, vae) in others {
        let weighted = Iwae::new(vae.clone(), 3);
        objective!(table, stochastic_gradient, format!("Vae, {name}, ELBO"), Vae<P>, vae, 5, None);
        objective!(
            table,
            stochastic_gradient,
            format!("Iwae, {name}, bound of 3 draws"),
            Iwae<P>,
            weighted,
            5,
            None
        );
    }
    let labels = |y: [f64; 4]| Some(ndarray::arr1(&y).insert_axis(ndarray::Axis(1)).into_dyn());
    objective!(
        table,
        stochastic_gradient,
        "ConditionalVae, ELBO",
        ConditionalVae<P>,
        ConditionalVae::new(&[5, 4, 2], 3, tanh, Likelihood::Bernoulli, noise),
        5,
        labels([2.0, 0.0, 1.0, 2.0])
    );
    objective!(
        table,
        stochastic_gradient,
        "SemiSupervised, M2",
        SemiSupervised<P>,
        SemiSupervised::new(&[5, 4, 2], 3, tanh, Likelihood::gaussian(0.0), (0.3, 0.5), noise),
        5,
        labels([2.0, UNLABELLED, 1.0, UNLABELLED])
    );
    let some = SemiSupervised::new(&[5, 4, 2], 3, tanh, Likelihood::Bernoulli, (0.3, 0.5), noise);
    objective!(
        table,
        stochastic_gradient,
        "SemiSupervised, M2, unlikely classes left out",
        SemiSupervised<P>,
        some.with_least(0.3),
        5,
        labels([2.0, UNLABELLED, 1.0, UNLABELLED])
    );
}
