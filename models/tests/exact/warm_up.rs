//! What early stopping watches does not depend on how far a model has warmed up: the loss does.

use crate::common::{P, bayesian, normal, scrambled};
use evidence_autodiff::{Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::{
    Batch, ConditionalVae, Elbo, Iwae, Likelihood, Model, Objective, SemiSupervised, UNLABELLED,
    Vae, WeightGradient,
};
use ndarray::Array2;

const ROWS: usize = 12;

/// Loss and validation at a share of the KL.
fn at<M: Model<f64> + Clone>(model: &M, share: f64, targets: Option<f64>) -> [f64; 2] {
    let mut model = model.clone();
    model.warm(share);
    let tape = Tape::new();
    let bound = model.bind(&tape);
    let x = normal(ROWS, 5, Noise::new(1)).mapv(|x| f64::from(u8::from(x > 0.0)));
    let targets = targets.map(|y| tape.constant(Array2::from_elem((ROWS, 1), y)));
    let batch = Batch::new(tape.constant(x), targets, 100);
    let noise = Noise::new(2);
    [M::loss(&bound, &batch, noise).total.item(), M::validation(&bound, &batch, noise).item()]
}

fn check<M: Model<f64> + Clone>(name: &str, model: &M, targets: Option<f64>) {
    let [whole, watched] = at(model, 1.0, targets);
    for share in [0.0, 0.3] {
        let [loss, validation] = at(model, share, targets);
        assert!(loss < whole - 1e-3, "{name}: the loss counts a share of {share}");
        assert!((validation - watched).abs() <= 1e-12 * watched.abs(), "{name}, {share}");
    }
}

#[test]
fn early_stopping_watches_all_of_the_divergence() {
    let vae = || {
        let vae = Vae::<P>::new(&[5, 7, 2], Activation::Tanh, Likelihood::Bernoulli, Noise::new(3));
        scrambled(&vae, 0.7, Noise::new(4))
    };
    check("vae", &vae(), None);
    let elbo = Objective::Elbo(Elbo { free_bits: 0.1, ..Elbo::default() });
    check("vae with free bits", &vae().with_objective(elbo).unwrap(), None);
    for gradient in [WeightGradient::Pathwise, WeightGradient::DoublyReparametrised] {
        let weighted = Objective::ImportanceWeighted { draws: 4, gradient };
        check("weighted vae", &vae().with_objective(weighted).unwrap(), None);
    }
    check("iwae", &Iwae::new(vae(), 4), None);
    check(
        "bayesian network",
        &bayesian(&[5, 4, 1], Likelihood::gaussian(0.0), Noise::new(5)),
        Some(0.5),
    );
    let (sizes, activation, noise) = ([5, 6, 2], Activation::Tanh, Noise::new(6));
    let vae = ConditionalVae::<P>::new(&sizes, 3, activation, Likelihood::Bernoulli, noise);
    check("conditional vae", &scrambled(&vae, 0.7, Noise::new(7)), Some(1.0));
    let weights = (0.3, 0.7);
    let semi =
        SemiSupervised::<P>::new(&sizes, 3, activation, Likelihood::Bernoulli, weights, noise);
    check("semi-supervised", &scrambled(&semi, 0.7, Noise::new(7)), Some(UNLABELLED));
}
