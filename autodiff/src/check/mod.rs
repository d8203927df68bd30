//! Checks of derivatives, as a public feature: of everything here, and of what you write.
//!
//! A [`Function`] is an expression written once for any scalar. It is then evaluated three ways that share nothing
//! but the forward code: the tape's backward pass, dual numbers (forward mode, exact), and central differences.

mod differences;
mod forward;
mod function;
mod gradient;
mod reverse;
mod table;

pub use forward::{hessian, hessian_vector_product, jvp};
pub use function::Function;
pub use gradient::{
    Checkable, GradientMismatch, GradientReport, Tolerance, check_gradient, check_gradient_with,
};
pub use reverse::{jacobian, vjp};
pub use table::{Check, Input, Measured, Outcome};
