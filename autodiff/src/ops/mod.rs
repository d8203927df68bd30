//! The operations: one file each, and in it, from top to bottom, the formula forward and backward, the code, the rows
//! of the check table and the tests.
//!
//! [`unary`], [`binary`] and [`nary`] are the machinery of elementwise ops, `convolution`, `window` and `spline_bin` are those of
//! convolutions and splines; everything else is an op.

pub(crate) mod binary;
#[cfg(test)]
mod composition;
mod convolution;
mod nary;
mod spline_bin;
#[cfg(test)]
mod testing;
pub(crate) mod unary;
mod window;

use crate::check::Check;

pub use activation::Activation;
pub use invertible::{Guard, Stages};
pub use spline_bin::Knots;
pub use window::Window;

/// Declares the ops' modules and the table of their checks, so that an op without checks does not compile.
macro_rules! table {
    ($($op:ident),* $(,)?) => {
        $(mod $op;)*

        /// The check table: every op, with the inputs it is checked on.
        pub fn checks() -> Vec<Check> {
            let mut table = Vec::new();
            $(table.extend($op::checks());)*
            table
        }
    };
}

table! {
    abs, activation, add, affine, affine_bernoulli_log_prob, bernoulli_log_prob, bounded, broadcast_to,
    categorical_log_prob, checkpoint, clamp, concat, conv2d, conv_transpose2d, cos, coupling_affine, cumsum, div, elu, exp, expm1,
    gather_columns, gather_rows, gaussian_log_prob, gaussian_rsample, gelu, half_log_det_gram, invertible, kl_mean_field, kl_normal, langevin,
    leaky_relu, ln, ln_1p, log_det, log_sigmoid, log_sinhc, log_softmax, logsumexp, mask, matmul, max, maximum, mean, minimum, mul,
    neg, permute, powf, powi,
    rational_quadratic, relu, reshape, row_triangular, rsample, rsample_with_kl, scalar, select, sigmoid, silu, sin, slice, softmax, softplus,
    sqrt, square, stop_gradient, strictly_lower, sub, sum, tanh, tanh_root, triangular_solve, variance,
}

#[cfg(test)]
mod tests {
    use super::checks;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_passes() {
        for check in checks() {
            let outcome = check.run();
            assert!(outcome.passed(), "{}: {outcome}", check.name());
        }
    }

    /// Reads the sources for the names that ops give themselves: whichever the checks did not record is missing.
    #[test]
    fn no_op_is_missing_from_the_table() {
        let mut named = BTreeSet::new();
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/ops")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Tests of an op.
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap();
            let literal = |line: &str| line.split('"').nth(1).map(str::to_owned);
            let mut lines = source.lines().peekable();
            while let Some(line) = lines.next() {
                if line.contains("const NAME: &'static str =") {
                    named.extend(literal(line));
                } else if line.contains("fn name(&self) -> &'static str {") {
                    named.extend(lines.peek().and_then(|next| literal(next)));
                }
            }
        }
        let checked: BTreeSet<String> =
            checks().iter().flat_map(|check| check.run().ops).map(str::to_owned).collect();
        let missing: Vec<_> = named.difference(&checked).collect();
        assert!(named.len() >= 5, "the names were not found: {named:?}");
        assert!(missing.is_empty(), "no check runs {missing:?}");
    }
}
