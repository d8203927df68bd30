//! A check that passed anything would be worthless: a wrong rule must fail, and say where.

use evidence_autodiff::check::{Function, check_gradient};
use evidence_autodiff::{Op, Real, Saved, Sink, Tensor, Var};
use ndarray::{arr1, arr2};

struct Wrong;

impl<T: Real> Op<T> for Wrong {
    fn name(&self) -> &'static str {
        "wrong_double"
    }
    fn vjp(&self, _: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        // Right but for its last element.
        for d in dy.data_mut() {
            *d *= T::from_f64(2.0);
        }
        let last = dy.data().len() - 1;
        dy.data_mut()[last] *= T::from_f64(1.001);
        dx.add(0, dy);
    }
}

struct Doubled;

impl Function for Doubled {
    fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let x = inputs[0];
        let mut y = x.tape().tensor(x.shape());
        y.data_mut().iter_mut().zip(x.data()).for_each(|(y, &x)| *y = x + x);
        x.tape().record(Wrong, &[x], y)
    }
}

/// Adds to memory that nobody filled: right as long as that is fresh, and so all zeros.
struct Unfilled;

impl<T: Real> Op<T> for Unfilled {
    fn name(&self) -> &'static str {
        "unfilled"
    }
    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let mut d = dx.tensor(saved.input_shape(0));
        d.data_mut().iter_mut().zip(dy.data()).for_each(|(d, &dy)| *d += dy);
        dx.add(0, d);
    }
}

struct Same;

impl Function for Same {
    fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let x = inputs[0];
        let mut y = x.tape().tensor(x.shape());
        y.data_mut().copy_from_slice(x.data());
        x.tape().record(Unfilled, &[x], y)
    }
}

#[test]
fn a_rule_that_needs_fresh_memory_fails() {
    let error = check_gradient(&Same, &[arr1(&[1.0, 2.0]).into_dyn()]).unwrap_err();
    assert!(error.analytic.is_nan() && error.to_string().contains("unfilled"), "{error}");
}

#[test]
fn a_wrong_rule_fails_and_says_where() {
    let error =
        check_gradient(&Doubled, &[arr2(&[[1.0, 2.0], [3.0, 4.0]]).into_dyn()]).unwrap_err();
    assert_eq!((error.input, error.index.as_slice()), (0, [1, 1].as_slice()));
    assert!((error.forward / error.numeric - 1.0).abs() < 1e-6);
    assert!((error.analytic / error.forward - 1.001).abs() < 1e-9);
    let text = error.to_string();
    for part in ["wrong_double", "input 0", "[1, 1]", "analytic", "forward-mode", "numeric"] {
        assert!(text.contains(part), "{text}");
    }
}
