//! The rows of convolutions, normalisations and dropout.

use super::inputs;
use crate::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Dropout, Init, LayerNorm};
use evidence_autodiff::check::{Check, Function, Input};
use evidence_autodiff::{Array, Noise, Real, Tree, Var, Window, function};

type P = Array<f64>;

/// Images, and an input for each leaf of a tree.
fn images(shape: &[usize], template: &impl Tree<P>) -> Vec<Input> {
    let mut list = inputs(1, 1, template);
    list[0] = Input::any(shape);
    list
}

pub(super) fn checks() -> Vec<Check> {
    let (window, noise) = (Window { stride: 2, padding: 1 }, Noise::new(0));
    let conv = Conv2d::new(2, 3, 3, window, Init::He, noise);
    let back = ConvTranspose2d::new(3, 2, 3, window, Init::He, noise).with_extra(1);
    let rows = LayerNorm::new(12);
    let batch = || BatchNorm::new(2);
    vec![
        Check::gradient(
            "Conv2d",
            images(&[2, 4, 4, 2], &conv),
            tree_function!(conv, Conv2d<P>, |layer, x| layer.forward(x, Activation::Tanh)),
        ),
        Check::gradient(
            "ConvTranspose2d",
            images(&[2, 2, 2, 3], &back),
            tree_function!(back, ConvTranspose2d<P>, |layer, x| layer.forward(x, Activation::Tanh)),
        ),
        Check::gradient(
            "LayerNorm",
            images(&[3, 3, 2, 2], &rows),
            tree_function!(rows, LayerNorm<P>, |layer, x| layer.forward(x)),
        ),
        Check::gradient(
            "BatchNorm, training",
            images(&[3, 2, 2, 2], &batch()),
            tree_function!(batch(), BatchNorm<P>, |layer, x| layer.forward_training(x).0),
        ),
        Check::gradient(
            "BatchNorm, evaluation",
            [Input::any(&[3, 2, 2, 2]), Input::any(&[2]), Input::any(&[2])],
            Evaluation,
        ),
        Check::stochastic_gradient(
            "Dropout, training",
            [Input::any(&[4, 5])],
            function!(|x| {
                let dropout = Dropout::new(0.4).expect("a probability");
                dropout.forward_training(x, Noise::new(7)).square()
            }),
        ),
    ]
}

/// With averages that are no inputs, since no gradient reaches them.
struct Evaluation;

impl Function for Evaluation {
    fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let &[x, scale, shift] = inputs else { unreachable!("three inputs") };
        let of = |values: [f64; 2]| x.tape().constant(ndarray::arr1(&values.map(T::from_f64)));
        let (running_mean, running_variance) = (of([0.3, -1.0]), of([0.5, 2.0]));
        let (momentum, epsilon) = (0.1, 1e-5);
        BatchNorm { scale, shift, running_mean, running_variance, momentum, epsilon }
            .forward_evaluation(x)
    }
}
