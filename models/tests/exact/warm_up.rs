//! What early stopping watches does not depend on how far a model has warmed up, as the loss does: it is the loss of one that has.

use crate::common::{P, bayesian, normal, scrambled};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::{
    Batch, ConditionalVae, Elbo, Iwae, Likelihood, Model, Objective, SemiSupervised, UNLABELLED,
    Vae, WeightGradient,
};
use ndarray::Array2;

const ROWS: usize = 12;

fn rows() -> Array2<f64> {
    normal(ROWS, 5, Noise::new(1)).mapv(|x| f64::from(u8::from(x > 0.0)))
}

/// Loss and validation at a share of the KL.
fn at<M: Model<f64> + Clone>(model: &M, share: f64, targets: Option<f64>) -> [f64; 2] {
    let mut model = model.clone();
    model.warm(share);
    let tape = Tape::new();
    let bound = model.bind(&tape);
    let x = rows();
    let targets = targets.map(|y| tape.constant(Array2::from_elem((ROWS, 1), y)));
    let batch = Batch::new(tape.constant(x), targets, 100);
    let noise = Noise::new(2);
    [M::loss(&bound, &batch, noise).total.item(), M::validation(&bound, &batch, noise).item()]
}

/// What is watched, of a model that watches its whole loss if `loss` is.
fn check<M: Model<f64> + Clone>(name: &str, model: &M, targets: Option<f64>, loss: bool) -> f64 {
    let [whole, watched] = at(model, 1.0, targets);
    assert_eq!((watched - whole).abs() <= 1e-12 * whole.abs(), loss, "{name}: {watched}, {whole}");
    for share in [0.0, 0.3] {
        let [loss, validation] = at(model, share, targets);
        assert!(loss < whole - 1e-3, "{name}: the loss counts a share of {share}");
        assert!((validation - watched).abs() <= 1e-12 * watched.abs(), "{name}, {share}");
    }
    watched
}

#[test]
fn early_stopping_watches_all_of_the_divergence() {
    let vae = || {
        let vae = Vae::<P>::new(&[5, 7, 2], Activation::Tanh, Likelihood::Bernoulli, Noise::new(3));
        scrambled(&vae, 0.7, Noise::new(4))
    };
    check("vae", &vae(), None, true);
    let elbo = Objective::Elbo(Elbo { free_bits: 0.1, ..Elbo::default() });
    // Free bits are the training's own affair.
    check("vae with free bits", &vae().with_objective(elbo).unwrap(), None, false);
    for gradient in [WeightGradient::Pathwise, WeightGradient::DoublyReparametrised] {
        let weighted = Objective::ImportanceWeighted { draws: 4, gradient };
        check("weighted vae", &vae().with_objective(weighted).unwrap(), None, true);
    }
    check("iwae", &Iwae::new(vae(), 4), None, true);
    check(
        "bayesian network",
        &bayesian(&[5, 4, 1], Likelihood::gaussian(0.0), Noise::new(5)),
        Some(0.5),
        // Held-out rows are not what the weights' divergence is shared among.
        false,
    );
    let (sizes, activation, noise) = ([5, 6, 2], Activation::Tanh, Noise::new(6));
    let vae = ConditionalVae::<P>::new(&sizes, 3, activation, Likelihood::Bernoulli, noise);
    let vae = scrambled(&vae, 0.7, Noise::new(7));
    let watched = check("conditional vae", &vae, Some(1.0), true);
    let tape = Tape::new();
    let classes = vec![1; ROWS].into();
    let elbo = vae.bind(&tape).elbo(tape.constant(rows()), &classes, Noise::new(2)).mean(..);
    assert!((elbo.item() + watched).abs() <= 1e-12 * watched, "{} {watched}", elbo.item());
    let weights = (0.3, 0.7);
    let semi =
        SemiSupervised::<P>::new(&sizes, 3, activation, Likelihood::Bernoulli, weights, noise);
    let semi = scrambled(&semi, 0.7, Noise::new(7));
    check("semi-supervised", &semi, Some(UNLABELLED), true);
    // Labels, where all rows have them, are what it is to tell.
    let [loss, watched] = at(&semi, 1.0, Some(2.0));
    let q = semi.probabilities(rows().view());
    let error = -q.column(2).mapv(f64::ln).mean().unwrap();
    assert!((watched - error).abs() <= 1e-12 * error && watched < loss, "{watched} {error}");
}
