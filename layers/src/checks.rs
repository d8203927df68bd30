//! The check table of layers and distributions: gradients. That of bijections is theirs.

use crate::{
    Activation, Dense, DiagonalNormal, Init, MeanField, Mlp, TriangularNormal,
    standard_normal_log_prob,
};
use evidence_autodiff::check::{Check, Function, Input};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tree, Var, function};

/// Puts inputs, in order, in the place of a tree's leaves.
pub(crate) fn bind<'t, T: Real, M: Tree<Array<f64>>>(
    template: &M,
    leaves: &[Var<'t, T>],
) -> M::With<Var<'t, T>> {
    let mut next = leaves.iter();
    template.map(&Path::root(), &mut |_, _| *next.next().expect("an input for each leaf"))
}

/// An input `[rows, width]`, and one for each leaf of a tree.
fn inputs(rows: usize, width: usize, template: &impl Tree<Array<f64>>) -> Vec<Input> {
    let mut inputs = vec![Input::any(&[rows, width])];
    inputs.extend(template.named().iter().map(|(_, leaf)| Input::between(leaf.shape(), -0.8, 0.8)));
    inputs
}

/// A function of `x` and a tree's leaves, with the tree bound to the inputs behind the first.
macro_rules! tree_function {
    ($tree:expr, $type:ty, |$model:ident, $x:ident| $body:expr) => {{
        struct Expression($type);
        impl Function for Expression {
            fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
                let ($model, $x) = ($crate::checks::bind(&self.0, &inputs[1..]), inputs[0]);
                $body
            }
        }
        Expression($tree)
    }};
}
pub(crate) use tree_function;

mod bayesian;
mod convolution;

/// The rows of the table: every layer, distribution and bijection of this crate.
pub fn checks() -> Vec<Check> {
    let mut table = Vec::new();
    let dense = Dense::new(3, 2, Init::He, Noise::new(0));
    table.push(Check::gradient(
        "Dense",
        inputs(4, 3, &dense),
        tree_function!(dense, Dense<Array<f64>>, |layer, x| layer.forward(x, Activation::Identity)),
    ));
    for activation in Activation::ALL {
        let mlp = Mlp::new(&[3, 4, 2], activation, Noise::new(0));
        table.push(Check::gradient(
            format!("Mlp, {}", activation.name()),
            inputs(4, 3, &mlp),
            tree_function!(mlp, Mlp<Array<f64>>, |net, x| net.forward(x)),
        ));
    }
    let posterior =
        || MeanField::around(Dense::<Array<f64>>::new(3, 2, Init::He, Noise::new(0)), 0.1);
    table.push(Check::stochastic_gradient(
        "MeanField, a reparametrised draw",
        inputs(4, 3, &posterior()),
        tree_function!(posterior(), MeanField<Dense<Array<f64>>>, |q, x| {
            q.rsample(Noise::new(7)).forward(x, Activation::Tanh)
        }),
    ));
    table.push(Check::gradient(
        "MeanField, KL to a normal prior",
        inputs(1, 1, &posterior()),
        tree_function!(posterior(), MeanField<Dense<Array<f64>>>, |q, x| q.kl_to_normal(0.7)
            * x.sum(..)),
    ));
    table.push(Check::gradient(
        "standard normal",
        [Input::any(&[4, 3])],
        function!(|z| standard_normal_log_prob(z)),
    ));
    table.push(Check::stochastic_gradient(
        "DiagonalNormal, draw, density and KL",
        [Input::any(&[4, 6])],
        function!(|p| {
            let q = DiagonalNormal::from_columns(p);
            q.log_prob(q.rsample(Noise::new(3)).square()) + q.kl_to_standard()
        }),
    ));
    table.push(Check::stochastic_gradient(
        "TriangularNormal, draw, density and KL",
        [Input::any(&[4, 9])],
        function!(|p| {
            let q = TriangularNormal::from_columns(p, 3);
            let (draws, log_prob) = q.rsample_with_log_prob(2, Noise::new(3));
            q.log_prob(q.rsample(Noise::new(3)).square())
                + q.log_prob(draws.square()).sum(0)
                + log_prob.sum(0)
                + q.kl_to_standard()
                + q.marginals().kl_to_standard()
        }),
    ));
    table.extend(bayesian::checks());
    table.extend(convolution::checks());
    table.extend(crate::bijections::checks());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_passes() {
        let outcomes = checks().into_iter().map(|check| (check.run(), check));
        let failed = outcomes.filter(|(outcome, _)| !outcome.passed());
        let failed: Vec<_> = failed.map(|(o, check)| format!("{}: {o}", check.name())).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}
