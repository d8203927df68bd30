//! y = x, dx = 0: a value that the backward pass, and dual numbers, take for a constant.

use crate::check::{Check, Function, Measured, Outcome, jvp, vjp};
use crate::kernels::elementwise::{self, Unary};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use ndarray::arr1;

#[derive(Clone, Copy)]
struct StopGradient;

/// A copy rather than an alias: a dual number leaves its perturbation behind, so that Hessian-vector products take the
/// value for a constant too.
impl<T: Real> Unary<T> for StopGradient {
    const NAME: &'static str = "stop_gradient";
    #[inline(always)]
    fn f(self, x: T) -> T {
        T::from_f64(x.to_f64())
    }
    #[inline(always)]
    fn df(self, _: T, _: T) -> T {
        T::zero()
    }
}

impl<T: Real> Op<T> for StopGradient {
    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    /// Never called: the result needs no gradient.
    fn vjp(&self, _: Saved<'_, T>, _: Tensor<T>, _: &mut Sink<'_, T>) {}
}

impl<T: Real> Var<'_, T> {
    /// The same value, through which no gradient flows.
    #[must_use]
    pub fn stop_gradient(self) -> Self {
        let mut y = self.tape().tensor(self.shape());
        elementwise::map(StopGradient, self.data(), y.data_mut());
        self.tape().record_constant(StopGradient, &[self], y)
    }
}

/// Differences see what is stopped, so the row is of its own kind: the gradient of Σ c x with c = x stopped is c.
pub(super) fn checks() -> Vec<Check> {
    let function = crate::function!(|x| (x.stop_gradient() * x).sum(..));
    vec![Check::new("stop_gradient", move || {
        let x = [arr1(&[-1.5, 0.5, 2.0]).into_dyn()];
        let one = ndarray::arr0(1.0).into_dyn();
        let backward = vjp(&function, &x, &one).1.remove(0);
        let forward = jvp(&function, &x, &x).1[[]];
        let tape = crate::Tape::new();
        function.call(&[tape.constant(&x[0])]);
        Outcome {
            measured: vec![
                Measured {
                    against: "a constant",
                    error: (backward - &x[0]).mapv(f64::abs).sum(),
                    bound: 0.0,
                },
                Measured {
                    against: "a constant, by dual numbers",
                    error: (forward - x[0].mapv(|x| x * x).sum()).abs(),
                    bound: 0.0,
                },
            ],
            ops: tape.op_names(),
            failure: None,
        }
    })]
}

#[cfg(test)]
mod tests {
    use crate::Tape;
    use crate::check::hessian;
    use ndarray::{arr1, arr2};

    #[test]
    fn the_value_stays_and_nothing_behind_it_gets_a_gradient() {
        let tape = Tape::<f32>::new();
        let x = tape.variable(arr1(&[1.0, -0.0, f32::INFINITY, f32::MIN_POSITIVE]));
        let stopped = x.stop_gradient();
        assert_eq!(stopped.value(), x.value());
        assert!(!stopped.needs_gradient() && x.needs_gradient());
        assert!(stopped.sum(..).backward().get(x).is_none());
    }

    /// Of Σ c² x with c = x stopped, the gradient is c² and its derivative 0; of Σ c x², it is 2 c.
    #[test]
    fn it_is_a_constant_for_second_derivatives_too() {
        let x = [arr1(&[2.0, 3.0]).into_dyn()];
        let linear = crate::function!(|x| (x.stop_gradient().square() * x).sum(..));
        assert_eq!(hessian(&linear, &x, 0), arr2(&[[0.0, 0.0], [0.0, 0.0]]));
        let square = crate::function!(|x| (x.stop_gradient() * x.square()).sum(..));
        assert_eq!(hessian(&square, &x, 0), arr2(&[[4.0, 0.0], [0.0, 6.0]]));
    }
}
