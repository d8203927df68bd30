//! Expressions that can be evaluated over any scalar.

use crate::scalar::Real;
use crate::tape::Var;

/// A function of arrays, written once for any [`Real`].
///
/// A closure cannot be generic over the scalar, so a function is a type with one method; [`function!`](crate::function)
/// writes it for an expression that captures nothing:
///
/// ```
/// use evidence_autodiff::{check::check_gradient, function};
///
/// let f = function!(|x, w| x.matmul(w).exp().sum(..));
/// let x = ndarray::array![[0.1, 0.2], [0.3, -0.4]].into_dyn();
/// let w = ndarray::array![[0.5], [-0.6]].into_dyn();
/// let report = check_gradient(&f, &[x, w]).unwrap();
/// assert!(report.forward_error <= 1e-10);
/// ```
pub trait Function {
    /// Evaluates the function on its inputs' tape.
    fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T>;
}

/// Makes a [`Function`](crate::check::Function) of an expression: `function!(|a, b| (a * b).sum(..))`.
#[macro_export]
macro_rules! function {
    (|$($input:ident),+ $(,)?| $body:expr) => {{
        struct Expression;
        impl $crate::check::Function for Expression {
            fn call<'t, T: $crate::Real>(&self, inputs: &[$crate::Var<'t, T>]) -> $crate::Var<'t, T> {
                let &[$($input),+] = inputs else {
                    panic!("{} inputs were given to a function of {}", inputs.len(), stringify!($($input),+));
                };
                $body
            }
        }
        Expression
    }};
}
