//! The check table of layers and bijections: gradients, round trips, log-determinants.

use crate::{
    Activation, AffineCoupling, Bijection, Chain, Dense, DiagonalNormal, Half, Init, MeanField,
    Mlp, Permutation, standard_normal_log_prob,
};
use evidence_autodiff::check::{Check, Function, Input, Measured, Outcome, jacobian};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tree, Var, function};
use ndarray::{Array2, ArrayD};

/// Puts inputs, in order, in the place of a tree's leaves.
fn bind<'t, T: Real, M: Tree<Array<f64>>>(
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
                let ($model, $x) = (bind(&self.0, &inputs[1..]), inputs[0]);
                $body
            }
        }
        Expression($tree)
    }};
}

mod bayesian;

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
    table.extend(bayesian::checks());
    table.extend(bijections());
    table
}

/// Each bijection: the gradient of its log-density, and its laws.
macro_rules! bijection {
    ($table:ident, $name:expr, $width:expr, $tree:expr, $type:ty) => {{
        let tree: $type = $tree;
        let log_prob = tree_function!(tree.clone(), $type, |f, x| {
            let (z, log_det) = f.inverse(x);
            standard_normal_log_prob(z) + log_det.value()
        });
        $table.push(Check::gradient(
            format!("{}, log-density", $name),
            inputs(3, $width, &tree),
            log_prob,
        ));

        struct Forward($type);
        impl Function for Forward {
            fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
                bind(&self.0, &inputs[1..]).forward(inputs[0]).0
            }
        }
        let laws = move || {
            let mut worst = [0.0_f64; 3];
            for seed in 0..4 {
                let noise = Noise::new(seed);
                // Random parameters, and points up to about ten standard deviations out.
                let mut leaf = 0;
                let tree: $type = tree.map(&Path::root(), &mut |_, array: &Array<f64>| {
                    leaf += 1;
                    normal(array.shape(), 0.5, noise.stream(leaf)).into_shared()
                });
                let points = normal(&[8, $width], 3.0, noise.stream(0));
                let tape = evidence_autodiff::Tape::<f64>::new();
                let bound = tree.bind_constant(&tape);
                let z = tape.constant(&points);
                let (x, there) = bound.forward(z);
                // From fresh values: nothing the forward direction computed is reused.
                let fresh = tape.constant(x.value().to_owned());
                let (again, back) = bound.inverse(fresh);
                let leaves: Vec<ArrayD<f64>> =
                    tree.named().into_iter().map(|(_, leaf)| leaf.to_owned()).collect();
                for row in 0..points.shape()[0] {
                    let scale = |v: f64| v.abs().max(1.0);
                    let trip = (0..$width).map(|j| {
                        (again.value()[[row, j]] - points[[row, j]]).abs() / scale(points[[row, j]])
                    });
                    worst[0] = trip.fold(worst[0], f64::max);
                    let (there, back) = (there.value().data()[row], back.value().data()[row]);
                    worst[1] = worst[1].max((there + back).abs() / scale(there));
                    let mut inputs = vec![
                        points
                            .index_axis(ndarray::Axis(0), row)
                            .insert_axis(ndarray::Axis(0))
                            .to_owned(),
                    ];
                    inputs.extend(leaves.iter().cloned());
                    let exact = log_abs_det(jacobian(&Forward(tree.clone()), &inputs, 0));
                    worst[2] = worst[2].max((there - exact).abs() / scale(exact));
                }
            }
            let against =
                ["the round trip", "minus the inverse's log-det", "log |det| of the Jacobian"];
            let measured = against.into_iter().zip(worst);
            Outcome::of(
                measured.map(|(against, error)| Measured { against, error, bound: 1e-9 }).collect(),
            )
        };
        $table.push(Check::new(format!("{}, laws of a bijection", $name), laws));
    }};
}

fn bijections() -> Vec<Check> {
    let mut table = Vec::new();
    for width in [2, 5, 16] {
        for conditions in [Half::First, Half::Second] {
            let coupling =
                AffineCoupling::new(width, conditions, &[8], Noise::new(0)).expect("wide enough");
            let name = format!("AffineCoupling, {width} columns, {conditions:?} conditions");
            bijection!(table, name, width, coupling, AffineCoupling<Array<f64>>);
        }
        let couplings = [Half::First, Half::Second, Half::First].map(|half| {
            AffineCoupling::new(width, half, &[8], Noise::new(0)).expect("wide enough")
        });
        let name = format!("Chain of 3 couplings, {width} columns");
        bijection!(
            table,
            name,
            width,
            Chain(couplings.to_vec()),
            Chain<AffineCoupling<Array<f64>>>
        );
    }
    for width in [1, 5] {
        let name = format!("Permutation, {width} columns");
        bijection!(table, name, width, Permutation::reversed(width), Permutation);
    }
    table
}

fn normal(shape: &[usize], scale: f64, noise: Noise) -> ArrayD<f64> {
    let mut array = ArrayD::zeros(shape);
    noise.fill_normal_f64(array.as_slice_mut().expect("fresh arrays are contiguous"));
    array * scale
}

/// log |det A| by elimination with partial pivoting; independent of every formula it is compared with.
fn log_abs_det(mut a: Array2<f64>) -> f64 {
    let n = a.nrows();
    let mut sum = 0.0;
    for k in 0..n {
        let pivot = (k..n)
            .max_by(|&i, &j| a[[i, k]].abs().total_cmp(&a[[j, k]].abs()))
            .expect("rows are left");
        for j in 0..n {
            a.swap([k, j], [pivot, j]);
        }
        sum += a[[k, k]].abs().ln();
        for i in k + 1..n {
            let factor = a[[i, k]] / a[[k, k]];
            for j in k..n {
                a[[i, j]] -= factor * a[[k, j]];
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_passes() {
        for check in checks() {
            let outcome = check.run();
            assert!(outcome.passed(), "{}: {outcome}", check.name());
        }
    }

    #[test]
    fn elimination_finds_known_determinants() {
        let a = ndarray::array![[0.0, 2.0, 0.0], [3.0, 1.0, 4.0], [0.0, 5.0, -6.0]];
        approx::assert_abs_diff_eq!(log_abs_det(a), 36f64.ln(), epsilon = 1e-14);
    }
}
