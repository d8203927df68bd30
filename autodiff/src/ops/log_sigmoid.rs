//! y = ln σ(x) = −ln(1 + e⁻ˣ), dx = dy · σ(−x) with σ the logistic function.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;

#[derive(Clone, Copy)]
struct LogSigmoid;

impl<T: Real> Unary<T> for LogSigmoid {
    const NAME: &'static str = "log_sigmoid";
    #[inline(always)]
    fn f(self, x: T) -> T {
        -(-x).softplus()
    }
    #[inline(always)]
    fn df(self, x: T, _: T) -> T {
        (-x).sigmoid()
    }
}

impl<T: Real> Var<'_, T> {
    /// ln σ(x) = −softplus(−x), elementwise: the log-probability, in nats, of an outcome whose logit is x.
    ///
    /// Accurate where σ(x) has rounded to 0 or 1: x for very negative x, −e⁻ˣ for large x.
    #[must_use]
    pub fn log_sigmoid(self) -> Self {
        self.apply(LogSigmoid)
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![Check::gradient("log_sigmoid", [Input::any(&[3, 4])], crate::function!(|x| x.log_sigmoid()))]
}

#[cfg(test)]
mod tests {
    use crate::ops::testing::assert_points;

    #[test]
    fn tails() {
        let table = [
            (-1000.0, -1000.0, 1.0),
            (0.0, -std::f64::consts::LN_2, 0.5),
            (50.0, -(-50f64).exp(), (-50f64).exp()),
            (f64::INFINITY, 0.0, 0.0),
        ];
        assert_points(&crate::function!(|x| x.log_sigmoid()), &table);
    }
}
