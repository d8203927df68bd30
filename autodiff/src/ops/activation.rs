//! y = φ(x) for activations whose derivative is known from y alone, so that x need not be kept: dx = dy · φ′.
//!
//! | φ | y | φ′ from y |
//! |---|---|---|
//! | identity | x | 1 |
//! | ReLU | max(x, 0) | 1 where y > 0, else 0 |
//! | leaky ReLU | x, or 0.01 x below 0 | 1 where y > 0, else 0.01 |
//! | ELU | x, or eˣ − 1 below 0 | 1 where y > 0, else y + 1 |
//! | tanh | tanh x | 1 − y² |
//! | sigmoid | 1 / (1 + e⁻ˣ) | y (1 − y) |
//! | softplus | ln(1 + eˣ) | 1 − e⁻ʸ |

use crate::check::{Check, Input};
use crate::kernels::nary::{Layout, Step, pass};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// An activation function: what a layer applies to each of its outputs.
///
/// Those whose derivative follows from their value, so that a layer can apply them in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x.
    #[default]
    Identity,
    /// max(x, 0), with derivative 0 at 0.
    Relu,
    /// x, or 0.01 x below 0.
    LeakyRelu,
    /// x, or eˣ − 1 below 0.
    Elu,
    /// tanh x.
    Tanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
}

impl Activation {
    /// Every activation, for tests and tables.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Relu,
        Self::LeakyRelu,
        Self::Elu,
        Self::Tanh,
        Self::Sigmoid,
        Self::Softplus,
    ];

    /// `x ← φ(x)`.
    pub(super) fn forward<T: Real>(self, x: &mut [T]) {
        match self {
            Self::Identity => {}
            Self::Relu => forward(Relu, x),
            Self::LeakyRelu => forward(LeakyRelu, x),
            Self::Elu => forward(Elu, x),
            Self::Tanh => forward(Tanh, x),
            Self::Sigmoid => forward(Sigmoid, x),
            Self::Softplus => forward(Softplus, x),
        }
    }

    /// `y ← φ(y + bias)` on a piece of a row, for the loops of others.
    #[inline(always)]
    pub(super) fn forward_biased<T: Real>(self, bias: &[T], y: &mut [T]) {
        match self {
            Self::Identity => y.iter_mut().zip(bias).for_each(|(y, &b)| *y += b),
            Self::Relu => forward_biased(Relu, bias, y),
            Self::LeakyRelu => forward_biased(LeakyRelu, bias, y),
            Self::Elu => forward_biased(Elu, bias, y),
            Self::Tanh => forward_biased(Tanh, bias, y),
            Self::Sigmoid => forward_biased(Sigmoid, bias, y),
            Self::Softplus => forward_biased(Softplus, bias, y),
        }
    }

    /// `dy ← dy · φ′`, from the value y.
    pub(super) fn backward<T: Real>(self, y: &[T], dy: &mut [T]) {
        match self {
            Self::Identity => {}
            Self::Relu => backward(Relu, y, dy),
            Self::LeakyRelu => backward(LeakyRelu, y, dy),
            Self::Elu => backward(Elu, y, dy),
            Self::Tanh => backward(Tanh, y, dy),
            Self::Sigmoid => backward(Sigmoid, y, dy),
            Self::Softplus => backward(Softplus, y, dy),
        }
    }
}

/// φ, and φ′ as a function of y = φ(x).
trait Phi<T>: Copy + Sync {
    fn f(self, x: T) -> T;
    fn df(self, y: T) -> T;
}

macro_rules! activation {
    ($name:ident: $T:ident, f($x:ident) = $f:expr, df($y:ident) = $df:expr) => {
        #[derive(Clone, Copy)]
        struct $name;
        impl<$T: Real> Phi<$T> for $name {
            #[inline(always)]
            fn f(self, $x: $T) -> $T {
                $f
            }
            #[inline(always)]
            fn df(self, $y: $T) -> $T {
                $df
            }
        }
    };
}

/// Leaky ReLU's slope below 0.
const LEAK: f64 = 0.01;

// At 0 and NaN the comparisons are false: a NaN passes through.
activation!(Relu: T, f(x) = if x <= T::zero() { T::zero() } else { x },
    df(y) = if y > T::zero() { T::one() } else { T::zero() });
activation!(LeakyRelu: T, f(x) = if x <= T::zero() { T::from_f64(LEAK) * x } else { x },
    df(y) = if y > T::zero() { T::one() } else { T::from_f64(LEAK) });
activation!(Elu: T, f(x) = if x <= T::zero() { x.expm1() } else { x },
    df(y) = if y > T::zero() { T::one() } else { y + T::one() });
activation!(Tanh: T, f(x) = x.tanh(), df(y) = T::one() - y * y);
activation!(Sigmoid: T, f(x) = x.sigmoid(), df(y) = y * (T::one() - y));
activation!(Softplus: T, f(x) = x.softplus(), df(y) = -(-y).expm1());

fn forward<T: Real, F: Phi<T>>(f: F, x: &mut [T]) {
    #[derive(Clone, Copy)]
    struct Forward<F>(F);
    impl<T: Real, F: Phi<T>> Step<T, 0> for Forward<F> {
        #[inline(always)]
        fn at(self, []: [T; 0], x: &mut T) {
            *x = self.0.f(*x);
        }
    }
    pass(Forward(f), &Layout::same(x.len()), [], x);
}

#[inline(always)]
fn forward_biased<T: Real, F: Phi<T>>(f: F, bias: &[T], y: &mut [T]) {
    for (y, &b) in y.iter_mut().zip(bias) {
        *y = f.f(*y + b);
    }
}

fn backward<T: Real, F: Phi<T>>(f: F, y: &[T], dy: &mut [T]) {
    #[derive(Clone, Copy)]
    struct Backward<F>(F);
    impl<T: Real, F: Phi<T>> Step<T, 1> for Backward<F> {
        #[inline(always)]
        fn at(self, [y]: [T; 1], dy: &mut T) {
            *dy *= self.0.df(y);
        }
    }
    pass(Backward(f), &Layout::same(y.len()), [y], dy);
}

impl<T: Real> Op<T> for Activation {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        self.backward(saved.output(), dy.data_mut());
        dx.add(0, dy);
    }
}

impl<T: Real> Var<'_, T> {
    /// φ(x), elementwise. After an affine map, [`affine_with`](Var::affine_with) does it without a copy.
    #[must_use]
    pub fn activate(self, activation: Activation) -> Self {
        if activation == Activation::Identity {
            return self;
        }
        let mut y = self.tape().tensor(self.shape());
        y.data_mut().copy_from_slice(self.data());
        activation.forward(y.data_mut());
        self.tape().record(activation, &[self], y)
    }
}

/// A row of the check table.
macro_rules! row {
    ($activation:ident) => {
        Check::gradient(
            concat!("activation, ", stringify!($activation)),
            [Input::away_from_zero(&[3, 5])],
            crate::function!(|x| x.activate(Activation::$activation)),
        )
    };
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        row!(Relu),
        row!(LeakyRelu),
        row!(Elu),
        row!(Tanh),
        row!(Sigmoid),
        row!(Softplus),
    ]
}

#[cfg(test)]
mod tests {
    use super::Activation;
    use crate::tape::Tape;
    use ndarray::arr1;

    #[test]
    fn tails_neither_overflow_nor_lose_their_gradient() {
        let tape = Tape::<f64>::new();
        for (activation, x, value, slope) in [
            (Activation::Relu, 0.0, 0.0, 0.0),
            (Activation::Elu, -1000.0, -1.0, 0.0),
            (Activation::Sigmoid, -40.0, (-40f64).exp(), (-40f64).exp()),
            (Activation::Softplus, -40.0, (-40f64).exp(), (-40f64).exp()),
            (Activation::Softplus, 1000.0, 1000.0, 1.0),
            (Activation::Tanh, 1000.0, 1.0, 0.0),
        ] {
            let x = tape.variable(arr1(&[x]));
            let y = x.activate(activation);
            let gradient = y.sum(..).backward().take(x).data()[0];
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-14 * b.abs();
            assert!(close(y.item(), value) && close(gradient, slope), "{activation:?}: {y:?} {gradient}");
        }
    }

    #[test]
    fn nan_stays() {
        let tape = Tape::<f64>::new();
        for activation in Activation::ALL {
            let y = tape.constant(arr1(&[f64::NAN])).activate(activation);
            assert!(y.item().is_nan(), "{activation:?}");
        }
    }
}
