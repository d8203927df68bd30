//! Backpropagation, and how to trust it: a tape, its gradient, and three independent truths to check it against.
//!
//! `cargo run --release --example gradients`

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::check::{check_gradient, hessian, jvp};
use evidence::autodiff::{Tape, function};
use ndarray::array;

fn main() -> Result<(), Failure> {
    Arguments::read(&[])?;
    // z = tanh(x W + b), and a loss.
    let x = array![[0.5, -1.0], [1.5, 0.2]];
    let w = array![[0.3, -0.7], [0.8, 0.1]];
    let b = array![0.1, -0.2];

    let tape = Tape::<f64>::new();
    let (input, weight, bias) =
        (tape.constant(&x), tape.variable(&w).named("W"), tape.variable(&b).named("b"));
    let loss = input.affine(weight, bias).tanh().square().mean(..);
    let gradients = loss.backward();
    println!("loss {:.6}", loss.item());
    println!("dL/dW =\n{:.6}", gradients.get(weight).expect("the loss depends on W"));

    // The same expression, written once for any scalar, so that it can be checked.
    let f = function!(|x, w, b| x.affine(w, b).tanh().square().mean(..));
    let inputs = [x.into_dyn(), w.into_dyn(), b.into_dyn()];
    let report = check_gradient(&f, &inputs)?;
    println!(
        "{} derivatives: {:.1e} from dual numbers, {:.1e} from central differences",
        report.derivatives, report.forward_error, report.numeric_error
    );

    // Along one direction, exactly, without a backward pass; and the second derivatives.
    let direction = inputs.clone().map(|input| input.mapv(|_| 1.0));
    println!("derivative along (1, …, 1): {:.6}", jvp(&f, &inputs, &direction).1);
    println!("Hessian in b =\n{:.6}", hessian(&f, &inputs, 2));

    // The tape as a picture: feed this to Graphviz.
    println!("{}", tape.graph().to_dot());
    Ok(())
}
